"""A round of correction on the CPU, where nothing is differentiated: on one thread, as batches are made."""

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from vocoder.mel.correction_kernels import join_halves, scale_bands
from vocoder.mel.spec import MelSpec


class CompiledRound:
    """What `MelCorrection` does between its Fourier transforms, in loops.

    Args:
        filterbank: of the analysis `spec`.
        emphasis: of the magnitudes of the bins.
        places: of each bin the band below it, and how far it is on the way to the next.
        bounds: magnitudes of a band are told apart from the first to the second.
        limit: of the change of a band, in nats.
        window, middle: what a frame is multiplied with, and the middle of a corrected one.
        reach: frames that lie over half of the next.
    """

    def __init__(
        self,
        spec: MelSpec,
        *,
        filterbank: Float[Tensor, "mel bin"],
        emphasis: Float[Tensor, "bin"],
        places: tuple[Int[Tensor, "bin"], Float[Tensor, "bin"]],
        bounds: tuple[float, float],
        limit: float,
        window: Float[Tensor, "window"],
        middle: Float[Tensor, "middle"],
        reach: int,
    ) -> None:
        rows = filterbank.numpy()
        used = [np.flatnonzero(row) for row in rows]
        edges = [(bins[0], bins[-1] + 1) if len(bins) else (0, 0) for bins in used]
        below, share = places
        self._bands = (rows, np.array(edges), below.numpy(), share.float().numpy(), emphasis.square().numpy())
        self._scale = (
            np.float32(spec.magnitude_epsilon),
            int(spec.power),
            np.array(bounds, np.float32),
            np.float32(limit),
        )
        self._halves = (middle.numpy(), window.numpy(), reach)

    def scaled(
        self,
        spectrum: Complex[Tensor, "batch count bin"],
        change: Float[Tensor, "batch spoken mel"],
        wanted: Float[Tensor, "batch spoken mel"],
    ) -> tuple[Complex[Tensor, "batch count bin"], Float[Tensor, "batch spoken mel"]]:
        """As `MelCorrection.scaled`; writes over its first two arguments."""
        spectra = torch.view_as_real(spectrum).numpy()
        scale_bands(spectra, change.numpy(), wanted.numpy(), *self._bands, *self._scale)
        return spectrum, change

    def joined(
        self, frames: Float[Tensor, "batch count window"], recent: Float[Tensor, "batch known middle"]
    ) -> tuple[Float[Tensor, "batch count window"], Float[Tensor, "batch _ middle"]]:
        """As `MelCorrection.joined`; writes over `frames`."""
        kept = join_halves(frames.numpy(), recent.contiguous().numpy(), *self._halves)
        return frames, torch.from_numpy(kept)
