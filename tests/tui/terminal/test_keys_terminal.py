"""Keys and the window at a real terminal, with the whole program."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from textual import events

from chat_tui.tui.terminal.early_typing import early_text
from tests.support.screen_terminal import screen_terminal
from tests.tui.chat.test_chat_terminal import DEMO, home

READY = "Ask anything"


@pytest.mark.parametrize(("columns", "rows"), [("40", "10"), ("300", "90"), ("0", "0"), ("80", "24")])
def test_exported_columns_and_lines_do_not_beat_the_terminal(columns: str, rows: str, tmp_path: Path) -> None:
    env = home(tmp_path, COLUMNS=columns, LINES=rows)
    with screen_terminal(DEMO, env=env, columns=100, rows=30, folder=tmp_path) as terminal:
        # A screen may arrive in two pieces.
        terminal.wait_until(
            lambda text: READY in text and "F1 help" in text.split("\n")[29] and max(map(len, text.split("\n"))) > 90,
            20,
        )
        terminal.resize(90, 24)
        resized = terminal.wait_until(lambda text: "F1 help" in text.split("\n")[23])
        assert READY in resized


def test_replies_of_the_terminal_type_nothing_and_open_nothing(tmp_path: Path) -> None:
    replies = b"\x1b[?62;22;52c\x1b]11;rgb:1e1e/1e1e/2e2e\x07\x1bP>|XTerm(380)\x1b\\\x1b[?1u\x1b[8;40;120t"
    env = home(tmp_path, EDITOR="touch " + str(tmp_path / "edited"))
    with screen_terminal(DEMO, env=env, folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        terminal.send(replies + b"one")
        terminal.wait_until(lambda text: "│ one" in text)
        for cut in range(0, len(replies), 7):
            terminal.send(replies[cut : cut + 7])
        terminal.send(b"two")
        screen = terminal.wait_until(lambda text: "two" in text)
        assert "│ onetwo" in screen
        assert not (tmp_path / "edited").exists()


def test_enter_with_alt_or_shift_makes_a_new_line_however_it_is_encoded(tmp_path: Path) -> None:
    keys = (b"\x1b\r", b"\x1b\n", b"\x1b[27;2;13~", b"\x1b[27;3;13~", b"\x1b[13;2u", b"\x1b[13;131:1u", b"\n")
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        for number, sent in enumerate(keys):
            one, two = f"one{number}", f"two{number}"
            terminal.send(one.encode() + sent + two.encode())
            screen = terminal.wait_until(lambda text, last=two: last in text)  # type: ignore[misc]
            assert one in screen
            assert f"│ {two}" in screen
            assert one + two not in screen


def test_text_of_an_input_method_is_typed_as_it_is(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        terminal.send(b"\x1b[0;;20170:22825:22825:27668:24456:22909u!")
        terminal.wait_until(lambda text: "!" in text.replace(" ", "").partition("今天天气很好")[2][:2])


def test_what_is_typed_early_and_arrives_in_pieces_means_the_same() -> None:
    keys = [events.Key(key, character) for key, character in (("a", "a"), ("b", "b"), ("backspace", None), ("c", "c"))]
    text = ""
    for key in keys:
        text = early_text([key], text)
    assert text == early_text(keys) == "ac"


@pytest.mark.parametrize("moment", ["at once", "50 ms", "150 ms", "before the first frame"])
def test_what_is_typed_before_the_first_paint_is_in_the_prompt_and_is_not_sent(moment: str, tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        if moment == "before the first frame":
            # Written behind raw mode; the alternate screen is asked for while the terminal still edits lines.
            terminal.wait_for(b"\x1b[?1004h")
        elif moment != "at once":
            time.sleep(int(moment.split()[0]) / 1000)
        terminal.send("aé\rb漢\x7fc\x15dx\x7fe\rf\x04g\x1b[A")
        if moment == "before the first frame":
            # Keys without the line discipline: Ctrl+U and Ctrl+D do nothing, where nobody sees a line.
            screen = terminal.wait_until(lambda text: "│ fg" in text, 20)
            assert "│ aé" in screen
            assert "│ bcde" in screen
        else:
            screen = terminal.wait_until(lambda text: "│ fg" in text, 20)
            assert "│ aé" in screen
            assert "│ de" in screen
        terminal.send("h")
        screen = terminal.wait_until(lambda text: "│ fgh" in text)
        assert "You asked" not in screen


def test_ctrl_c_before_the_first_paint_ends_the_program(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        terminal.wait_for(b"\x1b[?1049h")
        terminal.send("abc\x03")
        assert terminal.wait_exit(20) is not None


def test_what_is_typed_while_the_program_is_stopped_is_not_lost(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        terminal.kill(signal.SIGSTOP)
        terminal.send("hello\rabc")
        terminal.send("def")
        terminal.kill(signal.SIGCONT)
        screen = terminal.wait_until(lambda text: "│ abcdef" in text and "You asked: hello" in text, 20)
        assert "│ hello" not in screen


def test_questions_and_a_new_conversation_in_one_write(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path), folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        # The engine is not open yet, or has just been opened.
        terminal.send("one\rtwo\r\x0efive")
        screen = terminal.wait_until(lambda text: "│ five" in text, 20)
        assert "You asked" not in screen
        # The list at the left tells the conversation that goes on, and both of its answers come.
        terminal.send("\x11")
        terminal.wait_exit()


@pytest.mark.parametrize("sent", [b"\x1b\r", b"\x1b[27;3;13~", b"\x1b[13;3u", b"\x1b[13;195u"])
def test_alt_enter_can_be_bound_in_every_encoding(sent: bytes, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[keys]\n"prompt.new_line" = "ctrl+j"\n"prompt.send" = "alt+enter"\n')
    with screen_terminal(DEMO, env=home(tmp_path, CHAT_TUI_CONFIG=str(config)), folder=tmp_path) as terminal:
        terminal.wait_until(lambda text: READY in text, 20)
        terminal.send(b"one\rtwo" + sent)
        terminal.wait_until(lambda text: "You asked: one" in text, 20)
