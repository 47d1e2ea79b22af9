"""The page says what the documents hold: each section from what its own command measures."""

import json

import pytest

from vocoder.bench.grid import GridConfig, run_grid
from vocoder.bench.lookahead import LookaheadError
from vocoder.bench.peers import race
from vocoder.bench.picture import draw_grid
from vocoder.bench.ratios import Measured, to_baseline
from vocoder.bench.speed_page import speed_sections, told
from vocoder.bench.stamp import plain, stamp, write_json
from vocoder.bench.teacher import Rate, SynthesisRate
from vocoder.bench.upstream_waveglow import Comparison
from vocoder.checkpoints import load
from vocoder.commands.bench_tables import grid_tables


@pytest.fixture
def folder(voices, tmp_path):
    folder = tmp_path / "benchmarks"
    config = GridConfig(voices=["student"], threads=[1], seconds=[0.2], streams=[2], rounds=1, runs=2)
    grid = run_grid(config, lambda row: None)
    write_json(folder / "speed-cpu.json", grid)
    draw_grid(folder / "speed-cpu.png", grid)
    found = race({"student": load("student")}, ["griffin-lim"], seconds=0.2, runs=2)
    asked = {"seconds": 0.2, "threads": 1, "runs": 2}
    write_json(folder / "peers-cpu.json", stamp() | asked | plain(found))
    runs = [Measured({"student / product": 0.5 + x}, {"product": 1e11}) for x in (0.0, 0.01)]
    write_json(folder / "baseline.json", stamp() | to_baseline(runs))
    return folder


def test_every_section_says_what_was_measured(folder):
    page = "\n".join(speed_sections(folder))
    row = json.loads((folder / "speed-cpu.json").read_text())["rows"][0]
    assert f"| student | 1 | float32 | 1 × 0.2 s | {told(row['samples_per_second'], 1e-3)} |" in page
    assert "![speed-cpu](benchmarks/speed-cpu.png)" in page
    (ratio,) = json.loads((folder / "peers-cpu.json").read_text())["ratios"]
    assert f"| student | {told(ratio['ratio'])} |" in page
    assert "| student / product | 0.505 | 0.5 … 0.51 | 2.0% | 10% |" in page
    assert "| product, MAC/s | 100,000,000,000 |" in page
    assert "Through HTTP" not in page


def test_single_models_have_their_sections(tmp_path):
    rate = Rate(2000.0, 1900.0)._asdict()
    loops = {"compiled": rate, "eager": rate, "stepped": rate}
    teacher = {
        "voice": "teacher",
        "synthesis": [SynthesisRate(1, 4, 150_000.0, 140_000.0, 6.8)._asdict()],
        "loops": loops | {"compiled_to_eager": 99.84, "compiled_to_stepped": 20.6},
        "first_audio": {"frames": 13.0, "audio_ms_waited_for": 150.0, "work_ms": 12.7},
        "runs": 5,
    }
    write_json(tmp_path / "teacher-cpu.json", stamp() | {"rows": [teacher]})
    beside = Comparison(5.0, 3, 87_700_000, 22.0, 17.0, 1.294, 2e-6, 0.9)
    write_json(tmp_path / "waveglow-cpu.json", stamp() | {"rows": [beside._asdict()]})
    lost = LookaheadError(4, 4, 16, 232.0, -70.94, 1.4e-3, 1e-4, 0.78, 3.4)
    write_json(tmp_path / "lookahead-cpu.json", stamp() | {"rows": [{"voice": "w", **lost._asdict()}]})
    page = "\n".join(speed_sections(tmp_path))
    assert "| 1 | 4 | 150 | 6.8 |" in page
    assert "| eager | 1,900 | 99.8 |" in page
    assert "with frame 13, 12.7 ms of work later" in page
    assert "| 87.7 | 5.0 | 22 | 17 | 1.29 | 2.0e-06 of 0.9 |" in page
    assert "| 4 | 232 | -70.9 | 1.4e-03 | 0.0001 | 0.78 | 3.40 |" in page


def test_without_documents_there_are_no_sections(tmp_path):
    assert speed_sections(tmp_path) == []


def test_streams_of_one_chunk_have_a_dash(folder):
    path = folder / "speed-cpu.json"
    document = json.loads(path.read_text())
    document["streams"][0]["chunk_ms"] = None
    path.write_text(json.dumps(document))
    assert "| – |" in next(
        line for line in speed_sections(folder) if line.startswith("| student | float32 | 2 |")
    )
    (streams,) = [table for table in grid_tables(document) if "Streams" in str(table.title)]
    assert "first audio ms" in [column.header for column in streams.columns]
