"""A mel that somebody made, brought into the units of the voice that is to speak it."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.arrays import as_tensor
from vocoder.mel import (
    Estimator,
    MelSpec,
    check_convertible,
    check_plausible,
    convert,
    obstacles,
    surely_plausible,
)
from vocoder.models.base import check_frames


def fit_mel(
    mel: Float[Tensor, "*batch mel frame"] | Float[np.ndarray, "*batch mel frame"],
    source: MelSpec | None,
    target: MelSpec,
    *,
    estimate: bool = False,
) -> Float[Tensor, "*batch mels frames"]:
    """The mel in the units of `target`, given that `source` made it (None: `target` itself).

    Args:
        mel: `[M, F]` or `[B, M, F]`, a tensor or an array.
        estimate: where `vocoder.mel.convert` cannot be exact, take what `vocoder.mel.estimate` says.

    Raises:
        InputError: wrong axes, no frames, or values that are not finite.
        MelMismatch: values that `source` cannot give, or no conversion from it.
    """
    fitting = Fitting(source, target, estimate=estimate)
    fitted = fitting.push(mel)
    rest = fitting.finish()
    return torch.cat([fitted, rest], dim=-1) if rest.shape[-1] else fitted


class Fitting:
    """`fit_mel` for frames as they come. The frames of an estimate may wait for one other.

    Raises:
        MelMismatch: as `fit_mel` does for any mel of `source`.
    """

    def __init__(self, source: MelSpec | None, target: MelSpec, *, estimate: bool = False) -> None:
        self._source, self._target = source or target, target
        self._estimator = None
        if estimate and obstacles(self._source, target):
            self._estimator = Estimator(self._source, target)
        else:
            check_convertible(self._source, target)

    @property
    def exact(self) -> bool:
        """Whether frames are converted, which costs next to nothing, and not estimated."""
        return self._estimator is None

    def push(
        self, mel: Float[Tensor, "*batch mel frame"] | Float[np.ndarray, "*batch mel frame"]
    ) -> Float[Tensor, "*batch mels frames"]:
        """The frames of the target that are certain by now."""
        mel = as_tensor(mel, "mel")
        if not surely_plausible(mel, self._source):
            check_frames(mel if mel.dim() == 3 else mel[None], self._source)
            check_plausible(mel, self._source)
        if self._estimator is None:
            return convert(mel, self._source, self._target)
        return self._estimator.push(mel)

    def finish(self) -> Float[Tensor, "*batch mels frames"]:
        """The rest, if there is one."""
        return torch.empty(self._target.num_mels, 0) if self._estimator is None else self._estimator.finish()
