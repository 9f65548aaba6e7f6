"""How fast a download is, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from chat_tui.core.models import DownloadProgress

_LEAST = 1000.0
"""Bytes per second from which on a speed is told."""


class DownloadPace:
    """Measures one download from the first report on; what was there by then, from an earlier one, does not count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None
        """When the first report came, and the bytes that were there by then."""

    def progress(self, received: int, total: int) -> DownloadProgress:
        """Return the progress at `received` of `total` bytes; speed and time left only once they are known."""
        now = self._clock()
        began, before = self._first = self._first or (now, received)
        speed = (received - before) / max(0.001, now - began)
        if speed <= _LEAST or not total:
            return DownloadProgress(received, total)
        return DownloadProgress(received, total, speed, max(0, total - received) / speed)
