"""The addresses of one provider: each request goes to the least busy one that works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from chat_tui.core.models import Provider

REST_SECONDS = 15.0
"""How long an address that has failed is avoided while others work."""


class Replicas:
    """The addresses of one provider, and how busy each is."""

    def __init__(self, addresses: Sequence[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._running = dict.fromkeys(addresses, 0)
        self._asked = dict.fromkeys(addresses, 0)
        self._failed: dict[str, float] = {}

    def order(self) -> list[str]:
        """Return the addresses, the best first: working ones before failed ones, then the least busy, then in turn."""
        now = self._clock()

        def rests(address: str) -> float:
            failed = self._failed.get(address)
            return failed if failed is not None and now - failed < REST_SECONDS else 0.0

        return sorted(self._running, key=lambda a: (rests(a), self._running[a], self._asked[a]))

    def note_failure(self, address: str) -> None:
        """Note that an address could not be reached, or that its connection was lost."""
        self._failed[address] = self._clock()

    def note_success(self, address: str) -> None:
        """Note that an address has answered."""
        self._failed.pop(address, None)

    @contextmanager
    def count_stream(self, address: str) -> Iterator[None]:
        """Count a stream of an address while it runs."""
        self._asked[address] += 1
        self._running[address] += 1
        try:
            yield
        finally:
            self._running[address] -= 1


class ReplicasByProvider:
    """The addresses of all providers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, Replicas] = {}

    def of(self, provider: Provider) -> Replicas:
        """Return the provider's addresses; a single one is not kept, since it may change."""
        if len(provider.base_urls) < 2:
            return Replicas((provider.base_url,), self._clock)
        if provider.name not in self._known:
            self._known[provider.name] = Replicas(provider.base_urls, self._clock)
        return self._known[provider.name]
