"""Flow++ in a vocoder: a small WaveGlow with every coupling, dequantization and attention, same data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from training.dequantization import Form, Levels
from training.recipes.waveglow import WaveGlowRecipe, train_waveglow
from training.side_by_side import side_by_side
from vocoder.checkpoints import load

HEADS = 4
DEQUANTIZATIONS: tuple[Form, ...] = ("none", "uniform", "variational")
BOUNDS: dict[Form, str] = {"none": "no bound", "uniform": "upper bound", "variational": "upper bound"}


class AudioResult(NamedTuple):
    """Of one run, on the clips that are kept out of training."""

    levels: Levels
    dequantization: Form
    coupling: str
    attention: bool
    bits: float  # a sample
    shuffled: float  # bits with another utterance's mel
    parameters: int  # of the voice
    steps: int
    cpu_seconds: float


def audio_recipes(base: WaveGlowRecipe) -> list[WaveGlowRecipe]:
    """16-bit PCM in every form, then 8-bit mu-law with each dequantization; each under a name of its own."""
    forms = [
        ("pcm16", form, coupling, heads)
        for coupling in ("affine", "mixture")
        for heads in (0, HEADS)
        for form in DEQUANTIZATIONS
    ]
    forms += [("mulaw8", form, "affine", 0) for form in DEQUANTIZATIONS]
    return [_variant(base, *form) for form in forms]


def _variant(base: WaveGlowRecipe, levels: str, form: str, coupling: str, heads: int) -> WaveGlowRecipe:
    wavenet = base.model.wavenet.model_copy(update={"attention_heads": heads})
    model = base.model.model_copy(update={"coupling": coupling, "wavenet": wavenet})
    name = "-".join([base.name, levels, form, coupling, *(["attention"] if heads else [])])
    changes = {"name": name, "model": model, "dequantization": form, "levels": levels}
    return WaveGlowRecipe.model_validate(base.model_copy(update=changes).model_dump())


def train_audio(recipes: list[WaveGlowRecipe], folder: Path, *, jobs: int) -> Iterator[AudioResult]:
    """Results as they come; each run on one thread, `jobs` at a time, in `folder`/its name, resumable."""
    return side_by_side(_train, [(recipe, folder / recipe.name) for recipe in recipes], jobs)


def _train(recipe: WaveGlowRecipe, folder: Path) -> AudioResult:
    path = train_waveglow(recipe, folder, progress=False)
    assert path is not None
    lines = [json.loads(line) for line in (folder / "flow" / "metrics.jsonl").read_text().splitlines()]
    last: dict[str, Any] = [line for line in lines if "valid_bits" in line][-1]
    return AudioResult(
        levels=recipe.levels,
        dequantization=recipe.dequantization,
        coupling=recipe.model.coupling,
        attention=recipe.model.wavenet.attention_heads > 0,
        bits=last["valid_bits"],
        shuffled=last["valid_bits_shuffled_mel"],
        parameters=sum(weight.numel() for weight in load(path).parameters()),
        steps=last["step"],
        cpu_seconds=last["cpu_seconds"],
    )
