"""Around every request: its id, the headers that keep a browser out of trouble, its line in the log."""

import logging
import re
import time
from contextvars import ContextVar
from urllib.parse import quote
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.heads import Heads
from server.problems import Problem

REQUEST_ID = "X-Request-ID"
# A stranger's id goes into logs and headers: short, and nothing in it that these would take for their own.
_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")

request_id: ContextVar[str] = ContextVar("request_id", default="-")
access = logging.getLogger("server.access")


class Surroundings:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app, self._max_body_bytes = Heads(app), max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID, "")
        identity = given if _VALID_ID.fullmatch(given) else uuid4().hex
        request_id.set(identity)
        exchange = _Exchange(scope, identity, self._max_body_bytes, receive, send)
        try:
            await self.app(scope, exchange.receive, exchange.send)
            exchange.completed = True
        finally:
            exchange.log()


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, identity: str, max_body_bytes: int, receive: Receive, send: Send
    ) -> None:
        self.scope, self.identity, self.status, self.completed = scope, identity, 0, False
        self._receive, self._send, self._bytes_left = receive, send, max_body_bytes
        self._arrived = time.monotonic()
        scope.setdefault("state", {}).update(arrived=self._arrived, request_id=identity)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes_left -= len(message.get("body", b""))
            if self._bytes_left < 0:
                raise Problem("body-too-large", "the body is larger than any that is taken here")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] in _STARTS:
            self.status = message.get("status", 101)
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.identity
            for name, value in _SAFETY.items():
                headers.setdefault(name, value)
        await self._send(message)

    def log(self) -> None:
        scope, seconds = self.scope, time.monotonic() - self._arrived
        route = getattr(scope.get("route"), "path", "other")
        method = scope.get("method", "WEBSOCKET")
        if metrics := getattr(scope["app"].state, "metrics", None):
            metrics.requests.labels(route, method, self.status).inc()
        access.info(
            "%s %s %d in %.0f ms%s",
            method,
            quote(scope["path"]),
            self.status,
            1000 * seconds,
            "" if self.completed else ", cut off",
            extra={
                "method": method,
                "route": route,
                "status": self.status,
                "seconds": round(seconds, 4),
                "client": (scope.get("client") or ("-",))[0],
            },
        )
