"""The conditioner of a flow over groups, packed for sampling."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.networks.compiled_wavenet import CompiledWaveNet
from vocoder.networks.guided_wavenet import GuidedWaveNet
from vocoder.networks.packed_wavenet import PackedState, PackedWaveNet

FEW = 512
"""Groups up to which the compiled loop is as fast as torch's products, and needs no interpreter."""


class PackedGuidedState(NamedTuple):
    """What a stream carries from chunk to chunk."""

    last: Float[Tensor, "batch 1 channel"]
    network: PackedState


class PackedGuided:
    """The function of a `GuidedWaveNet` with a guide, in rows of groups; pack again when weights change.

    Args:
        read: 0 for the parameters to be left at 0, because nobody reads them.
    """

    def __init__(self, conditioner: GuidedWaveNet, read: Float[Tensor, "parameter channel"]) -> None:
        self.num_parameters, self.channels = read.shape
        self.network = PackedWaveNet(conditioner.network)
        self.network.keep_outputs(read.flatten())
        weight = self.network.sum_bias
        fits = self.network.context_step > 1 and weight.device.type == "cpu" and weight.dtype == torch.float32
        self.compiled = CompiledWaveNet(self.network) if fits else None

    def initial_state(self, batch: int) -> PackedGuidedState:
        """Before the first group: silence."""
        silence = self.network.sum_bias.new_zeros(batch, 1, self.channels)
        return PackedGuidedState(silence, self.network.initial_state(batch))

    def stream(
        self,
        x: Float[Tensor, "batch group channel"],
        knots: Float[Tensor, "batch knot context"],
        guide: Float[Tensor, "batch group guide"],
        state: PackedGuidedState,
    ) -> tuple[Float[Tensor, "batch group parameter channel"], PackedGuidedState]:
        """The parameters of each element of the next groups, a whole number of intervals between knots."""
        before = torch.cat([state.last, x], dim=1)
        seen = torch.cat([before[:, :-1], guide], dim=2)
        if self.compiled is not None and _is_for_compiled(seen):
            output, network = self.compiled.stream(seen, knots, state.network)
        else:
            output, network = self.network.stream(seen, knots, state.network, last=False)
        parameters = output.unflatten(2, (self.num_parameters, self.channels))
        return parameters, PackedGuidedState(before[:, -1:].clone(), network)


def _is_for_compiled(x: Float[Tensor, "batch group channel"]) -> bool:
    """Whether these are a few groups, and nothing is differentiated."""
    few = 0 < x.shape[0] * x.shape[1] <= FEW
    return few and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
