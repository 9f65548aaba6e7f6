"""The history list: what a row tells, filtering and opening."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from msgspec.structs import replace
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Input

from chat_tui.core.conversation import ConversationSummary
from chat_tui.core.text.sanitizer import sanitize
from chat_tui.tui.history.sidebar import ConversationRows, HistorySidebar, summary_lines
from chat_tui.tui.widgets.row_list import RowList
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.fake_engine import NOW
from tests.support.panels_app import EVIL, Panels, summaries


@asynccontextmanager
async def listed(conversations: Sequence[ConversationSummary]) -> AsyncIterator[tuple[Panels, Pilot[None]]]:
    """Run an app whose history lists these."""
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(conversations)
        yield app, pilot


@pytest.mark.parametrize("width", [8, 14, 26, 60])
@pytest.mark.parametrize(
    "title", ["short", "日本語" * 30, "long " * 40, EVIL, ""], ids=["short", "wide", "long", "evil", "none"]
)
def test_every_row_of_the_history_fits(width: int, title: str) -> None:
    summary = ConversationSummary("c", title, NOW, NOW, 2, f"local/{EVIL}")
    lines = [
        *summary_lines(summary, width, "Mon 14:05", current=True, running=True),
        *summary_lines(summary, width, "Mon 14:05", current=False, running=True, height=1),
        *summary_lines(summary, width, "Mon 14:05", current=False, running=False, height=1),
    ]
    for line in lines:
        assert sum(cell_len(span.text) for span in line) <= width
        assert "\x1b" not in text_of([line])


def test_a_row_of_the_history_tells_title_time_model_and_what_runs() -> None:
    [summary] = summaries(1)
    first, second = text_of(summary_lines(summary, 30, "14:30", current=True, running=True)).splitlines()
    assert first.split() == ["▌Conversation", "0", "●"]
    assert second.split() == ["▌14:30", "smollm2-135m"]


def test_a_row_tells_what_it_cost_and_that_an_answer_ended_unseen() -> None:
    [summary] = summaries(1)
    dear = replace(summary, unseen=True, cost=0.0123)
    first, second = text_of(summary_lines(dear, 40, "14:30", current=False, running=False)).splitlines()
    assert first.split() == ["Conversation", "0", "◆"]
    assert second.split() == ["14:30", "·", "$0.0123", "smollm2-135m"]
    assert "$" not in text_of(summary_lines(replace(summary, cost=0.0), 40, "14:30", current=False, running=False))
    streaming = text_of(summary_lines(dear, 40, "14:30", current=False, running=True))
    assert "●" in streaming
    assert "◆" not in streaming


def test_a_wide_row_has_all_in_one_line_and_leaves_out_what_does_not_fit() -> None:
    [summary] = summaries(1)
    dear = replace(summary, unseen=True, cost=0.0123)

    def row(width: int) -> list[str]:
        [line] = text_of(summary_lines(dear, width, "14:30", current=True, running=False, height=1)).splitlines()
        return line.split()

    assert row(76) == ["▌Conversation", "0", "◆", "$0.0123", "smollm2-135m", "14:30"]
    assert row(40) == ["▌Conversation", "0", "◆", "smollm2-135m", "14:30"]
    assert row(28) == ["▌Conversation", "0", "◆", "14:30"]


async def test_conversations_of_the_same_title_are_told_apart_by_the_time() -> None:
    at = [NOW - timedelta(days=60), NOW - timedelta(days=60, hours=1), NOW - timedelta(days=61)]
    titles = ("Hello", "Hello", "Other")
    rows = [
        ConversationSummary(f"c{n}", title, when, when) for n, (title, when) in enumerate(zip(titles, at, strict=True))
    ]
    async with listed(rows) as (app, pilot):
        await pilot.pause()
        seen = app.seen(app.history)
        days = [f"{when.day} {when:%b}" for when in at]
        assert f"{days[0]} {at[0]:%H:%M}" in seen
        assert f"{days[1]} {at[1]:%H:%M}" in seen
        assert f"{days[2]} {at[2]:%H:%M}" not in seen


async def test_the_cursor_passes_by_the_headings_of_the_groups() -> None:
    async with listed(summaries(30)) as (app, pilot):
        app.history.take_focus()
        await pilot.pause()
        lines = app.seen(app.history).split("\n")
        assert lines[1].strip() == "Today"
        # 14:30 is 15 hours into the day.
        assert [line.strip() for line in lines[32:34]] == ["", "Yesterday"]
        await pilot.press(*["down"] * 15)
        await pilot.press("enter")
        await pilot.pause()
        opened = app.posted[-1]
        assert isinstance(opened, HistorySidebar.Opened)
        assert opened.conversation_id == "c15"
        await pilot.click(app.history, offset=(5, 33))
        await pilot.click(app.history, offset=(5, 34))
        await pilot.pause()
        assert [message.conversation_id for message in app.posted if isinstance(message, HistorySidebar.Opened)] == [
            "c15",
            "c15",
        ]


async def test_enter_opens_the_conversation_under_the_cursor() -> None:
    async with listed(summaries(30)) as (app, pilot):
        app.history.set_current("c2")
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        [opened] = app.posted
        assert isinstance(opened, HistorySidebar.Opened)
        assert opened.conversation_id == "c3"


async def test_letters_typed_on_the_history_filter_it() -> None:
    async with listed(summaries(30)) as (app, pilot):
        app.history.take_focus()
        await pilot.pause()
        await pilot.press(*"n 29")
        await pilot.pause()
        assert app.history.query_one(Input).value == "n 29"
        assert "1 of 30" in app.seen(app.history)
        await pilot.press("enter")
        await pilot.pause()
        [opened] = app.posted
        assert isinstance(opened, HistorySidebar.Opened)
        assert opened.conversation_id == "c29"


async def test_letters_typed_faster_than_the_focus_moves_are_all_kept() -> None:
    async with listed(summaries(30)) as (app, pilot):
        app.history.take_focus()
        await pilot.pause()
        rows = app.history.query_one(ConversationRows)
        for letter in "abc":
            rows.post_message(ConversationRows.Typed(letter))
        await pilot.pause()
        assert app.history.query_one(Input).value == "abc"


async def test_esc_closes_the_filter_first_and_keeps_the_row() -> None:
    async with listed(summaries(30)) as (app, pilot):
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("slash", "2", "9")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        rows = app.history.query_one(RowList)
        assert (rows.count, rows.cursor, app.escapes) == (30, 29, 0)
        assert app.focused is rows
        await pilot.press("escape")
        assert app.escapes == 1


async def test_an_empty_history_says_so() -> None:
    async with listed([]) as (app, pilot):
        await pilot.pause()
        assert "No conversations yet" in app.seen(app.history)
        app.history.show(summaries(2))
        await pilot.pause()
        assert "No conversations yet" not in app.seen(app.history)


async def test_a_filter_without_a_match_says_so() -> None:
    async with listed(summaries(3)) as (app, pilot):
        app.history.take_focus()
        await pilot.pause()
        await pilot.press(*"zzz")
        await pilot.pause()
        assert "No title contains “zzz”." in app.seen(app.history)
        await pilot.press("enter")
        assert app.posted == []


async def test_a_new_conversation_does_not_move_the_cursor() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        rows = summaries(10)
        app.history.show(rows[1:])
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("down", "down")
        app.history.show(rows)
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        opened = app.posted[-1]
        assert isinstance(opened, HistorySidebar.Opened)
        assert opened.conversation_id == "c3"


async def test_titles_are_not_markup_and_move_no_terminal() -> None:
    async with listed([sanitize(ConversationSummary("c", EVIL, NOW, NOW))]) as (app, pilot):
        await pilot.pause()
        seen = app.seen(app.history)
        assert "[red]evil[/red] next" in seen
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in seen.replace("\n", ""))


async def test_ten_thousand_conversations_are_no_burden() -> None:
    many = summaries(10_000)
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        begun = time.process_time()
        app.history.show(many)
        await pilot.pause()
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert "Conversation 9999" in app.seen(app.history)
        await pilot.press("9", "9")
        await pilot.pause()
        assert time.process_time() - begun < 1.0
