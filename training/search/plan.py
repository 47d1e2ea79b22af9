"""The plan of a search: a base recipe, and variants of it that each answer a question."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from training.recipes.run import Recipe
from training.search.kinds import KINDS
from vocoder.config import Config, overridden, parse_config, read_config, read_mapping
from vocoder.errors import ConfigError

BASE = "base"


class SearchConfig(Config):
    """What a YAML of `configs/search/` says; overrides are `key.path=value`, as on the command line."""

    name: str = Field(description="of the page")
    description: str = ""
    kind: Literal["teacher", "student", "waveglow"] = Field(description="which command trains the recipe")
    base: Path = Field(description="the recipe, from the folder of this file")
    overrides: list[str] = Field(default=[], description="for all runs: the budget, say")
    questions: dict[str, dict[str, list[str]]] = Field(
        min_length=1, description="question: {variant: its overrides}"
    )


class Variant(NamedTuple):
    """One run; that of the base has neither question nor overrides."""

    question: str
    name: str
    overrides: tuple[str, ...]
    recipe: Recipe


class Plan(NamedTuple):
    config: SearchConfig
    base: Variant
    variants: list[Variant]  # question by question

    @property
    def runs(self) -> list[Variant]:
        return [self.base, *self.variants]


def read_plan(path: Path, overrides: Sequence[str] = ()) -> Plan:
    """The recipes of a search; `overrides` are for all of them, a variant's own come last.

    Raises:
        ConfigError: an unknown key, two variants whose runs would have one name, or a variant that differs in
            nothing from the base or from another.
    """
    config = read_config(SearchConfig, path)
    common = [*config.overrides, *overrides]
    base = _variant(config, path, BASE, BASE, (), common)
    variants = [
        _variant(config, path, question, name, tuple(own), common)
        for question, named in config.questions.items()
        for name, own in named.items()
    ]
    plan = Plan(config, base, variants)
    for earlier, later in _pairs(plan.runs):
        if earlier.recipe.name == later.recipe.name:
            raise ConfigError(f"{path}: {_title(earlier)} and {_title(later)} have one name: rename one")
        if _content(earlier.recipe) == _content(later.recipe):
            raise ConfigError(
                f"{path}: {_title(later)} is the same recipe as {_title(earlier)}: leave it out"
            )
    return plan


def _variant(
    config: SearchConfig, path: Path, question: str, name: str, own: tuple[str, ...], common: Sequence[str]
) -> Variant:
    values = overridden(read_mapping(path.parent / config.base), [*common, *own])
    words = [config.name, name] if question == BASE else [config.name, question, name]
    values["name"] = "-".join(
        slug for word in words if (slug := re.sub(r"[^a-z0-9.]+", "-", word.lower()).strip("-"))
    )
    recipe = parse_config(KINDS[config.kind].recipe, values, f"{path}: {question}: {name}")
    return Variant(question, name, own, recipe)


def _pairs(runs: Sequence[Variant]) -> Iterator[tuple[Variant, Variant]]:
    return ((earlier, later) for i, later in enumerate(runs) for earlier in runs[:i])


def _title(variant: Variant) -> str:
    return "the base" if variant.question == BASE else f"{variant.question!r}: {variant.name!r}"


def _content(recipe: Recipe) -> dict[str, object]:
    return recipe.model_dump(exclude={"name"})
