"""Frames to the server as they are made, samples back as they become certain."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, WebSocketException

from vocoder.client.requests import Mel, Refused, Samples, check_options, frames_of
from vocoder.errors import InputError, VocoderError


class Conversation:
    """One utterance after the other over one connection. Push from one task, listen in another.

        async def push():
            async for frames in acoustic_model:
                await conversation.push(frames)
            await conversation.finish()

        async with client.converse(voice="student", seed=7) as conversation, asyncio.TaskGroup() as tasks:
            tasks.create_task(push())
            async for samples in conversation.listen():
                play(samples)

    Attributes:
        voice: what the server said of it: num_mels, hop_length, sample_rate, lookahead_frames …
    """

    def __init__(self, socket: ClientConnection, voice: Mapping[str, Any]) -> None:
        self._socket, self.voice = socket, voice
        self._begun = False  # whether frames came since the last end
        self._ends = self._cancels = 0  # that were not answered yet

    async def push(self, mel: Mel) -> None:
        """Send frames `[num_mels, frame]`, any number of them, or one `[num_mels]`.

        Raises:
            InputError: another number of bands, frames before bands, or no floating-point numbers.
        """
        frames = frames_of(mel, self.voice["num_mels"]).T
        self._begun = True
        await self._send(np.ascontiguousarray(frames.numpy(), "<f4").tobytes())

    async def flush(self) -> None:
        """Have the rest spoken: the utterance ends here, and the next frames begin another."""
        await self._end("flush")

    async def cancel(self) -> None:
        """Have all that was not heard yet dropped; the next frames begin another utterance.

        Whoever listens has come to the end of theirs. Where nothing is left to be heard, nothing happens.
        """
        if self._begun or self._ends:
            self._begun, self._ends = False, 0
            self._cancels += 1
            await self._say("cancel")

    async def finish(self) -> None:
        """Have the rest spoken; nothing more will come."""
        await self._end("finish")

    async def listen(self) -> AsyncIterator[Float[Tensor, "sample"]]:
        """The samples of this utterance, in [-1, 1], until it is flushed, finished or cancelled.

        Raises:
            Refused: the server found something wrong.
            VocoderError: the connection broke off.
        """
        samples = Samples()
        while True:
            message = await _receive(self._socket)
            if isinstance(message, bytes):
                if not self._cancels:
                    yield samples.decode(message)
            elif message["type"] == "cancelled":
                self._cancels -= 1
                if not self._cancels:
                    return
            elif not self._cancels:  # or else it ended what was cancelled in that moment
                self._ends -= 1
                return

    async def _end(self, kind: str) -> None:
        self._begun = False
        self._ends += 1
        await self._say(kind)

    async def _say(self, kind: str) -> None:
        await self._send(json.dumps({"type": kind}))

    async def _send(self, message: bytes | str) -> None:
        with suppress(ConnectionClosed):  # why, `listen` says
            await self._socket.send(message)


@asynccontextmanager
async def connect(
    url: str, headers: Mapping[str, str], options: Mapping[str, Any]
) -> AsyncIterator[Conversation]:
    """A conversation that has begun, in bare samples."""
    check_options(options, "format", "type")
    try:
        socket = await open_socket(url, additional_headers=headers, max_size=None, compression=None)
    except (OSError, WebSocketException) as error:
        raise VocoderError(f"no conversation with {url}: {error}") from None
    async with socket:
        given = {name: value for name, value in options.items() if value is not None}
        await socket.send(json.dumps({"type": "start", "format": "pcm"} | given, default=_plain))
        started = await _receive(socket)
        assert isinstance(started, dict)
        yield Conversation(socket, started)


def _plain(value: Any) -> Any:
    """Of NumPy's and torch's numbers."""
    if getattr(value, "ndim", None) == 0:
        return value.item()
    raise InputError(f"options are text and numbers, got {type(value).__name__}: {value!r}"[:200])


async def _receive(socket: ClientConnection) -> bytes | dict[str, Any]:
    try:
        message = await socket.recv()
    except ConnectionClosed as error:
        raise VocoderError(f"the conversation broke off: {error}") from None
    if isinstance(message, bytes):
        return message
    said: dict[str, Any] = json.loads(message)
    if said["type"] == "error":
        problem = said["problem"]
        raise Refused(problem["status"], problem["type"].rpartition("/")[2], problem["detail"])
    return said
