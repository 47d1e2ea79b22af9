"""Autoregressive flows: each element is moved given the elements before it.

| | x → z (density) | z → x (sampling) |
| --- | --- | --- |
| MAF: parameters from x | one pass | one element after the other |
| IAF: parameters from z | one element after the other | one pass |
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from vocoder.distributions.location_scale import widen
from vocoder.flows.base import Flow, Inverse, sum_log_det, zero_log_det
from vocoder.flows.elementwise import Affine, Elementwise, Standardize
from vocoder.networks.autoregressive import AutoregressiveNetwork, Step
from vocoder.networks.conditioner import split_parameters

Batch = Float[Tensor, "batch channel *position"]
LogDet = Float[Tensor, " batch"]


class MAF(Flow):
    """z_i = (x_i - μ_i(x_<i)) · exp(-s_i(x_<i)) (Papamakarios et al. 2017, eq. 3-4).

    The density is that of an autoregressive model whose conditionals have location μ and log-scale s.

        >>> import torch
        >>> from vocoder.flows import MAF
        >>> from vocoder.networks.autoregressive import Delayed
        >>> from vocoder.networks.made import MADE
        >>> from vocoder.networks.wavenet import WaveNet
        >>> z, log_det = MAF(MADE(5)).to_noise(torch.randn(8, 5))
        >>> teacher = MAF(Delayed(WaveNet(1, 2, causal=True), num_parameters=2))
        >>> z, log_det = teacher.to_noise(torch.randn(8, 1, 100))

    Args:
        conditioner: gives the parameters of every element from the elements before it: a `MADE` for
            vectors, a `PixelCNN` for images, `Delayed(WaveNet(...))` for sequences.
        transform: the map of each element; `Standardize` by default.

    Raises:
        InputError: the conditioner's output does not fit.
    """

    def __init__(self, conditioner: AutoregressiveNetwork, *, transform: Elementwise | None = None) -> None:
        super().__init__()
        self.conditioner = conditioner
        self.transform = transform or Standardize()

    def to_noise(self, x: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        parameters = split_parameters(self.conditioner(x, context), self.transform.num_parameters, x)
        z, log_derivative = self.transform.to_noise(x, parameters)
        return z, sum_log_det(log_derivative)

    def to_data(self, z: Batch, context: Any = None) -> tuple[Batch, LogDet]:
        z = widen(z)
        log_det = zero_log_det(z)

        def element(step: Step, parameters: Tensor) -> Tensor:
            nonlocal log_det
            x, log_derivative = self.transform.to_data(z[:, *step], parameters)
            log_det = log_det + sum_log_det(log_derivative)
            return x

        return self.conditioner.generate(element, z, context), log_det


class IAF(Inverse):
    """x_i = z_i · exp(s_i(z_<i)) + μ_i(z_<i) (Kingma et al. 2016, eq. 10).

    A MAF with its directions exchanged and the parameters of `Affine`; arguments as of `MAF`, the conditioner
    now reading z.

        >>> import torch
        >>> from vocoder.flows import IAF
        >>> from vocoder.networks.made import MADE
        >>> x, log_det = IAF(MADE(5)).to_data(torch.randn(8, 5))
    """

    def __init__(self, conditioner: AutoregressiveNetwork, *, transform: Elementwise | None = None) -> None:
        super().__init__(MAF(conditioner, transform=transform or Affine()))
