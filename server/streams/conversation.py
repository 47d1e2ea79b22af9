"""One client of WS /v1/stream: it is read without pause, and answered utterance after utterance."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from jaxtyping import Float
from starlette.websockets import WebSocketState
from torch import Tensor

from server.gate import Gate, address_of
from server.keys import Scope
from server.metrics import Metrics
from server.origins import may_use
from server.problems import Problem, problem_of
from server.settings import Settings
from server.speaking import check_length, max_frames
from server.streams.delays import Delays
from server.streams.inbox import Inbox, Taken
from server.streams.messages import Command, Start, close_code, error_message, message, parse, read_frames
from server.streams.turn import Turn
from vocoder.inference.bounded import bounded
from vocoder.inference.denoiser import Denoiser
from vocoder.inference.engine import Engine
from vocoder.inference.fitting import Fitting
from vocoder.mel import MelSpec, dialect
from vocoder.models import Vocoder
from vocoder.models.corrected import passes, with_passes

_AT_ONCE = 16
"""Frames that are converted on the event loop: that takes less than handing them to a thread and back."""
_SHORT = 16
"""Frames of a block as those who stream while they make them send it."""
_WAITED = 0.5
"""Share of the time beyond `steady_start`, for which the first audio was held, that a later block waits for
others to share a batch with; the rest is for making it, and for what goes wrong."""
_NORMAL = 1000
_NOTHING = {"frames": 0, "samples": 0}
_ANSWERS = {"flush": "flushed", "finish": "finished"}
_START = (
    'begin with {"type": "start"}, and in it voice, dialect, estimate, format, seed, temperature, '
    "denoise, correction, lookahead, steady as you like"
)
_COMMANDS = 'send frames as a binary message, or {"type": "flush"}, "cancel" or "finish"'


class Conversation:
    """From the first message to the close. What goes wrong, the client is told, with a remedy and a code."""

    def __init__(self, socket: WebSocket) -> None:
        state = socket.app.state
        self._socket, self._inbox, self._frames = socket, Inbox(), 0
        self._settings: Settings = state.settings
        self._engine: Engine = state.engine
        self._metrics: Metrics = state.metrics
        self._gate: Gate = state.gate
        self._delays: Delays = state.delays
        self._in_utterance = self._busy = self._leaving = False
        self._cancels = 0  # that are not answered
        self._turn: asyncio.Task[bool] | None = None
        self._leave = asyncio.Event()

    async def run(self) -> None:
        try:
            await self._socket.accept()
            start = await self._greet()
            async with self._engine.admit():
                await self._converse(start)
            await self._socket.close(_NORMAL)
        except* WebSocketDisconnect:
            pass
        except* Exception as group:
            await self._fail(_first(group))

    def leave_soon(self) -> None:
        """The server stops: no other utterance is begun here."""
        self._leaving = True
        if not self._in_utterance:
            self.leave_now()

    def leave_now(self) -> None:
        """The server stops now."""
        self._leave.set()

    async def _greet(self) -> Start:
        try:
            async with asyncio.timeout(self._settings.body_timeout):
                text = (await self._receive()).get("text")
        except TimeoutError:
            raise Problem("idle-timeout", f"the first message did not come; {_START}") from None
        start = parse(Start, text, _START)
        _check_origin(self._socket, self._settings)
        await self._gate.enter(Scope.SYNTHESIS, _token(self._socket, start), address_of(self._socket))
        return start

    async def _converse(self, start: Start) -> None:
        engine = self._engine
        name, voice = await engine.voice(start.voice)
        voice = with_passes(voice, start.correction)
        if start.lookahead is not None:
            voice = bounded(voice, start.lookahead)
        if start.denoise:
            await engine.run(Denoiser.of, voice)  # once a voice, beside the event loop
        source = dialect(start.dialect) if start.dialect else voice.mel_spec
        fitting = partial(Fitting, source, voice.mel_spec, estimate=start.estimate)
        await engine.run(fitting)  # refuses what it cannot fit, and keeps what all frames need
        await self._say(
            "started",
            voice=name,
            num_mels=source.num_mels,
            hop_length=voice.mel_spec.hop_length,
            sample_rate=voice.sample_rate,
            lookahead_frames=voice.lookahead_frames,
            format=start.format,
            seed=start.seed,
            temperature=voice.check_temperature(start.temperature),
            correction=passes(voice),
        )
        async with asyncio.TaskGroup() as group:
            others = [
                group.create_task(self._listen(fitting, source, voice.mel_spec)),
                group.create_task(self._stay()),
            ]
            await self._speak(name, voice, start)
            for task in others:
                task.cancel()

    async def _listen(self, fit: Callable[[], Fitting], source: MelSpec, target: MelSpec) -> None:
        """Put what comes into the inbox; a cancel is obeyed at once.

        While as many frames wait as an utterance may have, nothing more is read.
        """
        fitting = fit()
        while True:
            await self._inbox.room(max_frames(target, self._settings))
            received = await self._receive_in_time()
            if (data := received.get("bytes")) is not None:
                mel = read_frames(data, source.num_mels)
                self._frames += mel.shape[1]
                check_length(self._frames, target, self._settings, source)
                if mel.shape[1] <= _AT_ONCE and fitting.exact:
                    self._put(fitting.push(mel))
                else:
                    self._put(await self._engine.run(fitting.push, mel))
                continue
            command = parse(Command, received.get("text"), _COMMANDS).type
            self._frames = 0
            if command != "cancel":
                self._put(fitting.finish())
                self._inbox.put(command)
            else:
                self._inbox.clear()
                self._cancels += 1
                if self._turn:
                    self._turn.cancel()
            fitting = fit()

    def _put(self, mel: Float[Tensor, "mel frame"]) -> None:
        if mel.shape[1]:
            self._inbox.put(mel)

    async def _speak(self, name: str, voice: Vocoder, start: Start) -> None:
        """Utterance after utterance, until one is the last."""
        finished = False
        while not finished:
            turn, counts = Turn(self._engine, voice, start), _NOTHING
            with self._metrics.speaking(name, turn.speech):
                self._turn = asyncio.create_task(self._take_turn(turn))
                try:
                    finished = await self._turn
                except asyncio.CancelledError:
                    if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                        raise
                    counts = turn.counts
            while self._cancels:  # also one that came when all had been said
                self._cancels -= 1
                await self._say("cancelled", **counts)
                counts = _NOTHING
            self._in_utterance = self._busy = False
            if self._leaving:
                self.leave_now()

    async def _take_turn(self, turn: Turn) -> bool:
        """Speak one utterance; true if the client wants no other."""
        heard = False
        while True:
            self._busy = False
            taken = await self._inbox.take(turn.speech.block_frames)
            self._in_utterance = self._busy = True
            came = time.monotonic()
            if not turn.speech.frames:
                began = came
            if data := await self._make(turn, taken):
                first = not heard and turn.speech.samples > 0  # not a header alone
                if first and turn.steady and not taken.command:
                    await self._hold(came)
                    turn.held = time.monotonic() - came
                await self._send(data)
                if first:
                    heard = True
                    self._metrics.latency.observe(time.monotonic() - began)
            if taken.command:
                await self._say(_ANSWERS[taken.command], **turn.counts)
                return taken.command == "finish"
            await turn.keep_step(self._settings.max_ahead)

    async def _make(self, turn: Turn, taken: Taken) -> bytes:
        if taken.command or taken.mel is None or taken.mel.shape[1] > _SHORT:
            return await turn.speak(taken)
        to_spare = max(0.0, turn.held - self._settings.steady_start)
        patience = _WAITED * to_spare if self._engine.active_streams > 1 else 0.0
        with self._delays.measured():
            return await turn.speak(taken, patience)

    async def _hold(self, came: float) -> None:
        """From when the frames came until a later block would be there, however late, or all frames are."""
        while (rest := came + self._delays.expected(self._engine.active_streams) - time.monotonic()) > 0:
            if await self._inbox.told(within=rest):
                return

    async def _stay(self) -> None:
        await self._leave.wait()
        raise Problem("shutting-down", "the server stops; connect again in a few seconds")

    async def _receive_in_time(self) -> dict[str, Any]:
        while True:
            try:
                async with asyncio.timeout(self._settings.idle_timeout):
                    return await self._receive()
            except TimeoutError:
                if not self._busy and not self._inbox:
                    raise Problem(
                        "idle-timeout",
                        f"nothing came for {self._settings.idle_timeout:g} s; connect again to go on",
                    ) from None

    async def _receive(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", _NORMAL))
        return dict(received)

    async def _say(self, kind: str, **members: Any) -> None:
        await self._send(message(kind, **members))

    async def _send(self, data: bytes | str) -> None:
        try:
            async with asyncio.timeout(self._settings.stall_timeout):
                if isinstance(data, bytes):
                    await self._socket.send_bytes(data)
                else:
                    await self._socket.send_text(data)
        except TimeoutError:
            raise WebSocketDisconnect(_NORMAL, "the client takes nothing") from None

    async def _fail(self, error: Exception) -> None:
        problem = problem_of(error, self._socket)
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            await self._send(error_message(problem))
            await self._socket.close(close_code(problem), problem.name)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it has gone


def _check_origin(socket: WebSocket, settings: Settings) -> None:
    """A browser says whose page connects; only our own may, and those that the settings name."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if not may_use(origin, host, settings.cors_origins):
        raise Problem("forbidden", f"pages of {str(origin)[:100]} may not connect; name them in cors_origins")


def _token(socket: WebSocket, start: Start) -> str | None:
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else start.api_key


def _first(group: BaseException) -> Exception:
    """The error behind groups of them: what one task raised before the others were cancelled."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    assert isinstance(group, Exception)
    return group
