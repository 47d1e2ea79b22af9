"""Autoregressive densities without a flow: any network, any family of conditionals, also discrete."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution

from vocoder.distributions import Gaussian, Logistic, Mixture
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import split_parameters

Family = Callable[[Float[Tensor, "batch parameter *element"]], Distribution]
"""The conditionals of elements `[B, *element]` from their parameters `[B, P, *element]`."""


def gaussian(parameters: Float[Tensor, "batch 2 *element"]) -> Distribution:
    """Mean and log-deviation."""
    return Gaussian(*parameters.unbind(1))


def bernoulli(parameters: Float[Tensor, "batch 1 *element"]) -> Distribution:
    """The logit of 1."""
    return Bernoulli(logits=parameters[:, 0], validate_args=False)


def logistic_mixture(parameters: Float[Tensor, "batch parameter *element"]) -> Distribution:
    """K logits, K means and K log-scales."""
    return Mixture.from_parameters(parameters, Logistic)


class AutoregressiveDensity(nn.Module):
    """p(x) = Π_i p(x_i | x_<i), the conditionals from a network's parameters (Germain et al. 2015, eq. 1)."""

    def __init__(self, network: AutoregressiveNetwork, family: Family) -> None:
        super().__init__()
        self.network, self.family = network, family

    def conditionals(self, x: Float[Tensor, "batch ..."], context: Any = None) -> Distribution:
        """The distribution of every element given those before it, batch shape that of x."""
        return self.family(split_parameters(self.network(x, context), self.network.num_parameters, x))

    def log_prob(self, x: Float[Tensor, "batch ..."], context: Any = None) -> Float[Tensor, " batch"]:
        """In nats (for a discrete family, of probability)."""
        return self.conditionals(x, context).log_prob(x).flatten(1).sum(dim=1)

    @torch.no_grad()
    def sample(self, like: Float[Tensor, "batch ..."], context: Any = None) -> Float[Tensor, "batch ..."]:
        """Draws of the shape and dtype of `like`, one step after the other."""

        def element(step: Step, parameters: Tensor) -> Tensor:
            return self.family(parameters).sample().to(like.dtype)

        return self.network.generate(element, like, context)
