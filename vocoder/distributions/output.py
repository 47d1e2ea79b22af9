"""From a conditioner's parameters to the density of each sample."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from vocoder.config import Config
from vocoder.distributions.categorical import MU_LAW_CLASSES, MuLawCategorical
from vocoder.distributions.location_scale import Gaussian, LocationScale, Logistic, widen
from vocoder.distributions.mixture import Mixture

FAMILIES: dict[str, type[LocationScale]] = {"logistic": Logistic, "gaussian": Gaussian}

Density = LocationScale | Mixture | MuLawCategorical
"""What all of them have: `bin_log_prob`; all but the last also `log_prob`."""


class OutputConfig(Config):
    """The density of one sample given those before it: one component, or a mixture of several.

    Parameters lie on axis 1: K logits (none if K = 1), K locations, K log-scales; those of the family
    "categorical" are the logits of 256 mu-law classes. Its likelihood is that of the class, theirs that of
    the exact 16-bit value.
    """

    family: Literal["logistic", "gaussian", "categorical"] = "logistic"
    components: int = Field(default=1, ge=1, description="of the mixture")
    min_log_scale: float = Field(default=-9.0, description="floor, in the units of what the network predicts")

    @model_validator(mode="after")
    def _consistent(self) -> "OutputConfig":
        if self.categorical and self.components > 1:
            raise ValueError(f"components must be 1 for the categorical family, got {self.components}")
        return self

    @property
    def categorical(self) -> bool:
        return self.family == "categorical"

    @property
    def num_parameters(self) -> int:
        if self.categorical:
            return MU_LAW_CLASSES
        return 2 if self.components == 1 else 3 * self.components

    @property
    def locations(self) -> tuple[int, int]:
        """Where the locations lie among the parameters, first and last + 1; not for classes."""
        first = 0 if self.components == 1 else self.components
        return first, first + self.components

    @torch.no_grad()
    def initialize(self, layer: Any) -> None:
        """Set the bias of the layer that predicts the parameters: zeros, and a spread of log-scales.

        The components of a mixture differ from the start: equal ones would stay equal forever.
        """
        layer.bias.zero_()
        if self.components > 1:
            layer.bias[2 * self.components :] = torch.linspace(0, -3, self.components)

    def density(self, parameters: Float[Tensor, "batch parameter time"]) -> Density:
        """The density of each sample, of batch shape `[B, T]`."""
        if self.categorical:
            return MuLawCategorical(parameters)
        logits, loc, log_scale = self._read(parameters)
        return self._build(logits, loc, log_scale)

    def density_of_data(
        self,
        parameters: Float[Tensor, "batch parameter time"],
        noise: Float[Tensor, "batch time"],
        data: Float[Tensor, "batch time"],
        log_gain: Float[Tensor, "batch time"],
    ) -> Density:
        """The density of `data`, where a flow takes each sample to `noise` with slope exp(`log_gain`).

        The map of one sample given those before it must be linear, as that of the whitening filter is; for
        the categorical family it must be the identity.
        """
        if self.categorical:
            return MuLawCategorical(parameters)
        logits, loc, log_scale = self._read(parameters)
        slope = torch.exp(-log_gain).unsqueeze(1)
        moved = data.unsqueeze(1) + (loc - noise.unsqueeze(1)) * slope
        return self._build(logits, moved, log_scale - log_gain.unsqueeze(1))

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, loc, log_scale = (
            part
            for part in widen(parameters).split(
                [self.num_parameters - 2 * self.components, self.components, self.components], dim=1
            )
        )
        return logits, loc, log_scale.clamp(min=self.min_log_scale)

    def _build(self, logits: Tensor, loc: Tensor, log_scale: Tensor) -> Density:
        family = FAMILIES[self.family]
        if self.components == 1:
            return family(loc[:, 0], log_scale[:, 0])
        return Mixture(logits, family(loc, log_scale))
