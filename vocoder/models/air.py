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
from torch import Tensor, nn

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
    """Deviations of the noise, where 1 is that of standard normal noise."""

    voiced: float = Field(default=0.0, ge=0, le=4, description="in voiced sounds")
    unvoiced: float = Field(default=0.0, ge=0, le=4, description="in all others")


class Air(nn.Module):
    """The noise of a voice, for its filter to color.

        g_t · sqrt(1 + p_t cos 2π(φ_t - lag)) · n_t

    g lies between `unvoiced` and `voiced` by the probability of voice p. In voiced sounds the noise swells
    once a period, as breath behind vocal folds does, and fuses with the voice (Hermes 1991, "Synthesis of
    breathy vowels: some research methods"). Its power is the same at any pitch.

    Raises:
        ConfigError: the mel leaves no band above it.
    """

    taps: Tensor

    def __init__(self, config: AirConfig, mel_spec: MelSpec, temperature: float) -> None:
        super().__init__()
        self.config, self.temperature = config, temperature
        self.hop_length, self.sample_rate = mel_spec.hop_length, mel_spec.sample_rate
        self.register_buffer("taps", high_pass(mel_spec), persistent=False)

    def forward(
        self,
        seeds: Seeds,
        position: Int[Tensor, "batch"],
        f0: Float[Tensor, "batch knot"],
        voiced: Float[Tensor, "batch knot"],
        phase: Float[Tensor, "batch"],
        temperature: float,
    ) -> Float[Tensor, "batch sample"]:
        """The noise from sample `position` on, between the first knot and the last.

        Args:
            f0: in Hz.
            voiced: p, the probability of voice.
            phase: φ of the pulses at the first knot, in cycles, float64.
            temperature: of the call.
        """
        noise = high_band_noise(seeds, position, (f0.shape[1] - 1) * self.hop_length, self.taps)
        level = self.config.unvoiced + (self.config.voiced - self.config.unvoiced) * voiced
        level, place = share_of_air(temperature, self.temperature) * level, phase - LAG
        if noise.device.type != "cpu":
            return noise * self.swell(f0, voiced, level, place).to(noise)
        step = f0 / self.sample_rate
        knots = [np.ascontiguousarray(value.detach().double()) for value in (step, voiced, level)]
        swell_rows(noise.numpy(), *knots, place.detach().numpy(), self.hop_length)
        return noise

    def swell(
        self,
        f0: Float[Tensor, "batch knot"],
        voiced: Float[Tensor, "batch knot"],
        level: Float[Tensor, "batch knot"],
        phase: Float[Tensor, "batch"],
    ) -> Float[Tensor, "batch sample"]:
        """What `swell_rows` multiplies with, on any device."""
        cycles = cycles_at_samples(f0, phase, self.hop_length, self.sample_rate)
        power = 1 + interpolate_knots(voiced, self.hop_length) * torch.cos(2 * math.pi * cycles)
        return interpolate_knots(level, self.hop_length) * power.clamp(min=0).sqrt()


def share_of_air(temperature: float, own: float) -> float:
    """How much of its air a voice has at the temperature of a call, 0 to 1.

    Less at a lower one, none without any. At a higher one the flow brings noise of its own to that band:
    between the voice's own temperature and 1 the powers of both change places.
    """
    if not own:
        return 0.0
    if temperature <= own:
        return temperature / own
    return math.sqrt(max(0.0, (1 - temperature**2) / (1 - own**2))) if own < 1 else 1.0


def air_of(config: AirConfig | None, mel_spec: MelSpec, temperature: float) -> Air | None:
    """None for a voice without any. Raises as `Air` does."""
    if config is None or config.voiced == config.unvoiced == 0:
        return None
    return Air(config, mel_spec, temperature)
