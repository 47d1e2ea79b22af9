"""What a GPU is worth is what the records say; the forecasts' assumption is what the shipped voices did."""

from pathlib import Path

import pytest

from training.scaling.curves import voice_records
from training.scaling.h200 import CORE_HOURS, cost, section, worths
from training.spent import Spent, spent
from vocoder.checkpoints import CheckpointInfo
from vocoder.mel import mel_spec

RECORDS = Path(__file__).parents[3] / "docs" / "voices"


def info(steps: int, batch: int, kind: str = "student", **spent: float) -> CheckpointInfo:
    recipe = {"segments": {"batch": batch, "frames": 10}}
    training = {"recipe": recipe, "steps": {"flow": steps}, "data_hash": "abc", **spent}
    return CheckpointInfo(
        kind=kind, mel_spec=mel_spec("nvidia"), config={}, description="", training=training
    )


def test_a_gpu_is_worth_the_samples_it_took() -> None:
    infos = {
        "slow": info(100, 2, cpu_seconds=50.0),
        "fast": info(1000, 20, cpu_seconds=7.0, gpu_seconds=10.0),
        "first stage": info(1, 2, cpu_seconds=1.0),
        "alone": info(1000, 20, kind="teacher", cpu_seconds=7.0, gpu_seconds=10.0),
    }
    infos["first stage"].training["steps"] = {"pitch": 10, "filters": 10}
    (found,) = worths({"first stage": infos.pop("first stage")} | infos)
    assert (found.name, found.ratio) == ("fast", pytest.approx(500))
    assert any("| fast | 1,000 | 20 |" in line for line in section(infos))
    assert section({"slow": infos["slow"]}) == []


def test_what_came_before_counts() -> None:
    training = {"cpu_seconds": 3, "began_with": {"cpu_seconds": 4, "gpu_seconds": 5}, "pitch_from": None}
    assert spent(training) == Spent(7, 5)
    assert cost(Spent(7, 5)) == 7 + 5 * CORE_HOURS[0]


def test_the_forecasts_assume_what_the_shipped_voices_did() -> None:
    ratios = [one.ratio for one in worths(voice_records(RECORDS))]
    assert CORE_HOURS[0] == pytest.approx(min(ratios), rel=0.1)
    assert CORE_HOURS[1] == pytest.approx(sum(ratios), rel=0.1)
