"""The time between tokens: its median and 95th percentile, in constant memory and time, however many there are."""

from __future__ import annotations

from math import ceil, log

LEAST_SECONDS = 0.001
"""What comes closer together has come at once, as one network packet does."""
FEWEST = 4
"""Gaps that it takes to say anything."""
_STEP = log(1.05)
"""The width of a class of gaps: what is told is true to a fortieth."""


class InterTokenLatency:
    """Counts the gaps between arrivals in classes; times are seconds of one clock, which stands still in a pause."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._last: float | None = None
        self.count = 0

    def arrived(self, at: float) -> None:
        """Something has come."""
        last, self._last = self._last, at
        if last is None or at - last < LEAST_SECONDS:
            return
        place = round(log((at - last) / LEAST_SECONDS) / _STEP)
        self._counts[place] = self._counts.get(place, 0) + 1
        self.count += 1

    def forget_last(self) -> None:
        """What comes next belongs to another try: the time until then is no gap."""
        self._last = None

    def percentile_seconds(self, share: float) -> float | None:
        """So large a share (0 to 1) of the gaps is not longer; None where there were too few."""
        if self.count < FEWEST:
            return None
        wanted = max(1, ceil(share * self.count))
        for place in sorted(self._counts):
            wanted -= self._counts[place]
            if wanted <= 0:
                break
        return round(LEAST_SECONDS * 1.05**place, 4)
