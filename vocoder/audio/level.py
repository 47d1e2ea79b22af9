"""How loud the speech in a recording is."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

_FRAME_SECONDS = 0.02
_MARGIN_DB = 15.9  # ITU-T P.56: frames that far below the active level are pauses
_PASSES = 20


def active_level(audio: Float[Tensor, "sample"], sample_rate: int) -> float:
    """The RMS of the active speech in dBFS (a full-scale square wave is 0), pauses left out.

    The mean power of the 20 ms frames that are at most 15.9 dB below that mean, the margin of ITU-T P.56 on
    plain frames instead of its smoothed envelope. Gain moves it decibel by decibel; added silence does not
    move it. -inf for digital silence.
    """
    length = min(max(1, round(_FRAME_SECONDS * sample_rate)), audio.numel())
    if length == 0:
        return -math.inf
    power = audio.detach().double().unfold(0, length, length).square().mean(dim=1)
    threshold = 0.0
    for _ in range(_PASSES):
        active = power[power > threshold]
        if active.numel() == 0:
            return -math.inf
        threshold = float(active.mean()) * 10 ** (-_MARGIN_DB / 10)
    return 10 * math.log10(float(torch.mean(power[power > threshold])))
