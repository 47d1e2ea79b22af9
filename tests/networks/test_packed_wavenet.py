"""A packed network is the network, in one piece or in any chunks."""

import pytest
import torch
from torch import Tensor

from vocoder.errors import InputError
from vocoder.networks.packed_wavenet import PackedWaveNet
from vocoder.networks.wavenet import WaveNet

OPTIONS = [
    {},
    {"kernel_size": 5, "residual_channels": 6, "skip_channels": 4, "num_layers": 2},
    {"variance_preserving": True, "weight_norm": True, "dilation_cycle": 2},
    {"residual_channels": 128, "skip_channels": 8},
    {"num_layers": 1},
]
EVERY = pytest.mark.parametrize("options", OPTIONS, ids=str)
LENGTH = 41


def make(**options) -> WaveNet:
    torch.manual_seed(0)
    sizes = {
        "out_channels": 4,
        "causal": False,
        "num_layers": 3,
        "residual_channels": 8,
        "skip_channels": 8,
        "context_channels": 3,
    }
    network = WaveNet(2, **(sizes | options)).double()
    for parameter in network.head[-1].parameters():
        torch.nn.init.normal_(parameter)
    return network.requires_grad_(False)


def sequence() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(2, LENGTH, n, generator=generator, dtype=torch.float64) for n in (2, 3))


def run(packed: PackedWaveNet, chunks: list[int]) -> list[Tensor]:
    """The outputs of each chunk of the sequence, and after the last."""
    x, context = sequence()
    state, pieces, seen, given = packed.initial_state(2), [], 0, 0
    for i, size in enumerate(chunks):
        seen += size
        piece, state = packed.stream(
            x[:, seen - size : seen], context[:, given:seen], state, last=i == len(chunks) - 1
        )
        pieces.append(piece)
        given += piece.shape[1]
    return pieces


@EVERY
@pytest.mark.parametrize("chunks", [[LENGTH], [1] * LENGTH, [0, 3, 0, 20, 17, 1], [LENGTH, 0]], ids=len)
def test_chunks_give_the_outputs_of_the_network(options, chunks):
    network = make(**options)
    x, context = sequence()
    expected = network(x.transpose(1, 2), context.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(torch.cat(run(PackedWaveNet(network), chunks), dim=1), expected)


@pytest.mark.parametrize("outputs", [4, 40])
@pytest.mark.parametrize("intervals", [[10], [1] * 10, [3, 0, 6, 1]], ids=len)
def test_a_causal_network_with_knots_gives_its_outputs_at_once(outputs, intervals):
    network = make(causal=True, kernel_size=2, context_step=4, out_channels=outputs)
    x, context = sequence()
    x, knots = x[:, :40], context[:, :11]
    packed = PackedWaveNet(network)
    state, pieces, begin = packed.initial_state(2), [], 0
    for count in intervals:
        end = begin + count
        piece, state = packed.stream(x[:, 4 * begin : 4 * end], knots[:, begin : end + 1], state, last=False)
        pieces.append(piece)
        begin = end
    assert packed.delay == 0
    torch.testing.assert_close(torch.cat(pieces, dim=1).mT, network(x.mT, knots.mT))


@EVERY
def test_outputs_come_as_soon_as_their_inputs_are_there(options):
    network = make(**options)
    packed = PackedWaveNet(network)
    assert packed.delay == (network.receptive_field - 1) // 2
    lengths = [piece.shape[1] for piece in run(packed, [1] * LENGTH)]
    assert lengths == [0] * packed.delay + [1] * (LENGTH - 1 - packed.delay) + [1 + packed.delay]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context_step": 2}, "in knots"),
        ({"skip_channels": 0}, "skip connections"),
        ({"context_channels": 0}, "context"),
        ({"head_channels": 4}, "head_channels=0"),
    ],
)
def test_other_networks_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        PackedWaveNet(make(**options))


@pytest.mark.parametrize("outputs", [4, 40])
def test_outputs_that_are_not_kept_are_zero(outputs):
    x, context = sequence()
    packed = PackedWaveNet(make(out_channels=outputs))
    expected, _ = packed.stream(x, context, packed.initial_state(2), last=True)
    kept = (torch.arange(outputs) % 3 == 0).double()
    packed.keep_outputs(kept)
    made, _ = packed.stream(x, context, packed.initial_state(2), last=True)
    torch.testing.assert_close(made, expected * kept)
