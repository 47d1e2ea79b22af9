"""Rewriting a mel of one dialect in another, where that is exact."""

import math

from jaxtyping import Float
from torch import Tensor

from vocoder.errors import MelMismatch
from vocoder.mel.compression import compress, expand
from vocoder.mel.dialects import dialect_of
from vocoder.mel.filterbank import loudest_bands, mel_filterbank
from vocoder.mel.spec import MelSpec

EPSILON = 0.2
"""The share of the floor that a `magnitude_epsilon` may add: at the floor 0.2 in the natural logarithm."""

# What decides the linear mel, stages 1 to 5: nothing after it can make up for a difference here.
_ANALYSIS = (
    "sample_rate",
    "n_fft",
    "win_length",
    "hop_length",
    "window",
    "num_mels",
    "fmin",
    "fmax",
    "mel_scale",
    "mel_norm",
    "power",
    "pre_emphasis",
)


def convert(
    mel: Float[Tensor, "*batch mel frame"], source: MelSpec, target: MelSpec
) -> Float[Tensor, "*batch mel frame"]:
    """The mel that `target` would have given for the audio whose `source` mel is `mel`.

    Exact where only stages 6 to 9 differ and `target` cuts at least what `source` cut: any logarithm, factor,
    offset and statistics; a floor, a `value_range` and a `dynamic_range` that keep no more than the source's.
    Padding may differ: the frames are those of the audio that begins `source.frame_centre -
    target.frame_centre` samples later, with the source's padding around it. So may `magnitude_epsilon`, where
    all that it adds lies below the floor.

    Raises:
        MelMismatch: it cannot be computed from `mel` alone; the message names each parameter in the way.
    """
    if source == target:
        return mel
    check_convertible(source, target)
    return compress(expand(mel.double(), source), target).to(mel.dtype)


def check_convertible(source: MelSpec, target: MelSpec) -> None:
    """Raise `MelMismatch` where `convert` would."""
    if source != target and (found := obstacles(source, target)):
        raise MelMismatch(
            f"a {title(source)} mel cannot be converted to {title(target)}: {'; '.join(found)}. "
            "Compute it from the audio with the target's parameters, use a voice of the mel's dialect, "
            "or have it estimated (estimate=true, --estimate)"
        )


def obstacles(source: MelSpec, target: MelSpec) -> list[str]:
    """What stands in the way of an exact conversion, each with both values; empty if nothing does."""
    found = [
        f"{name} is {getattr(source, name)}, not {getattr(target, name)}"
        for name in _ANALYSIS
        if getattr(source, name) != getattr(target, name)
    ]
    if _added(source) != _added(target) and max(map(_added, (source, target))) > EPSILON * lowest(target):
        found.append(f"magnitude_epsilon is {source.magnitude_epsilon}, not {target.magnitude_epsilon}")
    if lowest(target) < lowest(source):
        found.append(f"what lies below {lowest(source):g} was cut, {lowest(target):g} is needed (floor)")
    if highest(target) > highest(source):
        found.append(
            f"what lies above {highest(source):g} was cut, {highest(target):g} is needed (value_range)"
        )
    if _span(target) > _span(source) or (math.isfinite(_span(target)) and math.isfinite(highest(source))):
        found.append(f"dynamic_range is {source.dynamic_range}, not {target.dynamic_range}")
    return found


def _added(spec: MelSpec) -> float:
    """What `magnitude_epsilon` adds to a band of the linear mel at most."""
    return spec.magnitude_epsilon ** (spec.power / 2) * float(mel_filterbank(spec).sum(1).max())


def lowest(spec: MelSpec) -> float:
    """The linear mel below which `spec` tells nothing apart."""
    floor = spec.floor if spec.floor_mode == "clip" else 0.0
    return floor if spec.value_range is None else max(floor, _linear(spec, spec.value_range[0]))


def highest(spec: MelSpec) -> float:
    """The linear mel above which `spec` tells nothing apart."""
    highest = math.inf if spec.value_range is None else _linear(spec, spec.value_range[1])
    return math.inf if highest >= float(loudest_bands(spec).max()) else highest


def _span(spec: MelSpec) -> float:
    """`dynamic_range` as the logarithm of a ratio of linear mels."""
    if spec.dynamic_range is None:
        return math.inf
    return spec.dynamic_range / spec.multiplier * spec.log_of_base


def _linear(spec: MelSpec, value: float) -> float:
    """Stage 6 backwards on one number."""
    y = (value - spec.offset) / spec.multiplier
    if spec.log_base != "none":
        y = math.exp(y * spec.log_of_base)
    return y - spec.floor if spec.floor_mode == "add" else y


def title(spec: MelSpec) -> str:
    """The dialect's name, or a fingerprint of what has none."""
    return dialect_of(spec) or f"custom ({spec.fingerprint})"
