"""What is sent, as the screen shows it, and what a person keeps in or out; and what is private."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from chat_tui.core.context import Context, Exchange
from chat_tui.tui.app import ChatApp
from chat_tui.tui.chat.conversation.conversation_actions import PRIVATE
from chat_tui.tui.dialogs.context import ContextScreen, exchange_line, fixed_text
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.panels_app import EVIL


@pytest.mark.parametrize("width", [10, 38, 96])
@pytest.mark.parametrize("why", ["", "window", "exchanges", "kept out", "empty"])
def test_every_exchange_fits_in_one_row(width: int, why: str) -> None:
    line = exchange_line(12, Exchange("q", "a", 12_345, None, why), EVIL + "日本" * 40, width)  # type: ignore[arg-type]
    assert sum(cell_len(span.text) for span in line) <= width
    assert "\x1b" not in text_of([line])


def test_what_every_request_has_is_told_with_its_tokens() -> None:
    assert fixed_text(Context((), 669, system_tokens=28)) == "with system prompt ≈28"
    assert fixed_text(Context((), 669, system_tokens=28, tool_tokens=441)) == "with system prompt ≈28 · tools ≈441"


def sent(chat: ScriptedChat) -> list[str]:
    """The questions of the last request."""
    return [turn.text for turn in chat.provider.requests[-1].spoken() if turn.role == "user"]


async def test_an_exchange_kept_out_is_not_sent_until_it_is_let_in_again() -> None:
    async with scripted_chat() as chat:
        for question in ("first", "second", "third"):
            await chat.ask(question)
            await chat.answered()
        await chat.ask("/context")
        await chat.until(lambda: isinstance(chat.app.screen, ContextScreen))
        await chat.shows("3 of 3 exchanges", "reserved for the reply", "1. first")
        await chat.pilot.press("up", "up", "x")
        await chat.shows("2 of 3 exchanges", "excluded by you")
        await chat.pilot.press("down", "space")
        await chat.shows("included by you")
        await chat.pilot.press("down", "x")
        await chat.until(lambda: "always sent" in chat.notices())
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.ask("fourth")
        await chat.answered()
        assert sent(chat) == ["second", "third", "fourth"]
        await chat.pilot.press("f9")
        await chat.until(lambda: isinstance(chat.app.screen, ContextScreen))
        await chat.shows("excluded by you")
        await chat.pilot.press("home", "x")
        await chat.until(lambda: "excluded by you" not in chat.shown())
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.ask("/context 2 exclude")
        await chat.until(lambda: "Exchange 2 is not sent" in chat.notices())
        await chat.ask("fifth")
        await chat.until(lambda: sent(chat) == ["first", "third", "fourth", "fifth"])


async def test_context_says_when_there_is_nothing_to_show() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/context")
        await chat.until(lambda: "This conversation is empty" in chat.notices())


def on_disk(folder: Path) -> bytes:
    return b"".join(part.read_bytes() for part in folder.rglob("*") if part.is_file())


async def test_a_private_conversation_says_so_all_the_time_and_touches_no_disk(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["A secret answer."], file=file, size=(145, 36)) as chat:
        assert PRIVATE not in chat.shown()
        await chat.ask("/private")
        await chat.shows(PRIVATE, "Private")
        await chat.ask("unheard-of question")
        await chat.answered()
        await chat.shows(PRIVATE, "A secret answer.")
        hidden = chat.chat.session.conversation_id or ""
        chat.chat.prompt.insert("unsent whisper")
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.until(lambda: PRIVATE not in chat.shown())
        await chat.shows("unheard-of")
        await chat.screen.upkeep.open(hidden)
        await chat.shows(PRIVATE, "unsent whisper")
    for words in ("secret", "unheard-of", "whisper", hidden):
        assert words.encode() not in on_disk(tmp_path)


async def test_a_screen_begun_private_says_so_from_the_first_paint_on() -> None:
    async with scripted_chat() as chat:
        app = ChatApp(chat.engine.config, chat.open_engine, private=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert PRIVATE in "\n".join(strip.text for strip in app.screen._compositor.render_strips())
