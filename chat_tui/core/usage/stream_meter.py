"""Measures one stream of text: how much has come, when it began, its gaps and its rate. The only implementation."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.usage.token_estimate import estimate_streamed
from chat_tui.core.usage.token_gaps import InterTokenLatency

BURST_SECONDS = 0.05
"""Tokens that all came within this time have no honest rate."""
FEWEST_PIECES = 3
"""Fewer pieces have no rate."""
SAMPLE_CHARACTERS = 2000
"""How much of a reply is looked at if its tokens must be estimated."""


class StreamMeter:
    """Counts pieces of text with `count`, and with `mark` when they came, in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.pieces = 0
        """Token chunks so far."""
        self.characters = 0
        self.characters_at_first = 0
        """Those of the first mark: they took no measured time."""
        self.first: float | None = None
        self.last = 0.0
        """The first and the last mark."""
        self._sample = ""
        self._gaps = InterTokenLatency()

    def count(self, text: str) -> None:
        """Add a piece of text."""
        self.pieces += 1
        self.characters += len(text)
        if len(self._sample) < SAMPLE_CHARACTERS:
            self._sample += text

    def count_all(self, texts: Sequence[str], whole: str) -> int:
        """Add several pieces, which are `whole` together; returns the number of pieces before them."""
        before = self.pieces
        self.pieces += len(texts)
        self.characters += len(whole)
        for text in texts if len(self._sample) < SAMPLE_CHARACTERS else ():
            if len(self._sample) < SAMPLE_CHARACTERS:
                self._sample += text
        return before

    def mark(self, at: float) -> None:
        """Note that what was counted since the last mark came at this time."""
        self.last = at
        self._gaps.note_arrival(at)
        if self.first is None:
            self.first, self.characters_at_first = at, self.characters

    def begin_try(self) -> None:
        """Begin another attempt: the time until its first piece is no gap."""
        self._gaps.forget_last()

    @property
    def is_burst(self) -> bool:
        """Whether all that has come came at once."""
        return self.first is None or self.last - self.first < BURST_SECONDS

    def seconds_to_first(self, since: float) -> float | None:
        """From `since` to the first mark; None if that was not later."""
        return self.first - since if self.first is not None and self.first >= since else None

    def estimated_tokens(self, *, after_pieces: int = 0, after_characters: int = 0) -> int:
        """About how many tokens have come after these."""
        return estimate_streamed(self.pieces - after_pieces, self.characters - after_characters, self._sample)

    def has_rate(self) -> bool:
        """Whether enough has come, over enough time, for a rate."""
        return self.pieces >= FEWEST_PIECES and not self.is_burst

    def rate(self, tokens: int) -> float | None:
        """Tokens per second from the first mark to the last, if all pieces together are so many tokens."""
        if self.first is None or not self.characters or not self.has_rate():
            return None
        measured = tokens * (1 - self.characters_at_first / self.characters)
        return round(measured / (self.last - self.first), 2) if measured >= 1 else None

    def gap_seconds(self, share: float) -> float | None:
        """The time between arrivals that so large a share (0 to 1) of them does not exceed; None for a burst."""
        return None if self.is_burst else self._gaps.percentile_seconds(share)
