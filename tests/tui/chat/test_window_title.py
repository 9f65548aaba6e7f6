"""The terminal's manners: its title, its bell, and how it is left behind, whatever the ending."""

from __future__ import annotations

import os
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chat_tui.cli.output import crash_report
from chat_tui.config.schema import Config, Display
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, Notice
from chat_tui.core.text.sanitizer import sanitize
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.engine.answers.answer import Answer
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.chat.screen import window_title
from chat_tui.tui.notice_stack import LASTING_SECONDS, NEWS_SECONDS, NOTICE_SECONDS
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.pty_terminal import PtyTerminal
from tests.support.screen_terminal import screen_terminal

ROOT = Path(__file__).parents[3]
DEMO = (sys.executable, "-m", "chat_tui", "--model", "scripted/demo")
CRASHING = (sys.executable, "-m", "tests.doubles.crashing_chat")
GIVEN_BACK = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1000l", b"\x1b[?1004l", b"\x1b[23;2t")
"""Main screen, cursor, pastes, mouse, focus, title."""


def home(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    parts = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    return {**kept, **parts, "HOME": str(folder), "PYTHONPATH": str(ROOT), "CHAT_TUI_CONFIG": os.devnull}


def given_back(raw: bytes) -> None:
    for sequence in GIVEN_BACK:
        assert sequence in raw, sequence
    assert raw.rindex(b"\x1b[22;2t") < raw.rindex(b"\x1b[23;2t")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("what is up?\r")
        terminal.wait_for("\x1b]2;● chat-tui — what is up?\x1b\\", 30)
        terminal.kill(number)
        assert terminal.wait_exit(30) == 128 + number
        given_back(terminal.raw())
        assert not list(tmp_path.rglob("crash-*"))


def test_a_dumb_terminal_gets_line_mode_and_no_screen(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env={**home(tmp_path), "TERM": "dumb"}) as terminal:
        terminal.wait_for("chat-tui, line mode.", 30)
        terminal.send("/quit\r")
        assert terminal.wait_exit(30) == 0
        assert b"\x1b" not in terminal.raw()


def test_a_crash_leaves_the_terminal_as_it_was_and_tells_where_its_report_is(tmp_path: Path) -> None:
    with PtyTerminal(CRASHING, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("my secret plan")
        terminal.wait_until(lambda text: "my secret plan" in text, 30)
        terminal.send(b"\x11")
        assert terminal.wait_exit(30) == 1
        raw = terminal.raw()
    given_back(raw)
    told = raw[raw.rindex(b"\x1b[?1049l") :].decode()
    assert "chat-tui has crashed (ValueError). Your conversations are saved" in told
    assert "secret" not in told
    [report] = tmp_path.rglob("crash-*.txt")
    assert report.name in told
    text = report.read_text()
    assert "ValueError" in text
    assert "textual 8" in text
    assert "in action_quit" in text
    assert "secret plan" not in text
    assert report.stat().st_mode & 0o077 == 0


def test_it_can_be_suspended_and_comes_back_whole(tmp_path: Path) -> None:
    shell = ("/bin/bash", "--norc", "-i")
    with PtyTerminal(shell, env={**home(tmp_path), "PS1": "shell> "}) as terminal:
        terminal.wait_for("shell> ")
        terminal.send(" ".join(DEMO) + "\n")
        terminal.wait_for("Ask anything", 30)
        terminal.send("half a sentence")
        terminal.wait_until(lambda text: "half a sentence" in text, 30)
        terminal.send(b"\x10")
        terminal.wait_for("type to filter", 30)
        start = terminal.written
        terminal.send("suspend")
        terminal.wait_until(lambda text: "back to the shell" in text and "list of models" not in text, 30)
        terminal.wait_quiet(0.3)
        terminal.send("\r")
        terminal.wait_for("Stopped", 30, offset=start)
        given_back(terminal.raw())
        start = terminal.written
        terminal.send("fg\n")
        terminal.wait_for("Ask anything", 30, offset=start)
        terminal.wait_for("half a sentence", 30, offset=start)
        assert b"\x1b[?1049h" in terminal.raw(start)


def test_a_report_names_places_and_nothing_that_was_written() -> None:
    def fails(question: str) -> None:
        try:
            raise KeyError(question)
        except KeyError:
            [][1]

    written = "what is sk-12345?"
    with pytest.raises(IndexError) as caught:
        fails(written)
    text = crash_report.text(caught.value, datetime(2026, 11, 23, tzinfo=UTC))
    assert "IndexError: list index out of range" in text
    assert "after: KeyError\n" in text
    assert "sk-12345" not in text
    assert str(ROOT) not in text


def test_ten_reports_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not ours")
    start = datetime(2026, 11, 23, tzinfo=UTC)
    for minute in range(12):
        crash_report.write(ValueError("x"), tmp_path, start + timedelta(minutes=minute))
    assert len(list(tmp_path.glob("crash-*.txt"))) == crash_report.KEPT
    assert not (tmp_path / "crash-2026-11-23-000000.txt").exists()
    assert (tmp_path / "crash-2026-11-23-001100.txt").exists()
    assert (tmp_path / "notes.txt").exists()


def test_a_title_cannot_carry_control_characters_and_is_short() -> None:
    evil = sanitize(Turn(id="t", role="user", text="a\x1b]0;evil\x07b\nc\x9c" + "x" * 500))
    shown = window_title.title([evil], running=True, ended=False)
    assert shown.startswith("● chat-tui — a")
    assert shown.isprintable()
    assert len(shown) < 80
    assert window_title.title([], running=False, ended=False) == "chat-tui"


async def test_the_title_tells_what_runs_and_that_it_has_ended() -> None:
    async with scripted_chat(["Half ", Pause(60)]) as chat:
        titles: list[str] = []
        chat.app.show_title = titles.append  # type: ignore[method-assign, assignment]
        await chat.ask("What is a café?")
        await chat.until(lambda: titles[-1:] == ["● chat-tui — What is a café?"])
        await chat.pilot.press("escape")
        await chat.until(lambda: titles[-1:] == ["✓ chat-tui — What is a café?"])
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: titles[-1:] == ["chat-tui"])


def answer(conversation: str, seconds: float, turn: str = "a") -> Any:
    return SimpleNamespace(
        round=None,
        conversation_id=conversation,
        ended=False,
        question=Turn("user", "Which?", id="q"),
        turn=Turn("assistant", "", id=turn),
        figures=lambda: StreamStats(duration_seconds=seconds),
    )


async def rung(chat: ScriptedChat, conversation: str, seconds: float) -> bool:
    """Whether the bell rings when an answer of so many seconds ends there."""
    bells: list[bool] = []
    chat.app.bell = lambda: bells.append(True)  # type: ignore[method-assign]
    running = answer(conversation, seconds)
    chat.screen.window_title.update([cast("Answer", running)])
    assert not bells
    running.ended = True
    chat.screen.window_title.update([])
    chat.screen.window_title.update([])
    assert len(bells) <= 1
    return bool(bells)


async def test_the_bell_rings_for_a_long_answer_that_ends_unseen() -> None:
    async with scripted_chat() as chat:
        await chat.ask("hello")
        await chat.answered()
        here = chat.chat.session.conversation_id or ""
        assert not await rung(chat, here, 11)
        assert await rung(chat, "elsewhere", 11)
        assert not await rung(chat, "elsewhere", 9)
        chat.app.app_focus = False
        assert await rung(chat, here, 11)
        assert not await rung(chat, here, 9)


async def test_the_notice_beside_the_bell_names_no_private_question() -> None:
    async with scripted_chat() as chat:
        told: list[str] = []
        chat.app.ring = told.append  # type: ignore[method-assign, assignment]
        await chat.ask("hello")
        await chat.answered()
        assert not await rung(chat, "elsewhere", 11)
        assert told == ["Answered: Which?"]
        private = await chat.engine.conversations.begin_private()
        assert not await rung(chat, private.id, 11)
        assert told[1:] == ["Answered"]


async def test_the_bell_can_be_switched_off() -> None:
    async with scripted_chat(config=Config(display=Display(bell=False))) as chat:
        assert not await rung(chat, "elsewhere", 60)


def test_the_linux_console_is_sent_no_title(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env={**home(tmp_path), "TERM": "linux"}) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("what?\r")
        terminal.wait_for("stats panel", 30)
        assert not re.search(rb"\x1b\]2;|\x1b\[22;2t", terminal.raw())


def test_gnu_screen_gets_no_mouse_no_true_colour_and_a_title_in_ascii(tmp_path: Path) -> None:
    # With a mouse it holds a lone Esc, true colours it reads as others, and of a title's signs it sends the low bytes.
    environment = {**home(tmp_path), "STY": "1.pts", "TERM": "screen-256color", "COLORTERM": "truecolor"}
    with screen_terminal(DEMO, env=environment) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("what \u271b is up?\r")
        terminal.wait_for("\x1b]2;? chat-tui ? what ? is up?\x1b\\", 30)
        terminal.send(b"\x11")
        assert terminal.wait_exit(30) == 0
        raw = terminal.raw()
    assert b"\x1b[?1000h" not in raw
    assert b"38;2;" not in raw
    assert b"38;5;" in raw
    # GNU screen has no second screen unless it is told to: what is there is taken away.
    assert raw.rindex(b"\x1b[H\x1b[J") < raw.rindex(b"\x1b[?1049l")


def test_the_title_is_not_shown_again_behind_the_end(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.send("what is up?\r")
        terminal.wait_for("\x1b]2;● chat-tui — what is up?\x1b\\", 30)
        terminal.send(b"\x11")
        assert terminal.wait_exit(30) == 0
        raw = terminal.raw()
    given_back(raw)
    assert b"\x1b]2;" not in raw[raw.rindex(b"\x1b[23;2t") :]


async def test_notices_do_not_pile_up_but_for_those_that_are_to_last() -> None:
    async with scripted_chat(size=(80, 24)) as chat:
        chat.app.tell(ChatTuiError("This lasts.", "Read it."), lasting=True)
        for number in range(6):
            chat.app.tell(ChatTuiError(f"Failure {number}.", "Go on."))
        left = ["This lasts.", "Failure 3.", "Failure 4.", "Failure 5."]
        await chat.until(lambda: [notice.title for notice in chat.app._notifications] == left)


async def test_news_of_the_engine_pass_sooner_than_its_errors_since_they_hide_the_answer() -> None:
    async with scripted_chat(size=(80, 24)) as chat:
        chat.app.tell(ChatTuiError("This lasts.", "Read it."), lasting=True)
        chat.app.tell(Notice("groq cannot be used: No API key for groq."), lasting=True)
        chat.app.tell(Notice("This passes."))
        seconds = [LASTING_SECONDS, NEWS_SECONDS, NOTICE_SECONDS]
        await chat.until(lambda: [notice.timeout for notice in chat.app._notifications] == seconds)
        assert sorted(seconds, reverse=True) == seconds


async def test_the_bell_rings_once_for_several_answers_to_one_question() -> None:
    async with scripted_chat() as chat:
        bells: list[bool] = []
        chat.app.bell = lambda: bells.append(True)  # type: ignore[method-assign]
        long, short = (
            cast("Answer", answer("elsewhere", seconds, turn)) for seconds, turn in ((99.0, "a"), (1.0, "b"))
        )
        chat.screen.window_title.update([long, short])
        long.ended = True
        chat.screen.window_title.update([short])
        assert not bells
        short.ended = True
        chat.screen.window_title.update([])
        chat.screen.window_title.update([])
        assert len(bells) == 1


async def test_a_notice_looks_like_no_error() -> None:
    async with scripted_chat() as chat:
        chat.app.tell(Notice("Questions go to vllm.", "Choose another one."))
        chat.app.tell(ChatTuiError("It broke.", "Mend it."))
        await chat.until(lambda: len(chat.app._notifications) == 2)
        assert {notice.title: notice.severity for notice in chat.app._notifications} == {
            "Questions go to vllm.": "information",
            "It broke.": "error",
        }
