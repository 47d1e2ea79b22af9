"""Whose page asks: the headers Origin and Host of a browser, held against what this server is called."""

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.problems import Problem
from server.settings import Settings, is_loopback

ANY = "*"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORT = re.compile(r":\d*$")


class Origins:
    """ASGI middleware that refuses (403) what pages of other servers have their visitors' browsers ask for.

    Such a browser may reach what the owner of the page cannot, a server on its own machine that needs no key.
    So what may change something must come from a page of this server or from `cors_origins`; and without keys
    a server that only this machine reaches answers to no other name than this machine's and those of
    `cors_origins`, because any other could belong to a page and have been led here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._named = app, settings.cors_origins
        self._checks_names = settings.loopback and not settings.needs_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        await (refusal.response() if refusal else self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._checks_names and not answers_to(host, self._named):
            return Problem(
                "forbidden",
                f"without keys this server is called localhost, 127.0.0.1 or [::1], not {host[:100]!r}; "
                "name its origin in cors_origins, or ask for keys (auth=on)",
            )
        if scope.get("method", "GET") not in _SAFE_METHODS and not may_use(origin, host, self._named):
            return Problem(
                "forbidden",
                f"pages of {str(origin)[:100]} may not use {host[:100]}; name them in cors_origins, "
                "or have the proxy between hand on the header Host",
            )
        return None


def may_use(origin: str | None, host: str, named: Collection[str]) -> bool:
    """Whether the server at `host` serves who asks: programs, its own pages, and those of named origins."""
    if origin is None or ANY in named or origin in named:
        return True
    return origin.lower() in (f"{scheme}://{host.lower()}" for scheme in ("http", "https"))


def answers_to(host: str, named: Collection[str]) -> bool:
    """Whether `host`, with or without a port, is this machine alone, or that of a named origin."""
    name = _hostname(host)
    return (
        is_loopback(name) or ANY in named or name in {_hostname(each.partition("://")[2]) for each in named}
    )


def _hostname(host: str) -> str:
    name = _PORT.sub("", host.lower())
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name
