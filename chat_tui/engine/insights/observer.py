"""Adds insights between the chunks of an answer, for faces that show them."""

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
    """Follows one answer, and computes its insights in a thread.

    `tell` is called with the error of each plug-in that fails; `make_pipeline` replaces the usual pipeline.
    """

    def __init__(
        self, tell: Callable[[ChatTuiError], None], make_pipeline: Callable[[], Pipeline] | None = None
    ) -> None:
        self._tell = tell
        self._make_pipeline = make_pipeline
        self._pipeline: Pipeline | None = None
        self._tokens = 0
        self._waiting: list[str] = []
        self._texts: dict[str, list[str]] = {"text": [], "thinking": []}
        """The text and the thinking so far, without the quick answer."""
        self._looking = asyncio.Lock()

    async def take(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """The chunks, with `insights` metadata after every tenth token of text, and in the `End`."""
        out: list[Chunk] = []
        for chunk in chunks:
            if isinstance(chunk, End):
                out.append(replace(chunk, insights=await self.look()))
                continue
            out.append(chunk)
            if isinstance(chunk, Metadata) and chunk.event == "reclassified" and chunk.phase != "quick":
                await self._restart(chunk)
            if isinstance(chunk, Token) and chunk.phase != "quick":
                self._texts[chunk.kind].append(chunk.token)
            if isinstance(chunk, Token) and chunk.kind == "text" and chunk.phase != "quick":
                self._waiting.append(chunk.token)
                self._tokens += 1
                if self._tokens % EVERY_TOKENS == 0:
                    out.append(Metadata("insights", insights=await self.look()))
        return out

    async def _restart(self, marks: Metadata) -> None:
        """Start again: a part of the text was thinking, or the other way round."""
        async with self._looking:
            text, thinking = reclassify("".join(self._texts["text"]), "".join(self._texts["thinking"]), marks)
            self._texts = {"text": [text], "thinking": [thinking]}
            self._pipeline, self._waiting = None, [text]

    async def look(self, text: str = "") -> Insights:
        """The insights into the text so far, with this text added. The first call loads the lexicon and plug-ins."""
        if text:
            self._texts["text"].append(text)
        async with self._looking:
            waiting, self._waiting = "".join([*self._waiting, text]), []
            insights, errors = await asyncio.to_thread(self._update, waiting)
        for trouble in errors:
            self._tell(trouble)
        return insights

    def _update(self, text: str) -> tuple[Insights, Sequence[ChatTuiError]]:
        if self._pipeline is None:
            self._pipeline = (self._make_pipeline or _new_pipeline)()
        self._pipeline.feed(text)
        insights = self._pipeline.record()
        errors, self._pipeline.errors = self._pipeline.errors, []
        return insights, errors


def _new_pipeline() -> Pipeline:
    # Imported when it is needed: most users show no insights.
    from chat_tui.engine.insights.pipeline import make_pipeline

    return make_pipeline()


def insights_in(chunk: Chunk) -> Insights | None:
    """The insights in a chunk; None if it has none."""
    return chunk.insights if isinstance(chunk, (Metadata, End)) else None
