"""From a checkpoint to a voice, to a record without weights, to temperatures, to the page; all measured."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from training.publish import publish
from training.temperatures import measure_temperatures
from training.voices_comparison import comparison
from training.voices_page import write_page
from vocoder.checkpoints import load, read_info, save_checkpoint
from vocoder.cli import app
from vocoder.errors import CheckpointError, InputError
from vocoder.mel import mel_spec
from vocoder.models import Teacher, TeacherConfig

CLIPS = Path(__file__).parent.parent / "data"
SMALL = {"hidden": 6, "layers": 2, "lookahead": 1}
CONFIG = {
    "pitch": SMALL,
    "conditioning": SMALL,
    "context_channels": 8,
    "whitening": {**SMALL, "num_bands": 16, "num_taps": 24, "num_cepstrum": 12},
    "wavenet": {"group": 8, "reach": 2, "head_kernel": 10, "head_channels": 6, "layers": 3},
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("run") / "small.safetensors"
    model = Teacher(TeacherConfig.model_validate(CONFIG), mel_spec("nvidia"))
    save_checkpoint(path, model, description="small", training={"steps": {}, "data_hash": "none"})
    return path


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("list") / "one.txt"
    path.write_text(str(CLIPS / "LJ001-0002.flac"))
    return path


def test_what_is_measured_is_what_is_published(checkpoint: Path, manifest: Path, tmp_path: Path) -> None:
    target = tmp_path / "voice.safetensors"
    figures = publish(checkpoint, target, {"one": manifest}, temperature=0.5, voiced=0.5, workers=1)
    info = read_info(target)
    assert (info.config["temperature"], info.config["voiced"]) == (0.5, 0.5)
    assert load(target).temperature == 0.5
    assert info.figures == figures
    assert set(figures["one"]["systems"]) == {"voice", "recording", "griffin-lim"}
    assert figures["one"]["systems"]["voice"]["estoi"]["mean"] < 1


def test_a_value_that_the_model_does_not_take_is_refused_before_measuring(
    checkpoint: Path, manifest: Path, tmp_path: Path
) -> None:
    for values in ({"temperature": 9.0}, {"bound": 3.0}):
        with pytest.raises(CheckpointError, match=f"^{checkpoint} is a teacher: .*{next(iter(values))}"):
            publish(checkpoint, tmp_path / "voice.safetensors", {"one": manifest}, **values)
    assert not list(tmp_path.iterdir())


def test_a_list_that_is_missing_is_named_before_measuring(
    checkpoint: Path, manifest: Path, tmp_path: Path
) -> None:
    lists = {"one": manifest, "two": tmp_path / "none.txt"}
    with pytest.raises(InputError, match=r"none\.txt"):
        publish(checkpoint, tmp_path / "voice.safetensors", lists, workers=1)


def test_voices_that_ship_are_small_and_others_as_large_as_they_are(
    checkpoint: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.publish.MAX_VOICE_BYTES", 1000)
    monkeypatch.setattr("training.publish.SHIPPED", tmp_path / "ships")
    monkeypatch.setattr("training.publish._measure", lambda *_: {})
    with pytest.raises(InputError, match="too large for a voice that ships"):
        publish(checkpoint, tmp_path / "ships" / "voice.safetensors", {"one": manifest})
    publish(checkpoint, tmp_path / "voice.safetensors", {"one": manifest})
    assert (tmp_path / "voice.safetensors").stat().st_size > 1000


def test_no_voice_is_replaced_unasked(checkpoint: Path, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "small.safetensors").write_bytes(b"another")
    arguments = ["publish", str(checkpoint), "--list", f"one={manifest}", "--to", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "is there already: give another --name, or --replace" in result.stderr
    assert (tmp_path / "small.safetensors").read_bytes() == b"another"


def test_records_and_temperatures_stand_on_the_page(
    checkpoint: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOCODER_VOICES", str(tmp_path / "none"))
    record = tmp_path / "voices" / "small.json"
    publish(checkpoint, record, {"one": manifest}, workers=1)
    grid = measure_temperatures(checkpoint, manifest, [0.0, 1.0], [0.5], workers=1)
    assert [setting["temperature"] for setting in grid["settings"]] == [0.0, 1.0]
    cold, warm = (setting["measures"]["estoi"]["mean"] for setting in grid["settings"])
    assert cold != warm
    (tmp_path / "voices" / "small-temperatures.json").write_text(json.dumps(grid))
    write_page(tmp_path / "voices.md")
    page = (tmp_path / "voices.md").read_text()
    assert "## small\n" in page
    assert "### small at several temperatures: 1 clips" in page
    assert "| 1 | × 0.5 |" in page


def test_voices_stand_side_by_side_with_what_others_published(
    checkpoint: Path, manifest: Path, tmp_path: Path
) -> None:
    target, beside = tmp_path / "small.safetensors", tmp_path / "beside"
    publish(checkpoint, target, {"two clips": manifest}, workers=1)
    beside.mkdir()
    (beside / "two-clips.json").write_text(json.dumps({"systems": {"world": {"pesq": {"mean": 2.5}}}}))
    rows = [{"name": "Theirs", "estoi": 0.95}]
    (beside / "published.json").write_text(json.dumps({"two clips": {"source": "their page.", "rows": rows}}))
    info = read_info(target)
    table = list(comparison({"small": info}, beside))
    estoi = info.figures["two clips"]["systems"]["small"]["estoi"]["mean"]
    assert f"{estoi:.3f}" in next(line for line in table if line.startswith("| **small** |"))
    assert any(line.startswith("| world |  |  | 2.50 |") for line in table)
    assert any(line.startswith("| *Theirs* | | |  | 0.950 |") for line in table)
    assert "In italics: their page." in table
