"""Which answers are compared side by side, until one of them is kept. It is noted in the store for other workers, and
for when the page is opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.comparison import Comparison
from chat_tui.engine.engine import Engine

COMPARISON_PREFIX = "web comparison "
"""Begins the place key of a conversation's comparison."""
LINGER_SECONDS = 10.0
"""Time for which answers that have ended can still be followed from their beginning."""


class ComparisonNote(msgspec.Struct, frozen=True):
    """The last comparison of a conversation, of which no answer was kept yet."""

    question: str
    """Id of its turn."""
    models: tuple[str, ...]
    answers: tuple[str, ...]
    """Ids of their turns, in the order of the models."""
    without_tools: bool = False
    """Whether the conversation uses tools, which are not offered to models that are compared."""


class PageComparisons:
    """Knows the comparisons that pages have begun; used within one event loop."""

    def __init__(self, *, linger_seconds: float = LINGER_SECONDS) -> None:
        self._linger_seconds = linger_seconds
        self._here: dict[str, Comparison] = {}
        """Those of this process that run or have just ended, by conversation."""
        self._private: dict[str, ComparisonNote] = {}
        """Those of private conversations, of which nothing is written."""

    def here(self, conversation_id: str) -> Comparison | None:
        """Return the comparison of a conversation that this process runs, or that has just ended."""
        return self._here.get(conversation_id)

    def answers(self, conversation_id: str) -> Sequence[Answer]:
        """Return its answers."""
        comparison = self._here.get(conversation_id)
        return () if comparison is None else comparison.answers

    async def add(self, engine: Engine, comparison: Comparison) -> None:
        """Note a comparison that has begun."""
        note = ComparisonNote(
            comparison.question.id,
            comparison.models,
            tuple(answer.turn.id for answer in comparison.answers),
            comparison.without_tools,
        )
        id = comparison.conversation_id
        self._here[id] = comparison
        if engine.conversations.is_private(id):
            self._private[id] = note
        else:
            await engine.places.set(COMPARISON_PREFIX + id, msgspec.json.encode(note).decode())

    async def find(self, engine: Engine, conversation_id: str, last_turn: str) -> ComparisonNote | None:
        """Return the comparison of a conversation; None if there is none, or this last turn of the current branch is
        no answer of it."""
        note = self._private.get(conversation_id)
        if note is None and not engine.conversations.is_private(conversation_id):
            note = _decode(await engine.places.get(COMPARISON_PREFIX + conversation_id))
        return note if note is not None and last_turn in note.answers else None

    async def forget(self, engine: Engine, conversation_id: str) -> None:
        """Forget a comparison: one of its answers was kept."""
        self._private.pop(conversation_id, None)
        if not engine.conversations.is_private(conversation_id):
            await engine.places.set(COMPARISON_PREFIX + conversation_id, "")

    async def drop_ended(self, comparison: Comparison) -> None:
        """Wait until all answers have ended, and let go of them soon after."""
        for answer in comparison.answers:
            await answer.saved.wait()
        asyncio.get_running_loop().call_later(self._linger_seconds, self._drop, comparison)

    def _drop(self, comparison: Comparison) -> None:
        if self._here.get(comparison.conversation_id) is comparison:
            del self._here[comparison.conversation_id]


def without_compared(answers: Collection[Answer], compared: Sequence[Answer]) -> Sequence[Answer]:
    """Return the answers that are not compared with others."""
    return [answer for answer in answers if not any(answer is each for each in compared)]


def _decode(text: str) -> ComparisonNote | None:
    try:
        return msgspec.json.decode(text, type=ComparisonNote) if text else None
    except msgspec.MsgspecError:
        return None
