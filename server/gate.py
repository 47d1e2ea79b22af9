"""Who may come in, and how often."""

import math
import time
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from server.keys import KeyFile, Scope
from server.problems import Problem, documented
from server.settings import Settings
from vocoder.errors import ConfigError

# Wrong keys from one address; past it they are told to come later. A right one passes: behind a proxy
# strangers share an address, and a key cannot be guessed.
_WRONG_KEYS = parse("30/minute")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_bearer = HTTPBearer(auto_error=False, description="A key that `vocoder keys create` has shown.")


class Gate:
    """Asks for keys where the settings say so, and counts what comes from each key or address.

    Raises:
        ConfigError: keys are needed and there are none, or the rate limit cannot be understood.
    """

    def __init__(self, settings: Settings) -> None:
        self.keys = KeyFile(settings.keys_file) if settings.keys_file else None
        self.closed = settings.needs_keys
        if self.closed and not (self.keys and self.keys.keys()):
            raise ConfigError(
                f"keys are needed where others can connect (host {settings.host}), and there are none: "
                "vocoder keys create --file keys.json --scope synthesis, then keys_file=keys.json; "
                "or auth=off where something in front of this server keeps strangers out"
            )
        self._rate = _parse_rate(settings.rate_limit)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def enter(self, scope: Scope, token: str | None, address: str) -> None:
        """Let a request with this key from this address pass; raises `Problem` 401, 403 or 429."""
        visitor = address
        if self.closed:
            visitor = await self._check(scope, token, address)
        if self._rate:
            await self._count(self._rate, "request", visitor)

    async def _check(self, scope: Scope, token: str | None, address: str) -> str:
        if not token:
            raise Problem(
                "unauthorized", "send a key in the header Authorization: Bearer <key>", headers=_CHALLENGE
            )
        key = self.keys.find(token) if self.keys else None
        if key is None:
            await self._count(_WRONG_KEYS, "wrong", address)
            raise Problem(
                "unauthorized", "this key is unknown or was revoked; ask for another", headers=_CHALLENGE
            )
        if not key.allows(scope):
            raise Problem(
                "forbidden", f"this key is for {', '.join(key.scopes)}; one for {scope} is needed here"
            )
        return key.id

    async def _count(self, rate: RateLimitItem, *visitor: str) -> None:
        if not await self._limiter.hit(rate, *visitor):
            raise await self._too_often(rate, *visitor)

    async def _too_often(self, rate: RateLimitItem, *visitor: str) -> Problem:
        window = await self._limiter.get_window_stats(rate, *visitor)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        return Problem(
            "rate-limited",
            f"{rate} are allowed; come again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def requires(scope: Scope) -> dict[str, Any]:
    """Options of `include_router`: its routes need a key for `scope`, where keys are needed at all."""

    async def enter(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    ) -> None:
        gate: Gate = request.app.state.gate
        token = credentials.credentials if credentials else None
        await gate.enter(scope, token, address_of(request))

    return {
        "dependencies": [Depends(enter)],
        "responses": documented("unauthorized", "forbidden", "rate-limited"),
    }


def address_of(connection: Any) -> str:
    return connection.client.host if connection.client else "unknown"


def _parse_rate(text: str) -> RateLimitItem | None:
    try:
        return parse(text) if text else None
    except ValueError:
        raise ConfigError(f"rate_limit {text!r} is no rate; write for example 600/minute") from None
