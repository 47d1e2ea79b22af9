"""On a GPU a block of a few frames is a thousand small kernels, launched one by one: as a graph, at once.

In the middle of utterances what a voice does depends on shapes alone: on the frames of a block, the streams
of a batch (powers of two) and the layout of their states. What is met again and again is recorded as a CUDA
graph, and used if it says what the voice says.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor

from vocoder.inference.stacking import Leaf, layout, leaves, rebuilt
from vocoder.models import Vocoder
from vocoder.networks.recorded import alone, recorded

logger = logging.getLogger(__name__)

MEETINGS = 3
"""A shape is recorded when it is met so often."""
MAX_GRAPHS = 64
"""Of a voice. The one that was used least recently goes first."""
TOLERANCE = 1e-4
"""By which what a graph says may differ from what the voice says, of the largest value or of 1."""
PATIENCE = 0.005
"""Seconds for which another thread's graph is waited for; a block takes about as long without one."""
MAX_MET = 1024

Spoken = tuple[Float[Tensor, "batch sample"], Any]
Record = Callable[[Callable[[], None], torch.device], Callable[[], None]]


class Graphs:
    """The graphs of voices whose weights stay as they are, for voices on a GPU.

    Args:
        record: makes of a step the same step in one launch; another one for tests.
    """

    def __init__(self, record: Record = recorded) -> None:
        self._record = record
        self._voices: WeakKeyDictionary[Vocoder, _Shapes] = WeakKeyDictionary()

    def advance(
        self, voice: Vocoder, mel: Float[Tensor, "batch mel frame"], state: Any, *, last: bool
    ) -> Spoken:
        """As `voice.advance`."""
        if last or not voice.recordable or torch.is_autocast_enabled(mel.device.type):
            return voice.advance(mel, state, last=last)
        shapes = self._voices.setdefault(voice, _Shapes())
        key = tuple(mel.shape), layout(state)
        graph = shapes.graph(key)
        if graph is not None:
            with alone(mel.device, patience=PATIENCE) as mine:
                if mine:
                    return graph.advance(mel, state)
        spoken = voice.advance(mel, state, last=False)
        if graph is None and shapes.meet(key):
            with alone(mel.device, patience=PATIENCE) as mine:
                if mine:
                    self._keep(voice, mel, state, spoken, shapes, key)
        return spoken

    def _keep(
        self, voice: Vocoder, mel: Tensor, state: Any, spoken: Spoken, shapes: "_Shapes", key: Hashable
    ) -> None:
        """Record the shape, if its graph says what the voice has said."""
        try:
            graph = _Graph(voice, mel, state, self._record)
            same = _alike(graph.advance(mel, state), spoken)
        except RuntimeError:  # what torch says where something cannot be captured, or does not fit
            logger.exception("a %s could not be recorded as a CUDA graph; it speaks without", voice.kind)
            shapes.give_up()
            return
        if not same:
            logger.error("a CUDA graph of a %s does not say what it says; it is not used", voice.kind)
        shapes.keep(key, graph if same else None)


class _Shapes:
    """What a voice has met, and the graphs that were made of it."""

    def __init__(self) -> None:
        self._met: Counter[Hashable] = Counter()
        self._graphs: OrderedDict[Hashable, _Graph | None] = OrderedDict()  # None: one that cannot be used
        self._lock = threading.Lock()
        self._given_up = False

    def graph(self, key: Hashable) -> "_Graph | None":
        with self._lock:
            if key in self._graphs:
                self._graphs.move_to_end(key)
            return self._graphs.get(key)

    def meet(self, key: Hashable) -> bool:
        """Count it; whether it is to be recorded."""
        with self._lock:
            if self._given_up or key in self._graphs:
                return False
            if len(self._met) >= MAX_MET:
                self._met.clear()
            self._met[key] += 1
            return self._met[key] >= MEETINGS

    def keep(self, key: Hashable, graph: "_Graph | None") -> None:
        with self._lock:
            self._graphs[key] = graph
            self._met.pop(key, None)
            while len(self._graphs) > MAX_GRAPHS:
                self._graphs.popitem(last=False)

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            self._graphs.clear()


class _Graph:
    """One shape of a voice's step, for one call at a time: it reads and writes tensors of its own."""

    def __init__(self, voice: Vocoder, mel: Tensor, state: Any, record: Record) -> None:
        self._device = mel.device
        # recorded with nothing of the first call: if it then says the same, it reads all that it is given
        self._mel = torch.zeros_like(mel)
        self._inputs = [torch.zeros_like(_placed(leaf, mel.device)) for leaf in leaves(state)]
        start = rebuilt(state, self._inputs)

        def step() -> None:
            self._audio, self._following = voice.advance(self._mel, start, last=False)

        self._replay = record(step, mel.device)

    def advance(self, mel: Tensor, state: Any) -> Spoken:
        """What comes out are copies, each part of the state on the device where it was before."""
        before = leaves(state)
        self._mel.copy_(mel)
        for place, leaf in zip(self._inputs, before, strict=True):
            place.copy_(_placed(leaf, self._device))
        self._replay()
        after = zip(leaves(self._following), before, strict=True)
        return self._audio.clone(), rebuilt(self._following, [_as_before(new, old) for new, old in after])


def _placed(leaf: Leaf, device: torch.device) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf.to(device)
    return torch.tensor(leaf, dtype=torch.int64, device=device)


def _as_before(leaf: Leaf, before: Leaf) -> Leaf:
    """A copy of it; a row of integers (the seeds) stays as it is."""
    if not (isinstance(leaf, Tensor) and isinstance(before, Tensor)):
        return before
    return leaf.to(before.device, copy=True)


def _alike(spoken: Spoken, expected: Spoken) -> bool:
    """Whether audio and states are the same but for rounding."""
    pairs = zip(leaves(spoken), leaves(expected), strict=True)
    return layout(spoken) == layout(expected) and all(_near(ours, theirs) for ours, theirs in pairs)


def _near(ours: Leaf, theirs: Leaf) -> bool:
    if not (isinstance(ours, Tensor) and isinstance(theirs, Tensor)):
        return ours == theirs
    largest = float(theirs.abs().nan_to_num().amax()) if theirs.numel() else 0.0
    return torch.allclose(ours, theirs, rtol=0, atol=TOLERANCE * max(1.0, largest), equal_nan=True)
