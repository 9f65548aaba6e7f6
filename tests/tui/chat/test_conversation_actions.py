"""What keys and commands do to conversations: rename, pin, delete and bring back; which are seen and unseen."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from textual.widgets import Input

from chat_tui.core.conversation import Conversation, ConversationSummary
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.chat.conversation.conversation_actions import LISTED
from chat_tui.tui.history.rename_dialog import RenameDialog
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate


async def listed(chat: ScriptedChat) -> dict[str, ConversationSummary]:
    """By title."""
    return {summary.title: summary for summary in await chat.engine.conversations.summaries()}


async def asked(chat: ScriptedChat, *questions: str) -> None:
    """A conversation for each; the last one stays in view."""
    for question in questions:
        if chat.chat.session.conversation_id is not None:
            await chat.chat.new()
        await chat.ask(question)
        await chat.answered()
        await chat.until(lambda: question in chat.shown(chat.screen.history))  # noqa: B023  # it is called at once


async def test_f4_on_the_list_renames_in_the_row_and_esc_leaves_the_title() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first", "second")
        await chat.pilot.press("ctrl+l", "ctrl+l")
        await chat.until(lambda: chat.screen.history.has_focus_within)
        await chat.shows("F2 rename")
        await chat.pilot.press("down", "f2")
        await chat.until(lambda: isinstance(chat.app.screen, RenameDialog))
        assert chat.app.screen.query_one(Input).value == "first"
        await chat.pilot.press(*"better", "enter")
        await chat.until(lambda: "better" in chat.shown(chat.screen.history))
        assert set(await listed(chat)) == {"better", "second"}
        await chat.pilot.press("f2")
        await chat.until(lambda: isinstance(chat.app.screen, RenameDialog))
        await chat.pilot.press(*"worse", "escape")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.pilot.press("ctrl+z")
        await chat.until(lambda: "first" in chat.shown(chat.screen.history))
        assert set(await listed(chat)) == {"first", "second"}


async def test_a_deleted_conversation_comes_back_by_undo() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first", "second")
        deleted = chat.chat.session.conversation_id
        await chat.ask("/delete")
        await chat.until(lambda: "Deleted “second”" in chat.notices())
        assert "/undo" in chat.notices()
        await chat.until(lambda: chat.chat.session.conversation_id is None and chat.chat.welcome.display)
        assert set(await listed(chat)) == {"first"}
        await chat.ask("/undo")
        await chat.until(lambda: chat.chat.session.conversation_id == deleted)
        await chat.until(lambda: "“second” was restored" in chat.notices())
        await chat.until(lambda: "second" in chat.shown(chat.screen.history))
        assert set(await listed(chat)) == {"first", "second"}


async def test_deleting_on_the_list_leaves_the_other_one_in_view() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first", "second")
        open_one = chat.chat.session.conversation_id
        await chat.pilot.press("ctrl+l", "ctrl+l")
        await chat.until(lambda: chat.screen.history.has_focus_within)
        await chat.pilot.press("down", "delete")
        await chat.until(lambda: "Deleted “first”" in chat.notices())
        await chat.until(lambda: "first" not in chat.shown(chat.screen.history))
        assert chat.chat.session.conversation_id == open_one


async def test_deleting_where_an_answer_runs_cancels_it() -> None:
    async with scripted_chat(["some ", Pause(60), "more"], size=(145, 36)) as chat:
        await chat.ask("go")
        await chat.shows("some")
        chat.screen.upkeep.act_on_chosen("delete")
        await chat.until(lambda: "Deleted “go”" in chat.notices())
        await chat.until(lambda: not chat.engine.running())
        assert not await listed(chat)


async def test_a_pinned_conversation_stands_first() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first", "second")
        await chat.pilot.press("ctrl+l", "ctrl+l")
        await chat.until(lambda: chat.screen.history.has_focus_within)
        await chat.pilot.press("down", "f5")
        await chat.until(lambda: "Pinned" in chat.shown(chat.screen.history))
        assert list(await listed(chat)) == ["first", "second"]
        await chat.pilot.press("f5")
        await chat.until(lambda: "Unpinned" in chat.notices())
        assert list(await listed(chat)) == ["second", "first"]


async def test_an_answer_that_ends_out_of_view_is_marked_until_it_is_opened() -> None:
    gate = Gate()
    async with scripted_chat(["some ", gate, "more"], size=(145, 36)) as chat:
        await chat.ask("go")
        await chat.shows("some")
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: "●" in chat.shown(chat.screen.history))
        gate.open()
        await chat.until(lambda: "◆" in chat.shown(chat.screen.history))
        assert (await listed(chat))["go"].unseen
        await chat.pilot.press("ctrl+l", "ctrl+l", "enter")
        await chat.until(lambda: "◆" not in chat.shown(chat.screen.history))
        assert not (await listed(chat))["go"].unseen


async def test_rename_and_pin_as_commands_act_on_the_conversation_in_view() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first")
        await chat.ask("/rename A better title")
        await chat.until(lambda: "A better title" in chat.shown(chat.screen.history))
        await chat.ask("/pin")
        await chat.until(lambda: "Pinned" in chat.shown(chat.screen.history))
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.ask("/pin")
        await chat.until(lambda: "No conversation is selected" in chat.notices())


async def test_undo_leads_back_from_a_fresh_conversation() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await asked(chat, "first")
        left = chat.chat.session.conversation_id
        await chat.ask("/clear")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.ask("/undo")
        await chat.until(lambda: chat.chat.session.conversation_id == left)
        await chat.ask("/undo")
        await chat.until(lambda: "nothing to undo" in chat.notices())


async def test_the_filter_finds_conversations_that_are_too_old_to_be_listed(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    told = datetime(2026, 1, 1, tzinfo=UTC)
    await asyncio.gather(
        *(
            store.write(
                writes.add_conversation,
                Conversation(f"c{number}", "Zebra" if not number else "Talk", created=told, updated=told),
            )
            for number in range(LISTED + 2)
        )
    )
    await store.close()
    async with scripted_chat(["one"], file=file, size=(145, 36)) as chat:
        await chat.shows(f"{LISTED:,}+")
        chat.screen.history.take_focus()
        await chat.pilot.press(*"zebra")
        await chat.shows(f"1 of {LISTED + 2:,}")
        await chat.pilot.press("escape")


async def test_the_line_over_an_imported_conversation_names_a_model_that_can_answer(tmp_path: Path) -> None:
    question = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hello"]}}
    answer = {
        "author": {"role": "assistant"},
        "content": {"content_type": "text", "parts": ["Hi!"]},
        "metadata": {"model_slug": "gpt-4"},
    }
    nodes = {
        "a": {"id": "a", "parent": None, "children": ["b"], "message": {"id": "a", "create_time": 1.7e9, **question}},
        "b": {"id": "b", "parent": "a", "children": [], "message": {"id": "b", "create_time": 1.7e9, **answer}},
    }
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([{"id": "c", "title": "From there", "mapping": nodes, "current_node": "b"}]))
    async with scripted_chat() as chat:
        await chat.ask(f"/import {file}")
        await chat.until(lambda: "1 new conversation" in chat.notices())
        await chat.ask("/open From there")
        await chat.shows("Hi!", "chatgpt/gpt-4")
        await chat.until(lambda: "From there  shelf/" in chat.shown().split("\n")[0])
