"""What is replayed is what the voice says: here each replay runs the step, on a GPU the recording of it."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vocoder.checkpoints import load
from vocoder.device import rounded_products
from vocoder.flows import InvertibleConv
from vocoder.inference.graphs import MAX_GRAPHS, MEETINGS, Graphs, _placed
from vocoder.inference.stacking import leaves, rebuilt, stack, unstack
from vocoder.mel import DIALECTS
from vocoder.models import Student, StudentConfig, Vocoder
from vocoder.networks.recorded import alone

FRAMES = 8
BLOCKS = 24


@pytest.fixture(scope="module", params=["student", "waveglow"])
def voice(request: pytest.FixtureRequest) -> Vocoder:
    return load(request.param)


@pytest.fixture(scope="module")
def mel() -> Tensor:
    return 0.5 * torch.randn(80, FRAMES * BLOCKS, generator=torch.Generator().manual_seed(1)) - 4.0


class Counted:
    """Runs the steps that it is given to record, and counts how often."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, step: Callable[[], None], device: torch.device) -> Callable[[], None]:
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            step()

        return replay


def conversation(advance: Callable[..., Any], voice: Vocoder, mel: Tensor) -> Tensor:
    """Two streams, one of which began later, alone and then in one batch, as the engine makes them."""
    device = voice.device
    said: list[list[Tensor]] = [[], []]
    states = [voice.start([seed], 0.6) for seed in (2**40, 5)]
    with torch.inference_mode():
        for i, block in enumerate(mel.to(device).split(FRAMES, dim=1)):
            last = i == BLOCKS - 1
            if i < BLOCKS // 2:
                for k in range(2 if i % 2 else 1):
                    audio, states[k] = advance(block[None], states[k], last=False)
                    said[k].append(audio[0].cpu())
            else:
                audio, batch = advance(torch.stack([block, block]), stack(states), last=last)
                states = unstack(batch, 2) if not last else states
                for k in range(2):
                    said[k].append(audio[k].cpu())
    return torch.cat([*said[0], *said[1]])


def test_what_is_replayed_is_what_the_voice_says(voice: Vocoder, mel: Tensor) -> None:
    expected = conversation(voice.advance, voice, mel)
    counted = Counted()
    graphs = Graphs(counted)
    for _ in range(MEETINGS + 1):
        made = conversation(lambda *a, **k: graphs.advance(voice, *a, **k), voice, mel)
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-6)
    assert 0 < counted.recorded < counted.replayed / 2
    before = counted.recorded
    conversation(lambda *a, **k: graphs.advance(voice, *a, **k), voice, mel)
    assert counted.recorded == before  # all shapes are known by now


