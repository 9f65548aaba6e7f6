"""Compares tokens, and slows down those who guess."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable
from time import monotonic

from chat_tui.web.errors import ApiError
from chat_tui.web.ops.rates import RateBuckets, network_of

WRONG_PER_MINUTE = 30
"""Default number of wrong tokens of one address until it is slowed down; as many are forgotten per minute."""
DELAY_SECONDS = 1.0
"""Time that the check of a token from such an address takes."""
CHECKS = 16
"""Maximum number of simultaneous checks for such an address."""
UNGUESSABLE = 32
"""Length of a token that cannot be guessed at any speed. It is accepted without a delay, so that others behind the same
proxy cannot keep out those who have it."""


def same_token(given: str, token: str) -> bool:
    """Compare the token in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


class TokenCheck:
    """Checks tokens. After many wrong ones from an address, few a second are looked at."""

    def __init__(
        self,
        token: str,
        *,
        wrong_per_minute: int = WRONG_PER_MINUTE,
        delay_seconds: float = DELAY_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._token, self._delay_seconds, self._clock = token, delay_seconds, clock
        self._wrong = RateBuckets(wrong_per_minute)
        self._checking: Counter[str] = Counter()

    async def is_right(self, client: str, given: str) -> bool:
        """Return whether this is the token. Raises `ApiError` if the client has sent too many wrong ones."""
        address = network_of(client)
        if len(self._token) < UNGUESSABLE and self._wrong.is_empty(address, self._clock()):
            await self._wait(address)
        if same_token(given, self._token):
            return True
        if self._wrong.take(address, self._clock()):
            raise _too_many()
        return False

    async def _wait(self, address: str) -> None:
        """Wait for a turn. A client that does not wait for the reply occupies its turn nevertheless."""
        if self._checking[address] >= CHECKS:
            raise _too_many()
        self._checking[address] += 1
        try:
            await asyncio.sleep(self._delay_seconds)
        finally:
            self._checking[address] -= 1
            if not self._checking[address]:
                del self._checking[address]


def _too_many() -> ApiError:
    words = "Too many wrong tokens came from your address. Wait a few seconds."
    return ApiError(429, words, code="rate_limit_exceeded", headers={"Retry-After": "2"})
