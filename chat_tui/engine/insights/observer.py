"""What can be said of an answer, put between its chunks: faces ask for it, and nothing is computed where none does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Insights, Metadata, Token
from chat_tui.core.errors import ChatTuiError

if TYPE_CHECKING:
    from chat_tui.engine.insights.pipeline import Pipeline

EVERY_TOKENS = 10
"""Insights are updated after this many tokens."""


class InsightsObserver:
    """Follows one answer. The work is done in a thread, so the loop goes on; `tell` hears of plug-ins that fail.

    `made` gives another pipeline than the usual one.
    """

    def __init__(self, tell: Callable[[ChatTuiError], None], made: Callable[[], Pipeline] | None = None) -> None:
        self._tell = tell
        self._made = made
        self._pipeline: Pipeline | None = None
        self._tokens = 0
        self._waiting: list[str] = []
        self._texts: dict[str, list[str]] = {"text": [], "thinking": []}
        """All that came, of the answer that stays."""
        self._looking = asyncio.Lock()

    async def take(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """The same chunks, with `insights` behind every tenth token of text and in the end."""
        out: list[Chunk] = []
        for chunk in chunks:
            if isinstance(chunk, End):
                out.append(replace(chunk, insights=await self.look()))
                continue
            out.append(chunk)
            if isinstance(chunk, Metadata) and chunk.event == "reclassified" and chunk.phase != "quick":
                await self._begin_anew(chunk)
            if isinstance(chunk, Token) and chunk.phase != "quick":
                self._texts[chunk.kind].append(chunk.token)
            if isinstance(chunk, Token) and chunk.kind == "text" and chunk.phase != "quick":
                self._waiting.append(chunk.token)
                self._tokens += 1
                if self._tokens % EVERY_TOKENS == 0:
                    out.append(Metadata("insights", insights=await self.look()))
        return out

    async def _begin_anew(self, told: Metadata) -> None:
        """A part of the text was thinking, or the other way round."""
        async with self._looking:
            text, thinking = reclassify("".join(self._texts["text"]), "".join(self._texts["thinking"]), told)
            self._texts = {"text": [text], "thinking": [thinking]}
            self._pipeline, self._waiting = None, [text]

    async def look(self, text: str = "") -> Insights:
        """What can be said of all that has come, with this text behind it. The first look loads what is needed."""
        if text:
            self._texts["text"].append(text)
        async with self._looking:
            waiting, self._waiting = "".join([*self._waiting, text]), []
            insights, troubles = await asyncio.to_thread(self._looked, waiting)
        for trouble in troubles:
            self._tell(trouble)
        return insights

    def _looked(self, text: str) -> tuple[Insights, Sequence[ChatTuiError]]:
        if self._pipeline is None:
            self._pipeline = (self._made or _usual)()
        self._pipeline.feed(text)
        insights = self._pipeline.record()
        troubles, self._pipeline.troubles = self._pipeline.troubles, []
        return insights, troubles


def _usual() -> Pipeline:
    # Loaded when it is wanted: most people look at no insights.
    from chat_tui.engine.insights.pipeline import pipeline

    return pipeline()


def insights_in(chunk: Chunk) -> Insights | None:
    """What a chunk says of the text, None for one that says nothing."""
    return chunk.insights if isinstance(chunk, (Metadata, End)) else None
