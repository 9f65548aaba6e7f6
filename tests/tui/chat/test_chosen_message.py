"""The message that keys and commands act on: where it is marked, and the way from the messages to the prompt."""

from __future__ import annotations

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

MARK = "▌"


async def asked(chat: ScriptedChat, *questions: str) -> None:
    """Ask these, each after the answer to the one before."""
    for question in questions:
        await chat.ask(question)
        await chat.answered()


def marked(chat: ScriptedChat) -> list[str]:
    """The rows with the mark of the chosen message."""
    rows = chat.shown(chat.chat.transcript).splitlines()
    return [row.strip(f" {MARK}") for row in rows if row.strip().startswith(MARK)]


async def test_down_below_the_last_message_leads_back_to_the_prompt() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        await asked(chat, "first", "second")
        await chat.pilot.press("up", "up", "down")
        assert chat.chat.transcript.has_focus
        await chat.pilot.press("down")
        assert chat.chat.prompt.has_focus
        assert chat.chat.transcript.viewport.cursor is None
        await chat.pilot.press("e")
        assert chat.chat.prompt.text == "e"


async def test_down_in_a_long_last_message_leads_to_its_end_first() -> None:
    async with scripted_chat(["line\n\n" * 80], size=(80, 24)) as chat:
        await asked(chat, "first")
        await chat.pilot.press("up", "up", "down")
        await chat.shows("below")
        await chat.pilot.press("down")
        await chat.until(lambda: "below" not in chat.shown())
        assert chat.chat.transcript.has_focus
        await chat.pilot.press("down")
        assert chat.chat.prompt.has_focus


async def test_a_clicked_message_is_marked_as_long_as_commands_act_on_it() -> None:
    async with scripted_chat(["one"], ["two"], ["three"]) as chat:
        await asked(chat, "first", "second")
        await chat.pilot.click(chat.chat.transcript, offset=(4, 1))
        await chat.until(lambda: marked(chat))
        assert "first" in marked(chat)
        assert chat.chat.prompt.has_focus
        chat.chat.prompt.insert("words")
        await chat.pilot.pause()
        assert "first" in marked(chat)
        chat.chat.prompt.clear_draft()
        await chat.pilot.press("escape")
        await chat.until(lambda: not marked(chat))
        assert chat.chat.transcript.viewport.cursor is None


async def test_the_next_question_ends_the_choice() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        await asked(chat, "first")
        await chat.pilot.click(chat.chat.transcript, offset=(4, 1))
        await chat.until(lambda: marked(chat))
        await asked(chat, "second")
        assert not marked(chat)


async def test_a_rating_names_the_key_that_takes_it_back() -> None:
    async with scripted_chat(["one"]) as chat:
        await asked(chat, "first")
        await chat.pilot.press("up", "plus")
        await chat.until(lambda: "· u undoes it" in chat.notices())
        assert chat.chat.transcript.turns[-1].verdict is True
        await chat.pilot.press("u")
        await chat.until(lambda: chat.chat.transcript.turns[-1].verdict is None)
        assert "The rating is taken back" in chat.notices()
        await chat.pilot.press("escape")
        await chat.ask("/bad")
        await chat.until(lambda: "· Tab u undoes it" in chat.notices())