def test_a_graph_that_says_something_else_is_not_used(mel: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    voice = load("student")
    expected = conversation(voice.advance, voice, mel)

    def never_again(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
        step()
        return lambda: None

    graphs, refused = Graphs(never_again), []
    for _ in range(MEETINGS + 2):
        made = conversation(lambda *a, **k: graphs.advance(voice, *a, **k), voice, mel)
        torch.testing.assert_close(made, expected, rtol=0, atol=0)
        refused.append(len(caplog.records))
    assert {record.levelno for record in caplog.records} == {logging.ERROR}
    assert refused[-1] == refused[-2] > 0  # no shape is tried twice


@dataclass(frozen=True)
class Turn:
    seeds: tuple[int, ...]
    phase: Tensor


class Absent(Student):
    """Of its state, a part depends on how often it was asked, which no recording can know."""

    asked = 0

    def advance(self, mel: Tensor, state: Any, *, last: bool) -> tuple[Tensor, Any]:
        self.asked += 1
        return mel.new_zeros(len(mel), 4), Turn(state.seeds, state.phase + self.asked)


def test_a_graph_after_which_the_state_differs_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    voice, graphs = Absent(StudentConfig(), DIALECTS["nvidia"]), Graphs()
    state, block = Turn((1,), torch.zeros(1)), torch.zeros(1, 80, 4)
    for asked in range(1, MEETINGS + 1):
        _, state = graphs.advance(voice, block, state, last=False)
        assert state.phase == asked * (asked + 1) / 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_while_another_thread_is_at_it_the_voice_speaks_itself(mel: Tensor) -> None:
    voice, counted, block = load("student"), Counted(), mel[None, :, :FRAMES]
    graphs = Graphs(counted)
    with torch.inference_mode():
        for others, replayed in ((False, 1), (True, 1), (False, 2)):  # the one by which it was checked is one
            for _ in range(1 if counted.recorded else MEETINGS):
                with alone(torch.device("cpu")) if others else nullcontext():
                    audio, _ = graphs.advance(voice, block, voice.start([1], 0.5), last=False)
                expected, _ = voice.advance(block, voice.start([1], 0.5), last=False)
                torch.testing.assert_close(audio, expected, rtol=0, atol=1e-6)
            assert counted.replayed == replayed


def test_a_voice_that_cannot_be_recorded_speaks_on(mel: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    voice = load("student")
    expected = conversation(voice.advance, voice, mel)

    def failing(step: Callable[[], None], device: torch.device) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    graphs = Graphs(failing)
    for _ in range(MEETINGS + 1):
        made = conversation(lambda *a, **k: graphs.advance(voice, *a, **k), voice, mel)
        torch.testing.assert_close(made, expected, rtol=0, atol=0)
    assert len(caplog.records) == 1  # nor is it tried again


def test_graphs_are_of_the_shapes_used_last(mel: Tensor) -> None:
    voice, counted = load("student"), Counted()
    graphs = Graphs(counted)
    with torch.inference_mode():
        for temperature in torch.linspace(0.1, 1.0, MAX_GRAPHS + 4).tolist():  # it is a part of the layout
            for _ in range(MEETINGS):
                graphs.advance(voice, mel[None, :, :1], voice.start([1], temperature), last=False)
    assert counted.recorded == MAX_GRAPHS + 4
    (shapes,) = graphs._voices.values()
    assert len(shapes._graphs) == MAX_GRAPHS


class OnDeviceAlone(TorchDispatchMode):
    """Refuses what brings tensors to the device or back; what reads a value back fails by itself on fakes."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, made)):
            if isinstance(tensor, Tensor) and (tensor.dim() or "to" in str(function)):
                assert tensor.device.type == "cuda", function
        return made


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
@pytest.mark.parametrize("name", ["student", "waveglow"])
def test_a_step_on_a_gpu_brings_nothing_there_or_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On tensors without values, which may be on a GPU where there is none."""
    voice = load(name)
    monkeypatch.setattr(InvertibleConv, "inverse_matrix", InvertibleConv.matrix)  # one of values, once
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        for part in voice.modules():
            for key, weight in part._parameters.items():
                empty = None if weight is None else torch.empty_like(weight, device="cuda")
                part._parameters[key] = empty if empty is None else nn.Parameter(empty, requires_grad=False)
            for key, buffer in part._buffers.items():
                part._buffers[key] = None if buffer is None else torch.empty_like(buffer, device="cuda")
        block, state = torch.empty(2, 80, 8, device="cuda"), voice.start([1, 2], 0.5)
        for _ in range(6):
            _, state = voice.advance(block, state, last=False)
        state = rebuilt(state, [_placed(leaf, torch.device("cuda")) for leaf in leaves(state)])
        with OnDeviceAlone():
            audio, _ = voice.advance(block, state, last=False)
    assert audio.shape == (2, 8 * 256)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["student", "waveglow"])
def test_a_recorded_voice_says_what_it_says(name: str, mel: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    voice, graphs = load(name, device="cuda"), Graphs()
    with rounded_products(tf32=False):
        expected = conversation(voice.advance, voice, mel)
        for _ in range(MEETINGS + 1):
            made = conversation(lambda *a, **k: graphs.advance(voice, *a, **k), voice, mel)
            torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)
    assert not caplog.records
    (shapes,) = graphs._voices.values()
    assert shapes._graphs
