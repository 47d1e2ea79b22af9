"""The guard: a ratio that got worse fails, whatever the machine; the noise is that of the file."""

import json
import re

import pytest
from typer.testing import CliRunner

from vocoder.bench import ratios
from vocoder.bench.ratios import LEAST_NOISE, MARGIN, MOST_NOISE, Measured, compare, to_baseline
from vocoder.cli import app
from vocoder.errors import InputError

RUNS = [Measured({"a / b": 2.0 + x, "c / d": 5.0}, {"a": 1e6 * (1 + x)}) for x in (-0.2, 0.0, 0.1)]


def test_the_noise_is_what_the_runs_had():
    baseline = to_baseline(RUNS)
    assert baseline["ratios"]["a / b"]["median"] == 2.0
    assert baseline["ratios"]["a / b"]["noise"] == pytest.approx(MARGIN * 0.3 / 2.0)
    assert baseline["ratios"]["c / d"]["noise"] == LEAST_NOISE
    assert baseline["runs"] == 3
    assert baseline["rates"]["a"]["high"] == pytest.approx(1.1e6)


def test_a_guard_from_a_busy_machine_still_sees_a_speed_that_halves():
    wild = [Measured({"a / b": value}, {}) for value in (1.0, 2.0, 6.0)]
    baseline = to_baseline(wild)
    assert baseline["ratios"]["a / b"]["noise"] == MOST_NOISE
    assert [verdict.worse for verdict in compare(baseline, {"a / b": 0.9})] == [True]


@pytest.mark.parametrize(
    ("here", "worse", "better"), [(1.99, False, False), (1.3, True, False), (2.7, False, True)]
)
def test_only_beyond_the_noise_something_is_said(here, worse, better):
    first, second = compare(to_baseline(RUNS), {"a / b": here})
    assert (first.worse, first.better) == (worse, better)
    assert second.here is None
    assert not second.worse


def test_a_file_of_another_form_is_refused():
    with pytest.raises(InputError, match="--update"):
        list(compare({"ratios": {"a / b": {"median": 1.0}}}, {"a / b": 1.0}))


@pytest.fixture
def check(voices, teacher_voice, tmp_path, monkeypatch):
    """The command over small voices: the teacher is WaveGlow's stand-in, too, and few peers take part."""
    teacher_voice.with_name("waveglow.safetensors").write_bytes(teacher_voice.read_bytes())
    monkeypatch.setattr(ratios, "PEERS", ["griffin-lim"])
    monkeypatch.setattr(ratios, "_flows", dict)

    def run(*options):
        arguments = ["bench", "check", str(tmp_path / "baseline.json"), "--seconds", "0.1", "--runs", "1"]
        return CliRunner().invoke(app, [*arguments, *options], env={"COLUMNS": "160"})

    run.file = tmp_path / "baseline.json"
    return run


def test_a_baseline_that_was_doctored_fails(check):
    assert "--update" in check().output
    assert check("--update", "--repeats", "2").exit_code == 0
    written = json.loads(check.file.read_text())
    assert {"student / product", "teacher, compiled / eager loop", "student / griffin-lim"} < set(
        written["ratios"]
    )
    assert {"commit", "machine", "versions", "rates"} < written.keys()
    for figures in written["ratios"].values():
        figures["noise"] = 100.0  # tiny runs on a machine that may be busy
    check.file.write_text(json.dumps(written))
    passed = check()
    assert passed.exit_code == 0, passed.output
    written["ratios"]["student / product"] |= {"median": 1e9, "noise": 0.1}
    check.file.write_text(json.dumps(written))
    failed = check()
    assert failed.exit_code == 1
    assert re.search(r"slower than .* allows: student / product$", failed.output.strip())
