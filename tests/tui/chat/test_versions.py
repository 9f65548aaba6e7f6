"""What a user is promised of the tree: nothing is overwritten, and each version is a key away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.chat.screen import command_palette
from tests.doubles.scripted_chat import DEEP, ScriptedChat, scripted_chat


async def asked(chat: ScriptedChat, *questions: str) -> None:
    for question in questions:
        await chat.ask(question)
        await chat.answered()


async def ask_from_prompt(chat: ScriptedChat, text: str) -> None:
    chat.chat.prompt.focus()
    await chat.ask(text)


async def anew(chat: ScriptedChat, *keys: str) -> None:
    """Press keys that bring an answer, and wait for it."""
    before = chat.chat.conversation.answer
    await chat.pilot.press(*keys)
    await chat.until(lambda: chat.chat.conversation.answer is not before)
    await chat.answered()


async def pressed(chat: ScriptedChat, *keys: str) -> None:
    chat.chat.transcript.focus()
    await chat.pilot.press(*keys)


def texts(chat: ScriptedChat) -> list[str]:
    return [turn.text for turn in chat.chat.transcript.turns]


async def test_an_edited_question_is_another_version_and_the_draft_comes_back() -> None:
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await asked(chat, "first", "second")
        chat.chat.prompt.insert("half a thought")
        await pressed(chat, "up", "e")
        await chat.shows("Editing an earlier question · Enter sends a new version · Esc cancels")
        assert chat.chat.prompt.text == "second"
        await anew(chat, *" again", "enter")
        await chat.shows("second again", "‹2/2›", "three")
        assert texts(chat) == ["first", "one", "second again", "three"]
        assert chat.chat.prompt.text == "half a thought"
        assert not chat.chat.editing_line.display
        assert [turn.text for turn in chat.provider.requests[-1].spoken()][-3:] == ["first", "one", "second again"]


async def test_esc_leaves_the_question_as_it_is() -> None:
    async with scripted_chat(["one"]) as chat:
        await asked(chat, "//slashed")
        chat.chat.prompt.insert("a draft")
        await pressed(chat, "e")
        assert chat.chat.prompt.text == "//slashed"
        await chat.pilot.press("escape")
        assert chat.chat.prompt.text == "a draft"
        assert not chat.chat.editing_line.display
        assert texts(chat) == ["/slashed", "one"]


async def test_what_was_put_aside_survives_leaving_the_conversation() -> None:
    async with scripted_chat(["one"]) as chat:
        await asked(chat, "first")
        first = chat.chat.session.conversation_id or ""
        chat.chat.prompt.insert("a draft")
        await pressed(chat, "e")
        await chat.chat.new()
        assert not chat.chat.editing_line.display
        await chat.chat.open(first)
        assert chat.chat.prompt.text == "a draft"


async def test_words_written_in_an_edit_survive_leaving_the_conversation_and_are_gone_when_sent() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        await asked(chat, "first")
        first = chat.chat.session.conversation_id or ""
        chat.chat.prompt.insert("a draft")
        await pressed(chat, "e", *" more")
        await chat.chat.new()
        assert chat.chat.prompt.text == ""
        await chat.chat.open(first)
        assert chat.chat.prompt.text == "first more"
        assert chat.chat.editing_line.display
        await anew(chat, "enter")
        assert texts(chat) == ["first more", "two"]
        assert chat.chat.prompt.text == "a draft"
        await chat.chat.new()
        await chat.chat.open(first)
        assert chat.chat.prompt.text == "a draft"
        assert not chat.chat.editing_line.display


async def test_words_written_in_an_edit_survive_a_crash(tmp_path: Path) -> None:
    file, crashed = tmp_path / "history.db", tmp_path / "crashed.db"
    async with scripted_chat(["one"], file=file) as chat:
        await asked(chat, "first")
        id = chat.chat.session.conversation_id or ""
        chat.chat.prompt.insert("a draft")
        await pressed(chat, "e", *" more")
        for _ in range(250):
            if "first more" in await chat.engine.places.get(f"edited question {id}"):
                break
            await asyncio.sleep(0.02)
        store = await Store.open(file)
        await store.backup(crashed)
        await store.close()
    async with scripted_chat(["two"], file=crashed) as chat:
        await chat.shows("Editing an earlier question", "one")
        assert chat.chat.prompt.text == "first more"
        await chat.pilot.press("escape")
        assert chat.chat.prompt.text == "a draft"


async def test_an_answer_is_asked_for_again_in_one_step_and_left_and_right_walk() -> None:
    async with scripted_chat(["one"], ["other"], ["third"]) as chat:
        await asked(chat, "go")
        for count in (2, 3):
            await pressed(chat)
            await anew(chat, "r", "enter")
            await chat.shows(f"‹{count}/{count}›")
        assert texts(chat) == ["go", "third"]
        await pressed(chat, "left")
        await chat.shows("‹2/3›", "other")
        await pressed(chat, "left", "left", "left")
        await chat.shows("‹1/3›", "one")
        await ask_from_prompt(chat, "/version 3")
        await chat.shows("‹3/3›", "third")


async def test_another_model_answers_once_and_the_choice_stays() -> None:
    async with scripted_chat(["one"], ["other"], ["third"]) as chat:
        await asked(chat, "go")
        await pressed(chat, "R")
        await chat.until(lambda: chat.screen.picker.is_open and "for this answer" in chat.notices())
        await anew(chat, *"deep", "enter")
        await chat.shows("‹2/2›")
        assert chat.chat.transcript.turns[-1].model == DEEP.name
        assert chat.screen.models.model is None
        await ask_from_prompt(chat, f"/retry {DEEP.name}")
        await chat.shows("‹3/3›")
        assert chat.screen.models.model is None


async def test_a_branch_leaves_all_as_it_was_and_undo_leads_back() -> None:
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await asked(chat, "first", "second")
        chat.chat.transcript.focus()
        await chat.pilot.press("b")
        await chat.until(lambda: "already the last message" in chat.notices())
        await pressed(chat, "up", "up", "up", "b")
        await chat.until(lambda: texts(chat) == ["first", "one"])
        assert "a new branch The old branch is kept; Tab u undoes it." in chat.notices()
        await asked(chat, "third")
        await chat.shows("third", "‹2/2›", "three")
        await pressed(chat, "u")
        await chat.until(lambda: texts(chat) == ["first", "one", "second", "two"])
        assert "Back to the previous branch" in chat.notices()


async def test_undo_leads_back_from_an_edit_and_from_another_answer() -> None:
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await asked(chat, "first")
        await pressed(chat, "e")
        await anew(chat, "!", "enter")
        assert texts(chat) == ["first!", "two"]
        await pressed(chat)
        await anew(chat, "r", "enter")
        await ask_from_prompt(chat, "/undo")
        await chat.until(lambda: texts(chat) == ["first!", "two"])
        await ask_from_prompt(chat, "/undo")
        await chat.until(lambda: texts(chat) == ["first", "one"])
        await ask_from_prompt(chat, "/undo")
        await chat.until(lambda: "nothing to undo" in chat.notices())


async def test_while_an_answer_runs_the_tree_holds_still_and_says_so() -> None:
    async with scripted_chat(["one"], ["two ", Pause(60)]) as chat:
        await asked(chat, "first")
        await pressed(chat, "r", "enter")
        await chat.shows("two")
        for key in ("left", "e", "r", "b", "u"):
            chat.app.clear_notifications()
            await pressed(chat, "up", key)
            await chat.until(lambda: "still running" in chat.notices())
        assert len(chat.provider.requests) == 2


async def test_a_verdict_stands_in_the_header_and_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["one"], file=file) as chat:
        await asked(chat, "first")
        await pressed(chat, "minus", "plus", "plus")
        await chat.shows(" + ")
        assert chat.notices().count("Rated as good") == 1
        chat.chat.prompt.insert("so that it opens again")
        await chat.pilot.pause(0.3)
    async with scripted_chat(file=file) as chat:
        await chat.until(lambda: chat.chat.transcript.turns[-1:] and chat.chat.transcript.turns[-1].verdict is True)
        await chat.shows(" + ")


async def test_the_palette_and_the_commands_do_what_the_keys_do() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        await asked(chat, "first")
        named = {choice.note: choice.act for choice in command_palette.choices(chat.screen)}
        before = chat.chat.conversation.answer
        await named["Tab r"]()  # type: ignore[misc]
        await chat.until(lambda: chat.chat.conversation.answer is not before)
        await chat.answered()
        await named["Tab Left"]()  # type: ignore[misc]
        await chat.shows("‹1/2›")
        await named["Tab e"]()  # type: ignore[misc]
        await chat.shows("Editing an earlier question")
        await chat.pilot.press("escape")
        await ask_from_prompt(chat, "/good")
        await chat.shows("+")
        await ask_from_prompt(chat, "/edit")
        await chat.shows("Editing an earlier question")
        await chat.pilot.press("escape")
        await ask_from_prompt(chat, "/branch")
        await chat.until(lambda: "already the last message" in chat.notices())
        await ask_from_prompt(chat, "/version x")
        await chat.until(lambda: "not a version" in chat.notices())


async def test_the_notice_of_a_new_version_names_the_key_that_leads_back() -> None:
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await chat.ask("hi")
        await chat.answered()
        await chat.ask("/retry")
        await chat.until(lambda: "The previous answer is kept Tab u undoes it." in chat.notices())
        await chat.answered()
        await chat.shows("two")
        await chat.pilot.press("tab", "u", "escape")
        await chat.shows("one")
        await chat.ask("/edit")
        await chat.ask(" again")
        await chat.until(lambda: "The previous question is kept Tab u undoes it." in chat.notices())
