"""The recursive side of the linear filter flow: solving a banded triangular system sample by sample.

On a CPU a compiled loop (numba); elsewhere block by block, each block one dense triangular solve. Both have
the exact gradient: with x = A z, the cotangent of x is w = A^-T g, and that of the taps is -w_t z_{t-k}.
The compiler is imported with the first solution: it takes a second, and synthesis never needs it.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from vocoder.errors import InputError

BLOCK = 128


def recursive_filter(
    x: Float[Tensor, "batch sample"], taps: Float[Tensor, "batch knot tap"], hop_length: int
) -> Float[Tensor, "batch sample"]:
    """Solve x_t = sum_k h_k(t) z_{t-k} for z, with zeros before the first sample; differentiable.

    A result that is not finite means that the filter is not stable. Raises `InputError` where signal and taps
    are of different batches.
    """
    return _Recursion.apply(x, taps, hop_length)  # type: ignore[no-untyped-call]


def recursive_chunk(
    x: Float[Tensor, "batch sample"],
    taps: Float[Tensor, "batch knot tap"],
    past: Float[Tensor, "batch history"],
    hop_length: int,
) -> Float[Tensor, "batch sample"]:
    """As `recursive_filter`, given the K - 1 samples of z before the chunk; no gradient."""
    with torch.no_grad():
        return _solve(x, taps, past, hop_length)


class _Recursion(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, hop_length: int) -> Tensor:
        z = _solve(x, taps, x.new_zeros(x.shape[0], taps.shape[-1] - 1), hop_length)
        ctx.save_for_backward(z, taps)
        ctx.hop_length = hop_length
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        z, taps = ctx.saved_tensors
        w = _solve_transposed(grad.contiguous(), taps, ctx.hop_length)
        return w, -_tap_gradient(w, z, taps.shape[-1], ctx.hop_length), None


def _solve(x: Tensor, taps: Tensor, past: Tensor, hop_length: int) -> Tensor:
    if x.device.type != "cpu":
        return _solve_blocks(x, taps, past, hop_length)
    from vocoder.flows.recursion_kernels import solve_rows

    _check_rows(x, taps, past)
    buffer = torch.cat([past, x], dim=1).contiguous()
    solve_rows(buffer.numpy(), taps.detach().contiguous().numpy(), hop_length)
    return buffer[:, past.shape[1] :]


def _solve_transposed(grad: Tensor, taps: Tensor, hop_length: int) -> Tensor:
    if grad.device.type != "cpu":
        return _solve_blocks_transposed(grad, taps, hop_length)
    from vocoder.flows.recursion_kernels import solve_rows_transposed

    _check_rows(grad, taps)
    w = F.pad(grad, (taps.shape[-1] - 1, 0)).contiguous()
    solve_rows_transposed(w.numpy(), taps.detach().contiguous().numpy(), hop_length)
    return w[:, taps.shape[-1] - 1 :]


def _check_rows(*tensors: Tensor) -> None:
    """The compiled loops look at no bounds."""
    batches = [len(tensor) for tensor in tensors]
    if len(set(batches)) > 1:
        raise InputError(f"signal, filters and what was before must have one batch, got {batches}")


def _tap_gradient(w: Tensor, z: Tensor, num_taps: int, hop_length: int) -> Tensor:
    """d loss / d h at the knots: correlate w with the past of z, weighted by the interpolation."""
    ramp = torch.arange(hop_length, dtype=w.dtype, device=w.device) / hop_length
    blocks = w.unflatten(1, (-1, hop_length))
    past = F.pad(z, (num_taps - 1, 0)).unfold(1, hop_length + num_taps - 1, hop_length)
    size = hop_length + num_taps - 1
    spectrum = torch.fft.rfft(past, size)
    weighted = torch.stack([blocks * (1 - ramp), blocks * ramp])  # shares of the left and the right knot
    correlation = torch.fft.irfft(torch.fft.rfft(weighted, size).conj() * spectrum, size)[..., :num_taps]
    left, right = correlation.flip(-1)
    return F.pad(left, (0, 0, 0, 1)) + F.pad(right, (0, 0, 1, 0))


def _dense_blocks(taps: Tensor, hop_length: int, block: int) -> tuple[Tensor, Tensor]:
    """The band of A around each block of rows: on the block itself, and on the K - 1 samples before it."""
    batch, _, num_taps = taps.shape
    ramp = torch.arange(hop_length, dtype=taps.dtype, device=taps.device)[:, None] / hop_length
    rows = taps[:, :-1, None] + (taps[:, 1:, None] - taps[:, :-1, None]) * ramp  # [batch, knot-1, hop, tap]
    rows = rows.reshape(batch, -1, block, num_taps).flip(-1)
    width = num_taps - 1 + block
    columns = torch.arange(width, device=taps.device) - torch.arange(block, device=taps.device)[:, None]
    inside = (columns >= 0) & (columns < num_taps)
    index = columns.clamp(0, num_taps - 1).expand(*rows.shape[:2], block, width)
    band = rows.gather(-1, index) * inside
    return band[..., num_taps - 1 :], band[..., : num_taps - 1]


def _block_size(hop_length: int) -> int:
    return max(size for size in range(1, BLOCK + 1) if hop_length % size == 0)


def _solve_blocks(x: Tensor, taps: Tensor, past: Tensor, hop_length: int) -> Tensor:
    block = _block_size(hop_length)
    diagonal, before = _dense_blocks(taps, hop_length, block)
    solved = past
    for i, piece in enumerate(x.split(block, dim=1)):
        known = (before[:, i] @ solved[:, solved.shape[1] - past.shape[1] :, None])[..., 0]
        z = torch.linalg.solve_triangular(diagonal[:, i], (piece - known)[..., None], upper=False)
        solved = torch.cat([solved, z[..., 0]], dim=1)
    return solved[:, past.shape[1] :]


def _solve_blocks_transposed(grad: Tensor, taps: Tensor, hop_length: int) -> Tensor:
    block, history = _block_size(hop_length), taps.shape[-1] - 1
    diagonal, before = _dense_blocks(taps, hop_length, block)
    remaining = F.pad(grad, (history, 0))
    pieces: list[Tensor] = []
    for i in reversed(range(grad.shape[1] // block)):
        start = history + i * block
        rhs = remaining[:, start : start + block, None]
        w = torch.linalg.solve_triangular(diagonal[:, i].mT, rhs, upper=True)[..., 0]
        pieces.append(w)
        update = (before[:, i].mT @ w[..., None])[..., 0]
        remaining = remaining.clone()
        remaining[:, start - history : start] -= update
    return torch.cat(pieces[::-1], dim=1)
