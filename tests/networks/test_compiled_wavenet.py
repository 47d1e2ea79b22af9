"""The compiled loop is the packed network, whose tests hold it against the network itself."""

import pytest
import torch

from vocoder.networks.compiled_wavenet import CompiledCentredWaveNet, CompiledWaveNet
from vocoder.networks.guided_wavenet import GuidedWaveNet
from vocoder.networks.packed_guided import FEW, PackedGuided
from vocoder.networks.packed_wavenet import PackedWaveNet
from vocoder.networks.wavenet import WaveNet

STEP = 4
OPTIONS = [
    {},
    {"kernel_size": 3, "residual_channels": 5, "skip_channels": 6, "variance_preserving": True},
    {"out_channels": 40},
    {"num_layers": 1},
    {"gate_channels": 22, "dilation_cycle": 2},
]


def packed(**options) -> PackedWaveNet:
    torch.manual_seed(0)
    sizes = {
        "out_channels": 4,
        "causal": True,
        "kernel_size": 2,
        "num_layers": 4,
        "residual_channels": 8,
        "skip_channels": 8,
        "context_channels": 3,
        "context_step": STEP,
    }
    network = WaveNet(2, **(sizes | options))
    for parameter in network.head[-1].parameters():
        torch.nn.init.normal_(parameter)
    return PackedWaveNet(network.requires_grad_(False))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("intervals", [[9], [1] * 9, [2, 5, 1, 1]], ids=len)
def test_chunks_give_what_the_packed_network_gives(options, intervals):
    network = packed(**options)
    compiled, x, knots = CompiledWaveNet(network), torch.randn(3, 9 * STEP, 2), torch.randn(3, 10, 3)
    state, expected_state, begin = network.initial_state(3), network.initial_state(3), 0
    for count in intervals:
        end = begin + count
        chunk, told = x[:, STEP * begin : STEP * end], knots[:, begin : end + 1]
        output, state = compiled.stream(chunk, told, state)
        expected, expected_state = network.stream(chunk, told, expected_state, last=False)
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(state.inputs, expected_state.inputs)
        begin = end


@pytest.mark.parametrize(
    "options", [*OPTIONS[2:], {}, {"kernel_size": 5, "variance_preserving": True}], ids=str
)
@pytest.mark.parametrize("chunks", [[30], [1] * 30, [9, 20, 1]], ids=len)
def test_a_network_that_looks_ahead_goes_on_in_the_compiled_loop(options, chunks):
    network = packed(**({"causal": False, "kernel_size": 3, "context_step": 1} | options))
    compiled, begun = CompiledCentredWaveNet(network), network.delay + 3
    x, context = torch.randn(3, begun + 30, 2), torch.randn(3, begun + 30, 3)
    _, state = network.stream(x[:, :begun], context[:, :begun], network.initial_state(3), last=False)
    expected_state, end = state, begun
    for count in chunks:
        assert compiled.is_in_the_middle(state)
        begin, end = end, end + count
        owed = context[:, begin - network.delay : end]
        output, state = compiled.stream(x[:, begin:end], owed, state)
        expected, expected_state = network.stream(x[:, begin:end], owed, expected_state, last=False)
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(state, expected_state)


def test_the_compiled_loop_is_not_for_the_beginning_of_a_stream():
    network = packed(causal=False, kernel_size=3, context_step=1)
    compiled, state = CompiledCentredWaveNet(network), network.initial_state(1)
    x, context = torch.randn(1, network.delay, 2), torch.randn(1, network.delay, 3)
    for step in range(network.delay):
        assert not compiled.is_in_the_middle(state)
        _, state = network.stream(x[:, step : step + 1], context[:, : step + 1], state, last=False)
    assert compiled.is_in_the_middle(state)


@torch.no_grad()
def test_a_flow_goes_over_from_one_to_the_other_in_the_middle_of_a_stream():
    torch.manual_seed(0)
    conditioner = GuidedWaveNet(
        2, 4, guide_channels=2, num_layers=3, context_channels=3, context_step=STEP, residual_channels=8
    )
    torch.nn.init.normal_(conditioner.network.head[-1].weight)
    network = PackedGuided(conditioner, torch.ones(4, 2))
    intervals = [1, FEW // STEP + 1, 2]
    count = sum(intervals)
    x, guide, knots = (
        torch.randn(1, STEP * count, 2),
        torch.randn(1, STEP * count, 2),
        torch.randn(1, count + 1, 3),
    )
    state, pieces, begin = network.initial_state(1), [], 0
    for size in intervals:
        rows = slice(STEP * begin, STEP * (begin + size))
        piece, state = network.stream(x[:, rows], knots[:, begin : begin + size + 1], guide[:, rows], state)
        pieces.append(piece)
        begin += size
    whole, _ = network.stream(x, knots, guide, network.initial_state(1))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-5, rtol=1e-4)
