"""What the general laws do not say of the linear filter: streaming, block solver, stability, gradients."""

import pytest
import torch
from torch import Tensor

from vocoder.errors import InputError
from vocoder.flows import recursion
from vocoder.flows.linear_filter import FrameFilters, LinearFilter, fft_size, filter_chunk
from vocoder.flows.recursion import recursive_chunk, recursive_filter

HOP, TAPS, HOPS = 12, 7, 5


def random_taps(
    batch: int = 2, hops: int = HOPS, taps: int = TAPS, dtype: torch.dtype = torch.float64
) -> Tensor:
    values = 0.2 * torch.randn(batch, hops + 1, taps, dtype=dtype)
    values[..., 0] = values[..., 0].exp()
    return values


def dense_matrix(taps: Tensor) -> Tensor:
    """The map written out from its definition, one entry at a time."""
    length = (taps.shape[0] - 1) * HOP
    matrix = taps.new_zeros(length, length)
    for t in range(length):
        knot, r = divmod(t, HOP)
        h = (1 - r / HOP) * taps[knot] + r / HOP * taps[knot + 1]
        for k in range(min(t + 1, taps.shape[1])):
            matrix[t, t - k] = h[k]
    return matrix


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_to_data_is_the_matrix_of_its_definition() -> None:
    taps, z = random_taps(1), torch.randn(1, 1, HOPS * HOP, dtype=torch.float64)
    x, log_det = LinearFilter(HOP).to_data(z, FrameFilters(taps))
    matrix = dense_matrix(taps[0])
    assert torch.allclose(x[0, 0], matrix @ z[0, 0], atol=1e-12)
    assert torch.allclose(log_det[0], torch.linalg.slogdet(matrix)[1], atol=1e-12)


def test_chunks_equal_the_whole_in_both_directions() -> None:
    taps, z = random_taps(), torch.randn(2, HOPS * HOP, dtype=torch.float64)
    past = z.new_zeros(2, TAPS - 1)
    x = filter_chunk(z, taps, past, HOP)
    history, back = past, past
    for start, stop in [(0, 1), (1, 2), (2, 5)]:
        piece = slice(start * HOP, stop * HOP)
        chunk = filter_chunk(z[:, piece], taps[:, start : stop + 1], history, HOP)
        assert torch.allclose(chunk, x[:, piece], atol=1e-12)
        history = torch.cat([history, z[:, piece]], 1)[:, -(TAPS - 1) :]
        solved = recursive_chunk(x[:, piece], taps[:, start : stop + 1], back, HOP)
        assert torch.allclose(solved, z[:, piece], atol=1e-12)
        back = torch.cat([back, solved], 1)[:, -(TAPS - 1) :]


def test_block_solver_equals_the_compiled_loop() -> None:
    taps, x = random_taps(), torch.randn(2, HOPS * HOP, dtype=torch.float64)
    past = torch.randn(2, TAPS - 1, dtype=torch.float64)
    assert torch.allclose(
        recursion._solve_blocks(x, taps, past, HOP), recursion._solve(x, taps, past, HOP), atol=1e-12
    )
    assert torch.allclose(
        recursion._solve_blocks_transposed(x, taps, HOP),
        recursion._solve_transposed(x, taps, HOP),
        atol=1e-12,
    )


def test_gradient_of_the_recursion() -> None:
    taps, x = (
        random_taps().requires_grad_(),
        torch.randn(2, HOPS * HOP, dtype=torch.float64, requires_grad=True),
    )
    assert torch.autograd.gradcheck(lambda a, h: recursive_filter(a, h, HOP), (x, taps))


@pytest.mark.parametrize("signal", ["silence", "clipped"])
def test_minimum_phase_filters_stay_finite_on_hostile_signals(signal: str) -> None:
    """A sharp resonance (radius 0.99) and four seconds of silence, or of a full-scale square wave."""
    radius, angle, hop, hops = 0.99, 0.3, 256, 344
    k = torch.arange(512, dtype=torch.float64)
    taps = (radius**k * torch.cos(angle * k))[None, None].expand(1, hops + 1, -1).float()
    t = torch.arange(hops * hop)
    x = torch.zeros(1, 1, hops * hop) if signal == "silence" else (t // 50 % 2 * 2.0 - 1)[None, None]
    z, _ = LinearFilter(hop).to_noise(x, FrameFilters(taps))
    again, _ = LinearFilter(hop).to_data(z, FrameFilters(taps))
    assert torch.isfinite(z).all()
    assert torch.allclose(again, x, atol=1e-3)


def test_wrong_length_and_wrong_diagonal_are_refused() -> None:
    flow, taps = LinearFilter(HOP), random_taps(1)
    with pytest.raises(InputError, match=r"\[batch, 1, 60\], got \[1, 1, 59\]"):
        flow.to_data(torch.zeros(1, 1, 59, dtype=torch.float64), FrameFilters(taps))
    with pytest.raises(InputError, match="must be positive"):
        flow.to_noise(torch.zeros(1, 1, 60, dtype=torch.float64), FrameFilters(-taps))


@pytest.mark.parametrize("direction", ["to_data", "to_noise"])
def test_one_filter_may_serve_a_batch_and_no_other_number_does(direction: str) -> None:
    apply, taps = getattr(LinearFilter(HOP), direction), random_taps(1)
    signal = torch.randn(3, 1, 60, dtype=torch.float64)
    mapped, log_det = apply(signal, FrameFilters(taps))
    expected = apply(signal, FrameFilters(taps.expand(3, -1, -1)))
    torch.testing.assert_close((mapped, log_det), expected)
    with pytest.raises(InputError, match="a batch of 2 do not fit signals for a batch of 3"):
        apply(signal, FrameFilters(random_taps(2)))


def test_the_compiled_loop_is_never_led_out_of_its_arrays() -> None:
    """Below the annotations, which are checked in tests alone."""
    taps, x = random_taps(1), torch.randn(3, 60, dtype=torch.float64)
    with pytest.raises(InputError, match="must have one batch"):
        recursion._solve(x, taps, x.new_zeros(3, TAPS - 1), HOP)
    with pytest.raises(InputError, match="must have one batch"):
        recursion._solve(x, taps.expand(3, -1, -1), x.new_zeros(2, TAPS - 1), HOP)
    with pytest.raises(InputError, match="must have one batch"):
        recursion._solve_transposed(x, taps, HOP)


@pytest.mark.parametrize(("length", "size"), [(1, 1), (600, 768), (768, 768), (769, 1024), (1024, 1024)])
def test_fft_size(length: int, size: int) -> None:
    assert fft_size(length) == size
