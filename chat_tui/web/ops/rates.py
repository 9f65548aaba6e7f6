"""The rate limit of requests."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic

from chat_tui.web.errors import ApiError

_SHARED_BITS = 64
"""Bits of an IPv6 address that name its network; a client may have all addresses of one."""


def network_of(address: str) -> str:
    """Return the address by which a client without the token is counted: for IPv6 that of its network."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> _SHARED_BITS << _SHARED_BITS))
    return address


class RateBuckets:
    """Token buckets: each client has one that holds as many requests as it gets per minute."""

    CLIENTS = 10_000
    """Maximum number of clients to remember; a client without requests for a minute is forgotten."""

    def __init__(self, per_minute: int) -> None:
        self._most, self._per_second = float(per_minute), per_minute / 60
        self._used: dict[str, tuple[float, float]] = {}
        """By client: the used part of the bucket, and when that was measured."""

    def take(self, client: str, at: float) -> float:
        """Count a request at this time; returns the seconds to wait if the bucket is empty, else 0."""
        used, since = self._used.pop(client, (0.0, at))
        used = max(0.0, used - (at - since) * self._per_second)
        excess = used + 1 - self._most
        self._used[client] = (used, at) if excess > 0 else (used + 1, at)
        if len(self._used) > self.CLIENTS:
            # The one who has not asked for the longest time.
            del self._used[next(iter(self._used))]
        return max(0.0, excess / self._per_second)

    def is_empty(self, client: str, at: float) -> bool:
        """Return whether a request at this time would be refused."""
        used, since = self._used.get(client, (0.0, at))
        return max(0.0, used - (at - since) * self._per_second) + 1 > self._most

    def count(self, client: str) -> None:
        """Count a request. Raises `ApiError` if the client sends too many."""
        if wait := self.take(client, monotonic()):
            words = "Too many requests. Wait, or raise [web] requests_per_minute."
            raise ApiError(429, words, code="rate_limit_exceeded", headers={"Retry-After": str(ceil(wait))})
