"""How much air a voice wants, from recordings; and what `vocoder publish` makes of it."""

import json
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from training.air_levels import _level, air_table, measure_air
from training.publish import publish
from vocoder.checkpoints import load, read_info, save_checkpoint
from vocoder.checkpoints.voices import SHIPPED
from vocoder.cli import app
from vocoder.errors import CheckpointError, InputError
from vocoder.mel import mel_spec
from vocoder.models import WaveGlow, WaveGlowConfig

CLIPS = Path(__file__).parent.parent / "data"


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
    assert _level([0.0, 1.0, 2.0], [-6.0, -2.0, 2.0]) == 1.5
    assert _level([0.0, 1.0], [1.0, 3.0]) == 0.0
    assert _level([0.0, 1.0], [-9.0, -3.0]) == 1.0
    assert _level([0.0, 1.0, 2.0], [-3.0, -3.1, 3.0]) == pytest.approx(1.5, abs=0.01)  # chance, at no air


def test_the_command_says_what_to_publish_and_publish_does(
    checkpoint: Path, manifest: Path, tmp_path: Path
) -> None:
    output = tmp_path / "air.json"
    arguments = ["air", str(checkpoint), str(manifest), "--level", "1", "-o", str(output)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    levels = json.loads(output.read_text())["air"]
    assert f"--air {levels['voiced']:g} {levels['unvoiced']:g}" in told.output
    target = tmp_path / "voice.safetensors"
    publish(checkpoint, target, {}, air=levels, description="with air")
    assert read_info(target).description == "with air"
    assert load(target).config.air.model_dump() == levels


def test_what_cannot_be_levelled_is_named(checkpoint: Path, manifest: Path, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.txt"
    narrow.write_text(str(manifest.parent / "narrow.wav"))
    with pytest.raises(InputError, match=r"no recording of .* has the band from 8"):
        measure_air(checkpoint, narrow)
    with pytest.raises(InputError, match="give one above 0"):
        measure_air(checkpoint, manifest, [0.0])
    voice = tmp_path / "plain.safetensors"
    coupling = {"layers": 1, "channels": 4, "skip_channels": 4}
    model = WaveGlow(WaveGlowConfig.model_validate({"flows": 2, "wavenet": coupling}), mel_spec("nvidia"))
    model.remove_weight_norm()
    save_checkpoint(voice, model)
    with pytest.raises(CheckpointError, match="without a source"):
        measure_air(voice, manifest)
