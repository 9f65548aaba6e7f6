"""Presets on the screen: chosen, shown, kept with the conversation, and a document worked through."""

from __future__ import annotations

from pathlib import Path

from chat_tui.config import presets
from chat_tui.tui.dialogs.choice import ChoiceScreen
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat


async def on(chat: ScriptedChat, typed: str, shown: str) -> None:
    """A preset is taken, and the prompt's border says so."""
    await chat.ask(typed)
    await chat.until(lambda: shown in chat.shown(chat.chat.prompt))


async def test_a_preset_is_in_use_from_the_next_question_on_and_stays_with_the_conversation() -> None:
    async with scripted_chat(["Bonjour"], ["Salut"], size=(80, 24)) as chat:
        await on(chat, "/preset translate French", "Translate · French")
        await chat.until(lambda: "shelf/" in chat.notices() and "million tokens" in chat.notices())
        await chat.ask("Good day")
        await chat.answered()
        assert "into French" in chat.provider.requests[-1].turns[0].text
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: "Translate" not in chat.shown(chat.chat.prompt))
        await chat.ask("/undo")
        await chat.until(lambda: "Translate · French" in chat.shown(chat.chat.prompt))
        await chat.ask("/preset none")
        await chat.until(lambda: "Translate" not in chat.shown(chat.chat.prompt))
        await chat.ask("Hi")
        await chat.answered()
        assert "Translate" not in chat.provider.requests[-1].spoken()[-1].text


async def test_without_a_name_there_is_a_list_to_choose_from() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/preset")
        await chat.until(lambda: isinstance(chat.app.screen, ChoiceScreen))
        await chat.shows("translate", "translates as you type")
        await chat.pilot.press(*"story")
        await chat.shows("tells a story scene by scene")
        await chat.until(lambda: "translates as" not in chat.shown())
        await chat.pilot.press("enter", "enter")
        await chat.until(lambda: "Story · adventure" in chat.shown(chat.chat.prompt))


async def test_a_wrong_name_is_told_and_its_words_stay() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/preset translat")
        await chat.until(lambda: "Unknown preset: translat" in chat.notices())
        assert chat.chat.prompt.text == "/preset translat"


async def test_a_file_is_analysed_in_a_conversation_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "my notes.txt").write_text("It rains.\n")
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await chat.ask("hello")
        await chat.answered()
        first = chat.chat.session.conversation_id
        await chat.ask(f'/analyse "{tmp_path}/my notes.txt" What is the weather?')
        await chat.until(lambda: len(chat.provider.requests) == 2)
        await chat.answered()
        assert chat.chat.session.conversation_id != first
        asked = chat.provider.requests[-1].turns[-1]
        assert asked.text == "What is the weather?"
        assert asked.attachments[0].content == b"It rains.\n"
        await chat.ask(f"/analyse {tmp_path}/my\\ notes.txt")
        await chat.until(lambda: len(chat.provider.requests) == 3)
        assert chat.provider.requests[-1].turns[-1].text == "Analyse: my notes.txt"
        await chat.answered()
        await chat.ask(f"/analyse {tmp_path}/gone")
        await chat.until(lambda: "File not found: gone." in chat.notices())


async def test_a_preset_given_at_the_start_is_there_from_the_first_question_on(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["one"], file=file) as chat:
        await chat.ask("hello")
        await chat.answered()
        chat.chat.prompt.insert("unsent")
        await chat.until(lambda: chat.chat.session.unsent)
    async with scripted_chat(["two"], file=file, preset=presets.find("code", presets.folders())) as chat:
        assert chat.chat.session.conversation_id is None
        await chat.ask("write it")
        await chat.answered()
        assert "careful programmer" in chat.provider.requests[-1].turns[0].text


async def test_enter_sends_what_is_typed_in_full_though_it_is_among_the_choices() -> None:
    async with scripted_chat() as chat:
        await chat.until(lambda: chat.screen.context.presets)
        await on(chat, "/preset translate French", "Translate · French")
        await on(chat, "/preset code", "Code")
