"""One recording: is it fit for training, and what is cut out of it."""

import math

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from vocoder.audio import active_level, resample
from vocoder.config import Config
from vocoder.errors import InputError

FRAME_SECONDS = 0.01
_FULL_SCALE = 0.999
_CUT_SECONDS = 0.2
_HIGHEST_PEAK = 0.89  # -1 dBFS


class CleanConfig(Config):
    """What is demanded of a recording, and what is done to it."""

    sample_rate: int = Field(default=22050, ge=8000, description="Hz; slower recordings are left out")
    min_seconds: float = Field(default=0.5, gt=0, description="of speech, after trimming")
    max_seconds: float = Field(default=15.0, gt=1, description="longer recordings are cut at pauses")
    level_db: float = Field(default=-26.0, lt=0, description="active level of every piece, dBFS")
    quietest_db: float = Field(default=-60.0, description="active level below which a recording is silent")
    most_clipped: float = Field(default=1e-3, ge=0, le=1, description="share of samples at full scale")
    least_contrast_db: float = Field(
        default=20.0, ge=0, description="between speech and the quietest tenth; less is noise or music"
    )
    trim_db: float = Field(default=40.0, gt=0, description="so far below the active level is silence")
    margin_seconds: float = Field(default=0.1, ge=0, description="of silence kept at both ends")


class Unfit(InputError):
    """A recording that is left out; the message says why."""


def clean(audio: Float[Tensor, "sample"], sample_rate: int, config: CleanConfig) -> list[Float[Tensor, "_"]]:
    """Pieces at `config.sample_rate`: trimmed, at most `max_seconds` long, at one level.

    Raises:
        Unfit: too slow a rate, silent, clipped, noisy, or too short.
    """
    if sample_rate < config.sample_rate:
        raise Unfit(f"sampled at {sample_rate} Hz: below {config.sample_rate} the top band is missing")
    clipped = (audio.abs() >= _FULL_SCALE).float().mean().item()
    if clipped > config.most_clipped:
        raise Unfit(f"clipped: {clipped:.2%} of its samples are at full scale")
    wave = resample(audio, sample_rate, config.sample_rate)
    level = active_level(wave, config.sample_rate)
    if level < config.quietest_db:
        raise Unfit(f"silent: its active level is {level:.0f} dBFS")
    power = frame_power(wave, config.sample_rate)
    trimmed = _trim(wave, power, level, config)
    if len(trimmed) < config.min_seconds * config.sample_rate:
        raise Unfit(f"short: {len(trimmed) / config.sample_rate:.2f} s of speech")
    contrast = level - power.quantile(0.1).item()
    if contrast < config.least_contrast_db:
        raise Unfit(f"noisy: its quietest tenth is only {contrast:.0f} dB below the speech")
    return [_leveled(piece, config) for piece in cut_at_pauses(trimmed, config)]


def frame_power(audio: Float[Tensor, "sample"], sample_rate: int) -> Float[Tensor, "frame"]:
    """Mean power of 10 ms frames, in dB of full scale."""
    length = round(FRAME_SECONDS * sample_rate)
    frames = audio[: len(audio) // length * length].view(-1, length)
    return 10 * frames.square().mean(dim=1).clamp_min(1e-12).log10()


def cut_at_pauses(audio: Float[Tensor, "sample"], config: CleanConfig) -> list[Float[Tensor, "_"]]:
    """Pieces of at most `max_seconds`, cut where it is quietest in the second half of the room left."""
    longest = int(config.max_seconds * config.sample_rate)
    length = round(FRAME_SECONDS * config.sample_rate)
    window = round(_CUT_SECONDS / FRAME_SECONDS)
    pieces = []
    while len(audio) > longest:
        power = frame_power(audio[longest // 2 : longest], config.sample_rate)
        quiet = power.unfold(0, window, 1).mean(dim=1).argmin().item()
        cut = longest // 2 + int((quiet + window / 2) * length)
        pieces.append(audio[:cut])
        audio = audio[cut:]
    shortest = config.min_seconds * config.sample_rate
    return [*pieces, *([audio] if len(audio) >= shortest else [])]


def _trim(
    wave: Float[Tensor, "sample"], power: Float[Tensor, "frame"], level: float, config: CleanConfig
) -> Float[Tensor, "trimmed"]:
    loud = (power > level - config.trim_db).nonzero()
    if not len(loud):
        return wave[:0]
    length = round(FRAME_SECONDS * config.sample_rate)
    margin = round(config.margin_seconds * config.sample_rate)
    first, last = int(loud[0]) * length, (int(loud[-1]) + 1) * length
    return wave[max(0, first - margin) : last + margin]


def _leveled(piece: Float[Tensor, "sample"], config: CleanConfig) -> Float[Tensor, "sample"]:
    """At the level that is asked for, or quieter where its peak would pass -1 dBFS."""
    level = active_level(piece, config.sample_rate)
    if not math.isfinite(level):
        return piece
    gain = 10 ** ((config.level_db - level) / 20)
    return piece * min(gain, _HIGHEST_PEAK / max(piece.abs().max().item(), 1e-9))
