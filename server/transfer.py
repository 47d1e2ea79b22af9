"""Bodies in and audio out, each within its limits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from server.problems import Problem

T = TypeVar("T")


@asynccontextmanager
async def arriving(request: Request) -> AsyncIterator[bytes]:
    """The body of a request, which counts among those that are read, or wait for a place, until the end.

    Raises:
        Busy: as many as allowed do so already.
        Problem: the body is too large, or too slow.
    """
    settings = request.app.state.settings
    async with request.app.state.arrivals.take():
        yield await read_limited(request, settings.max_body_bytes, settings.body_timeout)


async def read_limited(request: Request, max_bytes: int, seconds: float) -> bytes:
    """The body; refused once it is known to be larger than `max_bytes` (413), or after `seconds` (408)."""
    too_large = Problem("body-too-large", f"a body may have {max_bytes} bytes; send fewer frames, or as npy")
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise too_large
    except TimeoutError:
        raise Problem(
            "body-timeout", f"the body did not arrive within {seconds:g} s; send it again"
        ) from None
    return bytes(body)


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work` for a request whose body has been read; the client's leaving cancels the work.

    Raises:
        ClientDisconnect: it has left.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class AudioStream(StreamingResponse):
    """Audio as it is made, its first bytes made already.

    A failure in the middle, or a client that takes nothing for `stall_timeout` seconds, aborts the
    connection: cut-off audio never looks whole. Whatever happens, `resources` are given back at the end.
    """

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes],
        *,
        headers: Mapping[str, str],
        media_type: str,
        stall_timeout: float,
    ) -> None:
        super().__init__(_prepended(first, rest), headers=headers, media_type=media_type)
        self.resources = AsyncExitStack()
        self._stall_timeout = stall_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_timeout):
                await send(message)

        async with self.resources:
            await super().__call__(scope, receive, send_in_time)


async def _prepended(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
