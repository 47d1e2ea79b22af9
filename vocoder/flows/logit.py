"""From bounded data to the real line."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.flows.base import Flow, sum_log_det


class Logit(Flow):
    """z = logit(α + (1 − 2α) · x / m) for x in [0, m] (R-NVP, Dinh et al. 2017, sec. 4.1).

    α > 0 keeps the edges of the range away from infinity. `to_data` may leave [0, m] by the margin that α
    gives: clamp a picture before it is shown.
    """

    def __init__(self, maximum: float = 1.0, alpha: float = 0.05) -> None:
        super().__init__()
        self.alpha = alpha
        self.slope = (1 - 2 * alpha) / maximum

    def to_noise(
        self, x: Float[Tensor, "batch *element"], context: Any = None
    ) -> tuple[Float[Tensor, "batch *element"], Float[Tensor, " batch"]]:
        z = torch.logit(self.alpha + self.slope * x)
        return z, sum_log_det(self._log_slope(z))

    def to_data(
        self, z: Float[Tensor, "batch *element"], context: Any = None
    ) -> tuple[Float[Tensor, "batch *element"], Float[Tensor, " batch"]]:
        return (z.sigmoid() - self.alpha) / self.slope, -sum_log_det(self._log_slope(z))

    def _log_slope(self, z: Tensor) -> Tensor:
        """log dz/dx = log slope − log σ(z) σ(−z)."""
        return math.log(self.slope) - F.logsigmoid(z) - F.logsigmoid(-z)
