"""The contract of a vocoder: mel in, audio out, whole or as a stream."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vocoder.arrays import as_tensor
from vocoder.config import Config
from vocoder.errors import InputError, NoDensity
from vocoder.mel import MelSpec, silence
from vocoder.noise import check_seed, check_seeds

BLOCK_FRAMES = 512
MAX_TEMPERATURE = 2.0


class Vocoder(nn.Module, ABC):
    """Frames of a mel-spectrogram to `hop_length` samples of audio each.

    A model must implement `start` and `advance`; all else is derived, so a stream and the whole utterance run
    the same code and give the same samples. A model holds no state of a stream: `start` makes one, `advance`
    takes it and returns the next. The noise at a sample depends on (seed, sample) alone.

    Attributes:
        kind: name of the model family, as checkpoints record it.
        config: what the model was built from.
        mel_spec: the analysis that its input comes from.
        temperature: the scale of the noise unless a call says otherwise.
        likelihood: what `score` gives: "exact", the probability of 16-bit samples; "mu-law", of their 8-bit
            classes; "density", a continuous density over a step of 16-bit PCM; None where there is nothing.
    """

    kind: str
    likelihood: Literal["exact", "mu-law", "density"] | None = None
    config: Config
    mel_spec: MelSpec
    temperature: float

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio, in Hz."""
        return self.mel_spec.sample_rate

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    @abstractmethod
    def lookahead_frames(self) -> int:
        """How many frames beyond frame f must be known before the samples of frame f can be made."""

    @abstractmethod
    def start(self, seeds: Sequence[int], temperature: float) -> Any:
        """The state of a batch of streams before their first frame, one seed each."""

    @abstractmethod
    def advance(
        self, mel: Float[Tensor, "batch mel frame"], state: Any, *, last: bool
    ) -> tuple[Float[Tensor, "batch sample"], Any]:
        """Take more frames (perhaps none), return the audio that has become certain and the next state.

        With `last`, all audio that is still owed is returned: `hop_length` samples a frame in total.
        """

    @property
    def recordable(self) -> bool:
        """Whether `advance` in the middle of utterances is the same operations for all states of one layout.

        Then a GPU can replay them: none reads a value back, and seeds may be a tensor on the device.
        """
        return False

    def log_prob(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch"]:
        """Log-density of audio in [-1, 1] given its mel, in nats. Raises `NoDensity` where there is none."""
        raise NoDensity(f"a {self.kind} model has no density to score audio with")

    def score(
        self, audio: Float[Tensor, "batch sample"], mel: Float[Tensor, "batch mel frame"]
    ) -> Float[Tensor, "batch sample"]:
        """Bits that each sample takes as 16-bit PCM, given those before it; `likelihood` says in what sense.

        `audio` has at most `frames * hop_length` samples. Raises `NoDensity` where there is no such figure.
        """
        raise NoDensity(f"a {self.kind} model gives no figure for single samples: score with another voice")

    @property
    def score_reach(self) -> tuple[int, int] | None:
        """Frames before and after a sample, audio and mel, that its score depends on; None: all there are."""
        return None

    def synthesize(
        self,
        mel: Float[Tensor, "*batch mel frame"] | Float[np.ndarray, "*batch mel frame"],
        *,
        seed: SupportsIndex | Sequence[SupportsIndex] | Int[np.ndarray, "..."] | Int[Tensor, "..."] = 0,
        temperature: float | None = None,
    ) -> Float[Tensor, "*batch sample"]:
        """Audio of exactly `frames * hop_length` samples, in [-1, 1] but not clipped.

        Args:
            mel: `[M, F]`, or `[B, M, F]` of equal lengths, in the units of `mel_spec`; a tensor or an array.
            seed: one for all, or one for each of the batch.
            temperature: scale of the noise; the model's own when not given.

        Raises:
            InputError: wrong axes, bands, values, seeds or temperature.
        """
        frames = as_tensor(mel, "mel")
        batch = frames if frames.dim() == 3 else frames[None]
        check_frames(batch, self.mel_spec)
        seeds = check_seeds(seed, len(batch))
        with torch.inference_mode():
            state = self.start(seeds, self.check_temperature(temperature))
            blocks = batch.to(self.device, torch.float32).split(BLOCK_FRAMES, dim=-1)
            audio = []
            for i, block in enumerate(blocks):
                samples, state = self.advance(block, state, last=i == len(blocks) - 1)
                audio.append(samples)
            whole = torch.cat(audio, dim=-1)
        return (whole if frames.dim() == 3 else whole[0]).clone()  # one that may be changed in place

    def forward(
        self,
        mel: Float[Tensor, "*batch mel frame"] | Float[np.ndarray, "*batch mel frame"],
        *,
        seed: SupportsIndex | Sequence[SupportsIndex] | Int[np.ndarray, "..."] | Int[Tensor, "..."] = 0,
        temperature: float | None = None,
    ) -> Float[Tensor, "*batch sample"]:
        """`synthesize`, for `voice(mel)`."""
        return self.synthesize(mel, seed=seed, temperature=temperature)

    def open_stream(self, *, seed: SupportsIndex = 0, temperature: float | None = None) -> "Stream":
        """A stream of one utterance; raises `InputError` for a bad seed or temperature."""
        return Stream(self, self.start([check_seed(seed)], self.check_temperature(temperature)))

    def check_temperature(self, temperature: float | None) -> float:
        """The temperature to use; raises `InputError` outside 0 … 2."""
        if temperature is None:
            return self.temperature
        try:
            given = float(temperature)
        except (TypeError, ValueError):
            given = math.nan
        if not 0.0 <= given <= MAX_TEMPERATURE:
            raise InputError(f"temperature must lie between 0 and {MAX_TEMPERATURE:g}, got {temperature!r}")
        return given

    def warm_up(self, sizes: Iterable[int] = (64, 128)) -> None:
        """Do once what first calls pay for, such as compiling: silence is spoken, whole and as a stream.

        Args:
            sizes: frames of the stream's blocks.
        """
        blocks = [silence(self.mel_spec, frames) for frames in sizes]
        stream = self.open_stream()
        for block in blocks:
            stream.push(block)
        stream.finish()
        self.synthesize(torch.cat(blocks, dim=1))

    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.parameters())


