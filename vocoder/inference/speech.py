"""One utterance on its way through the engine: frames in, block by block, what is made of its audio out."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Generic, SupportsIndex, TypeVar

from jaxtyping import Float
from torch import Tensor

from vocoder.inference.scheduler import Scheduler
from vocoder.inference.steps import Step
from vocoder.inference.streaming import FIRST_FRAMES, LARGEST_FRAMES
from vocoder.models import Vocoder
from vocoder.noise import check_seed

T = TypeVar("T")

# A listener who leaves stops the work after the block under way: no block should take longer.
BLOCK_SECONDS = 0.1
# Those who are far ahead of their listener come after those who are not, but not for ever.
_LONGEST_WAIT = 1.0


class Speech(Generic[T]):
    """A stream of `voice`, one block at a time; the blocks join to `voice.synthesize` of all the frames.

    Args:
        then: makes of each block's audio, on the CPU, what `advance` returns; it runs beside the event loop.

    Raises:
        InputError: a bad seed or temperature.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        voice: Vocoder,
        *,
        seed: SupportsIndex = 0,
        temperature: float | None = None,
        then: Callable[[Float[Tensor, "sample"]], T],
    ) -> None:
        self.voice, self.block_frames = voice, FIRST_FRAMES
        self.frames, self.finished = 0, False
        self._scheduler, self._then = scheduler, then
        self._state = voice.start([check_seed(seed)], voice.check_temperature(temperature))
        self._began: float | None = None

    @property
    def samples(self) -> int:
        """Samples made so far."""
        ahead = 0 if self.finished else self.voice.lookahead_frames
        return max(0, self.frames - ahead) * self.voice.mel_spec.hop_length

    @property
    def ahead(self) -> float:
        """Seconds of audio that a listener who began with the first has not heard yet."""
        if self._began is None:
            return 0.0
        return self.samples / self.voice.sample_rate - (time.monotonic() - self._began)

    async def advance(
        self, mel: Float[Tensor, "mel frame"], *, last: bool = False, patience: float = 0.0
    ) -> T:
        """Take more frames, in the units of the voice; give what has become certain.

        For `patience` seconds the block may wait for others, with which it costs less.

        A cancelled call withdraws the block; the speech has then ended.
        """
        step = Step(self.voice, mel, self._state, last, self._due(), self._then, patience=patience)
        made = await asyncio.wrap_future(self._scheduler.submit(step))
        self._state = made.state
        self.frames += mel.shape[1]
        self.finished = last
        if self._began is None and self.samples:
            self._began = time.monotonic()
        self.block_frames = _next_size(self.block_frames, made.seconds)
        return made.result

    async def speak(self, mel: Float[Tensor, "mel frame"]) -> AsyncGenerator[T]:
        """A whole mel: a small first block, then growing ones, each made while the one before is taken.

        Closing this withdraws the block that nobody has taken.
        """
        position, size = 0, self.voice.lookahead_frames + self.block_frames
        ahead: asyncio.Task[T] | None = None
        try:
            while position < mel.shape[1]:
                made = [await ahead] if ahead else []
                frames = mel[:, position : position + (self.block_frames if ahead else size)]
                position += frames.shape[1]
                ahead = asyncio.create_task(self.advance(frames, last=position == mel.shape[1]))
                for block in made:
                    yield block
            if ahead:
                yield await ahead
        finally:
            if ahead:
                ahead.cancel()

    def _due(self) -> float:
        """When the listener, who began with the first audio, has heard all there is."""
        now = time.monotonic()
        return now if self._began is None else now + min(_LONGEST_WAIT, self.ahead)


def _next_size(frames: int, seconds: float) -> int:
    """Twice as many frames while that stays quick, half as many once it is not."""
    if seconds > BLOCK_SECONDS:
        return max(1, frames // 2)
    return min(2 * frames, LARGEST_FRAMES) if seconds <= BLOCK_SECONDS / 2 else frames
