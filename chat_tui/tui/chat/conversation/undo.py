"""What can be undone: one stack for the whole screen."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chat_tui.core.errors import CommandError

KEPT = 50
"""So many steps back; older ones are forgotten."""


class _Step(NamedTuple):
    words: str
    undo: Callable[[], Awaitable[None]]
    until: float


class Undo:
    """The last thing done is the first to be undone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steps: list[_Step] = []

    def push(self, words: str, undo: Callable[[], Awaitable[None]], seconds: float | None = None) -> None:
        """`undo` takes back what was done, and `words` say that it was taken back; after so many seconds it is too
        late (None: never)."""
        until = float("inf") if seconds is None else self._clock() + seconds
        self._steps = [*self._steps[1 - KEPT :], _Step(words, undo, until)]

    async def take(self) -> str:
        """Undo the last thing that still can be, and give its words; empty when there is none.

        Raises `CommandError` when it cannot be undone now, which keeps it; and what it raises itself.
        """
        while self._steps:
            step = self._steps.pop()
            if self._clock() <= step.until:
                try:
                    await step.undo()
                except CommandError:
                    self._steps.append(step)
                    raise
                return step.words
        return ""
