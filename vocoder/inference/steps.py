"""Blocks of streams, and a batch of them made at once: states stacked, one `advance`, results handed out."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.inference.graphs import Graphs
from vocoder.inference.stacking import layout, stack, unstack
from vocoder.models import Vocoder

_thread = threading.local()


class Made(NamedTuple):
    """What a step gives: the result for its listener, the stream's next state, what computing it took."""

    result: Any
    state: Any
    seconds: float  # of this thread's processor time, its share of the batch


@dataclass(eq=False)
class Step:
    """The next block of a stream.

    `due` is the time (of `time.monotonic`) at which its listener would fall silent. `then` makes of the
    audio, on the CPU, what the stream is given, on the same thread. For `patience` seconds it may wait for
    others to share a batch with.
    """

    voice: Vocoder
    mel: Float[Tensor, "mel frame"]
    state: Any
    last: bool
    due: float
    then: Callable[[Float[Tensor, "sample"]], Any]
    future: "Future[Made]" = field(default_factory=Future)
    patience: float = 0.0
    arrived: float = field(default_factory=time.monotonic)

    @cached_property
    def key(self) -> Hashable:
        """Steps with equal keys can be made in one batch."""
        return id(self.voice), self.mel.shape, self.last, layout(self.state)


def run_steps(
    steps: Sequence[Step], precision: torch.dtype = torch.float32, graphs: Graphs | None = None
) -> list[Made | Exception]:
    """What each step gives, or its error; one that fails spoils no other."""
    began = time.thread_time()
    try:
        audio, states = _advance(steps, precision, graphs)
    except Exception as error:
        if len(steps) == 1:
            return [error]
        return [outcome for step in steps for outcome in run_steps([step], precision, graphs)]
    share = (time.thread_time() - began) / len(steps)
    return [_hand_out(*of_one, share) for of_one in zip(steps, audio, states, strict=True)]


def _hand_out(step: Step, audio: Tensor, state: Any, seconds: float) -> Made | Exception:
    try:
        return Made(step.then(audio), state, seconds)
    except Exception as error:
        return error


def _advance(
    steps: Sequence[Step], precision: torch.dtype, graphs: Graphs | None
) -> tuple[list[Tensor], list[Any]]:
    first, count = steps[0], len(steps)
    voice, device = first.voice, first.voice.device
    advance = partial(graphs.advance, voice) if graphs is not None else voice.advance
    with ExitStack() as context:
        context.enter_context(torch.inference_mode())
        if precision != torch.float32:
            context.enter_context(torch.autocast(device.type, precision))
        if device.type == "cuda":
            context.enter_context(_own_stream(device))
        if count == 1:
            audio, state = advance(_moved(first.mel[None], device), first.state, last=first.last)
            return [_fetched(audio)[0]], [state]
        rows = [*steps, *[first] * (_bucket(count, device) - count)]
        mel = _moved(torch.stack([step.mel for step in rows]), device)
        audio, state = advance(mel, stack([step.state for step in rows]), last=first.last)
        return list(_fetched(audio)[:count]), unstack(state, count)


def _bucket(count: int, device: torch.device) -> int:
    """Rows to compute for `count` streams: on a GPU a power of two, so that few shapes are ever met."""
    return 1 << (count - 1).bit_length() if device.type == "cuda" else count


def _moved(mel: Float[Tensor, "batch mel frame"], device: torch.device) -> Float[Tensor, "batch mel frame"]:
    if device.type == "cuda":
        return mel.float().pin_memory().to(device, non_blocking=True)
    return mel.to(device, torch.float32)


def _fetched(audio: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch sample"]:
    """The audio on the CPU, complete."""
    if audio.device.type != "cuda":
        return audio.float().cpu()
    host = torch.empty(audio.shape, dtype=torch.float32, pin_memory=True)
    host.copy_(audio, non_blocking=True)
    torch.cuda.current_stream(audio.device).synchronize()
    return host


@contextmanager
def _own_stream(device: torch.device) -> Iterator[None]:
    """A CUDA stream for each thread; at the end all that was made on it is complete, for any other thread."""
    if getattr(_thread, "stream", None) is None:
        _thread.stream = torch.cuda.Stream(device)
    with torch.cuda.stream(_thread.stream):
        yield
        _thread.stream.synchronize()
