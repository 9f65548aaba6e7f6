"""Events of `/stream` for the web page: the answer as HTML, its position in the conversation, and its figures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import End, Metadata, Token
from chat_tui.core.conversation import Conversation
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import StepChunk, ToolAskChunk, ToolResultChunk
from chat_tui.markdown.html.rendering import HtmlChange, HtmlRendering
from chat_tui.web.api.events import EventEncoder, to_camel, to_sse

RENDER_SECONDS = 0.1
"""Time between two renderings of a growing answer."""


class HtmlEvent(msgspec.Struct, frozen=True, tag_field="type", tag="html"):
    """The current state of a block of the answer; later blocks are removed."""

    block: int
    """Number of the block, from 0."""
    html: str
    """Safe HTML; empty if the block is removed too."""
    joins: bool = False
    """Continues the code, table, list or paragraph of the block before."""
    details: int | msgspec.UnsetType = msgspec.UNSET
    """In how many `<details>` it is; left out where it is in none."""


class StatsEvent(msgspec.Struct, frozen=True, tag_field="type", tag="figures"):
    """The current figures."""

    data: dict[str, Any]


class PlaceEvent(msgspec.Struct, frozen=True, tag_field="type", tag="placed", rename="camel"):
    """The position of the answer in its conversation; sent first, and before each answer that follows tool calls."""

    conversation: str
    """Id of the conversation."""
    question: str
    """Its turn's id."""
    question_versions: tuple[str, ...]
    """Ids of all versions, oldest first; empty if there is only one."""
    answer: str
    """Its turn's id."""
    answer_versions: tuple[str, ...]


def place_event(engine: Engine, answer: Answer) -> PlaceEvent:
    """Return the current position of this answer."""
    forks = engine.conversations.cache.current(Conversation(answer.conversation_id)).forks
    question, turn = answer.question.id, answer.turn.id
    return PlaceEvent(answer.conversation_id, question, forks.get(question, ()), turn, forks.get(turn, ()))


def html_event(change: HtmlChange) -> HtmlEvent:
    """Return the event of a block that has changed."""
    return HtmlEvent(change.block, change.piece.html, change.piece.joins, change.piece.details)


class GrowingHtml:
    """Renders one growing answer. Slow: not for the event loop."""

    def __init__(self) -> None:
        self._rendering = HtmlRendering()
        self._phase: object = None
        self._texts: dict[str, list[str]] = {"text": [], "thinking": []}
        """What has arrived, of the phase that is shown."""

    def changes(self, chunks: Sequence[StepChunk], ended: bool) -> list[HtmlChange]:
        """Return what these chunks change; `ended` says that they are the last ones with text."""
        for chunk in chunks:
            if isinstance(chunk, Metadata):
                if chunk.event == "reclassified":
                    self._reclassify(chunk)
            elif isinstance(chunk, Token) and chunk.kind == "thinking":
                self._texts["thinking"].append(chunk.token)
            elif isinstance(chunk, Token):
                if chunk.phase != self._phase:
                    # The detailed answer takes the place of the short one.
                    self._phase, self._rendering = chunk.phase, HtmlRendering()
                    self._texts["text"] = []
                self._texts["text"].append(chunk.token)
                self._rendering.feed(chunk.token)
        return self._rendering.changes(ended=ended)

    def _reclassify(self, told: Metadata) -> None:
        """Render again after a reclassification; the page discards what it shows."""
        text, thinking = reclassify("".join(self._texts["text"]), "".join(self._texts["thinking"]), told)
        self._texts = {"text": [text], "thinking": [thinking]}
        self._rendering = HtmlRendering()
        self._rendering.feed(text)


class PageStream:
    """Encodes an answer for the page, with those that follow its tool calls; each is placed in the conversation, and
    rendered at most ten times a second."""

    def __init__(self, engine: Engine, answer: Answer, words: EventEncoder) -> None:
        self._engine, self._answer, self._words = engine, answer, words
        self._called = False
        """The last batch told of its calls: further text is of the next answer."""
        self._html = GrowingHtml()
        self._rendered = 0.0

    async def encode(self, chunks: Sequence[StepChunk]) -> bytes:
        """Return the events of these chunks with those for the page; `end` stays the last."""
        called, self._called = self._called, isinstance(chunks[-1], (ToolAskChunk, ToolResultChunk))
        first = [self._begin_next()] if called and not self._called and self._answer.next is not None else []
        # The first question or result says that the answer itself has ended.
        is_last = isinstance(chunks[-1], (End, ToolAskChunk, ToolResultChunk))
        ended = is_last and (not called or bool(first))
        if all(isinstance(chunk, Token) for chunk in chunks):
            # More text may gather until it is time to render again.
            await asyncio.sleep(self._rendered + RENDER_SECONDS - monotonic())
        self._rendered = monotonic()
        texts = [chunk for chunk in chunks if _changes_text(chunk)]
        changes = await asyncio.to_thread(self._html.changes, texts, ended) if texts or ended else []
        told = [event for event in map(self._words.event_of, chunks) if event is not None]
        last = [told.pop()] if is_last else []
        shown = map(html_event, changes)
        return to_sse([*first, *told, *shown, StatsEvent(to_camel(self._answer.figures())), *last])

    def _begin_next(self) -> PlaceEvent:
        assert self._answer.next is not None
        self._answer = self._answer.next
        self._html = GrowingHtml()
        return place_event(self._engine, self._answer)


def _changes_text(chunk: StepChunk) -> bool:
    return isinstance(chunk, Token) or (isinstance(chunk, Metadata) and chunk.event == "reclassified")
