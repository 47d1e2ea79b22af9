"""Every number that decides what a mel-spectrogram of a given waveform is."""

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vocoder.errors import ConfigError, InputError

LogBase = Literal["e", "10", "2", "none"]

# A client of the server may state an analysis: its triangles are num_mels x n_fft/2 numbers.
MAX_SAMPLE_RATE, MAX_FFT, MAX_MELS = 384_000, 16_384, 512


class MelSpec(BaseModel):
    """The analysis of a waveform in [-1, 1] into a mel-spectrogram `[mel, frame]`, stage by stage.

    1. pre-emphasis y[t] = x[t] - `pre_emphasis` x[t-1];
    2. `padding` samples added at both ends, in `pad_mode`;
    3. frames of `n_fft` samples every `hop_length`, a window of `win_length` in their middle: "hann",
       periodic, or "lws", the root of a Hann window over the sum of all that overlap (`mel_window`);
    4. S = (re^2 + im^2 + `magnitude_epsilon`)^(`power`/2);
    5. `num_mels` triangles between `fmin` and `fmax` Hz on the `mel_scale`, `mel_norm`: "slaney" gives each
       triangle area 1 (in Hz), "none" height 1;
    6. y = `multiplier` log(max(x, `floor`)) + `offset` with `floor_mode` "clip", log(x + `floor`) with "add";
    7. with `dynamic_range` (librosa's top_db), what is further below the utterance's largest value is raised;
    8. with `value_range` (low, high), scaled so that it becomes [0, 1], and clipped there;
    9. (y - `mean`) / `std`, one number a band.

    Frame i is centred at sample `frame_centre` + i `hop_length`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sample_rate: int = Field(gt=0, le=MAX_SAMPLE_RATE, description="Hz")
    n_fft: int = Field(ge=2, le=MAX_FFT, description="samples")
    win_length: int = Field(ge=2, description="samples, at most n_fft")
    hop_length: int = Field(ge=1, description="samples between frames")
    window: Literal["hann", "lws"] = "hann"
    padding: int = Field(ge=0, description="samples added at each end; n_fft/2 centres frame 0 on sample 0")
    pad_mode: Literal["reflect", "constant"] = "reflect"
    num_mels: int = Field(ge=1, le=MAX_MELS)
    fmin: float = Field(ge=0, description="Hz")
    fmax: float = Field(gt=0, description="Hz, at most sample_rate/2")
    mel_scale: Literal["slaney", "htk"] = "slaney"
    mel_norm: Literal["slaney", "none"] = "slaney"
    power: Literal[1, 2] = 1
    magnitude_epsilon: float = Field(default=0.0, ge=0)
    log_base: LogBase = "e"
    multiplier: float = Field(default=1.0, gt=0)
    floor: float = Field(ge=0, description="of the linear mel, before the logarithm")
    floor_mode: Literal["clip", "add"] = "clip"
    offset: float = 0.0
    dynamic_range: float | None = Field(default=None, gt=0, description="in the units after stage 6")
    value_range: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    pre_emphasis: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _consistent(self) -> "MelSpec":
        rules = [
            (
                self.win_length <= self.n_fft,
                f"win_length {self.win_length} must be at most n_fft {self.n_fft}",
            ),
            (self.padding <= self.n_fft, f"padding {self.padding} must be at most n_fft {self.n_fft}"),
            (
                self.window == "hann" or self.win_length >= 2 * self.hop_length,
                f"an lws window must overlap: win_length {self.win_length} must be at least two hops of "
                f"{self.hop_length}",
            ),
            (self.fmin < self.fmax, f"fmin {self.fmin:g} Hz must be below fmax {self.fmax:g} Hz"),
            (
                self.fmax <= self.sample_rate / 2,
                f"fmax {self.fmax:g} Hz must be at most half the sample rate, {self.sample_rate / 2:g} Hz",
            ),
            (
                self.hop_length <= self.n_fft,
                f"hop_length {self.hop_length} must be at most n_fft {self.n_fft}",
            ),
            (self.log_base == "none" or self.floor > 0, "floor must be above 0 where a logarithm is taken"),
            (
                self.dynamic_range is None or (self.log_base != "none" and self.floor_mode == "clip"),
                "dynamic_range needs a logarithm and floor_mode clip",
            ),
            (
                self.value_range is None or self.value_range[0] < self.value_range[1],
                f"value_range {self.value_range} must be (low, high) with low < high",
            ),
            ((self.mean is None) == (self.std is None), "mean and std are given together or not at all"),
            (
                all(s is None or len(s) == self.num_mels for s in (self.mean, self.std)),
                f"mean and std need one number for each of the {self.num_mels} bands, "
                f"got {len(self.mean or ())} and {len(self.std or ())}",
            ),
            (self.std is None or min(self.std) > 0, "every std must be above 0"),
        ]
        broken = [message for holds, message in rules if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change with any number of the analysis.

        Parameters at their defaults are left out, so that a stage added later does not rename older specs.
        """
        typed = MelSpec.model_validate(self.model_dump())  # model_copy leaves an 80 where 80.0 belongs
        canonical = json.dumps(typed.model_dump(exclude_defaults=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def frame_centre(self) -> int:
        """The sample on which frame 0 is centred."""
        return self.n_fft // 2 - self.padding

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length

    @property
    def min_samples(self) -> int:
        """The shortest waveform that gives a frame."""
        return max(self.n_fft - 2 * self.padding, self.padding + 1 if self.pad_mode == "reflect" else 1, 1)

    @property
    def floor_value(self) -> float:
        """The value of a silent frame, the same in each band.

        Raises:
            InputError: with statistics it differs between bands; see `vocoder.mel.silence`.
        """
        if self.mean is not None:
            raise InputError(
                "floor_value: differs between bands under mean and std; use vocoder.mel.silence(spec)"
            )
        return self.scale_value(self.log_value(self.floor))

    def num_frames(self, num_samples: int) -> int:
        """Frames of a waveform of `num_samples` samples."""
        return max(0, 1 + (num_samples + 2 * self.padding - self.n_fft) // self.hop_length)

    def num_samples(self, num_frames: int) -> int:
        """Samples that a vocoder makes of `num_frames` frames: `hop_length` for each."""
        return num_frames * self.hop_length

    def with_statistics(self, mean: Sequence[float], std: Sequence[float]) -> "MelSpec":
        """The same analysis followed by (y - mean) / std, one number a band.

        Raises:
            ConfigError: not one finite number a band, or a std that is not above 0.
        """
        values = self.model_dump() | {"mean": tuple(map(float, mean)), "std": tuple(map(float, std))}
        try:
            return MelSpec.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"with_statistics: {reasons(error)}") from None

    def log_value(self, linear: float) -> float:
        """Stage 6 on one number, already at or above the floor."""
        if self.log_base == "none":
            return self.multiplier * linear + self.offset
        return self.multiplier * math.log(linear) / self.log_of_base + self.offset

    def scale_value(self, value: float) -> float:
        """Stage 8 on one number."""
        if self.value_range is None:
            return value
        low, high = self.value_range
        return min(max((value - low) / (high - low), 0.0), 1.0)

    @property
    def log_of_base(self) -> float:
        """ln of the logarithm's base."""
        return {"e": 1.0, "10": math.log(10), "2": math.log(2), "none": math.nan}[self.log_base]


def reasons(error: ValidationError) -> str:
    """What pydantic refused, in one line: field, rule, value."""
    return "; ".join(_reason(detail) for detail in error.errors(include_url=False))


def _reason(detail: Any) -> str:
    field = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"{field}: not a parameter of a mel; they are {', '.join(MelSpec.model_fields)}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{field}: {message}, got {detail['input']!r}" if field else message
