"""Measures the time between tokens: its median and 95th percentile, in constant memory and time."""

from __future__ import annotations

from math import ceil, log

LEAST_SECONDS = 0.001
"""Arrivals that are closer together count as one, such as those of one network packet."""
FEWEST = 4
"""Minimum number of gaps for a result."""
_STEP = log(1.05)
"""Width of a histogram bin: results are accurate to a fortieth."""


class InterTokenLatency:
    """A histogram of the gaps between arrivals; times are seconds of one clock, which stops during a pause."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._last: float | None = None
        self.count = 0

    def note_arrival(self, at: float) -> None:
        """Record an arrival."""
        last, self._last = self._last, at
        if last is None or at - last < LEAST_SECONDS:
            return
        place = round(log((at - last) / LEAST_SECONDS) / _STEP)
        self._counts[place] = self._counts.get(place, 0) + 1
        self.count += 1

    def forget_last(self) -> None:
        """Start anew: the time until the next arrival, which belongs to another attempt, is no gap."""
        self._last = None

    def percentile_seconds(self, share: float) -> float | None:
        """Return the time that this share (0 to 1) of the gaps does not exceed; None if there are too few."""
        if self.count < FEWEST:
            return None
        wanted = max(1, ceil(share * self.count))
        for place in sorted(self._counts):
            wanted -= self._counts[place]
            if wanted <= 0:
                break
        return round(LEAST_SECONDS * 1.05**place, 4)
