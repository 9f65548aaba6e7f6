"""How often a client may ask."""

from __future__ import annotations

from math import ceil
from time import monotonic

from chat_tui.web.errors import ApiError


class RateBuckets:
    """Requests of each client: a bucket that fills by the minute and holds a minute's."""

    CLIENTS = 10_000
    """Remembered at most; whoever has not asked for a minute is as good as new."""

    def __init__(self, per_minute: int) -> None:
        self._most, self._per_second = float(per_minute), per_minute / 60
        self._used: dict[str, tuple[float, float]] = {}
        """By client: how much was used up, and when that was so."""

    def take(self, client: str, at: float) -> float:
        """Count a request at this time; gives the seconds to wait where it is one too many, 0 where it is not."""
        used, since = self._used.pop(client, (0.0, at))
        used = max(0.0, used - (at - since) * self._per_second)
        excess = used + 1 - self._most
        self._used[client] = (used, at) if excess > 0 else (used + 1, at)
        if len(self._used) > self.CLIENTS:
            # The one who has not asked for the longest time.
            del self._used[next(iter(self._used))]
        return max(0.0, excess / self._per_second)

    def count(self, client: str) -> None:
        """Count a request of now. Raises `ApiError`."""
        if wait := self.take(client, monotonic()):
            words = "Too many requests. Wait, or raise [web] requests_per_minute."
            raise ApiError(429, words, code="rate_limit_exceeded", headers={"Retry-After": str(ceil(wait))})