class Stream:
    """One utterance on its way: frames are pushed as they come, audio is returned as it becomes certain.

    The concatenated audio equals `Vocoder.synthesize` of the concatenated frames.
    """

    def __init__(self, model: Vocoder, state: Any) -> None:
        self._model = model
        self._state = state
        self._finished = False

    def push(
        self, mel: Float[Tensor, "mel frame"] | Float[np.ndarray, "mel frame"]
    ) -> Float[Tensor, "sample"]:
        """Take any number of frames; raises `InputError` for wrong bands or values, or after `finish`."""
        batch = as_tensor(mel, "mel")[None]
        check_frames(batch, self._model.mel_spec, empty_allowed=True)
        return self._advance(batch, last=False)

    def finish(self) -> Float[Tensor, "sample"]:
        """The audio still owed; afterwards the stream takes no more frames."""
        audio = self._advance(torch.zeros(1, self._model.mel_spec.num_mels, 0), last=True)
        self._finished = True
        return audio

    def _advance(self, mel: Tensor, *, last: bool) -> Tensor:
        if self._finished:
            raise InputError("this stream is finished: open another one for the next utterance")
        with torch.inference_mode():
            audio, self._state = self._model.advance(
                mel.to(self._model.device, torch.float32), self._state, last=last
            )
        return audio[0].clone()


def check_frames(mel: Tensor, spec: MelSpec, *, empty_allowed: bool = False) -> None:
    """Raise `InputError` unless `mel` is finite numbers `[batch, mel, frame]`, and not empty."""
    if not mel.is_floating_point():
        raise InputError(f"mel: expected floating-point values, got {mel.dtype}")
    if mel.dim() != 3 or mel.shape[1] != spec.num_mels:
        raise InputError(
            f"mel: expected {spec.num_mels} bands x frames, got shape {list(mel.shape[1:])}"
            + (": transpose it" if mel.dim() == 3 and mel.shape[2] == spec.num_mels else "")
        )
    if mel.numel() == 0 and not empty_allowed:
        raise InputError("mel: it has no frames")
    if not bool(torch.isfinite(mel).all()):
        raise InputError(
            "mel: contains NaN or infinity; silence is the floor of the dialect, not minus infinity"
        )
