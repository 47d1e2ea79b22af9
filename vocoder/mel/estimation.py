"""A mel of one analysis, told from the mel of another: never exact, and near for speech.

`convert` refuses what arithmetic on the mel cannot give. Here the spectrum behind the mel is estimated and
analysed anew.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vocoder.errors import MelMismatch
from vocoder.mel.compression import compress, expand
from vocoder.mel.conversion import lowest, title
from vocoder.mel.filterbank import mel_filterbank, mel_window
from vocoder.mel.frame_times import FrameTimes
from vocoder.mel.spec import MelSpec

UPDATES = 8
"""Rounds that bring the estimated spectrum to the mel."""
FALL = 6.0
"""Magnitudes below the lowest band fall with this power of the frequency: hum that is missing disturbs less
than hum that is made up."""
MAX_RAISE = 24.0
"""dB by which the source's floor may lie above the target's: what is quieter is lost."""
_TINY = 1e-12


def estimate(
    mel: Float[Tensor, "*batch mel frame"], source: MelSpec, target: MelSpec
) -> Float[Tensor, "*batch mels frames"]:
    """About the mel that `target` gives for the audio whose `source` mel is `mel`.

    The bands, interpolated over the bins, are brought to the mel by multiplicative updates (Lee and Seung
    2001, "Algorithms for non-negative matrix factorization", equation 4, with the triangles given). The
    spectrum that comes of it, scaled to the target's window, passes the target's pre-emphasis and triangles.
    Where the rates of frames differ it is interpolated in time, in logarithms. Frame 0 stays frame 0. What
    lies outside the source's bands or below its floor is a guess.

    Returns:
        As many frames of the target as last as long, rounded, and one at least.

    Raises:
        MelMismatch: the source's floor is so high that quiet sounds are lost.
    """
    estimator = Estimator(source, target)
    return torch.cat([estimator.push(mel), estimator.finish()], dim=-1)


class Estimator:
    """`estimate` for frames as they come, a batch of none or more axes: what is pushed is answered with what
    is certain by then, which is all of it where the rates of frames are equal, and one frame less where not.

    Raises:
        MelMismatch: as `estimate`.
    """

    def __init__(self, source: MelSpec, target: MelSpec) -> None:
        self._source, self._target = source, target
        self._spectra = _spectra(source, target)
        if (raised := _raised(source, target)) > MAX_RAISE:
            raise MelMismatch(
                f"a {title(source)} mel says nothing of quiet sounds: its floor lies {raised:.0f} dB above "
                f"that of {title(target)}, at most {MAX_RAISE:.0f} can be. Compute it from the audio with "
                "the target's parameters"
            )
        self._times = FrameTimes(source, target)

    def push(self, mel: Float[Tensor, "*batch mel frame"]) -> Float[Tensor, "*batch mels frames"]:
        linear = expand(mel.double(), self._source).float()
        log_mel = self._times.push(self._spectra.to(mel.device).log_mel(linear))
        return self._compressed(log_mel).to(mel.dtype)

    def finish(self) -> Float[Tensor, "*batch mels frames"]:
        """The rest: the last frame stands for what would follow it."""
        return self._compressed(self._times.finish())

    def _compressed(self, log_mel: Tensor) -> Tensor:
        return compress(log_mel.exp(), self._target) if log_mel.shape[-1] else log_mel


class _Between(NamedTuple):
    """Linear interpolation along the last axis but one."""

    lower: Int[Tensor, "place"]
    weight: Float[Tensor, "place 1"]

    def __call__(self, values: Float[Tensor, "*batch point frame"]) -> Float[Tensor, "*batch place frame"]:
        upper = (self.lower + 1).clamp(max=values.shape[-2] - 1)
        low, high = (values.index_select(-2, index) for index in (self.lower, upper))
        return torch.lerp(low, high, self.weight)

    def to(self, device: torch.device) -> "_Between":
        return _Between(*(each.to(device) for each in self))


def _between(points: Float[Tensor, "point"], places: Float[Tensor, "place"]) -> _Between:
    """Beyond the first and the last point the value is theirs."""
    if len(points) == 1:
        return _Between(torch.zeros(len(places), dtype=torch.int64), torch.zeros(len(places), 1))
    lower = (torch.searchsorted(points, places, right=True) - 1).clamp(0, len(points) - 2)
    weight = (places - points[lower]) / (points[lower + 1] - points[lower])
    return _Between(lower, weight.clamp(0, 1).unsqueeze(1).float())


class _Spectra(NamedTuple):
    """What lies between two linear mels of one moment, in float32."""

    bands: Int[Tensor, "band"]  # those of the source that have bins
    sums: Float[Tensor, "band 1"]  # of their triangles
    over_bins: _Between
    fall: Float[Tensor, "bin 1"]  # logarithmic, below the lowest band
    triangles: Float[Tensor, "band bin"]
    spread: Float[Tensor, "bin band"]  # the triangles' shares of each bin
    outside: Float[Tensor, "bin 1"]  # 1 where no triangle holds it
    to_magnitude: float
    log_gain: Float[Tensor, "bin 1"]
    over_target_bins: _Between
    to_target_power: int
    target_triangles: Float[Tensor, "mel target_bin"]

    def log_mel(self, linear: Float[Tensor, "*batch mel frame"]) -> Float[Tensor, "*batch mels frame"]:
        linear = linear.index_select(-2, self.bands).clamp(min=_TINY)
        spectrum = (self.over_bins((linear / self.sums).log()) + self.fall).exp()
        for _ in range(UPDATES):
            ratio = linear / (self.triangles @ spectrum).clamp(min=_TINY)
            spectrum = spectrum * (self.spread @ ratio + self.outside)
        log_magnitude = spectrum.clamp(min=_TINY**2).log() * self.to_magnitude + self.log_gain
        energies = (self.over_target_bins(log_magnitude) * self.to_target_power).exp()
        return (self.target_triangles @ energies).clamp(min=_TINY).log()

    def to(self, device: torch.device) -> "_Spectra":
        return self if device == self.sums.device else _Spectra(*(_moved(each, device) for each in self))


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor | _Between) else value


@lru_cache(maxsize=8)
def _spectra(source: MelSpec, target: MelSpec) -> _Spectra:
    with torch.inference_mode(False):  # what is kept may meet gradients later
        triangles = mel_filterbank(source)
        bands = (triangles.sum(1) > 0).nonzero().squeeze(1)
        triangles = triangles[bands]
        hertz, target_hertz = _bins(source), _bins(target)
        sums, held = triangles.sum(1, keepdim=True), triangles.sum(0).unsqueeze(1)
        centres = triangles @ hertz / sums.squeeze(1)
        below = ((hertz + hertz[1] / 2) / (centres[0] + hertz[1] / 2)).clamp(max=1).log()
        return _Spectra(
            bands=bands,
            sums=sums.float(),
            over_bins=_between(centres, hertz),
            fall=(FALL * source.power * below).unsqueeze(1).float(),
            triangles=triangles.float(),
            spread=torch.where(held > 0, triangles.mT / held, 0.0).float(),
            outside=(held == 0).float(),
            to_magnitude=1 / source.power,
            log_gain=_log_gain(source, target, hertz).unsqueeze(1).float(),
            over_target_bins=_between(hertz, target_hertz),
            to_target_power=target.power,
            target_triangles=mel_filterbank(target).float(),
        )


def _bins(spec: MelSpec) -> Float[Tensor, "bin"]:
    return torch.arange(spec.n_fft // 2 + 1, dtype=torch.float64) * spec.sample_rate / spec.n_fft


def _log_gain(source: MelSpec, target: MelSpec, hertz: Float[Tensor, "bin"]) -> Float[Tensor, "bin"]:
    """By how much noise of the same density is larger in the target's spectrum than in the source's."""
    energy, target_energy = (float(mel_window(spec).square().sum()) for spec in (source, target))
    window = math.log(target.sample_rate * target_energy / (source.sample_rate * energy)) / 2
    return window + _log_emphasis(target, hertz) - _log_emphasis(source, hertz)


def _log_emphasis(spec: MelSpec, hertz: Float[Tensor, "bin"]) -> Float[Tensor, "bin"]:
    angle = 2 * math.pi * hertz / spec.sample_rate
    return (1 - 2 * spec.pre_emphasis * angle.cos() + spec.pre_emphasis**2).log() / 2


@lru_cache(maxsize=32)
def _raised(source: MelSpec, target: MelSpec) -> float:
    """dB from the target's floor to what the source's becomes, in the middle of the bands."""
    floor, target_floor = lowest(source), lowest(target)
    if target_floor <= 0 or floor <= 0:
        return 0.0
    silent = torch.full((source.num_mels, 1), floor)
    level = float(_spectra(source, target).log_mel(silent).median())
    return 20 / target.power * (level - math.log(target_floor)) / math.log(10)
