"""What can be undone: one stack for the whole screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chat_tui.core.errors import CommandError

KEPT = 50
"""So many steps back; older ones are forgotten."""


class _Step(NamedTuple):
    name: str
    words: str
    undo: Callable[[], Awaitable[object]]


class Undo:
    """The last thing done is the first to be undone, and never anything else instead."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    @property
    def next_step(self) -> str:
        """What `take` would do, such as `restore “A title”`; empty if there is nothing to undo."""
        return self._steps[-1].name if self._steps else ""

    def push(self, name: str, words: str, undo: Callable[[], Awaitable[object]]) -> None:
        """`undo` takes back what was done: `name` says what that will do, and `words` that it was done."""
        self._steps = [*self._steps[1 - KEPT :], _Step(name, words, undo)]

    async def take(self) -> str:
        """Undo the last thing that was done, and return its words; empty if there is none.

        Raises `CommandError` if it cannot be undone now, which keeps it; and what it raises itself.
        """
        if not self._steps:
            return ""
        step = self._steps.pop()
        try:
            await step.undo()
        except CommandError:
            self._steps.append(step)
            raise
        return step.words
