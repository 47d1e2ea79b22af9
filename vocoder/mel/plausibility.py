"""Could this be a mel of that spec? Asked before noise is synthesized from a mel of another one.

Two kinds of limits. Physics: no frame holds more energy than a full-scale waveform (Parseval). The unit of
the values: the mixed difference of neighbours, y[m,t] - y[m-1,t] - y[m,t-1] + y[m-1,t-1], has a median near
2.2 dB in any recording, since a spectrum scatters that much whatever its level; read in another unit it is
off by the ratio of the two. Where the limits below come from is told in docs/mel.md.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.arrays import as_tensor
from vocoder.errors import InputError, MelMismatch
from vocoder.mel.compression import compress, expand, to_log_units
from vocoder.mel.dialects import DIALECTS, dialect_of
from vocoder.mel.filterbank import frame_energy, loudest_bands
from vocoder.mel.spec import MelSpec

_HEADROOM_DB = 3.0  # above full scale; speech stays 9 dB below
_UNDERSHOOT_DB = 20.0  # below the floor; acoustic models reach a few
_RANGE_MARGIN = 0.1  # outside [0, 1]
_STRETCHED_SCATTER_DB, _STRETCHED_SPAN_DB = 3.4, 100.0  # both are surpassed
# Both are missed, and the quietest value is above the next.
_SQUEEZED_SCATTER_DB, _SQUEEZED_SPAN_DB = 1.5, 46.0
_SQUEEZED_QUIETEST_DB = -76.0  # relative to the loudest possible
_CLEAR_DB = 20.0  # above the quietest value, where the floor no longer hides scatter
_MIN_FRAMES, _MIN_VALUES = 40, 500
_SAME = 0.01
_TINY = 1e-30


def check_plausible(mel: Tensor | np.ndarray, spec: MelSpec) -> None:
    """Refuse what cannot be a mel `[mel, frame]` or `[batch, mel, frame]` of audio in [-1, 1] under `spec`.

    Silence, quiet speech, noisy recordings and the smooth mels of acoustic models pass. Dialects that differ
    in little (nvidia and hifigan; pwg-22k, pwg-24k and r9y9) cannot be told apart by their values.

    Raises:
        InputError: not finite floating-point numbers of that shape; the message names the likely mistake.
        MelMismatch: another number of bands, or values that `spec` cannot give; the message names the
            dialects that do, or the likely mistake.
    """
    mel = as_tensor(mel, "mel")
    _check_structure(mel, spec)
    values = mel.detach().double()
    fault = _fault(values, spec)
    if fault is None:
        return
    raise MelMismatch(
        f"mel: values from {float(values.min()):.4g} to {float(values.max()):.4g} are not those of "
        f"{dialect_of(spec) or 'this spec'}: {fault}; {_remedy(values, spec)}"
    )


def surely_plausible(mel: Tensor, spec: MelSpec) -> bool:
    """Whether a look at the extremes shows that `check_plausible` passes: so of most frames in a stream.

    For a few frames on the CPU, of a spec without statistics. False says nothing. It takes three operations,
    of which each can cost a wait for the interpreter where other threads are at work.
    """
    few = mel.dim() == 2 and mel.shape[0] == spec.num_mels and 0 < mel.shape[1] < _MIN_FRAMES
    plain = mel.dtype in (torch.float32, torch.float64) and mel.device.type == "cpu" and not mel.requires_grad
    if not few or not plain:
        return False
    if spec.mean is not None or spec.dynamic_range is not None:
        return False
    floors, highest = _ordinary(spec)
    values = mel.numpy()
    lowest = float(values.min())
    above = lowest > floors[0] and all(abs(lowest - floor) >= _SAME for floor in floors)
    return above and bool((values <= highest).all())


@lru_cache(maxsize=64)
def _ordinary(spec: MelSpec) -> tuple[tuple[float, ...], Float[np.ndarray, "mel 1"]]:
    """The floors, that of `spec` first, and values up to which no frame can be too loud."""
    energy = 0.99 * 10 ** (_HEADROOM_DB / 10)  # of a frame, as `frame_energy` counts it
    loudest = loudest_bands(spec)
    values = compress((loudest * (2 * energy / spec.num_mels) ** (spec.power / 2)).unsqueeze(-1), spec)
    highest = torch.where(loudest.unsqueeze(-1) > 0, values, torch.finfo(torch.float32).max)
    return (spec.floor_value, *(other.floor_value for other in DIALECTS.values())), highest.float().numpy()


def _check_structure(mel: Tensor, spec: MelSpec) -> None:
    shape, wanted = tuple(mel.shape), f"({spec.num_mels}, frames) or (batch, {spec.num_mels}, frames)"
    if not mel.is_floating_point():
        raise InputError(f"mel: dtype {mel.dtype}, must be floating-point")
    if mel.dim() not in (2, 3):
        raise InputError(f"mel: shape {shape}, must be {wanted}")
    if mel.numel() == 0:
        raise InputError(f"mel: shape {shape} is empty; give at least one frame")
    if shape[-2] != spec.num_mels and shape[-1] == spec.num_mels:
        raise InputError(f"mel: shape {shape} is frames before bands, must be {wanted}; transpose it")
    if shape[-2] != spec.num_mels:
        known = [name for name, other in DIALECTS.items() if other.num_mels == shape[-2]]
        hint = f"; {', '.join(known)} have {shape[-2]} bands" if known else ""
        raise MelMismatch(f"mel: shape {shape}, must be {wanted}{hint}")
    if not torch.isfinite(mel).all():
        raise InputError("mel: contains NaN or infinity")


def _fault(values: Tensor, spec: MelSpec) -> str | None:
    """The first thing about finite `values` that `spec` cannot give, or None."""
    laws = (_floor_is_its_own, _within_range, _level_is_kept, _below_full_scale, _scale_of_sound)
    return next((fault for law in laws if (fault := law(values, spec))), None)


def _remedy(values: Tensor, spec: MelSpec) -> str:
    fitting = [n for n, s in DIALECTS.items() if s.num_mels == spec.num_mels and _fault(values, s) is None]
    units = _in_other_units(values, spec)
    if fitting:
        otherwise = f"; or, if it is of the right analysis, {units}" if units else ""
        return f"declare it as what it fits: {', '.join(fitting)}{otherwise}"
    if units:
        return units
    if abs(float(values.mean())) < 0.5 and 0.5 < float(values.std()) < 2:
        return "it looks normalized by statistics: give mean and std"
    if float(values.min()) >= 0 and float(values.max()) <= 1:
        return "it looks scaled to 0..1: give value_range"
    if -1 <= float(values.min()) < -1 + _RANGE_MARGIN and float(values.max()) <= 1:
        return "it looks scaled to -1..1: scale it back to logarithms, by the limits that were taken for it"
    if spec.log_base != "none" and _fault(values - _of_integers(spec), spec) is None:
        return "it fits audio of 16-bit integers: divide them by 32768"
    if float(values.min()) >= 0:
        return "it looks as if no logarithm was taken"
    return "no known dialect fits it: give every parameter"


def _in_other_units(values: Tensor, spec: MelSpec) -> str | None:
    """What brings `values` to the natural logarithms of `spec`, where that is all they lack."""
    if spec.log_base != "e" or spec.multiplier != 1 or spec.mean is not None or spec.value_range is not None:
        return None
    for name, factor in (("common logarithms", math.log(10)), ("decibels", spec.power * math.log(10) / 20)):
        if _fault(values * factor, spec) is None:
            return f"it fits as {name}: multiply it by {factor:.5g}"
    if spec.power == 1 and _fault(values / 2, spec) is None:
        return "it fits as logarithms of power: halve it, or state power 2 and have it estimated"
    near_silence = 0 <= float(values.min()) <= 100 * spec.floor  # which a mel scaled to 0..1 rounds away
    if near_silence and _fault(values.clamp(min=spec.floor).log(), spec) is None:
        return f"it fits without its logarithm: take log(max(mel, {spec.floor:g}))"
    return None


def _of_integers(spec: MelSpec) -> float:
    """What audio in 16-bit integers adds to a logarithmic mel."""
    return spec.multiplier * spec.power * math.log(32768) / spec.log_of_base


def _floor_is_its_own(values: Tensor, spec: MelSpec) -> str | None:
    """Digital silence sits exactly on the floor, and each dialect has its own."""
    lowest = float(values.min())
    if int((values < lowest + _SAME).sum()) < spec.num_mels:
        return None
    if spec.mean is None and abs(lowest - spec.floor_value) < _SAME:
        return None
    owners = [name for name, other in DIALECTS.items() if abs(lowest - other.floor_value) < _SAME]
    return f"{lowest:.4g} again and again is the silence of {', '.join(owners)}" if owners else None


def _within_range(values: Tensor, spec: MelSpec) -> str | None:
    scaled = values if spec.mean is None else None
    if spec.value_range is not None and scaled is not None:
        outside = float(values.min()) < -_RANGE_MARGIN or float(values.max()) > 1 + _RANGE_MARGIN
        return "its values lie in 0..1" if outside else None
    above = _above_floor_db(values, spec)
    return f"they reach {-above:.0f} dB below its floor" if above < -_UNDERSHOOT_DB else None


def _level_is_kept(values: Tensor, spec: MelSpec) -> str | None:
    if spec.dynamic_range is None or float(values.max()) != 0 or float(values.min()) == 0:
        return None
    return "a largest value of exactly 0 is power_to_db(ref=np.max), which forgets the level; use ref=1.0"


def _below_full_scale(values: Tensor, spec: MelSpec) -> str | None:
    energy = float(frame_energy(expand(values, spec), spec).max())
    level = 10 * math.log10(max(energy, _TINY))
    return f"they mean audio {level:.0f} dB above full scale" if level > _HEADROOM_DB else None


def _scale_of_sound(values: Tensor, spec: MelSpec) -> str | None:
    if values.shape[-1] < _MIN_FRAMES:
        return None
    relative = expand(values, spec) / loudest_bands(spec).to(values).clamp(min=_TINY).unsqueeze(-1)
    level = 20 / spec.power * relative.clamp(min=_TINY).log10()
    quietest, loudest = map(float, level.aminmax())
    may_be_squeezed = quietest >= _SQUEEZED_QUIETEST_DB and _above_floor_db(values, spec) >= _CLEAR_DB
    if loudest - quietest <= _STRETCHED_SPAN_DB and not may_be_squeezed:
        return None  # of most mels: no need to count percentiles
    span = _span(level)
    if span > _STRETCHED_SPAN_DB and _scatter(level, quietest + _CLEAR_DB) > _STRETCHED_SCATTER_DB:
        return f"they span {span:.0f} dB, as values of a smaller unit do"
    if (
        may_be_squeezed
        and span < _SQUEEZED_SPAN_DB
        and _scatter(level, quietest + _SAME) < _SQUEEZED_SCATTER_DB
    ):
        return f"they span {span:.0f} dB, as values of a larger unit do"
    return None


def _scatter(level: Tensor, threshold: float) -> float:
    """The median mixed difference in dB among neighbours all above `threshold`; 0 if they are too few."""
    mixed = level.diff(dim=-1).diff(dim=-2).abs()
    above = (level > threshold).to(level)
    together = above[..., 1:, 1:] * above[..., :-1, 1:] * above[..., 1:, :-1] * above[..., :-1, :-1]
    chosen = mixed[together > 0]
    return float(chosen.median()) if chosen.numel() >= _MIN_VALUES else 0.0


def _span(level: Tensor) -> float:
    """From the first to the last percentile."""
    flat = level.flatten()
    low, high = (1 + int(share * (len(flat) - 1)) for share in (0.01, 0.99))
    return float(flat.kthvalue(high).values - flat.kthvalue(low).values)


def _above_floor_db(values: Tensor, spec: MelSpec) -> float:
    """How far the lowest of `values` is above the floor of `spec`, in dB of magnitude."""
    height = float(to_log_units(values, spec).min()) - spec.log_value(spec.floor)
    if spec.log_base == "none":
        return math.inf if height >= -_SAME else -math.inf
    return height / spec.multiplier * spec.log_of_base * 20 / math.log(10) / spec.power
