"""A linear, time-varying, causal filter as a flow: a linear inverse autoregressive flow.

    x_t = b_t + sum_{k=0}^{K-1} h_k(t) z_{t-k},      log|det dx/dz| = sum_t log h_0(t)

The taps h(t) are interpolated linearly between knots that lie one hop apart, so the map is triangular
with the diagonal h_0(t) > 0 and exactly invertible. `to_data` is parallel (overlap-save over the knots,
one FFT pair a hop); `to_noise` is the recursive filter

    z_t = (x_t - b_t - sum_{k>=1} h_k(t) z_{t-k}) / h_0(t)

`Inverse(LinearFilter)` is the whitening form, a linear masked autoregressive flow. The signal model is that
of linear prediction with time-varying coefficients; as a flow it is the affine autoregressive flow of
Kingma et al. 2016 (IAF) and Papamakarios et al. 2017 (MAF) with a conditioner that is linear in the past.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from vocoder.errors import InputError
from vocoder.flows.base import Flow
from vocoder.flows.recursion import recursive_filter
from vocoder.networks.interpolation import interpolate_knots, ramp


class FrameFilters(NamedTuple):
    """Taps at the knots, and the shift at the samples.

    For T = F * hop samples there are F + 1 knots: knot f is exact at sample f * hop, and sample
    f * hop + r uses (1 - r/hop) times knot f plus r/hop times knot f + 1.
    """

    taps: Float[Tensor, "batch knot tap"]
    shift: Float[Tensor, "batch 1 sample"] | None = None


class LinearFilter(Flow):
    """Synthesis form, z -> x parallel and x -> z recursive (see the module's formulas).

    Args:
        hop_length: samples between knots.
        conditioner: maps the context to `FrameFilters`; without one the context is `FrameFilters` itself.

    Signals are `[B, 1, T]` with T = (knots - 1) * hop; filters of batch 1 are for all of them. Raises
    `InputError` when lengths or batches disagree and when a first tap is not positive.
    """

    def __init__(self, hop_length: int, conditioner: Callable[[Any], FrameFilters] | None = None) -> None:
        super().__init__()
        self.hop_length = hop_length
        self.conditioner = conditioner or nn.Identity()

    def to_data(self, z: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        z, filters = self._prepare(z, context)
        past = z.new_zeros(z.shape[0], filters.taps.shape[-1] - 1)
        x = filter_chunk(z[:, 0], filters.taps, past, self.hop_length).unsqueeze(1)
        if filters.shift is not None:
            x = x + filters.shift
        return x, self.log_diagonal(filters.taps).sum(dim=1)

    def to_noise(self, x: Tensor, context: Any = None) -> tuple[Tensor, Tensor]:
        x, filters = self._prepare(x, context)
        if filters.shift is not None:
            x = x - filters.shift
        z = recursive_filter(x[:, 0], filters.taps, self.hop_length).unsqueeze(1)
        return z, -self.log_diagonal(filters.taps).sum(dim=1)

    def to_data_chunk(
        self,
        z: Float[Tensor, "batch sample"],
        filters: FrameFilters,
        past: Float[Tensor, "batch history"],
    ) -> tuple[Float[Tensor, "batch sample"], Float[Tensor, "batch history"]]:
        """`to_data` of a stream's next hops; `past` holds the K - 1 samples of z before, zeros at first."""
        x = filter_chunk(z, filters.taps, past, self.hop_length)
        if filters.shift is not None:
            x = x + filters.shift[:, 0]
        return x, torch.cat([past, z], dim=1)[:, z.shape[1] :]

    def log_diagonal(self, taps: Float[Tensor, "batch knot tap"]) -> Float[Tensor, "batch sample"]:
        """log h_0(t) at each sample."""
        return interpolate_knots(taps[..., 0], self.hop_length).log()

    def _prepare(self, signal: Tensor, context: Any) -> tuple[Tensor, FrameFilters]:
        """The signal and its filters, checked, in float32 or wider: neither FFT nor recursion bears less."""
        filters: FrameFilters = self.conditioner(context)
        expected = (filters.taps.shape[1] - 1) * self.hop_length
        if signal.dim() != 3 or signal.shape[1] != 1 or signal.shape[2] != expected:
            raise InputError(
                f"{filters.taps.shape[1]} knots, {self.hop_length} samples apart, filter a signal of shape "
                f"[batch, 1, {expected}], got {list(signal.shape)}: pad or cut it to whole hops"
            )
        if not bool((filters.taps[..., 0] > 0).all()):
            least = float(filters.taps[..., 0].detach().min())
            raise InputError(
                f"the first tap of every knot must be positive, the diagonal of the map; got {least:g}"
            )
        wide = torch.promote_types(torch.promote_types(signal.dtype, filters.taps.dtype), torch.float32)
        taps, shift = (None if given is None else _one_each(given, len(signal)).to(wide) for given in filters)
        assert taps is not None
        return signal.to(wide), FrameFilters(taps, shift)


def _one_each(given: Tensor, batch: int) -> Tensor:
    """One row for each signal; a single row is for all of them."""
    if len(given) not in (1, batch):
        raise InputError(f"filters for a batch of {len(given)} do not fit signals for a batch of {batch}")
    return given.expand(batch, *given.shape[1:])


def filter_chunk(
    signal: Float[Tensor, "batch sample"],
    taps: Float[Tensor, "batch knot tap"],
    past: Float[Tensor, "batch history"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """Filter `signal` ((knots - 1) * hop samples) given the K - 1 samples `past` before it.

    Overlap-save: the filter of each knot is applied to the two hops around it in the frequency domain, and
    each hop of the output blends the results of the knots at its two ends.
    """
    num_taps = taps.shape[-1]
    padded = F.pad(torch.cat([past, signal], dim=1), (hop_length, hop_length))
    segments = padded.unfold(1, 2 * hop_length + num_taps - 1, hop_length)  # [batch, knot, window]
    size = fft_size(segments.shape[-1])
    spectrum = torch.fft.rfft(segments, size) * torch.fft.rfft(taps, size)
    filtered = torch.fft.irfft(spectrum, size)[..., num_taps - 1 : num_taps - 1 + 2 * hop_length]
    before, after = filtered[:, 1:, :hop_length], filtered[:, :-1, hop_length:]
    place = ramp(hop_length, signal.dtype, signal.device)
    return (after + (before - after) * place).flatten(1)


def fft_size(length: int) -> int:
    """The smallest size >= `length` of the form 2^n or 3 * 2^n, which FFT libraries like."""
    power = 1 << (length - 1).bit_length()
    return power // 4 * 3 if length <= power // 4 * 3 else power
