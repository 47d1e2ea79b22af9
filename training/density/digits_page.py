"""The order of the flows of digits, over several seeds: is it more than chance?"""

import statistics
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

from training.density.digits import NUM_TEST, NUM_VALID
from training.density.recipe import DensityResult
from vocoder.evaluation.pages import describe_machine, table

Key = tuple[str, str]
"""Flow and dequantization."""


def write_digits(results: Sequence[DensityResult], folder: Path, *, command: str) -> Path:
    """Bits per dimension, flow by flow and seed by seed, and their differences, as `folder`/digits.md."""
    folder.mkdir(parents=True, exist_ok=True)
    bits = _by_flow(results)
    seeds = sorted({result.config.seed for result in results})
    rows = [[*key, _spread(values), *(f"{value:.3f}" for value in values)] for key, values in bits.items()]
    lines = [
        "# Digits, over several seeds",
        "",
        f"Written by `{command}` on {date.today().isoformat()}, {describe_machine()}.",
        f"Bits per dimension of {NUM_TEST} test images, upper bounds, by the weights that did best on",
        f"{NUM_VALID} others. A seed decides initial weights, batches and noise. Mean ± deviation.",
        "",
        *table(["flow", "bound", "mean", *(f"seed {seed}" for seed in seeds)], rows),
        "",
        "How much less each needs than the one before it, seed by seed:",
        "",
        *table(["", "mean", *(f"seed {seed}" for seed in seeds)], _differences(bits)),
        "",
    ]
    page = folder / "digits.md"
    page.write_text("\n".join(lines))
    return page


def _by_flow(results: Sequence[DensityResult]) -> dict[Key, list[float]]:
    """The values of all seeds, in order, the worst flow first."""
    bits: dict[Key, list[float]] = {}
    for result in sorted(results, key=lambda result: result.config.seed):
        assert result.bits_per_dim is not None
        bits.setdefault((result.config.flow, result.config.dequantization), []).append(result.bits_per_dim)
    return dict(sorted(bits.items(), key=lambda item: -statistics.mean(item[1])))


def _differences(bits: dict[Key, list[float]]) -> list[list[str]]:
    """Along the flows of one bound, and of each flow from the uniform to the variational bound."""
    uniform = [key for key in bits if key[1] == "uniform"]
    pairs = [*pairwise(uniform), *((key, (key[0], "variational")) for key in uniform)]
    rows = []
    for first, second in pairs:
        if first in bits and second in bits:
            less = [a - b for a, b in zip(bits[first], bits[second], strict=True)]
            rows.append(
                [f"{' '.join(first)} → {' '.join(second)}", _spread(less), *(f"{d:.3f}" for d in less)]
            )
    return rows


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean
