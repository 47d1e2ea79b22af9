"""The steps of WaveGlow's chain, group by group: to noise, and chunk by chunk on packed networks to data."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.flows import Elementwise, InvertibleConv, SplitCoupling
from vocoder.networks.compiled_wavenet import CompiledCentredWaveNet
from vocoder.networks.packed_wavenet import PackedState, PackedWaveNet
from vocoder.networks.wavenet import WaveNet

FEW = 256
"""Groups up to which the compiled loop takes less time than torch's products."""


class GlowStep(NamedTuple):
    """A step from data to noise: channels that leave, then a 1×1 convolution, then a coupling."""

    num_early: int
    mix: InvertibleConv
    coupling: SplitCoupling

    @property
    def network(self) -> WaveNet:
        network = self.coupling.conditioner
        assert isinstance(network, WaveNet)
        return network


def to_noise_by_group(
    steps: Sequence[GlowStep],
    x: Float[Tensor, "batch sample group"],
    context: Float[Tensor, "batch context group"],
) -> tuple[Float[Tensor, "batch sample group"], Float[Tensor, "batch group"]]:
    """The noise of the chain of `steps`, and each group's share of the log-determinant."""
    log_det, left = x.new_zeros(len(x), x.shape[2]), []
    for step in steps:
        early, x = x.tensor_split([step.num_early], dim=1)
        left.append(early)
        x, _ = step.mix.to_noise(x)
        x, log_slopes = step.coupling.to_noise_by_element(x, context)
        log_det = log_det + log_slopes.sum(dim=1) + step.mix.log_abs_det().to(log_det.dtype)
    return torch.cat([*left, x], dim=1), log_det


class Rows(NamedTuple):
    """Groups on their way from noise to data, with what later steps want to know at the same time."""

    x: Float[Tensor, "batch group channel"]
    noise: Float[Tensor, "batch group sample"]
    context: Float[Tensor, "batch group context"]

    def join(self, following: "Rows") -> "Rows":
        return Rows(*(torch.cat(pair, dim=1) for pair in zip(self, following, strict=True)))

    def split(self, length: int) -> tuple["Rows", "Rows"]:
        """The first `length` groups, and a copy of the others, which outlives the whole."""
        return Rows(*(part[:, :length] for part in self)), Rows(*(part[:, length:].clone() for part in self))


class StepState(NamedTuple):
    """Groups that wait in a step for what its network must see after them."""

    waiting: Rows
    network: PackedState


class _Step(NamedTuple):
    num_early: int
    num_channels: int
    num_kept: int
    swap: bool
    transform: Elementwise
    network: PackedWaveNet
    compiled: CompiledCentredWaveNet | None
    unmix: Float[Tensor, "channel channel"]

    def stream(
        self, kept: Tensor, context: Tensor, state: PackedState, *, last: bool
    ) -> tuple[Tensor, PackedState]:
        """As `PackedWaveNet.stream`; a few groups in the middle of a stream in the compiled loop."""
        few = 0 < kept.shape[0] * kept.shape[1] <= FEW
        plain = not (last or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"))
        if self.compiled is not None and few and plain and self.compiled.is_in_the_middle(state):
            return self.compiled.stream(kept, context, state)
        return self.network.stream(kept, context, state, last=last)


class GlowSampler:
    """The chain of `steps` towards data, without log-determinants, for streams of groups.

    Each step holds back the groups after which its network has not yet seen enough, so nothing is worked on
    twice and the groups are those of the whole at once. The weights are those that the steps have now.
    """

    def __init__(self, steps: Sequence[GlowStep]) -> None:
        self.steps = [_pack(step) for step in reversed(steps)]

    @property
    def delay(self) -> int:
        """Groups by which a stream lags."""
        return sum(step.network.delay for step in self.steps)

    def initial_state(self, batch: int) -> list[StepState]:
        return [self._initial_state(step, batch) for step in self.steps]

    def stream(
        self,
        noise: Float[Tensor, "batch group sample"],
        context: Float[Tensor, "batch group context"],
        state: list[StepState],
        *,
        last: bool,
    ) -> tuple[Float[Tensor, "batch done sample"], list[StepState]]:
        """The groups that have become certain; with `last`, all that are still owed."""
        rows = Rows(noise[..., noise.shape[2] - self.steps[0].num_channels :], noise, context)
        following = []
        for step, before in zip(self.steps, state, strict=True):
            rows, after = _advance(step, rows, before, last=last)
            following.append(after)
        return rows.x, following

    def _initial_state(self, step: _Step, batch: int) -> StepState:
        empty = step.unmix.new_zeros
        num_samples = self.steps[-1].num_channels + self.steps[-1].num_early
        num_context = step.network.layers[0].context.shape[1]
        widths = (step.num_channels, num_samples, num_context)
        return StepState(Rows(*(empty(batch, 0, n) for n in widths)), step.network.initial_state(batch))


def _pack(step: GlowStep) -> _Step:
    unmix = step.mix.inverse_matrix().detach().to(step.mix.weight.dtype)
    channels = len(unmix)
    network = PackedWaveNet(step.network)
    fits = unmix.device.type == "cpu" and unmix.dtype == torch.float32 and network.attention is None
    return _Step(
        num_early=step.num_early,
        num_channels=channels,
        num_kept=channels // 2 if step.coupling.num_kept is None else step.coupling.num_kept,
        swap=step.coupling.swap,
        transform=step.coupling.transform,
        network=network,
        compiled=CompiledCentredWaveNet(network) if fits else None,
        unmix=unmix.T.contiguous(),
    )


def _advance(step: _Step, rows: Rows, state: StepState, *, last: bool) -> tuple[Rows, StepState]:
    owed = state.waiting.join(rows)
    kept, _ = _divide(step, rows.x)
    parameters, network = step.stream(kept, owed.context, state.network, last=last)
    done, waiting = owed.split(parameters.shape[1])
    kept, moved = _divide(step, done.x)
    per_element = parameters.unflatten(2, (step.transform.num_parameters, -1)).movedim(2, 1)
    moved, _ = step.transform.to_data(moved, per_element)
    x = torch.cat([moved, kept] if step.swap else [kept, moved], dim=2) @ step.unmix
    if step.num_early:
        first = done.noise.shape[2] - step.num_channels - step.num_early
        x = torch.cat([done.noise[..., first : first + step.num_early], x], dim=2)
    return Rows(x, done.noise, done.context), StepState(waiting, network)


def _divide(step: _Step, x: Tensor) -> tuple[Tensor, Tensor]:
    """The channels that the coupling keeps, and those that it moves."""
    if not step.swap:
        return x[..., : step.num_kept], x[..., step.num_kept :]
    boundary = step.num_channels - step.num_kept
    return x[..., boundary:], x[..., :boundary]
