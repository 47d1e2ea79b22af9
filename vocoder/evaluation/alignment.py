"""Put a generated clip beside its recording: lag taken out, one length, one loudness.

A vocoder keeps the magnitudes of the spectrum, not its phase, so the waveforms do not correlate and cannot be
aligned as they are; the envelopes of their bands do.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.audio import resample
from vocoder.errors import AudioError
from vocoder.evaluation.loudness import loudness
from vocoder.mel import MelFrontend, MelSpec

MAX_LAG_SECONDS = 0.025
MAX_EXTRA_SECONDS = 0.25  # padding of the last frames; more is another utterance
HOP_SECONDS = 0.001
WINDOW_SECONDS = 0.016
NUM_BANDS = 20
COMPRESSION = 0.3  # loudness grows as this power of intensity (Stevens 1955)


@dataclass(frozen=True)
class Pair:
    """A recording and what a voice made of it, in step and equally loud; made by `align`.

    `lag` is by how many samples the voice came late before it was moved, `loudness_difference` by how many
    LU it was louder before it was levelled.
    """

    reference: Float[np.ndarray, "sample"]
    generated: Float[np.ndarray, "sample"]
    sample_rate: int
    lag: int
    loudness_difference: float

    def at(self, sample_rate: int) -> tuple[Float[np.ndarray, "sample"], Float[np.ndarray, "sample"]]:
        """Both signals at another sample rate, resampled once."""
        if sample_rate not in self._resampled:
            both = torch.from_numpy(np.stack([self.reference, self.generated]))
            reference, generated = resample(both, self.sample_rate, sample_rate).double().numpy()
            self._resampled[sample_rate] = reference, generated
        return self._resampled[sample_rate]

    @cached_property
    def _resampled(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {self.sample_rate: (self.reference, self.generated)}


def align(
    reference: Float[Tensor, "sample"], generated: Float[Tensor, "other_sample"], sample_rate: int
) -> Pair:
    """Move, cut and level `generated` to fit `reference`, both in [-1, 1] at `sample_rate`.

    The lag found by `envelope_lag` is taken out, both are cut to what they share, and `generated` gets the
    reference's loudness (BS.1770). Silence is left at its level.

    Raises:
        AudioError: empty or not finite, or lengths that differ by more than a quarter of a second.
        InputError: far outside [-1, 1].
    """
    _check(reference, generated, sample_rate)
    lag = envelope_lag(reference, generated, sample_rate)
    a, b = (audio.detach().cpu().double().numpy() for audio in (reference, generated))
    late, early = max(lag, 0), max(-lag, 0)
    length = min(len(a) - early, len(b) - late)
    a, b = a[early : early + length], b[late : late + length]
    target, actual = loudness(a, sample_rate), loudness(b, sample_rate)
    if not np.isfinite([target, actual]).all():
        return Pair(a, b, sample_rate, lag, np.nan)
    return Pair(a, b * 10 ** ((target - actual) / 20), sample_rate, lag, actual - target)


def align_recording(
    recording: Float[Tensor, "sample"],
    recorded_rate: int,
    generated: Float[Tensor, "other_sample"],
    sample_rate: int,
) -> Pair:
    """As `align`, at the rate of `generated`, of a recording at its own.

    Where that is lower, the band that it cannot hold is taken out of `generated` too: nothing is known there.
    """
    if recorded_rate < sample_rate:
        generated = resample(resample(generated, sample_rate, recorded_rate), recorded_rate, sample_rate)
    return align(resample(recording, recorded_rate, sample_rate), generated, sample_rate)


def envelope_lag(
    reference: Float[Tensor, "sample"], generated: Float[Tensor, "other_sample"], sample_rate: int
) -> int:
    """By how many samples `generated` comes late: the lag where the band envelopes correlate best.

    Envelopes of 20 mel bands every millisecond, compressed like loudness, each without its mean; lags up to
    25 ms either way, in whole milliseconds. 0 where the envelopes carry no information.
    """
    bands = _bands(sample_rate)
    a, b = (_envelopes(bands(audio.detach().cpu())) for audio in (reference, generated))
    hop = bands.spec.hop_length
    reach = min(round(MAX_LAG_SECONDS * sample_rate / hop), a.shape[1] - 1, b.shape[1] - 1)
    lags = sorted(range(-reach, reach + 1), key=abs)
    return hop * max(lags, key=lambda lag: _correlation(a, b, lag))


def _correlation(a: np.ndarray, b: np.ndarray, lag: int) -> float:
    length = min(a.shape[1] - max(-lag, 0), b.shape[1] - max(lag, 0))
    a, b = a[:, max(-lag, 0) :][:, :length], b[:, max(lag, 0) :][:, :length]
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.vdot(a, b) / norm) if norm > 0 else 0.0


def _envelopes(energies: Tensor) -> np.ndarray:
    compressed = energies.double().numpy() ** COMPRESSION
    return compressed - compressed.mean(axis=1, keepdims=True)


@cache
def _bands(sample_rate: int) -> MelFrontend:
    window = round(WINDOW_SECONDS * sample_rate)
    spec = MelSpec(
        sample_rate=sample_rate,
        n_fft=window,
        win_length=window,
        hop_length=max(round(HOP_SECONDS * sample_rate), 1),
        padding=window // 2,
        pad_mode="constant",
        num_mels=NUM_BANDS,
        fmin=100.0,
        fmax=sample_rate / 2,
        power=2,
        log_base="none",
        floor=0.0,
    )
    return MelFrontend(spec)


def _check(reference: Tensor, generated: Tensor, sample_rate: int) -> None:
    for name, audio in (("reference", reference), ("generated", generated)):
        if len(audio) == 0:
            raise AudioError(f"the {name} audio is empty")
        if not torch.isfinite(audio).all():
            raise AudioError(f"the {name} audio has NaN or infinite samples, so there is nothing to measure")
    seconds = len(reference) / sample_rate, len(generated) / sample_rate
    if abs(seconds[0] - seconds[1]) > MAX_EXTRA_SECONDS:
        raise AudioError(
            f"the reference lasts {seconds[0]:.2f} s and the generated audio {seconds[1]:.2f} s: "
            f"they must agree within {MAX_EXTRA_SECONDS} s to be the same utterance"
        )
