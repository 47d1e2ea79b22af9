"""The ablation: every term is missing once, the rest stays, sentences say what left its interval."""

from pathlib import Path

import pytest

from training.ablation import WHOLE, Ablation, ablation_recipes
from training.ablation_page import _rows, _sentence
from training.recipes.distillation import DistillationRecipe
from vocoder.config import read_config
from vocoder.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def base() -> DistillationRecipe:
    path = ROOT / "configs" / "recipe" / "ablation.yaml"
    return read_config(DistillationRecipe, path, ["classifier=heard.safetensors"])


def test_each_term_is_missing_once_and_nothing_else_changes(base):
    recipes = ablation_recipes(base)
    assert list(recipes) == [WHOLE, "divergence", "contrast", "power", "perceptual", "spectral"]
    assert len({recipe.name for recipe in recipes.values()}) == len(recipes)
    for missing, recipe in recipes.items():
        changed = {k for k, v in recipe.loss.model_dump().items() if v != getattr(base.loss, k)}
        assert changed == ({missing} - {WHOLE})
        assert (recipe.classifier is None) == (missing == "perceptual")
        assert recipe.flow == base.flow


def test_one_term_cannot_be_left_out(base):
    alone = {"contrast": 0.0, "power": 0.0, "perceptual": 0.0, "spectral": 0.0}
    lonely = base.model_copy(update={"loss": base.loss.model_copy(update=alone)})
    with pytest.raises(InputError, match="two terms or more"):
        ablation_recipes(lonely)


def test_the_sentence_names_what_left_its_interval():
    def estimate(mean: float) -> dict[str, float]:
        return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}

    figures = {
        "before": {"pesq": estimate(2.0), "estoi": estimate(0.8)},
        WHOLE: {"pesq": estimate(3.0), "estoi": estimate(0.9)},
        "power": {"pesq": estimate(2.5), "estoi": estimate(0.85)},
        "contrast": {"pesq": estimate(3.05), "estoi": estimate(0.9)},
    }
    assert "PESQ-WB goes from 3 to 2.5." in _sentence(figures, "power", ["pesq", "estoi"])
    assert "No measure leaves" in _sentence(figures, "contrast", ["pesq", "estoi"])
    runs = [
        Ablation(WHOLE, Path("all.safetensors"), {}, 1.0),
        Ablation("power", Path("p.safetensors"), {}, 1.0),
    ]
    assert _rows(figures, runs, ["pesq"]) == [["before", "2"], ["all terms", "3"], ["without power", "2.5"]]
