"""Put the application on a socket."""

import socket
from copy import deepcopy
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from server.settings import Settings
from vocoder.errors import ConfigError

_BACKLOG = 1024


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


def make_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """Serves `app` until SIGINT or SIGTERM; streams then have `shutdown_timeout` seconds to end."""
    config = uvicorn.Config(
        app,
        log_config=_log_config(),
        timeout_graceful_shutdown=settings.shutdown_timeout,
        server_header=False,
    )
    return uvicorn.Server(config)


def _log_config() -> dict[str, Any]:
    """uvicorn's, with everything on standard error, and the project's own loggers beside it."""
    config = deepcopy(LOGGING_CONFIG)
    config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    for name in ("server", "vocoder"):
        config["loggers"][name] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config
