"""The whole way on two short recordings: a stop in the middle, nothing done twice, a voice installed."""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from training.data.manifests import find_recordings, manifest_hash
from training.pipeline import Pipeline, PipelineConfig, Stopped
from training.recipes.run import claim_folder
from vocoder.audio import read, write
from vocoder.checkpoints import load, read_info, save_checkpoint, voice_paths
from vocoder.checkpoints.format import write_atomically
from vocoder.config import read_config
from vocoder.errors import ConfigError
from vocoder.mel import mel_spec, silence
from vocoder.models import Student, StudentConfig

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
ROOT = Path(__file__).parents[2]
SMALL = {"hidden": 8, "layers": 2, "lookahead": 1}
SEGMENTS = {"batch": 2, "frames": 16}
LOOP = {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2}


RECIPE = {
    "model": {"pitch": SMALL, "filters": SMALL, "num_bands": 8, "num_taps": 64, "noise_cepstrum": 32},
    "pitch_segments": SEGMENTS,
    "segments": SEGMENTS,
    "pitch": LOOP,
    "filters": LOOP,
}


@pytest.fixture(autouse=True)
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where voices are installed."""
    monkeypatch.setenv("VOCODER_VOICES", str(tmp_path / "voices"))
    return tmp_path / "voices"


def config_of(root: Path, recordings: Path, **changes: Any) -> PipelineConfig:
    values = {
        "name": "mine",
        "recordings": recordings,
        "data": root / "set",
        "runs": root / "run",
        "prepare": {"clean": {"max_seconds": 1.5}},
        "train": [{"recipe": "student", "config": RECIPE | {"data": {"cache": str(root / "cache")}}}],
        "workers": 1,
    }
    return PipelineConfig.model_validate(values | changes)


def test_from_a_folder_to_an_installed_voice(tmp_path: Path) -> None:
    config = config_of(tmp_path, ROOT / "tests" / "data")
    with pytest.raises(Stopped):
        list(Pipeline(config).run(max_minutes=0.0))
    done = list(Pipeline(config).run())
    assert [step.step for step in done] == ["prepare", "train student", "evaluate", "publish"]
    assert [step.step for step in Pipeline(config).run() if not step.before] == ["prepare"]

    figures = read_info(voice_paths()["mine"]).figures["held out"]["systems"]
    assert figures.keys() == {"mine", "griffin-lim", "recording"}
    voice = load("mine")
    assert voice.synthesize(silence(voice.mel_spec, 10)).isfinite().all()
    noted = json.loads((tmp_path / "run" / "steps.json").read_text())
    installed = tmp_path / "voices" / "mine.safetensors"
    assert noted["publish"]["result"]["file"] == str(installed)
    assert noted["publish"]["result"]["sha256"] == sha256(installed.read_bytes()).hexdigest()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that were trained in, by one that saves a voice at once; and an evaluation of nothing."""
    trained: list[Path] = []

    def train(name: str, recipe: Any, folder: Path, **_: Any) -> bool:
        claim_folder(folder, recipe, manifest_hash(find_recordings(recipe.data)))
        file = folder / f"{recipe.name}.safetensors"
        if not file.exists():
            trained.append(folder)
            torch.manual_seed(len(trained))
            save_checkpoint(file, Student(StudentConfig.model_validate(RECIPE["model"]), mel_spec("nvidia")))
        return True

    def publish(voice: Path, target: Path, lists: dict[str, Path], **_: Any) -> dict[str, Any]:
        write_atomically(target, voice.read_bytes())
        return {name: {"systems": {}} for name in lists}

    monkeypatch.setattr("training.jobs.recipes.train", train)
    monkeypatch.setattr("training.pipeline.publish", publish)
    return trained


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    shutil.copytree(ROOT / "tests" / "data", folder, ignore=shutil.ignore_patterns("*.md"))
    return folder


def done_anew(config: PipelineConfig) -> list[str]:
    return [step.step for step in Pipeline(config).run() if not step.before]


ALL = ["prepare", "train student", "evaluate", "publish"]


def halve(path: Path) -> None:
    """Another recording under the same name, of the same length."""
    audio, rate = read(path)
    write(path, 0.5 * audio.flip(0), rate)


