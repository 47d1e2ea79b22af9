"""The table of Flow++ for audio: every form once, trained from the one recipe, gains with the right sign."""

import json
import shutil
from pathlib import Path

import pytest

from training.density.audio import AudioResult, audio_recipes, train_audio
from training.density.audio_page import write_audio
from training.recipes.waveglow import WaveGlowRecipe
from vocoder.config import read_config

ROOT = Path(__file__).parents[3]


@pytest.fixture
def base() -> WaveGlowRecipe:
    return read_config(WaveGlowRecipe, ROOT / "configs" / "recipe" / "flowpp.yaml")


def test_every_form_once(base):
    recipes = audio_recipes(base)
    assert len({recipe.name for recipe in recipes}) == len(recipes) == 15
    assert {recipe.segments.frames for recipe in recipes} == {base.segments.frames}
    assert sum(recipe.model.wavenet.attention_heads > 0 for recipe in recipes) == 6


def test_gains_are_those_of_pairs_that_differ_in_one_thing(base, tmp_path):
    def result(form: str, coupling: str, bits: float) -> AudioResult:
        return AudioResult("pcm16", form, coupling, False, bits, 9.0, 1000, 10, 1.0)

    rows = [
        result("uniform", "affine", 7.5),
        result("variational", "affine", 7.25),
        result("uniform", "mixture", 7.0),
        result("none", "affine", 1.0),
    ]
    page = write_audio(rows, base, tmp_path, command="vocoder flows audio").read_text()
    assert "| variational instead of uniform noise | +0.250 | +0.250 … +0.250 | 1 |" in page
    assert "| mixture instead of affine couplings | +0.500 | +0.500 … +0.500 | 1 |" in page
    assert "no bound" in page
    assert len(json.loads((tmp_path / "audio.json").read_text())["results"]) == 4


@pytest.mark.timeout(600)
def test_the_dearest_form_trains(tmp_path):
    pytest.importorskip("pyworld", reason="tracking F0 needs the train extra")
    names = [
        Path(shutil.copy(path, tmp_path)).name for path in sorted((ROOT / "tests" / "data").glob("*.flac"))
    ]
    (tmp_path / "list.txt").write_text("\n".join(names))
    small = {"layers": 2, "channels": 8, "skip_channels": 8, "attention_reach": 4}
    values = {
        "name": "tiny",
        "model": {"flows": 2, "context_channels": 8, "wavenet": small},
        "data": {
            "root": tmp_path,
            "sources": [{"folder": ".", "list": "list.txt"}],
            "cache": tmp_path / "cache",
        },
        "segments": {"batch": 2, "frames": 8},
        "listen_seconds": 0,
        "flow": {"steps": 2, "tensorboard": False},
    }
    dearest = audio_recipes(WaveGlowRecipe.model_validate(values))[11]
    assert (dearest.model.coupling, dearest.dequantization) == ("mixture", "variational")
    (found,) = train_audio([dearest], tmp_path / "runs", jobs=1)
    assert found.attention
    assert found.bits > 0
    assert found.steps == 2
