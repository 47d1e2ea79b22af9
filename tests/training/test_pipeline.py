"""The whole way on two short recordings: a stop in the middle, nothing done twice, a voice installed."""

import json
from pathlib import Path

import pytest

from training.pipeline import Pipeline, PipelineConfig, Stopped
from vocoder.checkpoints import load, read_info, voice_paths
from vocoder.config import read_config
from vocoder.errors import ConfigError
from vocoder.mel import silence

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
ROOT = Path(__file__).parents[2]
SMALL = {"hidden": 8, "layers": 2, "lookahead": 1}
SEGMENTS = {"batch": 2, "frames": 16}
LOOP = {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2}


def test_from_a_folder_to_an_installed_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOCODER_VOICES", str(tmp_path / "voices"))
    recipe = {
        "model": {"pitch": SMALL, "filters": SMALL, "num_bands": 8, "num_taps": 64, "noise_cepstrum": 32},
        "pitch_segments": SEGMENTS,
        "segments": SEGMENTS,
        "pitch": LOOP,
        "filters": LOOP,
        "data": {"cache": str(tmp_path / "cache")},
    }
    config = PipelineConfig.model_validate(
        {
            "name": "mine",
            "recordings": ROOT / "tests" / "data",
            "data": tmp_path / "set",
            "runs": tmp_path / "run",
            "prepare": {"clean": {"max_seconds": 1.5}},
            "train": [{"recipe": "student", "config": recipe}],
            "workers": 1,
        }
    )
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
    assert noted["publish"]["result"]["file"] == str(tmp_path / "voices" / "mine.safetensors")


def test_a_misspelt_key_of_the_last_training_is_found_before_the_first() -> None:
    trainings = [{"recipe": "student"}, {"recipe": "teacher", "config": {"flwo": {}}}]
    config = {"name": "mine", "recordings": ROOT / "tests" / "data", "train": trainings}
    with pytest.raises(ConfigError, match="flwo is not a known key"):
        Pipeline(PipelineConfig.model_validate(config))


@pytest.mark.parametrize("name", ["own", "tiny"])
def test_the_configurations_that_ship_are_valid(name: str, tmp_path: Path) -> None:
    config = read_config(PipelineConfig, ROOT / "configs" / "recipe" / f"{name}.yaml", ["name=mine"])
    assert Pipeline(config).folder == Path("runs/mine")
