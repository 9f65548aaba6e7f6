"""Panes that share one timer paint together, and what nobody can see is not painted."""

from __future__ import annotations

import asyncio
from time import monotonic

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen, Screen

from chat_tui.core.conversation import Turn
from chat_tui.tui.transcript.frames import Frames
from chat_tui.tui.transcript.transcript import Transcript


async def test_what_asks_within_a_frame_is_painted_together() -> None:
    frames, painted, both = Frames(), list[str](), asyncio.Event()

    def one() -> None:
        painted.append("one")

    def other() -> None:
        painted.append("other")
        both.set()

    frames.ask(one)
    assert painted == ["one"]
    for _ in range(9):
        frames.ask(one)
        frames.ask(other)
    assert painted == ["one"]
    async with asyncio.timeout(20):
        await both.wait()
    assert painted == ["one", "one", "other"]


async def test_one_that_is_forgotten_takes_no_other_along() -> None:
    frames, painted = Frames(), asyncio.Event()

    def one() -> None:
        raise AssertionError("it was forgotten")

    frames.note_painted(monotonic())
    frames.ask(one)
    frames.ask(painted.set)
    frames.forget(one)
    async with asyncio.timeout(20):
        await painted.wait()
    assert not frames.is_asked(one)


class Two(App[None]):
    """Two transcripts beside each other."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Transcript(id="left")
            yield Transcript(id="right")


async def test_what_nobody_sees_is_painted_when_it_is_seen_again() -> None:
    app = Two()
    async with app.run_test(size=(80, 20)) as pilot:
        left = app.query_one("#left", Transcript)
        left.add(Turn("assistant", "", id="a", state="streaming"))
        left.live.append("first words")
        await pilot.pause(0.3)

        def shown() -> str:
            return "\n".join(strip.text for strip in left._painter._strips)

        async def comes(words: str) -> None:
            async with asyncio.timeout(20):
                while words not in shown():
                    await pilot.pause(0.01)

        await comes("first words")
        left.display = False
        left.live.append("\n\nunseen words")
        await pilot.pause(0.2)
        assert "unseen" not in shown()
        left.display = True
        await comes("unseen words")

        await app.push_screen(Screen[None]())
        left.live.append("\n\ncovered words")
        await pilot.pause(0.2)
        assert "covered" not in shown()
        await app.pop_screen()
        left.repaint()
        await comes("covered words")

        await app.push_screen(ModalScreen[None]())
        left.live.append("\n\nbeneath")
        await comes("beneath")
