"""From a mel-spectrogram to the taps of minimum-phase filters: the envelope stated, the rest learned."""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vocoder.errors import ConfigError
from vocoder.networks.frame_network import FrameNetwork
from vocoder.networks.precision import DoubleInEvaluation

LOG_GAIN_LIMIT = 16.0  # nats; amplitudes from 1e-7 to 1e7: no minimum-phase response overflows


class SourceFilters(NamedTuple):
    """Minimum-phase responses for the two sources, at each frame."""

    noise: Float[Tensor, "batch frame tap"]
    pulses: Float[Tensor, "batch frame tap"]


class SpectralEnvelope(nn.Module):
    """The log-magnitude spectrum that a log-mel states, with corrections to it.

        log|H(w)| = envelope(mel)(w) + correction(w)

    The envelope undoes the mel analysis by interpolating between band centres; white noise of variance 1
    comes out as 0. The correction is given at each of `bands`, linear in between.

    Args:
        filterbank: of the mel analysis, `[mel, bin]`; the log-mel is the natural logarithm of its output.
        bands: frequencies in Hz at which corrections are stated.
        window_energy: sum of the squared analysis window, which turns magnitudes into densities.
        sample_rate: in Hz.
    """

    envelope_basis: Tensor
    envelope_offset: Tensor
    correction_basis: Tensor

    def __init__(
        self,
        filterbank: Float[Tensor, "mel bin"],
        bands: Float[Tensor, "band"],
        window_energy: float,
        sample_rate: int,
    ) -> None:
        super().__init__()
        num_mels, num_bins = filterbank.shape
        self.num_mels, self.num_bands, self.fft_size = num_mels, len(bands), 2 * (num_bins - 1)
        frequencies = torch.linspace(0, sample_rate / 2, num_bins, dtype=torch.float64)
        weight = filterbank.double().sum(dim=1)
        if empty := [int(band) for band in (weight <= 0).nonzero()]:
            raise ConfigError(
                f"mel bands {', '.join(map(str, empty))} of {num_mels} lie between the bins of the FFT: "
                "give the mel a larger n_fft or fewer bands"
            )
        centres = (filterbank.double() @ frequencies) / weight
        # the mean magnitude of white noise of variance 1 under the window (Rayleigh): sqrt(pi * energy) / 2
        offset = -weight.log() - math.log(math.sqrt(math.pi * window_energy) / 2)
        self.register_buffer("envelope_basis", interpolation_matrix(centres, frequencies), persistent=False)
        self.register_buffer("envelope_offset", offset.float()[:, None], persistent=False)
        basis = interpolation_matrix(bands, frequencies)
        self.register_buffer("correction_basis", basis, persistent=False)

    def forward(
        self, log_mel: Float[Tensor, "batch mel frame"], *corrections: Float[Tensor, "batch band frame"]
    ) -> tuple[Float[Tensor, "batch frame bin"], ...]:
        """One log-magnitude spectrum for each of the corrections, in the dtype of the mel."""
        with torch.autocast(log_mel.device.type, enabled=False):
            envelope = (log_mel + self.envelope_offset).mT @ self.envelope_basis.T
            return tuple(envelope + c.to(log_mel.dtype).mT @ self.correction_basis.T for c in corrections)


class FilterNetwork(nn.Module):
    """Log-mel, F0 and voicing to a noise filter and a pulse filter at each frame.

    Their corrections of the envelope come from a `FrameNetwork`; the taps are the minimum-phase response of
    the magnitudes. The noise filter is smoothed in the cepstrum: with no detail beyond `noise_cepstrum`
    samples (a pitch period is longer), its response has died away within the taps, so that it is
    minimum-phase as cut and its inverse filter stable.
    """

    noise_fold: Tensor
    pulse_fold: Tensor

    def __init__(
        self,
        envelope: SpectralEnvelope,
        *,
        hidden: int,
        layers: int,
        lookahead: int,
        num_taps: int,
        noise_cepstrum: int,
    ) -> None:
        super().__init__()
        self.envelope, self.num_taps = envelope, num_taps
        self.register_buffer("noise_fold", causal_fold(envelope.fft_size, noise_cepstrum), persistent=False)
        self.register_buffer("pulse_fold", causal_fold(envelope.fft_size), persistent=False)
        self.network = FrameNetwork(
            envelope.num_mels + 2, 2 * envelope.num_bands, hidden=hidden, layers=layers, lookahead=lookahead
        )
        nn.init.zeros_(self.network.last.weight)

    def forward(
        self,
        log_mel: Float[Tensor, "batch mel context"],
        features: Float[Tensor, "batch mel+2 context"],
    ) -> SourceFilters:
        """Filters for the frames that remain when the network's context is taken off both ends."""
        return self.respond(self.network.without_context(log_mel), self.network(features))

    def respond(
        self, log_mel: Float[Tensor, "batch mel frame"], shape: Float[Tensor, "batch band frame"]
    ) -> SourceFilters:
        """Filters of frames, given what the network says of each."""
        gains = torch.stack(self.envelope(log_mel, *shape.chunk(2, dim=1)), dim=2)  # sources before bins
        taps = minimum_phase(gains, self.num_taps, torch.stack([self.noise_fold, self.pulse_fold]))
        return SourceFilters(*taps.unbind(2))


