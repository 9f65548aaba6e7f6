"""A terminal that takes nothing for a while, as after Ctrl+S, holds neither answers nor memory."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.pty_terminal import PtyTerminal
from tests.support.screen_terminal import screen_terminal
from tests.tui.chat.test_chat_terminal import CHAT_TUI, home, served

TOKENS = 8_000
MEGABYTE = 1 << 20


class LongAnswer(BaseHTTPRequestHandler):
    """Says so many tokens in a second."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._begin("application/json")
        self.wfile.write(b'{"data": [{"id": "long"}]}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._begin("text/event-stream")
        for first in range(0, TOKENS, 200):
            words = [f"{number} \n" if number % 10 == 0 else f"{number} " for number in range(first, first + 200)]
            self.wfile.write("".join(map(_event, words)).encode())
            time.sleep(0.02)
        self.wfile.write((_event("FINISHED", "stop") + "data: [DONE]\n\n").encode())

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()


def _event(text: str, finish: str | None = None) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, 'finish_reason': finish}]})}\n\n"


def _states(file: Path) -> list[str]:
    """Of the answers in the history."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return [state for (state,) in db.execute("SELECT state FROM turn WHERE role = 'assistant'")]


@contextmanager
def held_terminal(folder: Path) -> Iterator[PtyTerminal]:
    """A terminal that takes nothing since a long answer began."""
    config = folder / "config.toml"
    with served(LongAnswer) as port:
        config.write_text(f'[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{port}/v1"\n')
        environment = home(folder, CHAT_TUI_CONFIG=str(config))
        with screen_terminal((*CHAT_TUI, "--model", "box/long"), env=environment) as terminal:
            terminal.wait_for("Ask anything")
            terminal.send("first question\r")
            terminal.wait_for("answering")
            terminal.hold()
            yield terminal


def test_answers_go_on_and_are_saved_while_the_terminal_takes_nothing(tmp_path: Path) -> None:
    with held_terminal(tmp_path) as terminal:
        before = terminal.resident_bytes()
        # Ctrl+N, and one more: both stream by now.
        terminal.send("\x0esecond question\r")
        history = next(tmp_path.rglob("history.db"))
        deadline = time.monotonic() + 30
        while _states(history) != ["complete", "complete"]:
            assert time.monotonic() < deadline, _states(history)
            time.sleep(0.05)
        assert terminal.resident_bytes() - before < 40 * MEGABYTE
        held = terminal.written
        terminal.let_go()
        terminal.wait_for("FINISHED", offset=held)
        terminal.wait_until(lambda text: "FINISHED" in text and "done" in text and "second question" in text)
        terminal.send("words")
        terminal.wait_until(lambda text: "words" in text)
        terminal.send(b"\x15\x11")
        assert terminal.wait_exit() == 0


def test_a_terminal_that_takes_nothing_does_not_hold_the_end(tmp_path: Path) -> None:
    with held_terminal(tmp_path) as terminal:
        history = next(tmp_path.rglob("history.db"))
        deadline = time.monotonic() + 30
        while _states(history) != ["complete"]:
            assert time.monotonic() < deadline, _states(history)
            time.sleep(0.05)
        terminal.send(b"\x11")
        assert terminal.wait_exit(20) == 0
