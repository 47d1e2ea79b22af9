"""What the general laws do not say of couplings, elementwise maps and permutations."""

import pytest
import torch

from vocoder.errors import InputError
from vocoder.flows import (
    MAF,
    Affine,
    MaskedCoupling,
    Permutation,
    SplitCoupling,
    Standardize,
    checkerboard_mask,
)
from vocoder.networks.made import MADE
from vocoder.networks.mlp import MLP


def test_kept_channels_stay():
    torch.manual_seed(0)
    x = torch.randn(3, 5)
    network = MLP(2, 6)
    torch.nn.init.normal_(network.last.bias)
    z, _ = SplitCoupling(network).to_noise(x)
    assert torch.equal(z[:, :2], x[:, :2])
    assert not (z[:, 2:] == x[:, 2:]).any()


def test_swap_keeps_the_last_channels():
    x = torch.randn(3, 5)
    network = MLP(2, 6)
    torch.nn.init.ones_(network.last.bias)
    z, _ = SplitCoupling(network, swap=True).to_noise(x)
    assert torch.equal(z[:, 3:], x[:, 3:])
    assert not (z[:, :3] == x[:, :3]).any()


def test_masked_elements_stay_even_where_the_network_overflows():
    network, mask = MLP(4, 8), checkerboard_mask(4)
    network.last.bias.data.view(2, 4)[:, mask] = 1e4
    x = torch.randn(3, 4)
    z, _ = MaskedCoupling(network, mask).to_noise(x)
    assert torch.equal(z[:, mask], x[:, mask])
    z[:, mask].sum().backward()
    assert network.last.bias.grad.isfinite().all()


def test_bounded_scale_stays_within_its_bound():
    raw = torch.tensor([[[0.0], [1e6]]])
    _, log_derivative = Affine(bound=1.5).to_noise(torch.ones(1, 1), raw)
    assert float(log_derivative) == pytest.approx(1.5)


def test_standardize_whitens_by_mean_and_log_scale():
    x = torch.tensor([[7.0]])
    parameters = torch.tensor([3.0, 2.0]).log().view(1, 2, 1)
    parameters[:, 0] = 1.0
    z, log_derivative = Standardize().to_noise(x, parameters)
    assert float(z) == pytest.approx(3.0)
    assert float(log_derivative) == pytest.approx(-torch.tensor(2.0).log().item())


def test_half_precision_parameters_are_applied_in_float32():
    x, parameters = torch.randn(4, 3), torch.randn(4, 2, 3).bfloat16()
    z, log_derivative = Affine().to_noise(x, parameters)
    assert z.dtype == log_derivative.dtype == torch.float32
    torch.testing.assert_close(Affine().to_data(z, parameters)[0], x)


@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 4, 4)])
def test_checkerboard_has_no_equal_neighbours(shape):
    mask = checkerboard_mask(*shape)
    for axis in range(len(shape)):
        size = shape[axis]
        assert (mask.narrow(axis, 0, size - 1) != mask.narrow(axis, 1, size - 1)).all()
    assert torch.equal(checkerboard_mask(*shape, keep_odd=False), ~mask)


@pytest.mark.parametrize("num_kept", [0, 3])
def test_a_coupling_must_keep_and_move(num_kept):
    with pytest.raises(InputError, match=f"got {num_kept} to keep of 3"):
        SplitCoupling(MLP(3, 6), num_kept=num_kept).to_noise(torch.zeros(1, 3))


def test_a_network_of_another_width_is_refused():
    with pytest.raises(InputError, match=r"2 parameters an element, shape \[1, 4\], got \[1, 5\]"):
        SplitCoupling(MLP(2, 5)).to_noise(torch.zeros(1, 4))


@pytest.mark.parametrize("order", [[0, 0, 1], [1, 2, 3]])
def test_what_is_no_permutation_is_refused(order):
    with pytest.raises(InputError, match="each of 0 … 2 once"):
        Permutation(order)


def test_a_permutation_of_other_channels_is_refused():
    with pytest.raises(InputError, match="of 2 channels, got 3"):
        Permutation([1, 0]).to_noise(torch.zeros(1, 3))


def test_a_flow_is_not_called():
    with pytest.raises(TypeError, match="use to_noise"):
        MAF(MADE(2))(torch.zeros(1, 2))
