"""The table of measures: what each is called, its unit, which way is better, and what computes it.

A new measure is one new entry of `FAMILIES`; a family is what comes out of one computation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vocoder.errors import InputError, MissingExtra
from vocoder.evaluation.alignment import Pair
from vocoder.evaluation.cepstral import SAMPLE_RATE as MCD_RATE
from vocoder.evaluation.cepstral import mel_cepstral_distortion, mel_cepstrum
from vocoder.evaluation.extras import optional
from vocoder.evaluation.mos import DNSMOS_RATE, dnsmos
from vocoder.evaluation.perceptual import PESQ_RATE, pesq_wb, stoi
from vocoder.evaluation.pitch import f0_track, pitch_error
from vocoder.evaluation.spectral import stft_distance
from vocoder.evaluation.tones import tonal_artefacts


@dataclass(frozen=True)
class Measure:
    """One column: its key, heading, unit ("" for none), direction and the decimals worth showing."""

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower", "zero"]
    decimals: int


@dataclass(frozen=True)
class Family:
    """Measures that one computation on an aligned pair gives, in order, and the optional modules it needs."""

    measures: tuple[Measure, ...]
    compute: Callable[[Pair], tuple[float, ...]]
    needs: tuple[str, ...] = ()

    def require(self) -> None:
        """Raise `MissingExtra` unless every module it needs is installed."""
        for module in self.needs:
            optional(module, self.measures[0].label)

    @property
    def available(self) -> bool:
        try:
            self.require()
        except MissingExtra:
            return False
        return True


def _stoi(pair: Pair) -> tuple[float, ...]:
    clips = pair.at(PESQ_RATE)
    return stoi(*clips, PESQ_RATE), stoi(*clips, PESQ_RATE, extended=True)


def _mcd(pair: Pair) -> tuple[float, ...]:
    cepstra = [mel_cepstrum(audio, MCD_RATE) for audio in pair.at(MCD_RATE)]
    return mel_cepstral_distortion(*cepstra), mel_cepstral_distortion(*cepstra, warp_time=True)


def _pitch(pair: Pair) -> tuple[float, ...]:
    return pitch_error(*(f0_track(audio, pair.sample_rate) for audio in (pair.reference, pair.generated)))


def _placement(pair: Pair) -> tuple[float, ...]:
    return pair.loudness_difference, 1000 * pair.lag / pair.sample_rate


FAMILIES = (
    Family(
        (Measure("pesq", "PESQ-WB", "MOS", "higher", 2),),
        lambda pair: (pesq_wb(*pair.at(PESQ_RATE)),),
        needs=("pesq",),
    ),
    Family(
        (Measure("stoi", "STOI", "", "higher", 3), Measure("estoi", "ESTOI", "", "higher", 3)),
        _stoi,
    ),
    Family(
        (
            Measure("dnsmos", "DNSMOS", "MOS", "higher", 2),
            Measure("dnsmos_signal", "DNSMOS signal", "MOS", "higher", 2),
            Measure("dnsmos_background", "DNSMOS backgr.", "MOS", "higher", 2),
            Measure("dnsmos_p808", "P.808", "MOS", "higher", 2),
        ),
        lambda pair: dnsmos(pair.at(DNSMOS_RATE)[1]),
        needs=("onnxruntime", "speechmos.dnsmos"),
    ),
    Family(
        (
            Measure("stft_convergence", "STFT conv.", "", "lower", 3),
            Measure("stft_log_magnitude", "STFT log", "nat", "lower", 3),
        ),
        lambda pair: stft_distance(pair.reference, pair.generated),
    ),
    Family(
        (Measure("mcd", "MCD", "dB", "lower", 2), Measure("mcd_dtw", "MCD-DTW", "dB", "lower", 2)),
        _mcd,
        needs=("pyworld",),
    ),
    Family(
        (
            Measure("f0_rmse_hz", "F0 RMSE", "Hz", "lower", 1),
            Measure("f0_rmse_cents", "F0 RMSE", "cent", "lower", 0),
            Measure("voicing_error", "V/UV err.", "", "lower", 3),
            Measure("f0_log_correlation", "F0 corr.", "", "higher", 3),
        ),
        _pitch,
        needs=("pyworld",),
    ),
    Family(
        (Measure("tones", "tones", "dB", "lower", 1),),
        lambda pair: (tonal_artefacts(pair.reference, pair.generated),),
    ),
    Family(
        (Measure("loudness_difference", "loudness", "LU", "zero", 2), Measure("lag", "lag", "ms", "zero", 1)),
        _placement,
    ),
)

MEASURES = {measure.name: measure for family in FAMILIES for measure in family.measures}


def families_of(names: tuple[str, ...] | None) -> list[Family]:
    """The families that give `names`; None: every family whose optional packages are installed.

    Raises:
        InputError: a name that is no measure.
        MissingExtra: a named measure whose package is not installed.
    """
    if names is None:
        return [family for family in FAMILIES if family.available]
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise InputError(f"unknown measure {unknown[0]!r}: choose from {', '.join(MEASURES)}")
    chosen = [family for family in FAMILIES if any(measure.name in names for measure in family.measures)]
    for family in chosen:
        family.require()
    return chosen
