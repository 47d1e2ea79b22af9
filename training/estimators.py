"""How the two estimates of the divergence scatter, and whether they are off: `python -m training.estimators`.

Students and teachers whose divergence is known: a logistic student under a Gaussian teacher in closed form,
under a mixture of ten logistics (the published teacher's form) by quadrature. Both estimators take the same
draws from the same student and ask the same teacher: equal cost. Written to docs/distillation/estimators.md.
"""

import argparse
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from training.losses.distillation import Estimator, divergence
from vocoder.distributions import Gaussian, Logistic, Mixture
from vocoder.distributions.output import Density
from vocoder.evaluation.pages import describe_machine, table

DRAWS = (1, 2, 4, 8, 16, 32)
PAIRS, REPEATS, COMPONENTS, NODES = 64, 2000, 10, 400_000


BY_DRAWS: tuple[Estimator, Estimator] = ("monte-carlo", "stratified")


class Toy(NamedTuple):
    """Pairs of densities of batch shape `[B, T]`, made from the student's location and log-scale."""

    name: str
    teacher: Density
    exact: Tensor  # nats


class Scatter(NamedTuple):
    """Of one estimator with so many draws, over repetitions, averaged over the pairs of a toy."""

    toy: str
    estimator: Estimator
    draws: int
    deviation: float  # of the estimate, nats
    bias: float  # mean of the estimates less the exact value, nats
    bias_error: float  # standard error of that mean
    gradient_deviation: float  # of the derivative by the location, times the scale


def student() -> Logistic:
    generator = torch.Generator().manual_seed(0)
    loc, log_scale = torch.randn(2, 1, PAIRS, generator=generator, dtype=torch.float64)
    return Logistic(0.5 * loc, 0.3 * log_scale - 0.5)


def toys(own: Logistic) -> list[Toy]:
    """Teachers some way off the student."""
    generator = torch.Generator().manual_seed(1)
    loc, log_scale = torch.randn(2, 1, PAIRS, generator=generator, dtype=torch.float64)
    gaussian = Gaussian(own.loc + 0.3 * loc, 0.2 * log_scale)
    parts = torch.randn(3, 1, COMPONENTS, PAIRS, generator=generator, dtype=torch.float64)
    mixture = Mixture(parts[0], Logistic(own.loc[:, None] + 0.7 * parts[1], 0.3 * parts[2] - 1.0))
    return [
        Toy("Gaussian", gaussian, _closed_form(own, gaussian)),
        Toy("10 logistics", mixture, _by_quadrature(own, mixture)),
    ]


def _closed_form(own: Logistic, teacher: Gaussian) -> Tensor:
    """The variance of a logistic of scale s is s² π² / 3, its entropy ln s + 2."""
    variance = (2 * own.log_scale).exp() * math.pi**2 / 3
    squares = (own.loc - teacher.loc).square() + variance
    cross = 0.5 * math.log(2 * math.pi) + teacher.log_scale + 0.5 * squares * (-2 * teacher.log_scale).exp()
    return cross - own.entropy()


def _by_quadrature(own: Logistic, teacher: Density) -> Tensor:
    """The midpoint rule over the student's distribution function, in float64."""
    total = torch.zeros_like(own.loc)
    for part in ((torch.arange(NODES, dtype=torch.float64) + 0.5) / NODES).split(10_000):
        points = own.loc[0] + own.log_scale[0].exp() * torch.logit(part)[:, None]
        teachers = teacher if isinstance(teacher, Gaussian) else _repeated(teacher, len(part))
        total -= teachers.log_prob(points).sum(dim=0) / NODES
    return total - own.entropy()


def _repeated(teacher: Density, count: int) -> Mixture:
    assert isinstance(teacher, Mixture)
    parts = (teacher.logits, teacher.components.loc, teacher.components.log_scale)
    logits, loc, log_scale = (part.expand(count, -1, -1) for part in parts)
    return Mixture(logits, Logistic(loc, log_scale))


def measure(toy: Toy, own: Logistic, estimator: Estimator, draws: int, repeats: int = REPEATS) -> Scatter:
    generator = torch.Generator().manual_seed(2)
    estimates, gradients = [], []
    for _ in range(repeats):
        loc = own.loc.clone().requires_grad_()
        moved = Logistic(loc, own.log_scale)
        value = divergence(moved, toy.teacher, draws=draws, estimator=estimator, generator=generator).value
        (gradient,) = torch.autograd.grad(value.sum(), loc)
        estimates.append(value.detach())
        gradients.append(gradient * own.log_scale.exp())
    found, slopes = torch.cat(estimates), torch.cat(gradients)
    of_pairs = found.mean(dim=1)
    return Scatter(
        toy=toy.name,
        estimator=estimator,
        draws=draws,
        deviation=found.var(dim=0).mean().sqrt().item(),
        bias=(found - toy.exact).mean().item(),
        bias_error=(of_pairs.std() / math.sqrt(repeats)).item(),
        gradient_deviation=slopes.var(dim=0).mean().sqrt().item(),
    )


def page(rows: list[Scatter], repeats: int, command: str) -> str:
    """The table in Markdown."""
    found = {(row.toy, row.estimator, row.draws): row for row in rows}
    lines = []
    for toy, draws in dict.fromkeys((row.toy, row.draws) for row in rows):
        plain, parts = (found[toy, estimator, draws] for estimator in BY_DRAWS)
        lines.append(
            [
                toy,
                str(draws),
                *_both(lambda row: f"{row.deviation:.4f}", plain, parts),
                f"{(plain.deviation / parts.deviation) ** 2:.1f}",
                *_both(lambda row: f"{row.gradient_deviation:.4f}", plain, parts),
                *_both(lambda row: f"{row.bias:+.4f} ± {row.bias_error:.4f}", plain, parts),
            ]
        )
    head = [
        "teacher",
        "draws",
        "σ, independent",
        "σ, stratified",
        "variances",
        "σ of gradient, independent",
        "stratified",
        "bias, independent",
        "stratified",
    ]
    return "\n".join(
        [
            "# The two estimates of the divergence",
            "",
            f"Written by `{command}` on {date.today().isoformat()}, {describe_machine()}.",
            f"A logistic student of {PAIRS} samples under two teachers whose divergence is known; {repeats}",
            "repetitions. Draws of x_t at each t: as many calls of the teacher's density for either.",
            "σ and bias in nats a sample; the gradient is that by the student's location, times its scale;",
            "variances: how many times smaller that of the stratified estimate is. Both are unbiased; the",
            "bias found stands beside its standard error.",
            "",
            *table(head, lines),
            "",
        ]
    )


def _both(form: Callable[[Scatter], str], plain: Scatter, parts: Scatter) -> list[str]:
    return [form(plain), form(parts)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/distillation/estimators.md"))
    parser.add_argument("--repeats", type=int, default=REPEATS)
    given = parser.parse_args()
    own = student()
    rows = [
        measure(toy, own, estimator, draws, given.repeats)
        for toy in toys(own)
        for draws in DRAWS
        for estimator in BY_DRAWS
    ]
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(page(rows, given.repeats, "python -m training.estimators"))


if __name__ == "__main__":
    main()
