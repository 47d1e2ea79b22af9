"""How a voice sounds at several temperatures: each measured on the same clips."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from training.publish import configured
from vocoder.commands.evaluate import VoiceSystem
from vocoder.errors import InputError
from vocoder.evaluation import read_manifest, run
from vocoder.evaluation.report import to_json
from vocoder.evaluation.runner import Score

Setting = dict[str, Any]


def measure_temperatures(
    checkpoint: Path,
    manifest: Path,
    temperatures: Sequence[float],
    voiced: Sequence[float] = (),
    *,
    voiced_above: Sequence[float] = (),
    density_floors: Sequence[float] = (),
    bounds: Sequence[float] = (),
    corrections: Sequence[int] = (),
    limit: int | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Every temperature, with every factor of it in voiced sounds and every number of passes of correction.

    On the first `limit` clips of a list. Returns `{voice, date, machine, clips, settings: [{temperature,
    voiced, voiced_above, density_floor, bound, correction, measures: {measure: {mean, low, high}}}]}`, of
    all but `temperature` what was given.

    Raises:
        CheckpointError: no checkpoint there, or a setting that its kind of model does not take.
        InputError: a list that cannot be read, or a clip that fails.
    """
    grid = {
        "temperature": temperatures,
        "voiced": voiced,
        "voiced_above": voiced_above,
        "density_floor": density_floors,
        "bound": bounds,
        "correction": corrections,
    }
    settings = list(_settings(grid))
    clips = read_manifest(manifest)[:limit]
    with ExitStack() as stack:
        voices = [
            stack.enter_context(configured(checkpoint, f"setting-{i}", **setting))
            for i, setting in enumerate(settings)
        ]
        systems = [VoiceSystem(str(voice)) for voice in voices]
        scores: list[Score] = list(run(clips, systems, workers=workers or os.cpu_count() or 1))
    failed = [f"{score.system} on {score.clip}: {score.error}" for score in scores if score.error]
    if failed:
        raise InputError("; ".join(failed))
    result = to_json(scores)
    return {
        "voice": checkpoint.stem,
        **{key: result[key] for key in ("date", "machine", "versions")},
        "clips": len(clips),
        "settings": [
            setting | {"measures": result["systems"][f"setting-{i}"]} for i, setting in enumerate(settings)
        ],
    }


def _settings(grid: dict[str, Sequence[float]]) -> Iterator[Setting]:
    given = {name: values for name, values in grid.items() if values}
    for values in product(*given.values()):
        yield dict(zip(given, values, strict=True))
