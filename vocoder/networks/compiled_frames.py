"""The weights of a `FrameNetwork` laid out for its compiled loop, which a few frames at a time go through."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.networks.frame_kernels import stream_frames
from vocoder.networks.row_kernels import loop_array


class CompiledFrames:
    """A stack of residual convolutions over frames.

    Args:
        first, last: matrix `[in, out]` and bias.
        layers: of each, the frames that it looks ahead, scale and shift of its normalisation, matrix and bias
            over time, matrix and bias of the mix.
    """

    def __init__(
        self,
        first: tuple[Tensor, Tensor],
        layers: Sequence[tuple[int, *tuple[Tensor, ...]]],
        last: tuple[Tensor, Tensor],
    ) -> None:
        rights, *stacks = zip(*layers, strict=True)
        self._weights = (
            np.array(rights),
            *map(loop_array, first),
            *(loop_array(torch.stack(parts)) for parts in stacks),
            *map(loop_array, last),
        )

    def stream(
        self, frames: Float[Tensor, "batch channel chunk"], held: Float[Tensor, "batch slot hidden"]
    ) -> tuple[Float[Tensor, "batch out chunk"], Float[Tensor, "batch slot hidden"]]:
        """The next outputs, and the last two inputs of each layer after them."""
        rows = frames.mT.contiguous().numpy()
        outputs, following = stream_frames(rows, held.contiguous().numpy(), *self._weights)
        return torch.from_numpy(outputs).mT, torch.from_numpy(following)
