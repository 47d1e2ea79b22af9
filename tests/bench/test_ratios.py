"""The guard: a ratio that got worse fails, whatever the machine; the noise is that of the file."""

import json
import math
import re

import pytest
from typer.testing import CliRunner

from vocoder.bench import ratios
from vocoder.bench.ratios import LEAST_NOISE, MARGIN, MOST_NOISE, Measured, compare, refuse, to_baseline
from vocoder.bench.stamp import stamp
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
    first, second = compare(to_baseline(RUNS), {"a / b": here, "c / d": 5.0})
    assert (first.worse, first.better) == (worse, better)
    assert not second.said
    assert refuse([first, second]) == ("slower than the baseline allows: a / b" if worse else None)


def test_what_was_not_measured_is_not_checked_and_what_is_no_number_fails():
    missing, broken = compare(to_baseline(RUNS), {"c / d": math.nan})
    assert (missing.said, broken.said) == ("not checked", "no number")
    assert "no number: c / d" in str(refuse([missing, broken]))
    fine = compare(to_baseline(RUNS), {"a / b": 2.0})
    assert refuse(fine) is None
    assert refuse(compare(to_baseline(RUNS), {})) == "no ratio of the baseline was checked"


@pytest.mark.parametrize(
    "figures",
    [
        {"median": 1.0},
        {"median": math.nan, "noise": 0.1},
        {"median": 0.0, "noise": 0.1},
        {"median": 1.0, "noise": math.nan},
        {"median": "fast", "noise": 0.1},
    ],
)
def test_a_file_beside_which_nothing_can_be_slower_is_refused(figures):
    with pytest.raises(InputError, match="--update"):
        compare({"ratios": {"a / b": figures}}, {"a / b": 1.0})


@pytest.fixture
def check(voices, teacher_voice, tmp_path, monkeypatch):
    """The command over small voices: the teacher is WaveGlow's stand-in, too, and few peers take part."""
    teacher_voice.with_name("waveglow.safetensors").write_bytes(teacher_voice.read_bytes())
    monkeypatch.setattr(ratios, "PEERS", ["griffin-lim"])
    monkeypatch.setattr(ratios, "_flows", dict)

    def run(*options):
        arguments = ["bench", "check", str(tmp_path / "baseline.json")]
        return CliRunner().invoke(app, [*arguments, *options], env={"COLUMNS": "160"})

    run.file = tmp_path / "baseline.json"
    return run


SHORT = ("--seconds", "0.1", "--runs", "1")


def test_a_baseline_that_was_doctored_fails(check):
    assert "--update" in check().output
    assert check("--update", "--repeats", "2", *SHORT).exit_code == 0
    written = json.loads(check.file.read_text())
    assert {"student / product", "teacher, compiled / eager loop", "student / griffin-lim"} < set(
        written["ratios"]
    )
    assert {"commit", "machine", "versions", "rates"} < written.keys()
    assert (written["seconds"], written["turns"], written["runs"]) == (0.1, 1, 2)
    for figures in written["ratios"].values():
        figures["noise"] = 100.0  # tiny runs on a machine that may be busy
    check.file.write_text(json.dumps(written))
    passed = check()
    assert passed.exit_code == 0, passed.output
    assert "warning" not in passed.output
    written["ratios"]["student / product"] |= {"median": 1e9, "noise": 0.1}
    check.file.write_text(json.dumps(written))
    failed = check()
    assert failed.exit_code == 1
    assert re.search(r"slower than .* allows: student / product$", failed.output.strip())


@pytest.fixture
def measured(check, monkeypatch):
    """A baseline of the ratio "a / b", 2; the ratios of here to fill in; how these are measured."""
    asked, here = {}, {"a / b": 2.0}

    def measure(**options):
        asked.update(options)
        return Measured(here, {})

    monkeypatch.setattr(ratios, "measure", measure)
    check.file.write_text(json.dumps(stamp() | {"seconds": 0.7, "turns": 3} | to_baseline(RUNS[1:2] * 2)))
    return check, here, asked


def test_it_is_measured_as_the_baseline_was(measured):
    check, here, asked = measured
    here["c / d"] = 5.0
    assert check().exit_code == 0
    assert asked == {"seconds": 0.7, "runs": 3}
    for options in (("--seconds", "2"), ("--runs", "5")):
        refused = check(*options)
        assert refused.exit_code
        assert "the baseline was measured with" in refused.output
    assert check("--seconds", "0.7", "--runs", "3").exit_code == 0


def test_what_is_missing_is_named(measured):
    check, _, _ = measured
    done = check()
    assert done.exit_code == 0
    assert "not checked, as not measured here: c / d" in done.output


def test_a_ratio_that_is_no_number_fails(measured):
    check, here, _ = measured
    here["a / b"] = math.nan
    assert check().exit_code == 1


def test_another_processor_is_told(measured):
    check, _, _ = measured
    written = json.loads(check.file.read_text())
    written["machine"]["processor"] = "Z80"
    check.file.write_text(json.dumps(written))
    done = check()
    assert done.exit_code == 0
    assert "warning: the baseline was measured on Z80" in done.output