def test_other_recordings_train_anew_and_the_same_go_on(
    tmp_path: Path, recordings: Path, quick: list[Path]
) -> None:
    config = config_of(tmp_path, recordings)
    assert done_anew(config) == ALL
    assert done_anew(config) == ["prepare"]
    first, *_ = names = sorted(path.name for path in recordings.glob("*.flac"))
    halve(recordings / names[-1])
    halve(recordings / first)
    assert done_anew(config) == ALL  # by their content, though the lists are the same
    shutil.copy(recordings / first, recordings / "another.flac")
    halve(recordings / "another.flac")
    assert done_anew(config) == ALL
    assert len({folder.name for folder in quick}) == len(quick) == 3
    assert {folder.parent for folder in quick} == {tmp_path / "run" / "student"}
    (recordings / "another.flac").unlink()
    assert done_anew(config) == ALL
    assert len(quick) == 3  # what was trained before is found again


def test_held_out_recordings_that_changed_are_measured_anew(
    tmp_path: Path, recordings: Path, quick: list[Path]
) -> None:
    config = config_of(tmp_path, recordings)
    done_anew(config)
    piece = tmp_path / "set" / (tmp_path / "set" / "valid.txt").read_text().split()[0]
    halve(piece)
    assert "evaluate" in done_anew(config)
    assert len(quick) == 1


def test_two_trainings_of_a_recipe_have_folders_of_their_own(
    tmp_path: Path, recordings: Path, quick: list[Path]
) -> None:
    """And the second may begin with what the first made, at the place that the README names."""
    again = RECIPE | {"pitch": None, "begin_with": str(tmp_path / "run" / "student" / "mine.safetensors")}
    trainings = [{"recipe": "student", "config": RECIPE}, {"recipe": "student", "config": again}]
    config = config_of(tmp_path, recordings, train=trainings)
    assert done_anew(config) == ["prepare", "train student", "train student-2", "evaluate", "publish"]
    assert [folder.parent.name for folder in quick] == ["student", "student-2"]
    assert done_anew(config) == ["prepare"]
    trainings[0] = {"recipe": "student", "config": RECIPE | {"description": "another first"}}
    config = config_of(tmp_path, recordings, train=trainings)
    assert done_anew(config)[1:3] == ["train student", "train student-2"]
    assert len(quick) == 4


def test_anothers_voice_is_not_replaced(
    tmp_path: Path, recordings: Path, quick: list[Path], voices: Path
) -> None:
    config, installed = config_of(tmp_path, recordings), voices / "mine.safetensors"
    voices.mkdir()
    installed.write_bytes(b"another's")
    with pytest.raises(ConfigError, match=r"^name: a voice 'mine' is installed.* choose another name="):
        next(Pipeline(config).run())
    assert not (tmp_path / "set").exists()  # before anything was done
    assert done_anew(config.model_copy(update={"publish": False})) == ALL[:-1]
    installed.unlink()
    assert done_anew(config) == ["prepare", "publish"]
    installed.write_bytes(b"another's")
    with pytest.raises(ConfigError, match="which this pipeline has not put there"):
        done_anew(config)
    assert installed.read_bytes() == b"another's"
    with pytest.raises(ConfigError, match="a voice 'student' is installed"):
        done_anew(config.model_copy(update={"name": "student"}))  # which ships


def test_a_voice_whose_publishing_was_cut_off_is_the_pipelines_own(
    tmp_path: Path, recordings: Path, quick: list[Path]
) -> None:
    config, notes = config_of(tmp_path, recordings), tmp_path / "run" / "steps.json"
    done_anew(config)
    steps = json.loads(notes.read_text())
    del steps["publish"]
    notes.write_text(json.dumps(steps))
    assert done_anew(config) == ["prepare", "publish"]


def test_a_misspelt_key_of_the_last_training_is_found_before_the_first() -> None:
    trainings = [{"recipe": "student"}, {"recipe": "teacher", "config": {"flwo": {}}}]
    config = {"name": "mine", "recordings": ROOT / "tests" / "data", "train": trainings}
    with pytest.raises(ConfigError, match="flwo is not a known key"):
        Pipeline(PipelineConfig.model_validate(config))


@pytest.mark.parametrize("name", ["own", "tiny"])
def test_the_configurations_that_ship_are_valid(name: str, tmp_path: Path) -> None:
    config = read_config(PipelineConfig, ROOT / "configs" / "recipe" / f"{name}.yaml", ["name=mine"])
    assert Pipeline(config).folder == Path("runs/mine")
