"""Rewriting a mel of one dialect in another, where that is exact."""

from jaxtyping import Float
from torch import Tensor

from vocoder.mel.spec import MelSpec


def convert(
    mel: Float[Tensor, "*batch mel frame"], source: MelSpec, target: MelSpec
) -> Float[Tensor, "*batch mel frame"]:
    """The mel that `target` would have given for the audio whose `source` mel is `mel`.

    Raises:
        MelMismatch: it cannot be computed from `mel` alone; the message names each parameter in the way.
    """
    raise NotImplementedError
