"""A screen that types slowly, and answers that are paused: what is held, and what is not."""

from __future__ import annotations

import asyncio
import time

import pytest

from chat_tui.config.load import parse
from chat_tui.config.schema import Config, Display
from chat_tui.core.errors import ConfigError
from chat_tui.providers.scripted_provider import Pause
from tests.doubles.model_server import ModelServer
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.pty_terminal import PtyTerminal
from tests.support.scripted_router import Gate
from tests.tui.chat.test_chat_terminal import CHAT_TUI
from tests.wire.home import Home

WORDS = [f"w{number} " for number in range(40)]


def typing(seconds: float) -> Config:
    return Config(display=Display(typing_delay_seconds=seconds))


async def asked(chat: ScriptedChat, text: str) -> None:
    await chat.ask(text)
    await chat.until(lambda: chat.chat.conversation.answer is not None and not chat.chat.session.visit.is_asking)


async def test_the_screen_types_slowly_to_the_end_and_the_answer_is_not_slowed() -> None:
    async with scripted_chat(WORDS, config=typing(0.02)) as chat:
        begun = time.monotonic()
        await asked(chat, "count")
        answer = chat.chat.conversation.answer
        assert answer is not None
        await chat.until(lambda: answer.saved.is_set())
        assert "w39" not in chat.shown()
        await chat.shows("w39", "● done")
        assert time.monotonic() - begun >= 0.02 * len(WORDS)
        assert chat.chat.transcript.viewport.copy_text() == answer.turn.text


async def test_esc_ends_the_typing_at_once_and_what_came_is_there() -> None:
    async with scripted_chat([*WORDS, Pause(60)], config=typing(5)) as chat:
        await asked(chat, "count")
        answer = chat.chat.conversation.answer
        assert answer is not None
        await chat.until(lambda: answer.text.endswith("w39 "))
        await chat.pilot.press("escape")
        await chat.shows("w39", "stopped")


@pytest.mark.parametrize("by", ["escape", "another question"])
async def test_an_answer_that_has_ended_is_shown_whole_by_esc_and_by_the_next_question(by: str) -> None:
    async with scripted_chat(WORDS, ["Next."], config=typing(5)) as chat:
        await asked(chat, "count")
        answer = chat.chat.conversation.answer
        assert answer is not None
        await chat.until(lambda: answer.saved.is_set())
        assert "w39" not in chat.shown()
        if by == "escape":
            await chat.pilot.press("escape")
        else:
            await chat.ask("and then?")
            await chat.until(lambda: len(chat.chat.transcript.turns) == 4)
            await chat.pilot.press("escape")
        await chat.shows("w39")
        assert answer.turn.state == "complete"


async def test_coming_back_to_an_answer_types_only_what_is_new() -> None:
    async with scripted_chat([*WORDS, Pause(60)], config=typing(5)) as chat:
        await asked(chat, "count")
        answer = chat.chat.conversation.answer
        assert answer is not None
        await chat.until(lambda: answer.text.endswith("w39 "))
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.chat.open(answer.conversation_id)
        await chat.shows("w39")
        await chat.pilot.press("escape")


def test_the_key_may_be_written_without_its_unit() -> None:
    assert parse(b"[display]\ntyping_delay = 0.05\nbell = false", "x").display == Display(
        typing_delay_seconds=0.05, bell=False
    )
    with pytest.raises(ConfigError, match="at most 10"):
        parse(b"[display]\ntyping_delay = 50", "x")


async def test_pausing_one_conversation_holds_no_other_and_loses_nothing() -> None:
    gate = Gate()
    async with scripted_chat([*WORDS[:20], gate, *WORDS[20:]], WORDS) as chat:
        await asked(chat, "first")
        held = chat.chat.conversation.answer
        assert held is not None
        await chat.shows("w3")
        await chat.pilot.press("f6")
        await chat.until(lambda: "paused" in chat.shown(chat.screen.stats))
        gate.open()
        count = len(held)
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await asked(chat, "second")
        await chat.shows("● done", "w39")
        assert len(held) == count
        assert held.paused
        await chat.chat.open(held.conversation_id)
        await chat.until(lambda: "paused" in chat.shown(chat.screen.stats))
        await chat.ask("/pause")
        await chat.answered()
        assert held.turn.text.split() == [word.strip() for word in WORDS]


async def test_a_paused_answer_can_be_cancelled() -> None:
    async with scripted_chat([*WORDS[:20], Pause(60), *WORDS[20:]]) as chat:
        await asked(chat, "first")
        await chat.shows("w3")
        await chat.ask("/pause")
        await chat.until(lambda: "paused" in chat.shown(chat.screen.stats))
        await chat.pilot.press("escape")
        await chat.answered()
        await chat.shows("stopped", "w3")


async def test_ask_types_at_a_terminal_until_an_interrupt_and_not_in_a_pipe(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t100-mark7", more="[display]\ntyping_delay = 0.2\n")
    command = (*CHAT_TUI, "ask", "--no-save", "Which?")
    with PtyTerminal(command, env=home.environment) as terminal:
        await server.until(lambda: any(exchange.finished is not None for exchange in server.exchanges))
        await asyncio.to_thread(terminal.wait_for, "1. Only")
        assert b"Finis7" not in terminal.raw()
        terminal.send(b"\x03")
        await asyncio.to_thread(terminal.wait_for, "Finis7", 5)
    begun = time.monotonic()
    assert "Finis7" in (await home.run("ask", "--no-save", "Which?")).text
    assert time.monotonic() - begun < 0.2 * 100
