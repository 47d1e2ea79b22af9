"""The categorical density of mu-law classes (the first WaveNet's, van den Oord et al. 2016, sec. 2.2)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.types import _size

from vocoder.distributions.location_scale import widen
from vocoder.distributions.quantization import QuantizationGrid, mu_law_dequantize, mu_law_quantize
from vocoder.errors import NoDensity

MU_LAW_CLASSES = 256


class MuLawCategorical(Distribution):
    """One of 256 mu-law classes; logits `[B, 256, ...]` give a distribution of batch shape `[B, ...]`.

    Its likelihood is that of the class which a sample falls into, not of the sample's 16-bit value: a class
    holds up to 1,400 of those, so its bits are not comparable with the bits of the other families.
    """

    arg_constraints: dict = {}  # noqa: RUF012

    def __init__(self, logits: Float[Tensor, "batch class ..."]) -> None:
        self.logits = widen(logits)
        super().__init__(logits.shape[:1] + logits.shape[2:], validate_args=False)

    def bin_log_prob(self, index: Int[Tensor, "..."], grid: QuantizationGrid) -> Float[Tensor, "..."]:
        """Log-probability of the mu-law class that the centre of the grid's bin `index` falls into."""
        return self.class_log_prob(mu_law_quantize(grid.centre(index)))

    def class_log_prob(self, index: Int[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Log-probability of the class `index`, 0 … 255."""
        return torch.log_softmax(self.logits, dim=1).gather(1, index.unsqueeze(1)).squeeze(1)

    def log_prob(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        raise NoDensity("mu-law classes have probabilities but no density: use bin_log_prob")

    def choose(self, uniform: Float[Tensor, "..."]) -> Int[Tensor, "..."]:
        """The class that a uniform draw in (0, 1) stands for; the probabilities are summed in float64."""
        below = torch.softmax(self.logits.double(), dim=1).cumsum(dim=1) < uniform.unsqueeze(1)
        return below.sum(dim=1).clamp(max=self.logits.shape[1] - 1)

    @torch.no_grad()
    def sample(self, sample_shape: _size = ()) -> Float[Tensor, "..."]:
        """Values in [-1, 1] as `mu_law_dequantize` gives them: at the lower edge of their class."""
        last = self.logits.movedim(1, -1)
        classes = torch.distributions.Categorical(logits=last, validate_args=False)
        drawn = classes.sample(torch.Size(sample_shape))
        return mu_law_dequantize(drawn)
