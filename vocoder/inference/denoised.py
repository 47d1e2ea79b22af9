"""Encoders that take off what a voice says of silence."""

from jaxtyping import Float
from torch import Tensor

from vocoder.audio import Encoder
from vocoder.inference.denoiser import Denoiser, DenoiserStream
from vocoder.models import Vocoder


class Denoised:
    """An encoder whose audio is denoised first."""

    def __init__(self, encoder: Encoder, stream: DenoiserStream) -> None:
        self._encoder, self._stream = encoder, stream
        self.content_type = encoder.content_type

    def encode(self, audio: Float[Tensor, "sample"]) -> bytes:
        return self._encoder.encode(self._stream.push(audio))

    def finish(self) -> bytes:
        return self._encoder.encode(self._stream.finish()) + self._encoder.finish()


def denoised(encoder: Encoder, voice: Vocoder, strength: float | None) -> Encoder | Denoised:
    """The encoder, or one that denoises first, where a strength is given."""
    return encoder if not strength else Denoised(encoder, DenoiserStream(Denoiser.of(voice), strength))
