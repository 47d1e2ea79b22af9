"""The one dilated stack: what it sees, how it streams, how it starts."""

import math

import pytest
import torch

from vocoder.errors import InputError
from vocoder.networks.autoregressive import Delayed
from vocoder.networks.interpolation import interpolate_knots
from vocoder.networks.wavenet import WaveNet

CAUSAL = [
    {"kernel_size": 2, "num_layers": 4, "dilation_cycle": 2},
    {"kernel_size": 3, "num_layers": 3, "skip_channels": 0, "head_channels": 4},
    {"kernel_size": 3, "num_layers": 2, "variance_preserving": True, "weight_norm": True, "head_channels": 4},
]
EVERY_CAUSAL = pytest.mark.parametrize("options", CAUSAL)


def make(**options) -> WaveNet:
    torch.manual_seed(0)
    sizes = {"causal": True, "residual_channels": 6, "context_channels": 3}
    network = WaveNet(2, 4, **(sizes | options)).double()
    for parameter in network.head[-1].parameters():
        torch.nn.init.normal_(parameter)
    return network


def sequence(length: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, 2, length).double(), torch.randn(2, 3, length).double()


def seen_by(network: WaveNet, position: int, length: int = 40) -> list[int]:
    """The time steps of x that the output at `position` depends on."""
    x, context = sequence(length)
    x.requires_grad_()
    network(x, context)[:, :, position].sum().backward()
    return x.grad.abs().sum((0, 1)).nonzero().flatten().tolist()


@EVERY_CAUSAL
def test_causal_output_sees_its_receptive_field_back(options):
    network = make(**options)
    assert seen_by(network, 30) == list(range(31 - network.receptive_field, 31))


def test_other_output_sees_equally_far_both_ways():
    network = make(causal=False, num_layers=3)
    reach = (network.receptive_field - 1) // 2
    assert seen_by(network, 20) == list(range(20 - reach, 21 + reach))


def test_receptive_field_of_the_published_teacher():
    """30 layers in three cycles of 10, filter 3 (Parallel WaveNet): 6,139 samples, 256 ms at 24 kHz."""
    network = WaveNet(1, 1, causal=True, num_layers=30, dilation_cycle=10, residual_channels=2)
    assert network.receptive_field == 6139


@EVERY_CAUSAL
@pytest.mark.parametrize("chunks", [[1] * 17, [5, 1, 11], [16, 1]])
def test_chunks_are_the_whole(options, chunks):
    network = make(**options)
    x, context = sequence(sum(chunks))
    state, outputs = network.initial_state(x), []
    for part, context_part in zip(x.split(chunks, 2), context.split(chunks, 2), strict=True):
        output, state = network.stream(part, context_part, state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, 2), network(x, context), rtol=1e-12, atol=1e-12)


def test_streams_share_a_network_without_sharing_state():
    network, (x, context) = make(), sequence(8)
    before = network.initial_state(x)
    first, after = network.stream(x, context, before)
    again, _ = network.stream(x, context, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, network.stream(x, context, after)[0])


def test_a_vector_context_is_one_held_still():
    network, (x, context) = make(), sequence()
    held = context[:, :, :1].expand(-1, -1, x.shape[2])
    torch.testing.assert_close(network(x, context[:, :, 0]), network(x, held))


def test_removing_weight_norm_keeps_the_output():
    network, (x, context) = make(weight_norm=True), sequence()
    before = network(x, context)
    network.remove_weight_norm()
    assert not any("parametrizations" in name for name in network.state_dict())
    torch.testing.assert_close(network(x, context), before)


@EVERY_CAUSAL
def test_output_starts_at_zero(options):
    fresh, x = WaveNet(2, 4, causal=True, **options), torch.randn(1, 2, 9)
    assert (fresh(x) == 0).all()


@torch.no_grad()
def test_variance_is_preserved_through_depth():
    """Residual sums scaled by √½ keep h within a factor of two; unscaled it grows with the depth."""
    x = torch.randn(1, 2, 400).double()
    size = {}
    for preserving in (True, False):
        network = make(num_layers=24, dilation_cycle=4, context_channels=0, variance_preserving=preserving)
        for mix in network.mixes:
            torch.nn.init.normal_(mix.weight, std=1.0)
        caught = []
        network.gates[-1].register_forward_hook(lambda _, inputs, __, c=caught: c.append(inputs[0].std()))
        network(x)
        size[preserving] = float(caught[0])
    assert size[False] > 2 * size[True]
    assert size[True] < 2


def test_delayed_sees_the_past_alone():
    network = Delayed(make(), num_parameters=2)
    x, context = sequence()
    x.requires_grad_()
    network(x, context)[:, :, 30].sum().backward()
    seen = x.grad.abs().sum((0, 1)).nonzero().flatten()
    assert seen.max() == 29


@pytest.mark.parametrize("step", [1, 4])
def test_generating_by_stream_is_generating_by_pass(step):
    network = Delayed(make(context_step=step), num_parameters=2)
    like, context = sequence(12)
    if step > 1:
        context = context[:, :, : 12 // step + 1]

    def element(step, parameters):
        return torch.tanh(parameters[:, 0]) + like[:, *step]

    by_stream = network.generate(element, like, context)
    by_pass = super(Delayed, network).generate(element, like, context)
    torch.testing.assert_close(by_stream, by_pass, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"causal": False, "kernel_size": 2}, "kernel_size must be odd.*got 2"),
        ({"gate_channels": 5}, "gate_channels must be even.*got 5"),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_context_of_another_length_is_refused():
    network, (x, context) = make(), sequence()
    with pytest.raises(InputError, match="40 time steps for 40 of x, got 39"):
        network(x, context[:, :, 1:])


def test_a_context_at_knots_equals_the_interpolated_one():
    """A 1×1 convolution and an interpolation change places."""
    slow = make(context_step=8)
    fast = make()
    fast.load_state_dict(slow.state_dict())
    x, knots = torch.randn(2, 2, 40).double(), torch.randn(2, 3, 6).double()
    everywhere = interpolate_knots(knots, 8, offset=0.5)
    torch.testing.assert_close(slow(x, knots), fast(x, everywhere), rtol=1e-12, atol=1e-12)


def test_what_is_not_causal_neither_streams_nor_conditions_the_future():
    network, (x, context) = make(causal=False), sequence()
    with pytest.raises(InputError, match="causal=True"):
        network.stream(x, context, network.initial_state(x))
    with pytest.raises(InputError, match="causal=True"):
        Delayed(network, num_parameters=2)


def test_size_of_the_published_teacher():
    """24 kHz teacher of Parallel WaveNet: about 30 million parameters."""
    network = WaveNet(
        1,
        30,
        causal=True,
        num_layers=30,
        dilation_cycle=10,
        residual_channels=512,
        gate_channels=512,
        skip_channels=256,
        head_channels=256,
        context_channels=80,
    )
    millions = math.fsum(p.numel() for p in network.parameters()) / 1e6
    assert millions == pytest.approx(30.8, abs=0.5)
