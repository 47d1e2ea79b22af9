"""Distances between spectra, and the energy distance that lets noise stay noise."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.losses.stft import RESOLUTIONS, PowerSpectra
from vocoder.mel import MelFrontend, MelSpec

FLOOR = 1e-4


class SpectralDistance(nn.Module):
    """Mean over resolutions of |log S(x) - log S(y)| and |S(x) - S(y)|, and the same of the log-mels.

    S is the magnitude of the short-time Fourier transform with a Hann window, divided by the root of the
    window's energy, so white noise of variance 1 has about 1 everywhere. Symmetric, unlike spectral
    convergence (Yamamoto et al. 2020, eq. 3-6), since it also compares two samples of the model.

    Args:
        resolutions: FFT size (and window) and hop, in samples.
        mel_weight: of the mean |log-mel(x) - log-mel(y)| in nats.
        linear_weight: of the plain magnitudes beside their logarithms.
    """

    def __init__(
        self,
        mel_spec: MelSpec,
        *,
        resolutions: Sequence[tuple[int, int]] = RESOLUTIONS,
        mel_weight: float = 1.0,
        linear_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.spectra = PowerSpectra(resolutions)
        self.mel_weight, self.linear_weight = mel_weight, linear_weight
        self.mel = MelFrontend(mel_spec)

    def features(self, audio: Float[Tensor, "batch sample"]) -> list[Tensor]:
        """What is compared; computed once for a signal that is compared twice."""
        return [
            # the floor lies inside the root, whose gradient at 0 is infinite
            *(power.clamp(min=FLOOR**2 / 4).sqrt() for power in self.spectra(audio)),
            self.mel.analyse(audio),
        ]

    def forward(self, x: list[Tensor], y: list[Tensor]) -> Float[Tensor, ""]:
        """Distance between the features of two signals."""
        total = self.mel_weight * (x[-1] - y[-1]).abs().mean()
        for a, b in zip(x[:-1], y[:-1], strict=True):
            log = (a.clamp(min=FLOOR).log() - b.clamp(min=FLOOR).log()).abs().mean()
            scale = b.detach().square().mean().sqrt() + a.detach().square().mean().sqrt() + FLOOR
            linear = 2 * (a - b).abs().mean() / scale
            total = total + (log + self.linear_weight * linear) / (len(x) - 1)
        return total


def energy_distance(
    distance: SpectralDistance,
    samples: Sequence[Float[Tensor, "batch sample"]],
    target: Float[Tensor, "batch sample"],
    repulsion: float,
) -> Float[Tensor, ""]:
    """d(x, y) + d(x', y) - repulsion d(x, x') for two samples, halved; for one sample just d(x, y).

    With repulsion 1 it is the generalized energy distance (Gritsenko et al. 2020, eq. 5), a proper score:
    least when the samples are distributed as the data. With 0 it asks every sample to be the target, which
    noise cannot be, and so teaches too little noise.
    """
    wanted = distance.features(target)
    made = [distance.features(sample) for sample in samples]
    attraction = torch.stack([distance(x, wanted) for x in made]).mean()
    if len(made) == 1 or repulsion == 0:
        return attraction
    return attraction - 0.5 * repulsion * distance(made[0], made[1])
