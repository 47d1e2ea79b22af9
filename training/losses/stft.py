"""The one short-time Fourier transform of the losses."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64))
LONGEST_WINDOW = max(size for size, _ in RESOLUTIONS)


class PowerSpectra(nn.Module):
    """|STFT|² at several resolutions, over the energy of the Hann window: white noise of variance 1 has 1.

    Args:
        resolutions: FFT size (and window) and hop, in samples.
    """

    def __init__(self, resolutions: Sequence[tuple[int, int]] = RESOLUTIONS) -> None:
        super().__init__()
        self.resolutions = tuple(resolutions)
        for size, _ in self.resolutions:
            window = torch.hann_window(size)
            self.register_buffer(f"window_{size}", window / window.square().sum().sqrt(), persistent=False)

    def forward(self, audio: Float[Tensor, "batch sample"]) -> list[Float[Tensor, "batch _ _"]]:
        """Power `[B, bin, frame]` at each resolution."""
        return [self._power(audio, size, hop) for size, hop in self.resolutions]

    def _power(self, audio: Tensor, size: int, hop: int) -> Tensor:
        window = self.get_buffer(f"window_{size}")
        spectrum = torch.stft(audio, size, hop, window=window, center=False, return_complex=True)
        return torch.view_as_real(spectrum).square().sum(-1)
