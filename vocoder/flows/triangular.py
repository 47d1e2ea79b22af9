"""A lower triangular map of the channels of one step, for flows that are autoregressive over groups."""

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.distributions.location_scale import widen

Steps = Float[Tensor, "batch channel *step"]
Parameters = Float[Tensor, "batch parameter channel *step"]


class Triangular:
    """z_i = x_i · exp(s_i) + Σ_{j<i} l_ij x_j + t_i over the C channels of a step.

    The parameters of channel i are [t_i, s_i, l_i1 … l_iC]; those on and above the diagonal are not read.

    As the transform of an `IAF` over groups of samples (channels), it lets every sample depend on all noise
    before it: on earlier groups through the network, on earlier samples of its own group through l. The map
    of a group is linear, its Jacobian triangular with the diagonal exp(s). Towards data of an `IAF` it is a
    product; the other direction solves a triangular system.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.num_parameters = 2 + channels

    def to_noise(
        self,
        x: Float[Tensor, "batch channel *step"],
        parameters: Float[Tensor, "batch parameter channel *step"],
    ) -> tuple[Float[Tensor, "batch channel *step"], Float[Tensor, "batch channel *step"]]:
        shift, log_scale, matrix = self._read(parameters)
        with torch.autocast(x.device.type, enabled=False):  # this is data, no feature
            z = (matrix @ x.to(matrix.dtype).movedim(1, -1).unsqueeze(-1)).squeeze(-1).movedim(-1, 1)
        return z + x * log_scale.exp() + shift, log_scale

    def read_mask(self) -> Float[Tensor, "parameter channel"]:
        """1 for each parameter that is read, 0 for those on and above the diagonal."""
        shift_and_scale, matrix = torch.ones(2, self.channels), torch.ones(self.channels, self.channels)
        return torch.cat([shift_and_scale, matrix.triu(1)])

    def rows_to_noise(
        self, x: Float[Tensor, "*step channel"], parameters: Float[Tensor, "*step parameter channel"]
    ) -> Float[Tensor, "*step channel"]:
        """`to_noise` where channels come last, of parameters that are 0 where `read_mask` is."""
        shift, log_scale = parameters[..., 0, :], parameters[..., 1, :]
        return (x.unsqueeze(-2) @ parameters[..., 2:, :]).squeeze(-2) + x * log_scale.exp() + shift

    def to_data(
        self,
        z: Float[Tensor, "batch channel *step"],
        parameters: Float[Tensor, "batch parameter channel *step"],
    ) -> tuple[Float[Tensor, "batch channel *step"], Float[Tensor, "batch channel *step"]]:
        shift, log_scale, matrix = self._read(parameters)
        whole = matrix + torch.diag_embed(log_scale.exp().movedim(1, -1))
        right = (z - shift).movedim(1, -1).unsqueeze(-1)
        x = torch.linalg.solve_triangular(whole, right, upper=False)
        return x.squeeze(-1).movedim(-1, 1), -log_scale

    def _read(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shift and log-scale `[B, C, *step]`, strictly lower matrix `[B, *step, C, C]`."""
        shift, log_scale = widen(parameters[:, :2]).unbind(1)
        rows = widen(parameters[:, 2:]).movedim((2, 1), (-2, -1))
        return shift, log_scale, rows.tril(-1)
