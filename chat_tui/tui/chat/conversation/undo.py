"""The undo stack, one for the whole screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from chat_tui.core.errors import ChatTuiError, ConversationNotFound

KEPT = 50
"""Number of steps to keep; older ones are forgotten."""


def _always() -> bool:
    return True


class _Step(NamedTuple):
    name: str
    words: str
    undo: Callable[[], Awaitable[object]]
    is_due: Callable[[], bool]


class Undo:
    """A stack of actions: the last one is undone first."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._taking = asyncio.Lock()

    @property
    def next_step(self) -> str:
        """Description of the next undo, such as `restore “A title”`; empty if there is nothing to undo."""
        return next((step.name for step in reversed(self._steps) if step.is_due()), "")

    def push(
        self, name: str, words: str, undo: Callable[[], Awaitable[object]], is_due: Callable[[], bool] = _always
    ) -> None:
        """Add a step. `undo` reverses it, `name` describes that beforehand, and `words` afterwards.

        `is_due` returns False once the action was reversed by other means: the step is then skipped.
        """
        self._steps = [*self._steps[1 - KEPT :], _Step(name, words, undo, is_due)]

    async def take(self) -> str:
        """Undo the last step, and return its words; empty if there is none.

        Raises what `undo` raises; the step is kept for another attempt, unless the conversation is gone.
        """
        async with self._taking:
            while self._steps and not self._steps[-1].is_due():
                self._steps.pop()
            if not self._steps:
                return ""
            step = self._steps[-1]
            try:
                await step.undo()
            except ChatTuiError as error:
                if isinstance(error, ConversationNotFound):
                    self._discard(step)
                raise
            self._discard(step)
            return step.words

    def _discard(self, step: _Step) -> None:
        # Another step may have been added meanwhile.
        self._steps = [each for each in self._steps if each is not step]
