"""The deleted conversations: how they are listed, restored, and deleted for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chat_tui.core.conversation import ConversationSummary, DeletedConversation
from chat_tui.tui.history.deleted_screen import DeletedScreen, days_left, deleted_line, empty_line
from chat_tui.tui.history.screen import HistoryScreen
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

WIDE = (160, 40)
"""The list at the left has room."""
NOW = datetime(2026, 5, 20, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "left"),
    [
        (timedelta(), "30 days left"),
        (timedelta(hours=1), "30 days left"),
        (timedelta(days=28, hours=23), "2 days left"),
        (timedelta(days=29, hours=1), "1 day left"),
        (timedelta(days=40), "0 days left"),
    ],
)
def test_the_days_that_are_left_are_rounded_up(ago: timedelta, left: str) -> None:
    assert days_left(NOW - ago, NOW) == left


def test_a_row_says_when_it_was_deleted_and_how_long_it_is_kept() -> None:
    summary = ConversationSummary("c", "A title", NOW, NOW)
    row = text_of([deleted_line(DeletedConversation(summary, NOW - timedelta(days=9)), 60, NOW)])
    assert row.startswith(" A title ")
    assert row.endswith("deleted 11 May · 21 days left")
    private = ConversationSummary("c", "A title", NOW, NOW, private=True)
    assert "until you quit" in text_of([deleted_line(DeletedConversation(private, NOW), 60, NOW)])
    assert "all 2 conversations" in text_of([empty_line(2, 60)])


async def deleted(chat: ScriptedChat, *questions: str) -> None:
    """A deleted conversation for each question, the last one deleted last."""
    for question in questions:
        await chat.ask(question)
        await chat.answered()
        await chat.ask("/delete")
        await chat.until(lambda: f"Deleted “{question}”" in chat.notices())  # noqa: B023  # it is called at once
        await chat.until(lambda: chat.chat.session.conversation_id is None)


async def count(chat: ScriptedChat) -> int:
    return await chat.engine.conversations.deletion.count()


async def opened(chat: ScriptedChat) -> None:
    await chat.until(lambda: isinstance(chat.app.screen, DeletedScreen))


async def test_enter_restores_a_deleted_conversation_and_opens_it() -> None:
    async with scripted_chat(["one"], ["two"], size=WIDE) as chat:
        await deleted(chat, "first", "second")
        await chat.ask("/deleted")
        await opened(chat)
        await chat.shows("first", "second", "30 days left", "Empty: delete all 2", "Enter restore")
        await chat.pilot.press("down", "enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.shows("first", "one")
        await chat.until(lambda: "Deleted (1)" in chat.shown(chat.screen.history))
        assert "Deleted “second”" in chat.notices()
        assert "Deleted “first”" not in chat.notices()
        assert [summary.title for summary in await chat.engine.conversations.summaries()] == ["first"]


async def test_the_notice_names_the_way_back_and_the_list_leads_there() -> None:
    async with scripted_chat(["one"], size=WIDE) as chat:
        await deleted(chat, "first")
        assert "/undo restores it" in chat.notices()
        assert "30 days" in chat.notices()
        await chat.until(lambda: "Deleted (1)" in chat.shown(chat.screen.history))
        await chat.pilot.press("ctrl+l", "ctrl+l")
        await chat.until(lambda: chat.screen.history.has_focus_within)
        await chat.pilot.press("end", "delete")
        assert await count(chat) == 1
        await chat.pilot.press("enter")
        await opened(chat)


async def test_deleting_for_good_asks_first() -> None:
    async with scripted_chat(["one"], ["two"], size=WIDE) as chat:
        await deleted(chat, "first", "second")
        await chat.pilot.press("ctrl+r")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.shows("Deleted (2)")
        await chat.pilot.press("ctrl+end", "enter")
        await opened(chat)
        await chat.shows("second")
        await chat.pilot.press("delete")
        await chat.shows("Delete “second” for good?")
        assert "type to filter" not in chat.shown()
        await chat.pilot.press("enter")
        await opened(chat)
        assert await count(chat) == 2
        await chat.pilot.press("delete")
        await chat.shows("Delete “second” for good?")
        await chat.pilot.press("down", "enter")
        await chat.shows("Empty: delete 1 conversation")
        assert await count(chat) == 1
        await chat.pilot.press("end", "enter")
        await chat.shows("for good?")
        await chat.pilot.press("down", "enter")
        await chat.shows("Nothing is here")
        assert await count(chat) == 0
        await chat.pilot.press("escape")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_list_is_as_tall_as_its_rows_and_notices_leave_its_keys_in_sight(size: tuple[int, int]) -> None:
    async with scripted_chat(["one"], size=size) as chat:
        await deleted(chat, "first")
        await chat.ask("/deleted")
        await opened(chat)
        await chat.shows(
            "Empty: delete 1 conversation", "restores it", "Enter restore · F8 delete for good · Esc close"
        )
        assert chat.app.screen.query_one(".frame").size.height == 3
        # The screen below does not show its own.
        assert chat.shown().count("restores it") == 1
