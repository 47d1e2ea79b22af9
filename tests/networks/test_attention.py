import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.attention import GatedAttention

IMAGE, SEQUENCE = (2, 3, 5, 4), (2, 3, 11)


def network(num_dims, **options):
    net = GatedAttention(3, 6, num_dims=num_dims, hidden=8, num_blocks=1, num_heads=2, **options)
    torch.nn.init.normal_(net.last.weight)
    return net.eval()


@pytest.mark.parametrize("shape", [IMAGE, SEQUENCE])
def test_positions_are_kept(shape):
    assert network(len(shape) - 2)(torch.randn(shape)).shape == (2, 6, *shape[2:])


def test_starts_at_zero():
    net = GatedAttention(3, 6, hidden=8)
    assert torch.equal(net(torch.randn(IMAGE)), torch.zeros(2, 6, 5, 4))


@pytest.mark.parametrize("shape", [IMAGE, SEQUENCE])
def test_every_position_attends_to_every_other(shape):
    net = network(len(shape) - 2)
    x = torch.randn(shape, requires_grad=True)
    net(x)[0, :, 0].sum().backward()
    assert (x.grad[0].abs().sum(0) > 0).all()
    assert (x.grad[1] == 0).all()


def test_without_heads_the_reach_is_that_of_the_convolutions():
    net = GatedAttention(3, 6, num_dims=1, hidden=8, num_blocks=1, num_heads=0)
    torch.nn.init.normal_(net.last.weight)
    x = torch.randn(SEQUENCE, requires_grad=True)
    net(x)[0, :, 5].sum().backward()
    reached = x.grad[0].abs().sum(0) > 0
    assert reached.tolist() == [abs(t - 5) <= 3 for t in range(11)]


def test_attention_tells_positions_apart():
    net = network(1)
    x = torch.ones(1, 3, 11)
    middle = net(x)[0, :, 3:-3]  # away from the padding of the convolutions
    assert (middle[:, 1:] - middle[:, :-1]).abs().max() > 1e-4


@pytest.mark.parametrize("context_shape", [(2, 7), (2, 7, 5, 4)])
def test_reads_a_vector_or_a_series_of_context(context_shape):
    net = network(2, context_channels=7)
    x, context = torch.randn(IMAGE), torch.randn(context_shape)
    assert not torch.allclose(net(x, context), net(x, -context))


@pytest.mark.parametrize(("hidden", "num_heads"), [(6, 1), (8, 3)])
def test_a_width_that_does_not_divide_is_refused(hidden, num_heads):
    with pytest.raises(InputError, match=f"hidden={hidden}"):
        GatedAttention(3, 6, hidden=hidden, num_heads=num_heads)
