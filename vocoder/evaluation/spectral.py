"""Distances of short-time magnitude spectra: deaf to phase, as the ear mostly is."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import AudioError

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # FFT, hop, Hann window, in samples
POWER_FLOOR = 1e-7


class StftDistance(NamedTuple):
    """Both are 0 for equal magnitudes and unbounded above; lower is better."""

    convergence: float
    log_magnitude: float


def stft_distance(
    reference: Float[np.ndarray, "sample"],
    generated: Float[np.ndarray, "sample"],
    resolutions: tuple[tuple[int, int, int], ...] = RESOLUTIONS,
) -> StftDistance:
    """Multi-resolution STFT distance of two aligned signals of one length, averaged over `resolutions`.

    With magnitudes R (reference) and G: spectral convergence ‖R - G‖ / ‖R‖ (Frobenius) and the mean of
    |ln R - ln G| in nats (1 nat = 8.7 dB); power is floored at 1e-7. Resolutions and floor of Parallel
    WaveGAN (Yamamoto, Song and Kim 2020, eq. 5 to 7), in samples whatever the rate.

    Raises:
        AudioError: shorter than half the longest window, or the reference is silent.
    """
    shortest = max(n_fft for n_fft, _, _ in resolutions) // 2 + 1
    if len(reference) < shortest:
        raise AudioError(f"the STFT distance needs at least {shortest} samples, {len(reference)} came")
    if not np.any(reference):
        raise AudioError("the STFT distance is relative to the reference, and the reference is silent")
    distances = [_distance(_magnitude(reference, *r), _magnitude(generated, *r)) for r in resolutions]
    return StftDistance(*(float(np.mean(values)) for values in zip(*distances, strict=True)))


def _magnitude(audio: np.ndarray, n_fft: int, hop_length: int, win_length: int) -> Tensor:
    wave = torch.as_tensor(audio, dtype=torch.float64)
    window = torch.hann_window(win_length, dtype=torch.float64)
    spectrum = torch.stft(wave, n_fft, hop_length, win_length, window, return_complex=True)
    return spectrum.abs().square().clamp(min=POWER_FLOOR).sqrt()


def _distance(reference: Tensor, generated: Tensor) -> tuple[float, float]:
    convergence = torch.linalg.norm(reference - generated) / torch.linalg.norm(reference)
    return convergence.item(), (reference.log() - generated.log()).abs().mean().item()
