"""Networks whose outputs must not depend on how a stream is cut into chunks, to the last digit."""

import torch
from torch import nn


class DoubleInEvaluation(nn.Module):
    """Computes in float32 while it trains, in float64 in evaluation mode.

    Convolutions round differently for chunks of different lengths. Where a result is summed up over a whole
    utterance (the phase of pulses) or fed back into itself (the context of an autoregressive flow), float32's
    differences would grow; float64's vanish when the result is rounded to float32.
    """

    @property
    def dtype(self) -> torch.dtype:
        """What inputs are to be converted to."""
        return next(self.parameters()).dtype

    def train(self, mode: bool = True) -> "DoubleInEvaluation":
        super().train(mode)
        return self.to(torch.float32 if mode else torch.float64)
