"""A few frames go through a compiled loop, many through torch: the same network."""

import pytest
import torch

from vocoder.networks import frame_network
from vocoder.networks.frame_network import FEW, FrameNetwork

CHUNKS = [[3, 5, 1, 8, 2, 8, 8, 5], [40], [7] * 5 + [5], [1] * 40]


def make(dtype: torch.dtype = torch.float32) -> FrameNetwork:
    torch.manual_seed(0)
    network = FrameNetwork(5, 6, hidden=12, layers=4, lookahead=2).to(dtype)
    for block in network.blocks:
        torch.nn.init.normal_(block.norm.scale)
        torch.nn.init.normal_(block.norm.shift)
    return network.requires_grad_(False)


@pytest.fixture
def compiled_calls(monkeypatch):
    calls, stream = [], frame_network.CompiledFrames.stream

    def counted(self, frames, held):
        calls.append(frames.shape[2])
        return stream(self, frames, held)

    monkeypatch.setattr(frame_network.CompiledFrames, "stream", counted)
    return calls


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chunks", CHUNKS, ids=len)
@torch.no_grad()
def test_chunks_of_any_size_give_the_whole(chunks, dtype, compiled_calls):
    network, frames = make(dtype), torch.randn(2, 5, 40, dtype=dtype)
    state, pieces = network.start(2), []
    for chunk in frames.split(chunks, dim=2):
        piece, state = network.stream(chunk, state)
        pieces.append(piece)
    with torch.enable_grad():  # goes through torch alone
        whole = network(frames)
    torch.testing.assert_close(torch.cat(pieces, dim=2), whole)
    assert bool(compiled_calls) == (len(chunks) > 1)


@torch.no_grad()
def test_many_frames_and_the_first_ones_are_left_to_torch(compiled_calls):
    network = make()
    _, state = network.stream(torch.randn(1, 5, 4), network.start(1))
    _, state = network.stream(torch.randn(1, 5, 20), state)
    network.stream(torch.randn(1, 5, FEW + 1), state)
    assert not compiled_calls
    network.stream(torch.randn(1, 5, FEW), state)
    assert compiled_calls == [FEW]


@torch.no_grad()
def test_the_loop_has_the_weights_of_now():
    network, frames = make(), torch.randn(1, 5, 20)
    _, state = network.stream(frames, network.start(1))
    before, _ = network.stream(frames[..., :3], state)
    network.last.bias += 1.0
    after, _ = network.stream(frames[..., :3], state)
    torch.testing.assert_close(after, before + 1.0)


def test_gradients_reach_the_weights_through_a_few_frames():
    network = make().requires_grad_()
    _, state = network.stream(torch.randn(1, 5, 20), network.start(1))
    output, _ = network.stream(torch.randn(1, 5, 3), state)
    output.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
