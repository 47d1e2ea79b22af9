"""On a GPU a block of a few frames is a thousand small kernels, launched one by one: as a graph, at once.

In the middle of utterances what a voice does depends on shapes alone: on the frames of a block, the streams
of a batch (powers of two) and the layout of their states. What is met again and again is recorded as a CUDA
graph, and used if it says what the voice says.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.inference.stacking import Leaf, layout, leaves, rebuilt
from vocoder.models import Vocoder
from vocoder.networks.recorded import recorded

logger = logging.getLogger(__name__)

MEETINGS = 3
"""A shape is recorded when it is met so often."""
MOST = 32
"""Graphs of a voice; each holds the memory of its block. The one that was used least recently goes first."""
NEAR = 1e-4
"""A graph is used whose audio is so near to the voice's own."""
MAX_MET = 1024

Spoken = tuple[Float[Tensor, "batch sample"], Any]
Record = Callable[[Callable[[], None], torch.device], Callable[[], None]]


class Graphs:
    """The graphs of voices whose weights stay as they are.

    Args:
        record: makes of a step the same step in one launch; another one for tests.
    """

    def __init__(self, record: Record = recorded) -> None:
        self._record = record
        self._voices: WeakKeyDictionary[Vocoder, _Shapes] = WeakKeyDictionary()
        self._recording = threading.Lock()

    def advance(
        self, voice: Vocoder, mel: Float[Tensor, "batch mel frame"], state: Any, *, last: bool
    ) -> Spoken:
        """As `voice.advance`."""
        if last or not voice.recordable or torch.is_autocast_enabled(mel.device.type):
            return voice.advance(mel, state, last=last)
        shapes = self._voices.setdefault(voice, _Shapes())
        key = tuple(mel.shape), layout(state)
        if (graph := shapes.graph(key)) is not None:
            if (spoken := graph.advance(mel, state)) is not None:
                return spoken
        elif shapes.meet(key) and self._recording.acquire(blocking=False):
            try:
                return self._recorded(voice, mel, state, shapes, key)
            finally:
                self._recording.release()
        return voice.advance(mel, state, last=False)

    def _recorded(self, voice: Vocoder, mel: Tensor, state: Any, shapes: "_Shapes", key: Hashable) -> Spoken:
        """What the voice says; its graph is kept if it says the same."""
        audio, following = voice.advance(mel, state, last=False)
        try:
            graph = _Graph(voice, mel, state, self._record)
            again = graph.advance(mel, state)
        except Exception:
            logger.exception("a %s could not be recorded as a CUDA graph; it speaks without", voice.kind)
            shapes.give_up()
            return audio, following
        if again is None or not torch.allclose(again[0], audio, rtol=0, atol=NEAR):
            logger.error("the CUDA graph of a %s does not say what it says; it speaks without", voice.kind)
            shapes.give_up()
        else:
            shapes.keep(key, graph)
        return audio, following


class _Shapes:
    """What a voice has met, and the graphs that were made of it."""

    def __init__(self) -> None:
        self._met: Counter[Hashable] = Counter()
        self._graphs: OrderedDict[Hashable, _Graph] = OrderedDict()
        self._lock = threading.Lock()
        self._given_up = False

    def graph(self, key: Hashable) -> "_Graph | None":
        with self._lock:
            if key in self._graphs:
                self._graphs.move_to_end(key)
            return self._graphs.get(key)

    def meet(self, key: Hashable) -> bool:
        """Count it; whether it is time to record it."""
        with self._lock:
            if len(self._met) >= MAX_MET:
                self._met.clear()
            self._met[key] += 1
            return not self._given_up and self._met[key] >= MEETINGS

    def keep(self, key: Hashable, graph: "_Graph") -> None:
        with self._lock:
            self._graphs[key] = graph
            while len(self._graphs) > MOST:
                self._graphs.popitem(last=False)

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            self._graphs.clear()


class _Graph:
    """One shape of a voice's step, for one call at a time: it reads and writes tensors of its own."""

    def __init__(self, voice: Vocoder, mel: Tensor, state: Any, record: Record) -> None:
        self._device, self._lock = mel.device, threading.Lock()
        self._mel = torch.zeros_like(
            mel
        )  # nothing of the first call: whether it says the same shows all is read
        self._inputs = [torch.zeros_like(_placed(leaf, mel.device)) for leaf in leaves(state)]
        start = rebuilt(state, self._inputs)

        def step() -> None:
            self._audio, self._following = voice.advance(self._mel, start, last=False)

        self._replay = record(step, mel.device)

    def advance(self, mel: Tensor, state: Any) -> Spoken | None:
        """None while another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            before = leaves(state)
            self._mel.copy_(mel)
            for place, leaf in zip(self._inputs, before, strict=True):
                place.copy_(_placed(leaf, self._device))
            self._replay()
            spoken = self._audio.clone(), self._handed_out(before)
            if self._device.type == "cuda":
                torch.cuda.current_stream(self._device).synchronize()
            return spoken
        finally:
            self._lock.release()

    def _handed_out(self, before: Sequence[Leaf]) -> Any:
        """The state after the step, each part on the device where it was before."""
        after = leaves(self._following)
        return rebuilt(
            self._following, [_as_before(new, old) for new, old in zip(after, before, strict=True)]
        )


def _placed(leaf: Leaf, device: torch.device) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf.to(device)
    return torch.tensor(leaf, dtype=torch.int64, device=device)


def _as_before(leaf: Leaf, before: Leaf) -> Leaf:
    """A copy of it; a row of integers (the seeds) stays as it is."""
    if not (isinstance(leaf, Tensor) and isinstance(before, Tensor)):
        return before
    return leaf.to(before.device, copy=True)
