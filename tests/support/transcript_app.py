"""An app that shows only the transcript."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Turn
from chat_tui.tui.transcript.transcript import Transcript

WHEN = datetime(2025, 5, 4, 12, 30, tzinfo=UTC)


class Host(App[None]):
    """An app that holds only the transcript, and keeps the messages that it posts."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[str] = []
        self.below: list[int] = []
        self.asked: list[tuple[str, int]] = []

    def compose(self) -> ComposeResult:
        yield Transcript()

    def on_transcript_copy_asked(self, event: Transcript.CopyAsked) -> None:
        self.copies.append(event.text)

    def on_transcript_version_asked(self, event: Transcript.VersionAsked) -> None:
        self.asked.append((event.turn, event.step))

    def on_transcript_more_below(self, event: Transcript.MoreBelow) -> None:
        self.below.append(event.lines)


@asynccontextmanager
async def pane(width: int = 60, height: int = 20) -> AsyncIterator[tuple[Transcript, Pilot[None]]]:
    app = Host()
    async with app.run_test(size=(width, height)) as pilot:
        yield app.query_one(Transcript), pilot


async def settled(pilot: Pilot[None]) -> None:
    """Wait for a frame, and for imports on a thread."""
    for _ in range(100):
        await pilot.pause(0.01)
        transcript = pilot.app.query_one(Transcript)
        if not transcript.is_busy:
            break
    await pilot.pause(0.01)


def shown(transcript: Transcript) -> list[str]:
    """The rows on the screen, without the margin bar and the scroll bar."""
    strips = transcript.screen._compositor.render_strips()
    return [strip.text[2:-1].rstrip() for strip in strips]


def question(text: str = "Why?", id: str = "q") -> Turn:
    return Turn("user", text, id=id, created=WHEN)


def answer(text: str = "", id: str = "a", state: State = "complete", **more: object) -> Turn:
    return Turn("assistant", text, id=id, created=WHEN, model="local/m", state=state, **more)  # type: ignore[arg-type]


def begin(transcript: Transcript) -> None:
    transcript.add(question())
    transcript.add(answer(state="streaming"))
