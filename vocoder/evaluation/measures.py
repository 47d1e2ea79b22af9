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
from vocoder.evaluation.faults.clicks import find_clicks
from vocoder.evaluation.faults.detector import Heard
from vocoder.evaluation.mos import DNSMOS_RATE, dnsmos
from vocoder.evaluation.perceptual import PESQ_RATE, pesq_wb, stoi
from vocoder.evaluation.periodicity import periodicity, periodicity_error
from vocoder.evaluation.pitch import f0_track, pitch_error
from vocoder.evaluation.spectral import stft_distance
from vocoder.evaluation.tones import tonal_artefacts
from vocoder.evaluation.upper_band import upper_band_difference


@dataclass(frozen=True)
class Measure:
    """One column: its key, heading, unit ("" for none), direction, the decimals worth showing, a sentence."""

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower", "zero"]
    decimals: int
    meaning: str


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


def _periodicity(pair: Pair) -> tuple[float, ...]:
    tracks = (periodicity(audio, pair.sample_rate) for audio in (pair.reference, pair.generated))
    return (periodicity_error(*tracks),)


FAMILIES = (
    Family(
        (Measure("pesq", "PESQ-WB", "MOS", "higher", 2, "ITU-T P.862.2 at 16 kHz, 1.02 to 4.64"),),
        lambda pair: (pesq_wb(*pair.at(PESQ_RATE)),),
        needs=("pesq",),
    ),
    Family(
        (
            Measure("stoi", "STOI", "", "higher", 3, "short-time intelligibility, up to 1"),
            Measure(
                "estoi", "ESTOI", "", "higher", 3, "extended STOI, which hears modulated maskers, up to 1"
            ),
        ),
        _stoi,
    ),
    Family(
        (
            Measure("dnsmos", "DNSMOS", "MOS", "higher", 2, "predicted opinion of the whole, no reference"),
            Measure("dnsmos_signal", "DNSMOS signal", "MOS", "higher", 2, "predicted opinion of the speech"),
            Measure(
                "dnsmos_background",
                "DNSMOS backgr.",
                "MOS",
                "higher",
                2,
                "predicted opinion of the background",
            ),
            Measure(
                "dnsmos_p808", "P.808", "MOS", "higher", 2, "predicted opinion in a crowd's listening test"
            ),
        ),
        lambda pair: dnsmos(pair.at(DNSMOS_RATE)[1]),
        needs=("onnxruntime", "speechmos.dnsmos"),
    ),
    Family(
        (
            Measure(
                *("stft_convergence", "MR-STFT conv.", "", "lower", 3),
                "spectral convergence of magnitudes, mean of three resolutions",
            ),
            Measure(
                *("stft_log_magnitude", "MR-STFT log", "nat", "lower", 3),
                "mean difference of log magnitudes, mean of three resolutions",
            ),
        ),
        lambda pair: stft_distance(pair.reference, pair.generated),
    ),
    Family(
        (
            Measure("mcd", "MCD", "dB", "lower", 2, "mel-cepstral distortion, frame by frame, without DTW"),
            Measure(
                "mcd_dtw", "MCD-DTW", "dB", "lower", 2, "mel-cepstral distortion after time warping (DTW)"
            ),
        ),
        _mcd,
        needs=("pyworld",),
    ),
    Family(
        (
            Measure("f0_rmse_hz", "F0 RMSE", "Hz", "lower", 1, "pitch error where both are voiced"),
            Measure("f0_rmse_cents", "F0 RMSE", "cent", "lower", 0, "the same in hundredths of a semitone"),
            Measure("voicing_error", "V/UV err.", "", "lower", 3, "share of frames voiced in one alone"),
            Measure("f0_log_correlation", "F0 corr.", "", "higher", 3, "correlation of log pitch, up to 1"),
        ),
        _pitch,
        needs=("pyworld",),
    ),
    Family(
        (
            Measure(
                *("periodicity_error", "period. err.", "", "lower", 3),
                "difference of the share of sound that repeats every period, 0 to 1",
            ),
        ),
        _periodicity,
    ),
    Family(
        (
            Measure(
                *("upper_band", "8–10 kHz", "dB", "zero", 1),
                "louder than the recording from 8 to 10 kHz, the median over frames that sound",
            ),
        ),
        lambda pair: (upper_band_difference(pair.reference, pair.generated, pair.sample_rate),),
    ),
    Family(
        (
            Measure(
                "tones", "tones", "dB", "lower", 1, "the strongest line at multiples of rate / 16 in pauses"
            ),
        ),
        lambda pair: (tonal_artefacts(pair.reference, pair.generated),),
    ),
    Family(
        (
            Measure(
                *("clicks", "clicks", "a minute", "lower", 1),
                "peaks of the linear prediction residual that the recording lacks (`vocoder faults`)",
            ),
        ),
        lambda pair: (find_clicks(Heard(pair)).rate,),
    ),
    Family(
        (
            Measure(
                "loudness_difference", "loudness", "LU", "zero", 2, "louder than the recording (BS.1770)"
            ),
            Measure("lag", "lag", "ms", "zero", 1, "later than the recording"),
        ),
        _placement,
    ),
)
LIKELIHOOD = Measure(
    *("bits_per_sample", "likelihood", "bit", "lower", 3),
    "exact bits that a 16-bit sample of the recording takes; only voices that have such a figure",
)
"""Not of a pair but of a voice and a recording: a system that can says it (`runner.Scoring`)."""

MEASURES = {measure.name: measure for family in FAMILIES for measure in family.measures}
MEASURES[LIKELIHOOD.name] = LIKELIHOOD


def families_of(names: tuple[str, ...] | None) -> list[Family]:
    """The families that give `names`; None: every family whose optional packages are installed.

    `LIKELIHOOD` is known and belongs to none.

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
