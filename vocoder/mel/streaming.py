"""The analysis of audio that arrives in pieces."""

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.errors import InputError
from vocoder.mel.compression import compress
from vocoder.mel.frontend import MelFrontend, check_length, check_range
from vocoder.mel.spec import MelSpec


class StreamingMel:
    """One stream: audio chunks in, mel frames out, together equal to `MelFrontend` on the whole.

    The state is here and the front end has none, so many streams may share one. A frame comes out as soon as
    its `n_fft` samples are in; the frames that reach past the end come with `finish`.

    Raises:
        InputError: a spec with `dynamic_range`, which needs the whole utterance.
    """

    def __init__(self, spec: MelSpec, frontend: MelFrontend | None = None) -> None:
        if spec.dynamic_range is not None:
            raise InputError(
                f"dynamic_range {spec.dynamic_range:g} is relative to the loudest frame of the utterance and "
                "cannot be streamed; use MelFrontend on the whole, or a spec without it"
            )
        self.spec = spec
        self.frontend = frontend or MelFrontend(spec)
        self.num_samples = 0
        self._lead = spec.padding + 1 if spec.pad_mode == "reflect" else 1  # samples before the first frame
        self._finished = False
        none = self.frontend.window.new_zeros(0)
        self._pending = none  # from the first sample of the next frame on, padding included
        self._latest = none  # the last padding + 1 samples, which the padding at the end mirrors
        self._previous = none  # the last sample as it came, for the pre-emphasis of the next

    @torch.no_grad()
    def push(self, chunk: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch mel frame"]:
        """Take samples; return the frames that they complete, perhaps none.

        Raises:
            InputError: not finite, far outside [-1, 1], another batch shape than before, or after `finish`.
        """
        self._check_open()
        check_range(chunk)
        audio = self._emphasize(self._joinable(chunk.to(self.frontend.window)))
        before, self.num_samples = self.num_samples, self.num_samples + audio.shape[-1]
        self._latest = _join(self._latest, audio)[..., -(self.spec.padding + 1) :]
        self._pending = _join(self._pending, audio)
        if before < self._lead <= self.num_samples:
            padded = self.frontend.pad(self._pending)
            self._pending = padded[..., : self.spec.padding + self.num_samples]
        return self._frames()

    @torch.no_grad()
    def finish(self) -> Float[Tensor, "*batch mel frame"]:
        """End the audio; return the frames that reach into the padding after it.

        Raises:
            InputError: the whole is shorter than `spec.min_samples`, or `finish` was called before.
        """
        self._check_open()
        check_length(self.num_samples, self.spec)
        self._finished = True
        padded = self.frontend.pad(self._latest)
        end = padded[..., padded.shape[-1] - self.spec.padding :]
        self._pending = _join(self._pending, end)
        return self._frames()

    def _check_open(self) -> None:
        if self._finished:
            raise InputError("this mel stream was finished; open another one")

    def _joinable(self, audio: Tensor) -> Tensor:
        batch = tuple(audio.shape[:-1])
        if self.num_samples == 0:
            self._pending = self._latest = self._previous = audio[..., :0]
        elif batch != tuple(self._pending.shape[:-1]):
            raise InputError(f"chunk: batch {batch} in a stream of batch {tuple(self._pending.shape[:-1])}")
        return audio

    def _emphasize(self, audio: Tensor) -> Tensor:
        joined = _join(self._previous, audio)
        self._previous = joined[..., -1:]
        return self.frontend.emphasize(joined)[..., joined.shape[-1] - audio.shape[-1] :]

    def _frames(self) -> Tensor:
        """The mel of the whole frames in `_pending`, which keeps what later frames need."""
        spec, pending = self.spec, self._pending
        count = 1 + (pending.shape[-1] - spec.n_fft) // spec.hop_length
        if count < 1 or self.num_samples < self._lead:
            return pending.new_zeros(*pending.shape[:-1], spec.num_mels, 0)
        self._pending = pending[..., count * spec.hop_length :]
        whole = pending[..., : (count - 1) * spec.hop_length + spec.n_fft]
        return compress(self.frontend.linear(whole), spec)


def _join(first: Tensor, then: Tensor) -> Tensor:
    return torch.cat((first, then), dim=-1)
