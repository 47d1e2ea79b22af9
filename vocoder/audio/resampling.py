"""Change of sample rate."""

import soxr
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import AudioError


def resample(
    audio: Float[Tensor, "*batch sample"], source_rate: int, target_rate: int
) -> Float[Tensor, "*batch resampled"]:
    """Audio at `source_rate` Hz to `target_rate` Hz: T samples become round(T target/source).

    A linear-phase filter by soxr ("VHQ"), on the CPU, without gradient: within 0.01 dB up to 0.9 of the lower
    Nyquist frequency, 3 dB down at 0.95, aliases and images below -130 dB.

    Raises:
        AudioError: a rate that is not above 0.
    """
    if source_rate < 1 or target_rate < 1:
        raise AudioError(f"sample rates are above 0 Hz, got {source_rate} and {target_rate}")
    if source_rate == target_rate:
        return audio
    flat = audio.detach().cpu().float().reshape(-1, audio.shape[-1])
    channels = soxr.resample(flat.T.numpy(), source_rate, target_rate, quality="VHQ")  # [T, batch]
    return torch.from_numpy(channels).T.reshape(*audio.shape[:-1], -1).contiguous().to(audio.device)
