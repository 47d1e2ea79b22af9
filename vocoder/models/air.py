"""Air: noise above the mel's last band, which a cooled voice lacks.

A temperature below 1 leaves all noise too soft. Where there is a mel, correction brings its bands back; above
its last band nothing does, and the sound is dull. So noise of that band alone is added, more or less of it by
how voiced the sound is. It is no part of the flow: densities and scores know nothing of it, as little as of
the temperature.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from vocoder.config import Config
from vocoder.mel import MelSpec
from vocoder.models.air_kernels import swell_rows
from vocoder.models.high_band import high_band_noise, high_pass
from vocoder.networks.excitation import cycles_at_samples
from vocoder.networks.interpolation import interpolate_knots
from vocoder.noise import Seeds

LAG = 0.07
"""Cycles from a pulse to where the noise swells, so that it does when the bands below do."""


class AirConfig(Config):
    """Deviations of the noise, where 1 is that of the noise that the voice was trained with."""

    voiced: float = Field(default=0.0, ge=0, le=4, description="in voiced sounds")
    unvoiced: float = Field(default=0.0, ge=0, le=4, description="in all others")

    def level(self, voiced: Float[Tensor, "batch knot"]) -> Float[Tensor, "batch knot"]:
        """The deviation where that is the probability of voice."""
        return self.unvoiced + (self.voiced - self.unvoiced) * voiced

    @staticmethod
    def check(mel_spec: MelSpec) -> None:
        """Raise `ConfigError` where the mel leaves no band above it."""
        high_pass(mel_spec)


def breath(
    config: AirConfig,
    mel_spec: MelSpec,
    seeds: Seeds,
    position: Int[Tensor, "batch"],
    f0: Float[Tensor, "batch knot"],
    voiced: Float[Tensor, "batch knot"],
    phase: Float[Tensor, "batch"],
    *,
    gain: float = 1.0,
) -> Float[Tensor, "batch sample"]:
    """The noise from sample `position` on, between the first knot and the last, for a filter to color.

        g_t · sqrt(1 + p_t cos 2π(φ_t - lag)) · n_t

    In voiced sounds it swells once a period, as breath behind vocal folds does, and fuses with the voice
    (Hermes 1991, "Synthesis of breathy vowels: some research methods"). Its power is the same at any pitch.

    Args:
        f0: in Hz.
        voiced: p, the probability of voice.
        phase: φ of the pulses at the first knot, in cycles, float64.
        gain: of the whole; `share_of_air`, in a voice.
    """
    length = (f0.shape[1] - 1) * mel_spec.hop_length
    noise = high_band_noise(seeds, position, length, mel_spec, f0.device)
    level, place = gain * config.level(voiced), phase - LAG
    if noise.device.type != "cpu":
        return noise * _swell(f0, voiced, level, place, mel_spec).to(noise)
    knots = [
        np.ascontiguousarray(value.detach().double()) for value in (f0 / mel_spec.sample_rate, voiced, level)
    ]
    swell_rows(noise.numpy(), *knots, place.numpy(), mel_spec.hop_length)
    return noise


def _swell(f0: Tensor, voiced: Tensor, level: Tensor, phase: Tensor, mel_spec: MelSpec) -> Tensor:
    """What `swell_rows` multiplies with, on any device."""
    hop = mel_spec.hop_length
    cycles = cycles_at_samples(f0, phase, hop, mel_spec.sample_rate)
    power = 1 + interpolate_knots(voiced, hop) * torch.cos(2 * math.pi * cycles)
    return interpolate_knots(level, hop) * power.clamp(min=0).sqrt()


def share_of_air(temperature: float, own: float) -> float:
    """How much of its air a voice has at the temperature of a call: less when cooler, all of it when warmer.

    A warm flow brings noise of its own to that band; none has any without temperature.
    """
    return min(1.0, temperature / own) if own else 0.0
