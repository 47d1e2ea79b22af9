"""Could this be a mel of that spec? Asked before noise is synthesized from a mel of another one."""

from torch import Tensor

from vocoder.mel.spec import MelSpec


def check_plausible(mel: Tensor, spec: MelSpec) -> None:
    """Refuse what cannot be a mel `[mel, frame]` or `[batch, mel, frame]` of audio in [-1, 1] under `spec`.

    Raises:
        InputError: not a finite floating-point array of that shape.
        MelMismatch: values that `spec` cannot give; the message names the likely dialect or mistake.
    """
    raise NotImplementedError
