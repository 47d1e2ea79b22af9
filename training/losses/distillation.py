"""Probability density distillation: the student's samples under the teacher's density.

    KL(P_S || P_T) = H(P_S, P_T) - H(P_S),     H(P_S) = E[sum_t ln s_t] + T · H(base)

(Parallel WaveNet, van den Oord et al. 2017, sec. 3.) Given the noise before it, sample t of the student has
the base's density around a location with scale s_t; its entropy is known. The cross-entropy at t is the mean
of -ln p_T(x_t | x_<t) over that density: one dimension, several draws, one teacher pass for all of them.
"""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.distributions.location_scale import Gaussian, LocationScale
from vocoder.distributions.output import Density
from vocoder.errors import InputError

Estimator = Literal["monte-carlo", "stratified", "closed-form"]
"""How the inner integral is taken: by draws that are independent, or one in each part of equal probability;
or, between Gaussians, exactly (ClariNet, Ping et al. 2019, eq. 5)."""


class Divergence(NamedTuple):
    """Nats a sample; the divergence is the difference."""

    cross_entropy: Float[Tensor, "batch sample"]
    entropy: Float[Tensor, "batch sample"]

    @property
    def value(self) -> Float[Tensor, "batch sample"]:
        return self.cross_entropy - self.entropy


def divergence(
    student: LocationScale,
    teacher: Density,
    *,
    draws: int,
    estimator: Estimator = "stratified",
    generator: torch.Generator | None = None,
) -> Divergence:
    """KL(student || teacher) of each sample, given the samples before it.

    The gradient flows through the draws x_t into the student, and through the teacher's parameters into the
    samples x_<t that it read; the teacher's weights must be frozen (requires_grad False), but not detached.

    Args:
        student: densities of batch shape `[B, T]`.
        teacher: densities of the same shape, as they were predicted from one sample of the student.
        draws: of x_t at each t.

    Raises:
        InputError: the closed form of other families than Gaussians.
    """
    if estimator == "closed-form":
        return Divergence(_gaussian_cross_entropy(student, teacher), student.entropy())
    uniform = uniform_draws(draws, student.loc, estimator, generator)
    total = sum((teacher.log_prob(student.icdf(u)) for u in uniform), torch.zeros_like(student.loc))
    return Divergence(-total / draws, student.entropy())


def uniform_draws(
    draws: int, like: Tensor, estimator: Estimator, generator: torch.Generator | None = None
) -> Float[Tensor, "draw *shape"]:
    """Draws in (0, 1) for each element of `like`.

    Stratified: draw i of n lies between i / n and (i + 1) / n, so that the draws cover the density. The
    mean is unbiased as well; its variance falls about like n^-2 instead of n^-1 (the tails decide).
    """
    shape = (draws, *like.shape)
    uniform = torch.rand(shape, dtype=like.dtype, device=like.device, generator=generator)
    if estimator == "stratified":
        parts = torch.arange(draws, dtype=like.dtype, device=like.device)
        uniform = (parts.view(-1, *[1] * like.dim()) + uniform) / draws
    margin = torch.finfo(like.dtype).eps
    return uniform.clamp(margin, 1 - margin)


def _gaussian_cross_entropy(student: LocationScale, teacher: Density) -> Float[Tensor, "batch sample"]:
    if not isinstance(student, Gaussian) or not isinstance(teacher, Gaussian):
        families = f"{type(student).__name__} under {type(teacher).__name__}"
        raise InputError(f"the closed form is for Gaussians, got {families}: choose the stratified estimator")
    ratio = torch.exp(2 * (student.log_scale - teacher.log_scale))
    distance = (student.loc - teacher.loc).square() * torch.exp(-2 * teacher.log_scale)
    return teacher.log_scale + 0.5 * (math.log(2 * math.pi) + ratio + distance)


def contrastive(
    right: Float[Tensor, "..."], wrong: Float[Tensor, "..."], *, weight: float, ceiling: float
) -> Float[Tensor, "..."]:
    """KL(P_S(c₁) || P_T(c₁)) - γ KL(P_S(c₁) || P_T(c₂)), c₂ the mel of another utterance.

    (Parallel WaveNet, sec. 4, γ = 0.3.) The second term has no bound of its own: where it is above `ceiling`
    nats a sample it counts as that and gives no gradient.
    """
    return right - weight * wrong.clamp(max=ceiling)
