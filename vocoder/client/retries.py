"""When to ask again."""

import random
from dataclasses import dataclass

RETRIED_STATUSES = frozenset({429, 503})


@dataclass(frozen=True)
class Retries:
    """How often a request that found no place, or no connection, is sent again.

    The server's Retry-After is kept to; without one the wait doubles each time. Up to half as much is added
    at random, so that clients that were refused together do not come back together.

    Args:
        attempts: requests in all; 1 means never again.
        first_wait: seconds before the second, where the server does not say.
        longest_wait: seconds; a server that asks for more is not asked again.
    """

    attempts: int = 5
    first_wait: float = 0.25
    longest_wait: float = 30.0

    def wait(self, attempt: int, retry_after: str | None = None) -> float | None:
        """Seconds to wait after attempt number `attempt`, from 1 on; None: give up."""
        if attempt >= self.attempts:
            return None
        seconds = self.first_wait * 2.0 ** (attempt - 1)
        if retry_after and retry_after.isdecimal():
            seconds = float(retry_after)
        return None if seconds > self.longest_wait else seconds * random.uniform(1.0, 1.5)