class WhiteningNetwork(DoubleInEvaluation):
    """Log-mel to the taps of the filter that takes the envelope out of speech, at each frame.

    The minimum-phase response of 1 / |H|, H corrected by a `FrameNetwork` and smoothed in the cepstrum up to
    `num_cepstrum` samples, so that filter and inverse are stable and as short as each other.

    Where speech is weak its taps reach thousands and their products cancel: a last digit of theirs moves the
    residual by 1e-3. Hence float64 in evaluation; the taps are rounded to the dtype of the mel.
    """

    fold: Tensor

    def __init__(
        self,
        envelope: SpectralEnvelope,
        *,
        hidden: int,
        layers: int,
        lookahead: int,
        num_taps: int,
        num_cepstrum: int,
    ) -> None:
        super().__init__()
        self.envelope, self.num_taps = envelope, num_taps
        self.register_buffer("fold", causal_fold(envelope.fft_size, num_cepstrum), persistent=False)
        self.network = FrameNetwork(
            envelope.num_mels, envelope.num_bands, hidden=hidden, layers=layers, lookahead=lookahead
        )
        nn.init.zeros_(self.network.last.weight)

    def forward(
        self, log_mel: Float[Tensor, "batch mel context"], features: Float[Tensor, "batch mel context"]
    ) -> Float[Tensor, "batch frame tap"]:
        """Taps for the frames that remain when the network's context is taken off both ends."""
        return self.respond(self.network.without_context(log_mel), self.network(features.to(self.dtype)))

    def respond(
        self, log_mel: Float[Tensor, "batch mel frame"], shape: Float[Tensor, "batch band frame"]
    ) -> Float[Tensor, "batch frame tap"]:
        """Taps of frames, given what the network says of each."""
        (gain,) = self.envelope(log_mel.to(self.dtype), shape)
        return minimum_phase(-gain, self.num_taps, self.fold).to(log_mel.dtype)


def interpolation_matrix(
    knots: Float[Tensor, "knot"], points: Float[Tensor, "point"]
) -> Float[Tensor, "point knot"]:
    """The matrix that interpolates values at `knots` linearly to `points`; constant beyond the ends."""
    columns = [np.interp(points, knots, row) for row in np.eye(len(knots))]
    return torch.from_numpy(np.stack(columns, axis=1)).float()


def minimum_phase(
    log_magnitude: Float[Tensor, "*batch bin"], num_taps: int, fold: Float[Tensor, "*kind quefrency"]
) -> Float[Tensor, "*batch num_taps"]:
    """The first `num_taps` samples of the causal, minimum-phase response of a magnitude spectrum.

    By the folded real cepstrum (Oppenheim and Schafer, "Discrete-time signal processing", sec. 13.5.4) with
    `fold` from `causal_fold`. The first tap is set to what it is without aliasing, exp(mean log-magnitude),
    and so always above 0.
    """
    if not log_magnitude.numel():
        return log_magnitude.new_zeros(*log_magnitude.shape[:-1], num_taps)
    cepstrum = torch.fft.irfft(log_magnitude.clamp(-LOG_GAIN_LIMIT, LOG_GAIN_LIMIT))
    log_spectrum = torch.fft.rfft(cepstrum * fold)
    spectrum = torch.polar(log_spectrum.real.exp(), log_spectrum.imag)  # four times as fast as a complex exp
    response = torch.fft.irfft(spectrum)
    return torch.cat([cepstrum[..., :1].exp(), response[..., 1:num_taps]], dim=-1)


def causal_fold(size: int, num_cepstrum: int | None = None) -> Float[Tensor, "quefrency"]:
    """The weights that make a cepstrum of `size` causal: twice its first half, none of its second.

    With `num_cepstrum` it is faded out (half a Hann window) up to that many samples: a smoothed spectrum.
    """
    fold = torch.full((size,), 2.0)
    fold[0] = fold[size // 2] = 1.0
    fold[size // 2 + 1 :] = 0.0
    if num_cepstrum is not None:
        fold[num_cepstrum:] = 0.0
        fold[:num_cepstrum] *= torch.hann_window(2 * num_cepstrum)[num_cepstrum:]
    return fold
