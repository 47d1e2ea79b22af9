"""How much air a voice wants, from recordings; and what `vocoder publish` makes of it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from training.air_levels import _level, advice, air_table, measure_air
from vocoder.checkpoints import load, read_info, rewrite_checkpoint, save_checkpoint
from vocoder.checkpoints.voices import SHIPPED
from vocoder.cli import app
from vocoder.errors import CheckpointError, InputError
from vocoder.evaluation.periodicity import periodicity
from vocoder.mel import mel_spec
from vocoder.models import WaveGlow, WaveGlowConfig

CLIPS = Path(__file__).parent.parent / "data"


@pytest.fixture(autouse=True)
def tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    """F0 where the sound is periodic, without the optional package: in Hz, of which only 0 or not is read."""

    def track(audio: np.ndarray, sample_rate: int) -> np.ndarray:
        return 200.0 * (periodicity(audio, sample_rate) > 0.6)

    monkeypatch.setattr("training.air_levels.f0_track", track)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    return SHIPPED / "student.safetensors"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with the band, and one that was sampled at 16 kHz."""
    folder = tmp_path_factory.mktemp("list")
    audio, _ = soundfile.read(CLIPS / "LJ001-0002.flac")
    soundfile.write(folder / "narrow.wav", audio[: 2 * 16_000], 16_000)
    path = folder / "two.txt"
    path.write_text(f"narrow\n{CLIPS / 'LJ001-0002.flac'}\n")
    return path


def test_more_air_is_louder_and_what_is_found_lies_between(checkpoint: Path, manifest: Path) -> None:
    found = measure_air(checkpoint, manifest, [0.5, 4.0])
    assert found["clips"] == 1
    assert [row["level"] for row in found["levels"]] == [0.0, 0.5, 4.0]
    for kind in ("voiced", "unvoiced"):
        differences = [row[kind] for row in found["levels"]]
        assert differences[0] < differences[1] < differences[2]
    assert found["levels"][1]["voiced"] < 0 < found["levels"][2]["voiced"]
    assert 0.5 < found["air"]["voiced"] < 4
    assert len(list(air_table(found))) == 2 + 3


def test_the_level_is_where_the_difference_is_zero() -> None:
    """Power is a + b · level² : any two levels around it find it."""

    def difference(level: float) -> float:
        return 10 * math.log10(0.2 + 0.8 / 0.49 * level**2)

    for tried in ([0.0, 1.0], [0.0, 0.5, 2.0], [0.0, 0.69, 0.71]):
        assert _level(tried, [difference(level) for level in tried]) == 0.7
    assert _level([0.0, 1.0], [1.0, 3.0]) == 0.0
    assert _level([0.0, 1.0], [-9.0, -3.0]) == 1.0
    assert _level([0.0, 1.0], [None, None]) is None
    assert _level([0.0, 1.0, 2.0], [-3.0, -3.1, 3.0]) == 1.41  # √2: chance, below


def test_what_was_not_reached_is_told() -> None:
    def told(voiced: float | None, unvoiced: float) -> list[str]:
        rows = [
            {"level": 0.0, "voiced": -9.0, "unvoiced": 0.0},
            {"level": 1.0, "voiced": voiced, "unvoiced": unvoiced},
        ]
        return list(advice({"levels": rows, "air": {"voiced": voiced and 1.0, "unvoiced": 0.0}}))

    assert told(2.0, 2.0) == ["--air 1 0, for `vocoder publish`"]
    assert told(-3.0, 2.0)[0] == "voiced sounds are 3.0 dB too soft at 1: give a higher --level"
    assert told(None, 2.0) == ["no voiced sound in the recordings: give others"]


def test_the_command_says_what_to_publish_and_publish_does(
    checkpoint: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "air.json"
    arguments = ["air", str(checkpoint), str(manifest), "--level", "1", "-o", str(output)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    levels = json.loads(output.read_text())["air"]
    assert f"--air {levels['voiced']:g} {levels['unvoiced']:g}" in told.output
    target = tmp_path / "voice.safetensors"
    monkeypatch.setattr("training.publish._measure", lambda *_: {})
    arguments = [
        "publish",
        str(checkpoint),
        "--list",
        f"one={manifest}",
        "--to",
        str(tmp_path),
        "--name",
        "voice",
    ]
    arguments += [
        "--name",
        "voice",
        "--air",
        str(levels["voiced"]),
        str(levels["unvoiced"]),
        "--description",
        "with air",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert read_info(target).description == "with air"
    assert load(target).config.air.model_dump() == levels


def test_what_cannot_be_levelled_is_named(checkpoint: Path, manifest: Path, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.txt"
    narrow.write_text(str(manifest.parent / "narrow.wav"))
    with pytest.raises(InputError, match=r"no recording of .* has the band from 8"):
        measure_air(checkpoint, narrow)
    with pytest.raises(InputError, match="give one above 0"):
        measure_air(checkpoint, manifest, [0.0])
    with pytest.raises(CheckpointError, match="a teacher takes no air; for a teacher: vocoder temp"):
        measure_air(SHIPPED / "teacher.safetensors", manifest)
    silent = tmp_path / "silent.safetensors"
    rewrite_checkpoint(checkpoint, silent, config=read_info(checkpoint).config | {"temperature": 0.0})
    with pytest.raises(InputError, match="its own temperature is 0"):
        measure_air(silent, manifest)
    voice = tmp_path / "plain.safetensors"
    coupling = {"layers": 1, "channels": 4, "skip_channels": 4}
    model = WaveGlow(WaveGlowConfig.model_validate({"flows": 2, "wavenet": coupling}), mel_spec("nvidia"))
    model.remove_weight_norm()
    save_checkpoint(voice, model)
    with pytest.raises(CheckpointError, match="without a source"):
        measure_air(voice, manifest)
