"""The runs of a search, and what their records hold."""

import json
import math
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from training.data.manifests import find_recordings, manifest_hash
from training.recipes.run import Recipe, claim_folder
from training.search.kinds import KINDS
from training.search.plan import Plan, Variant
from training.side_by_side import side_by_side
from training.trainer import TrainingDiverged
from vocoder.bench.stamp import SOURCE, commit
from vocoder.checkpoints import load, read_info
from vocoder.errors import VocoderError
from vocoder.evaluation.pages import describe_machine


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
    fingerprint: str = ""  # of the recipe and all that it reads; none in records of before
    machine: str = ""
    code: str = ""  # commit that trained it, where that is known
    diverged: str = ""  # what ended it before its time, if something did; its figure is infinite then

    def changes_only(self, *names: str) -> bool:
        """Whether the variant differs from the base in fields of these names alone, as `seed` or `steps`."""
        keys = [override.partition("=")[0] for override in self.overrides]
        return bool(keys) and all(key.rpartition(".")[2] in names for key in keys)


def run_plan(plan: Plan, folder: Path, *, jobs: int, known: Sequence[Run] = ()) -> Iterator[Run]:
    """Results as they come; each run on one thread, `jobs` at a time, in `folder`/its name.

    Runs that are done are read, those begun go on, and one that diverges is a result as any other. A folder
    that holds another recipe raises `ConfigError`. What is among the `known` runs, from a record perhaps of
    another machine, is not repeated.
    """
    done = {run.fingerprint: run for run in known if run.fingerprint}
    due = []
    for variant in plan.runs:
        if (run := done.get(fingerprint(variant.recipe))) is not None:
            yield run._replace(question=variant.question, variant=variant.name, overrides=variant.overrides)
        else:
            due.append(variant)
    yield from side_by_side(_run, [(plan.config.kind, variant, folder) for variant in due], jobs)


def fingerprint(recipe: Recipe) -> str:
    """Sixteen hexadecimal digits of all that decides a run: recipe, recordings, checkpoints that it reads."""
    content = recipe.portable() | {"name": "", "description": ""}
    whole = [content, recipe.digests(), manifest_hash(find_recordings(recipe.data))]
    return sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def _run(kind: str, variant: Variant, folder: Path) -> Run:
    chosen = KINDS[kind]
    figure = chosen.figure(variant.recipe)
    done = Run(
        question=variant.question,
        variant=variant.name,
        overrides=variant.overrides,
        figure=math.inf,
        steps=0,
        cpu_seconds=0.0,
        parameters=0,
        minutes=0.0,
        curve=[],
        fingerprint=fingerprint(variant.recipe),
        machine=describe_machine(),
        code=commit(SOURCE) or "",
    )
    try:
        path = _trained(kind, variant.recipe, folder / variant.recipe.name)
    except TrainingDiverged as error:
        return done._replace(diverged=str(error))
    training = read_info(path).training
    curve = [
        Point(line["step"], line["cpu_seconds"], line[figure])
        for line in training["curves"][chosen.stage]
        if figure in line
    ]
    return done._replace(
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
