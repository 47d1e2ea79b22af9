"""Put the application on a socket."""

import asyncio
import gc
import socket
import sys

import uvicorn
from fastapi import FastAPI

from server.logs import log_config
from server.settings import Settings
from vocoder.errors import ConfigError

_BACKLOG = 1024
_POLL_SECONDS = 0.05
_SWITCH_SECONDS = 5e-4
"""After which a thread must let others have the interpreter: ten times sooner than by default, because those
that make audio need it between operations of microseconds."""


def bind(settings: Settings) -> socket.socket:
    """A listening socket whose connections hold little unsent audio: synthesis waits for a slow client.

    Raises:
        ConfigError: the address is taken, or is none of this machine's.
    """
    address = settings.host, settings.port
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host} port {settings.port} ({error.strerror}): "
            "choose another --port, or 0 for any free one"
        ) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """At a stop, utterances under way have `shutdown_timeout` seconds to end.

    Those over WS are then told, those over HTTP are broken off; nothing that is cut looks whole.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            log_config=log_config(settings.log_format),
            access_log=False,
            timeout_graceful_shutdown=1,
            ws_max_size=settings.max_body_bytes,
            ws_per_message_deflate=False,  # samples and mels hardly shrink
            server_header=False,
            forwarded_allow_ips=list(settings.trusted_proxies),
        )
        super().__init__(config)
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._app, self._grace = app, settings.shutdown_timeout

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """What is there once the voices are warm stays: the search for garbage, which stops all threads for a
        tenth of a second where it looks through all modules, leaves it out from now on.
        """
        await asyncio.wait([self._app.state.warming])
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._drain()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        state = self._app.state
        state.stopping = True
        for conversation in list(state.conversations):
            conversation.leave_soon()
        try:
            async with asyncio.timeout(self._grace):
                while state.engine.active_streams and not self.force_exit:
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            for conversation in list(state.conversations):
                conversation.leave_now()


def make_server(app: FastAPI, settings: Settings) -> Server:
    """Serves `app` until SIGINT or SIGTERM."""
    return Server(app, settings)
