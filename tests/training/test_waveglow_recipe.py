"""WaveGlow on two short recordings: train, stop, resume as if never stopped, save without norms."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from training.recipes.waveglow import DensityTask, WaveGlowRecipe, train_waveglow
from vocoder.checkpoints import load, read_info
from vocoder.config import parse_config, read_config, read_mapping
from vocoder.models import WaveGlowConfig

pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
ROOT = Path(__file__).parents[2]
MODEL = {
    "flows": 2,
    "context_channels": 8,
    "wavenet": {"layers": 2, "channels": 8, "skip_channels": 8},
    "whitening": {
        "hidden": 6,
        "layers": 2,
        "lookahead": 1,
        "num_bands": 8,
        "num_taps": 32,
        "num_cepstrum": 16,
    },
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recordings")
    names = [Path(shutil.copy(path, root)).name for path in sorted((ROOT / "tests" / "data").glob("*.flac"))]
    (root / "list.txt").write_text("\n".join(names))
    return root


def recipe_of(root: Path, **loop: Any) -> WaveGlowRecipe:
    values = {
        "name": "tiny",
        "model": MODEL,
        "data": {"root": root, "sources": [{"folder": ".", "list": "list.txt"}], "cache": root / "cache"},
        "segments": {"batch": 2, "frames": 8},
        "flow": {"steps": 4, "log_every": 1, "evaluate_every": 2, "save_every": 2, "tensorboard": False}
        | loop,
    }
    return parse_config(WaveGlowRecipe, values, "tiny")


def log_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "flow" / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "cpu_seconds"} for line in lines]


def test_a_run_that_was_stopped_is_the_one_that_was_not(recordings, tmp_path, monkeypatch):
    path = train_waveglow(recipe_of(recordings), tmp_path / "whole", progress=False)
    assert path is not None
    loss = DensityTask.loss

    def killed_in_the_third_step(task: DensityTask, step: int):
        if step == 3:
            raise KeyboardInterrupt
        return loss(task, step)

    with monkeypatch.context() as patch:
        patch.setattr(DensityTask, "loss", killed_in_the_third_step)
        with pytest.raises(KeyboardInterrupt):
            train_waveglow(recipe_of(recordings), tmp_path / "halves", progress=False)
    resumed = train_waveglow(recipe_of(recordings), tmp_path / "halves", progress=False)
    assert resumed is not None
    assert log_of(tmp_path / "halves") == log_of(tmp_path / "whole")
    one, other = load(path), load(resumed)
    for (name, expected), found in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(found, expected), name


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_bits_fall_and_the_voice_is_whole(recordings, tmp_path, precision):
    recipe = recipe_of(recordings, steps=12, precision=precision, optimizer={"lr": 5e-3, "warmup": 2})
    path = train_waveglow(recipe, tmp_path, progress=False)
    bits = [line["loss"] for line in log_of(tmp_path) if "loss" in line]
    assert bits[-1] < bits[0]
    info = read_info(path)
    assert (info.kind, info.training["steps"]) == ("waveglow", {"flow": 12})
    assert load(path).synthesize(torch.full((80, 4), -5.0)).isfinite().all()


def test_flow_pp_goes_into_a_vocoder(recordings, tmp_path):
    """Its coupling and its dequantization: the bits fall, the voice saved is without the latter."""
    recipe = recipe_of(recordings, steps=12, optimizer={"lr": 5e-3, "warmup": 2})
    model = recipe.model.model_copy(update={"coupling": "mixture", "components": 2})
    recipe = recipe.model_copy(update={"model": model, "dequantization": "variational"})
    path = train_waveglow(recipe, tmp_path, progress=False)
    bits = [line["loss"] for line in log_of(tmp_path) if "loss" in line]
    assert bits[-1] < bits[0]
    assert load(path).synthesize(torch.full((80, 4), -5.0)).isfinite().all()


def test_the_recipe_trains_the_model_of_the_config():
    recipe = read_config(WaveGlowRecipe, ROOT / "configs" / "recipe" / "waveglow.yaml")
    config = parse_config(
        WaveGlowConfig, read_mapping(ROOT / "configs" / "model" / "waveglow" / "cpu.yaml"), "cpu"
    )
    assert recipe.model == config
