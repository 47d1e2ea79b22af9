"""Frames that wait to be spoken, and the commands between them."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# From here on counts are rounded to powers of two: streams whose blocks are alike are made in one batch.
_ROUNDED_FROM = 4


class Taken(NamedTuple):
    """What to speak next: frames, perhaps none, and the command that follows them, if it does."""

    mel: Float[Tensor, "mel frame"] | None
    command: str | None


class Inbox:
    """Filled by the one who listens, emptied by the one who speaks, on one event loop."""

    def __init__(self) -> None:
        self._items: deque[Tensor | str] = deque()
        self._filled, self._told, self._emptied = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._frames = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, item: Float[Tensor, "mel frame"] | str) -> None:
        self._items.append(item)
        self._filled.set()
        if isinstance(item, str):
            self._told.set()
        else:
            self._frames += item.shape[1]

    def clear(self) -> None:
        self._items.clear()
        self._frames = 0
        self._filled.clear()
        self._told.clear()
        self._emptied.set()

    async def room(self, frames: int) -> None:
        """Wait until at most so many frames are here."""
        while self._frames > frames:
            self._emptied.clear()
            await self._emptied.wait()

    async def told(self, within: float) -> bool:
        """Wait until a command is there, or so many seconds have passed; whether one is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._told.wait()
        return self._told.is_set()

    async def take(self, limit: int) -> Taken:
        """As many of the next frames as there are, at most `limit`, and the command after them."""
        await self._filled.wait()
        taken = self._next(limit)
        if taken.mel is not None:
            self._frames -= taken.mel.shape[1]
            self._emptied.set()
        if not self._items:
            self._filled.clear()
        if taken.command and not any(isinstance(item, str) for item in self._items):
            self._told.clear()
        return taken

    def _next(self, limit: int) -> Taken:
        waiting: list[Tensor] = []
        while self._items and isinstance(item := self._items[0], Tensor):
            waiting.append(item)
            self._items.popleft()
        if not waiting:
            return Taken(None, self._command())
        mel = waiting[0] if len(waiting) == 1 else torch.cat(waiting, dim=1)
        if mel.shape[1] <= limit and (command := self._command()):
            return Taken(mel, command)
        count = min(limit, mel.shape[1])
        if count >= _ROUNDED_FROM:
            count = 1 << (count.bit_length() - 1)
        if count < mel.shape[1]:
            self._items.appendleft(mel[:, count:])
        return Taken(mel[:, :count], None)

    def _command(self) -> str | None:
        """The next item, taken, if it is a command."""
        if self._items and isinstance(item := self._items[0], str):
            self._items.popleft()
            return item
        return None
