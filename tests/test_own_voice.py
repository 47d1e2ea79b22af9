"""README.md, "Your own voice": its five lines run as written, with a smaller recipe; the voice is served."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from server.first_voice import measure
from vocoder.audio import read

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
ROOT = Path(__file__).parent.parent
RECORDINGS = ROOT / "tests" / "data"
CLIP = "LJ001-0002.flac"
SETUP = "make setup-eval && . .venv/bin/activate && "
NETWORK = {"hidden": 8, "layers": 2, "lookahead": 1}
LOOP = {"steps": 4, "log_every": 1, "evaluate_every": 4}
SEGMENTS = {"batch": 2, "frames": 16}
SMALL = {
    "name": "own",
    "recordings": "recordings",
    "workers": 1,
    "prepare": {"clean": {"max_seconds": 1.5}},
    "train": [
        {
            "config": {
                "model": {"pitch": NETWORK, "filters": NETWORK, "num_taps": 64, "noise_cepstrum": 32},
                "pitch_segments": SEGMENTS,
                "segments": SEGMENTS,
                "pitch": LOOP,
                "filters": LOOP,
            }
        }
    ],
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "configs" / "recipe" / "own.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(SMALL))
    return path


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.timeout(900)  # it trains, and evaluates
def test_the_five_lines_lead_to_a_served_voice(recipe: Path, tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## Your own voice")[2]
    lines = re.search(r"```\n(.*?)```", section, re.DOTALL)[1].splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(SETUP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    script = "\n".join(lines).replace(SETUP, "").replace("FOLDER/any.wav", f"FOLDER/{CLIP}")
    script = script.replace("FOLDER", str(RECORDINGS)).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    script = re.sub(r"^vocoder ", f"{sys.executable} -m vocoder ", script, flags=re.MULTILINE)
    script = script.replace("vocoder serve &", f"vocoder serve --port {port} &")
    done = subprocess.run(
        ["bash", "-euc", f"trap 'kill $(jobs -p)' EXIT\n{script}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "UserWarning" not in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")][:4] == [
        "prepare",
        "train",
        "evaluate",
        "publish",
    ]
    spoken, rate = read(tmp_path / "mine.wav")
    recording, _ = read(RECORDINGS / CLIP, sample_rate=rate)
    assert abs(len(spoken) - len(recording)) <= 1024
    assert (tmp_path / "voices" / "mine.safetensors").is_file()


@pytest.mark.timeout(900)
def test_the_way_there_is_timed(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOCODER_VOICES", "")
    result = measure(RECORDINGS, recipe)
    assert result["seconds"].keys() == {"prepare", "train student", "evaluate", "publish"}
    assert result["total_seconds"] == pytest.approx(
        result["pipeline_seconds"] + result["served_seconds"], abs=0.2
    )
    assert sum(result["seconds"].values()) <= result["pipeline_seconds"]
    assert result["bytes"] > 20_000
