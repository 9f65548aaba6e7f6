"""`/compact` on the screen: offered with its price, stopped, changed, kept, folded, and taken back."""

from __future__ import annotations

from textual.widgets import TextArea

from chat_tui.config.schema import Config
from chat_tui.providers.scripted_provider import Pause, Script
from chat_tui.tui.dialogs.summary import SummaryDialog
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

ANSWERS: tuple[Script, ...] = (["First answer."], ["Second answer."])


def sent(chat: ScriptedChat) -> list[str]:
    return [turn.text for turn in chat.provider.requests[-1].spoken() if turn.role != "system"]


async def offered(chat: ScriptedChat, typed: str) -> None:
    await chat.ask(typed)
    await chat.until(lambda: isinstance(chat.app.screen, SummaryDialog))


async def left(chat: ScriptedChat) -> None:
    await chat.until(lambda: chat.app.screen is chat.screen)


async def refused(chat: ScriptedChat, typed: str, why: str) -> None:
    """A command that cannot be carried out returns to the prompt."""
    await chat.ask(typed)
    await chat.until(lambda: why in chat.notices() and chat.chat.prompt.draft == typed)
    chat.chat.prompt.set_draft("")


async def test_a_summary_is_offered_with_its_price_changed_kept_and_taken_back() -> None:
    scripts: list[Script] = [*ANSWERS, ["Two **things** were said."], ["Third answer."], ["Fourth answer."]]
    async with scripted_chat(*scripts, config=Config(model="shelf/deep")) as chat:
        for question in ("One?", "Two?"):
            await chat.ask(question)
            await chat.answered()
        requests = len(chat.provider.requests)
        await offered(chat, "/compact 2")
        await chat.shows("shelf/deep summarises 2 earlier messages", "tokens, ≈$0.0", "Enter summarise", "Esc cancel")
        assert len(chat.provider.requests) == requests
        await chat.pilot.press("enter")
        await chat.shows("You can change it before you keep it", "Two **things** were said.", "F2 keep")
        editor = chat.app.screen.query_one(TextArea)
        await chat.pilot.press("O", "h", ".", "space", "f2")
        await left(chat)
        assert "Oh. Two" in editor.text
        await chat.shows("Summary of 2 earlier messages", "shows it · sent in their place · by shelf/deep")
        assert "Oh. Two" not in chat.shown()
        assert chat.chat.undo.next_step == "take back the summary"
        chat.chat.transcript.action_fold()
        await chat.shows("Oh. Two things were said.", "hides it")
        chat.chat.transcript.action_fold()
        await chat.until(lambda: "Oh. Two" not in chat.shown())
        chat.chat.find("two things")
        await chat.shows("Oh. Two things were said.", "1 of 1")
        await chat.pilot.press("escape")
        await chat.until(lambda: not chat.chat.find_bar.display)
        await chat.ask("/context")
        await chat.shows("a summary and 1 of 1 exchange", "Summary: Oh. Two", "1. Two?")
        await chat.pilot.press("home", "x")
        await chat.until(lambda: "A summary is always sent" in chat.notices())
        await chat.pilot.press("escape")
        await left(chat)
        await chat.ask("Three?")
        await chat.answered()
        first, *others = sent(chat)
        assert "Oh. Two **things** were said." in first
        assert first.endswith("\n\nTwo?")
        assert others == ["Second answer.", "Three?"]
        # It is in use: there is nothing to undo any more.
        assert chat.chat.undo.next_step == ""


async def test_what_is_stopped_discarded_or_refused_changes_nothing_and_says_so() -> None:
    half: Script = ["Half", Pause(60.0)]
    scripts: list[Script] = [*ANSWERS, half, ["A summary."], ["A summary."], ["Third answer."]]
    async with scripted_chat(*scripts) as chat:
        await refused(chat, "/compact", "This conversation is empty")
        for question in ("One?", "Two?"):
            await chat.ask(question)
            await chat.answered()
        await refused(chat, "/compact", "All messages still fit the context window")
        await refused(chat, "/compact ten", "ten is not a number of messages")
        await offered(chat, "/compact 0")
        await chat.pilot.press("escape")
        await left(chat)
        await chat.until(lambda: "No summary was made" in chat.notices())
        await offered(chat, "/compact 0")
        await chat.pilot.press("enter")
        await chat.shows("Half", "Esc stop, keep nothing")
        await chat.pilot.press("escape")
        await left(chat)
        await chat.until(lambda: "Stopped: no summary was made" in chat.notices())
        await offered(chat, "/compact 0")
        await chat.pilot.press("enter")
        await chat.shows("A summary.", "F2 keep")
        await chat.pilot.press("escape")
        await left(chat)
        await chat.until(lambda: "The summary was discarded" in chat.notices())
        assert len(chat.chat.transcript.turns) == 4
        await offered(chat, "/compact 0")
        await chat.pilot.press("enter")
        await chat.shows("A summary.", "F2 keep")
        await chat.pilot.press("f2")
        await left(chat)
        await chat.shows("Summary of 4 earlier messages")
        await chat.ask("/undo")
        await chat.until(lambda: len(chat.chat.transcript.turns) == 4)
        await chat.until(lambda: "Summary taken back" in chat.notices())
        await chat.ask("Three?")
        await chat.answered()
        assert sent(chat) == ["One?", "First answer.", "Two?", "Second answer.", "Three?"]
