"""A flow and a base density together, as a distribution of torch."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.types import _size
from torch.utils._pytree import tree_leaves, tree_map

from vocoder.errors import InputError
from vocoder.flows.base import Flow


class FlowDistribution(Distribution):
    """p(x) = p_base(z) · |det dz/dx|, z = to_noise(x) (Rezende and Mohamed 2015, eq. 5).

    Without a context the batch shape is empty; a context of B rows makes B distributions, batch shape (B,).

        >>> import torch
        >>> from torch.distributions import Independent, Normal
        >>> from vocoder.flows import FlowDistribution, Planar
        >>> base = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
        >>> density = FlowDistribution(Planar(2), base)
        >>> density.log_prob(density.sample((5,))).shape
        torch.Size([5])

    Args:
        flow: the map between data and noise; it keeps the shape.
        base: of one z: its batch shape is empty, its event shape that of one z.
        context: passed to the flow: a tensor, or tensors nested in tuples and dicts, batch axis first.

    Raises:
        InputError: a base with a batch shape.
    """

    arg_constraints: dict = {}  # noqa: RUF012

    def __init__(self, flow: Flow, base: Distribution, context: Any = None) -> None:
        if base.batch_shape:
            raise InputError(
                f"the base must describe one z, got batch shape {tuple(base.batch_shape)}: "
                f"wrap it in torch.distributions.Independent(base, {len(base.batch_shape)})"
            )
        self.flow, self.base, self.context = flow, base, context
        tensors = [leaf for leaf in tree_leaves(context) if isinstance(leaf, Tensor)]
        batch_shape = tensors[0].shape[:1] if tensors else torch.Size()
        super().__init__(batch_shape, base.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base.has_rsample

    @property
    def support(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, len(self.event_shape))

    def log_prob(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        batch_shape = x.shape[: x.dim() - len(self.event_shape)]
        leading = torch.Size(np.broadcast_shapes(batch_shape, self.batch_shape))  # torch's imports sympy
        rows = x.expand(leading + self.event_shape).reshape(math.prod(leading), *self.event_shape)
        z, log_det = self.flow.to_noise(rows, self._contexts(leading))
        return (self.base.log_prob(z) + log_det).view(leading)

    @torch.no_grad()
    def sample(self, sample_shape: _size = ()) -> Float[Tensor, "..."]:
        return self._draw(self.base.sample, sample_shape)[0]

    def rsample(self, sample_shape: _size = ()) -> Float[Tensor, "..."]:
        return self._draw(self.base.rsample, sample_shape)[0]

    def rsample_and_log_prob(
        self, sample_shape: _size = ()
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """A sample and its log-density from one pass of `to_data`: with an IAF both are parallel."""
        x, z, log_det = self._draw(self.base.rsample, sample_shape)
        return x, (self.base.log_prob(z) - log_det).view(x.shape[: x.dim() - len(self.event_shape)])

    def _draw(self, draw: Callable[[_size], Tensor], sample_shape: _size) -> tuple[Tensor, Tensor, Tensor]:
        """Samples in their shape, and their noise and log-determinants in rows."""
        leading = self._extended_shape(torch.Size(sample_shape))[: -len(self.event_shape) or None]
        z = draw(torch.Size([math.prod(leading)]))
        x, log_det = self.flow.to_data(z, self._contexts(leading))
        return x.view(leading + self.event_shape), z, log_det

    def _contexts(self, leading: torch.Size) -> Any:
        """The context of each row, when the axes `leading` (the last of them the batch) become one."""
        times = math.prod(leading[:-1])
        return tree_map(
            lambda t: t.repeat(times, *[1] * (t.dim() - 1)) if isinstance(t, Tensor) else t, self.context
        )
