"""The analysis of audio that arrives in pieces."""

from jaxtyping import Float
from torch import Tensor

from vocoder.mel.frontend import MelFrontend
from vocoder.mel.spec import MelSpec


class StreamingMel:
    """One stream: audio chunks in, mel frames out, together equal to `MelFrontend` on the whole."""

    def __init__(self, spec: MelSpec, frontend: MelFrontend | None = None) -> None:
        self.spec = spec

    def push(self, chunk: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch mel frame"]:
        """Take samples; return the frames that they complete, perhaps none."""
        raise NotImplementedError

    def finish(self) -> Float[Tensor, "*batch mel frame"]:
        """End the audio; return the frames that reach into the padding after it."""
        raise NotImplementedError
