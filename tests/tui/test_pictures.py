"""Four pictures of the screen. After a change that is meant: pytest tests/tui/test_pictures.py --snapshot-update"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.errors import StyleSyntaxError
from textual.pilot import Pilot

from chat_tui.tui.chat.screen.screen import ChatScreen
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.fake_engine import ANSWER, QUESTION, STREAMING, pictured_app

DEADLINE_SECONDS = 30.0
"""For what a picture shows; it takes a second."""


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The screen tells local times."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def chat_screen(pilot: Pilot[Any]) -> ChatScreen:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, ChatScreen)
    return screen


async def until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    """Wait until it is true; an app that has ended will never make it so, but waits for its pilot."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not true():
            if not pilot.app.is_running:
                raise AssertionError("the app has ended") from pilot.app._exception
            await pilot.pause(0.02)


async def opened(pilot: Pilot[Any]) -> None:
    await chat_screen(pilot).wait_for_engine()
    await pilot.pause()


async def asked(pilot: Pilot[Any]) -> None:
    """A question is asked, and its answer has come halfway."""
    await opened(pilot)
    screen = chat_screen(pilot)
    screen.chat.prompt.insert(QUESTION)
    await pilot.press("enter")
    await until(
        pilot,
        lambda: (
            screen.stats.figures == STREAMING
            and screen.stats._due is None
            and "c0" in screen.history._answering
            and screen.chat.transcript.viewport.copy_text() == ANSWER
            and not screen.chat.transcript.is_busy
        ),
    )
    await pilot.pause(0.1)


async def history_opened(pilot: Pilot[Any]) -> None:
    await asked(pilot)
    # Without motion the cursor of the input does not blink.
    pilot.app.animation_level = "none"
    await pilot.press("ctrl+r")
    # What was read is shown.
    await until(pilot, lambda: isinstance(screen := pilot.app.screen, HistoryScreen) and bool(screen._heads))
    await pilot.pause(0.1)


async def test_an_app_that_fails_under_its_pilot_is_told_and_nobody_waits() -> None:
    app = pictured_app()

    def fails() -> None:
        raise StyleSyntaxError("no such colour")

    async def waits_for_ever(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        app.call_later(fails)
        await until(pilot, lambda: False)

    with pytest.raises(AssertionError, match="has ended") as told:
        await app.run_async(headless=True, size=(100, 28), auto_pilot=waits_for_ever)
    assert isinstance(told.value.__cause__, StyleSyntaxError)


SnapCompare = Callable[..., bool]


def test_the_empty_screen(snap_compare: SnapCompare) -> None:
    assert snap_compare(pictured_app(listed=0), terminal_size=(100, 28), run_before=opened)


def test_an_answer_that_streams(snap_compare: SnapCompare) -> None:
    assert snap_compare(pictured_app(), terminal_size=(120, 36), run_before=asked)


def test_the_history(snap_compare: SnapCompare) -> None:
    assert snap_compare(pictured_app(), terminal_size=(100, 28), run_before=history_opened)


def test_a_narrow_terminal(snap_compare: SnapCompare) -> None:
    assert snap_compare(pictured_app(), terminal_size=(60, 20), run_before=asked)
