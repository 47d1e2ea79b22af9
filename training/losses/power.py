"""Power losses: they keep the student's loudness in every band, which the divergence alone lets whisper.

    || φ(g(z, c)) - φ(y) ||²,     φ(x) = |STFT(x)|²

(Parallel WaveNet, van den Oord et al. 2017, sec. 4.) Divided by || φ(y) ||², so that 1 is what silence costs.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from training.losses.stft import PowerSpectra

Form = Literal["average", "frame"]
"""φ averaged over time, as in the paper (clips of a third of a second), or frame by frame (ClariNet)."""


def power_window(sample_rate: int) -> int:
    """Samples: the first power of two above 50 ms (at 22,050 Hz 2,048, 93 ms); the hop is a quarter."""
    return 1 << round(0.05 * sample_rate).bit_length()


class PowerLoss(nn.Module):
    """The relative squared distance of power spectra, of one resolution: see `power_window`.

    Args:
        sample_rate: in Hz.
        form: whether powers are averaged over the segment first.
    """

    def __init__(self, sample_rate: int, form: Form = "average") -> None:
        super().__init__()
        size = power_window(sample_rate)
        self.form: Form = form
        self.spectra = PowerSpectra([(size, size // 4)])

    def forward(
        self, made: Float[Tensor, "batch sample"], wanted: Float[Tensor, "batch sample"]
    ) -> Float[Tensor, ""]:
        """0 for equal powers; segments must be as long as the window at least."""
        (own,), (other,) = self.spectra(made), self.spectra(wanted)
        if self.form == "average":
            own, other = own.mean(dim=2), other.mean(dim=2)
        floor = 1e-12  # of silence, whose distance is then absolute
        scale = other.flatten(1).square().sum(dim=1) + floor
        return ((own - other).flatten(1).square().sum(dim=1) / scale).mean()
