"""The runs of a search, and what their records hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from training.data.manifests import find_recordings, manifest_hash
from training.recipes.run import Recipe, claim_folder
from training.search.kinds import KINDS
from training.search.plan import Plan
from training.side_by_side import side_by_side
from vocoder.checkpoints import load, read_info
from vocoder.errors import VocoderError


class TrainingStopped(VocoderError, RuntimeError):
    """By a signal; what is done so far is kept."""


class Point(NamedTuple):
    """Of a curve."""

    step: int
    cpu_seconds: float
    figure: float  # held out


class Run(NamedTuple):
    """What became of a variant, by the record in its checkpoint."""

    question: str
    variant: str
    overrides: tuple[str, ...]
    figure: float  # held out, at the end
    steps: int
    cpu_seconds: float  # of the steps, one thread
    parameters: int
    minutes: float  # of speech
    curve: list[Point]

    def changes_only(self, *names: str) -> bool:
        """Whether the variant differs from the base in fields of these names alone, as `seed` or `steps`."""
        keys = [override.partition("=")[0] for override in self.overrides]
        return bool(keys) and all(key.rpartition(".")[2] in names for key in keys)


def run_plan(plan: Plan, folder: Path, *, jobs: int) -> Iterator[Run]:
    """Results as they come; each run on one thread, `jobs` at a time, in `folder`/its name.

    Runs that are done are read, those begun go on. A folder that holds another recipe raises `ConfigError`.
    """
    calls = [
        (plan.config.kind, variant.question, variant.name, variant.overrides, variant.recipe, folder)
        for variant in plan.runs
    ]
    return side_by_side(_run, calls, jobs)


def _run(
    kind: str, question: str, name: str, overrides: tuple[str, ...], recipe: Recipe, folder: Path
) -> Run:
    path = _trained(kind, recipe, folder / recipe.name)
    training, chosen = read_info(path).training, KINDS[kind]
    curve = [
        Point(line["step"], line["cpu_seconds"], line[chosen.figure])
        for line in training["curves"][chosen.stage]
        if chosen.figure in line
    ]
    return Run(
        question=question,
        variant=name,
        overrides=overrides,
        figure=curve[-1].figure,
        steps=curve[-1].step,
        cpu_seconds=curve[-1].cpu_seconds,
        parameters=load(path).num_parameters(),
        minutes=training["minutes_of_speech"],
        curve=curve,
    )


def _trained(kind: str, recipe: Recipe, folder: Path) -> Path:
    """The run's voice; a run that is done is not loaded again, though its recordings must be the same."""
    path = folder / f"{recipe.name}.safetensors"
    if path.exists():
        claim_folder(folder, recipe, manifest_hash(find_recordings(recipe.data)))
        return path
    done = KINDS[kind].train(recipe, folder, progress=False)
    if done is None:
        raise TrainingStopped(
            f"{recipe.name} was stopped before its last step: run the same command to go on"
        )
    return done
