"""The lengths of a reply's tokens as they came and as they are shown, which is after cleaning."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence


class TokenLengths:
    """The lengths of the tokens of one kind, in order."""

    def __init__(self) -> None:
        self._unchanged = 0
        """Characters of the first tokens, up to one that is not shown as it came: of nearly every reply, all."""
        self._came = array("q", [0])
        """Behind those: characters up to each token's end."""
        self._shown = array("q", [0])

    def add(self, came: int, shown: int) -> None:
        """Add a token."""
        if came == shown and len(self._came) == 1:
            self._unchanged += came
            return
        self._came.append(self._came[-1] + came)
        self._shown.append(self._shown[-1] + shown)

    def add_unchanged(self, texts: Sequence[str], characters: int) -> None:
        """Add several tokens that are shown as they came, which have so many characters together."""
        if len(self._came) == 1:
            self._unchanged += characters
            return
        for text in texts:
            self.add(len(text), len(text))

    def shown_of_last(self, came: int) -> int:
        """Return how many characters are shown of the last `characters` that came, in whole tokens."""
        before = max(0, came - self._came[-1])
        first = bisect_left(self._came, self._came[-1] - (came - before))
        return min(before, self._unchanged) + self._shown[-1] - self._shown[min(first, len(self._shown) - 1)]
