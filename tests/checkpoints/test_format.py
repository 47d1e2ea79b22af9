from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vocoder.checkpoints import load, load_checkpoint, read_info, save_checkpoint, voice_paths
from vocoder.errors import CheckpointError, ConfigError, UnknownVoice
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig


@pytest.fixture
def tiny() -> Student:
    torch.manual_seed(0)
    small = {"hidden": 4, "layers": 1, "lookahead": 0}
    config = StudentConfig.model_validate({"pitch": small, "filters": small, "num_bands": 4, "num_taps": 16})
    return Student(config, DIALECTS["nvidia"])


def test_a_voice_comes_back_with_all_it_knows(tiny: Student, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_checkpoint(path, tiny, description="d", training={"steps": 3}, figures={"pesq": 2.5})
    back, info = load_checkpoint(path), read_info(path)
    mel = torch.full((80, 5), -4.0)
    assert torch.equal(back.synthesize(mel), tiny.eval().synthesize(mel))
    assert (back.config, back.mel_spec) == (tiny.config, tiny.mel_spec)
    assert (info.description, info.training, info.figures) == ("d", {"steps": 3}, {"pesq": 2.5})


def test_own_folders_are_searched_first(
    tiny: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "mine.safetensors", tiny)
    monkeypatch.setenv("VOCODER_VOICES", str(tmp_path))
    assert voice_paths()["mine"] == tmp_path / "mine.safetensors"
    assert load("mine").kind == "student"
    with pytest.raises(UnknownVoice, match=r"no voice 'other'; installed: .*mine"):
        load("other")


def test_damaged_and_foreign_files_are_refused(tiny: Student, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, tiny)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        load_checkpoint(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of this project"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "absent.safetensors")


def test_weights_that_do_not_fit_are_refused(tiny: Student, tmp_path: Path) -> None:
    weights = {k: v for k, v in tiny.state_dict().items() if "pitch" not in k}
    save_checkpoint(tmp_path / "x.safetensors", tiny, weights=weights)
    with pytest.raises(CheckpointError, match="do not fit its own config"):
        load_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize("passes", [-1, 9])
def test_a_correction_of_other_than_0_to_8_passes_is_refused(passes: int) -> None:
    with pytest.raises(ConfigError, match="correction must be 0 to 8 passes"):
        load("student-linear", correction=passes)
