"""HEAD: what GET would answer, without its body."""

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """ASGI middleware: HEAD runs as GET until the headers are there, what makes the body is then stopped."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD":
            return await self._app(scope, receive, send)
        as_get = {**scope, "method": "GET"}
        try:
            with CancelScope() as making:
                await self._app(as_get, receive, _headers_alone(send, making))
        finally:
            scope.update(as_get, method="HEAD")  # the route that was found, for the log


def _headers_alone(send: Send, making: CancelScope) -> Send:
    async def send_start(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})
            making.cancel()

    return send_start
