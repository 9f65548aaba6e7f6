"""The whole program at a real terminal: what reaches it, and what is left when it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.screen_terminal import screen_terminal
from tests.support.weights import fetched

EVIL = "\x1b]52;c;aGFja2Vk\x07\x1b]0;evil\x07\x1b[2J\x1b[5m\x9b5m\x9d0;evil\x9c"
CHAT_TUI = (sys.executable, "-m", "chat_tui")
DEMO = (*CHAT_TUI, "--model", "scripted/demo")


def home(folder: Path, **more: str) -> dict[str, str]:
    """An environment with a home of its own; the weights stay where the user's are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CHAT_TUI", "TEXTUAL"))}
    return {**kept, "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8", **more}


class HostileServer(BaseHTTPRequestHandler):
    """Says control sequences wherever it says anything, one character a chunk."""

    def log_message(self, *_: object) -> None:
        pass

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._reply(200, "application/json", json.dumps({"data": [{"id": f"model{EVIL}"}, {"id": "plain"}]}).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][-1]["content"]
        if "fail" in asked:
            self._reply(400, "application/json", json.dumps({"error": {"message": f"refused{EVIL}"}}).encode())
            return
        text = (
            f"# T{EVIL}\n\n```py{EVIL}\nx{EVIL}\n```\n\n| a{EVIL} |\n|---|\n| [l{EVIL}](http://x/{EVIL}) |\n\nFINISHED"
        )
        events = [{"id": "1", "model": f"m{EVIL}", "choices": [{"index": 0, "delta": {"content": c}}]} for c in text]
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self._reply(200, "text/event-stream", body.encode())


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_control_sequences_of_models_and_servers_never_reach_the_terminal(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    with served(HostileServer) as port:
        config.write_text(
            f'[[providers]]\nname = "evil"\ndialect = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
        )
        environment = home(tmp_path, CHAT_TUI_CONFIG=str(config))
        with screen_terminal((*CHAT_TUI, "--model", "evil/plain"), env=environment) as terminal:
            terminal.wait_for("Ask anything")
            terminal.send("hello\r")
            terminal.wait_for("FINISHED")
            terminal.wait_for("done")
            terminal.send("fail\r")
            terminal.wait_for("refused")
            start = terminal.written
            terminal.send(b"\x0f")
            terminal.wait_for("Auto", offset=start)
            terminal.send(b"\x12")
            terminal.wait_for("This conversation")
            terminal.wait_quiet(0.3)
            raw = terminal.raw()
    for sequence in (rb"\x1b\]52", rb"\x1b\]0;", rb"\x1b\[2J", rb"\x1b\[5m", rb"\xc2[\x80-\x9f]", rb"evil\x07"):
        assert not re.search(sequence, raw), sequence


def test_kill_9_keeps_the_part_and_the_unsent_words(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything")
        terminal.send("first question\r")
        terminal.wait_for("stats panel")
        terminal.send("unsent words")
        time.sleep(0.6)
        terminal.kill(signal.SIGKILL)
        terminal.wait_exit()
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        for text in ("first question", "stats panel", "connection lost", "unsent words"):
            terminal.wait_for(text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_gives_the_terminal_back(tmp_path: Path, number: signal.Signals) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything")
        terminal.send("go\r")
        terminal.wait_for("stats panel")
        terminal.kill(number)
        assert terminal.wait_exit() == 128 + number
        assert b"\x1b[?1049l" in terminal.raw()


def test_the_screen_is_drawn_where_stderr_is_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = ("/bin/sh", "-c", f'exec "$0" "$@" 2>"{log}"', *DEMO)
    with screen_terminal(command, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything")
        terminal.send(b"\x11")
        assert terminal.wait_exit() == 0
    assert log.read_bytes() == b""


def test_a_wrong_config_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('theme = "dusk"\nstratgy = "balanced"\n')
    with screen_terminal(CHAT_TUI, env=home(tmp_path, CHAT_TUI_CONFIG=str(config))) as terminal:
        assert terminal.wait_exit() == 1
        told = terminal.raw().decode()
    for text in (str(config), "line 2", "stratgy", "Did you mean `strategy`"):
        assert text in told


@pytest.mark.weights
def test_the_built_in_model_answers_on_the_screen_and_its_child_ends_with_it(tmp_path: Path) -> None:
    weights = json.dumps(str(fetched()))
    config = tmp_path / "config.toml"
    config.write_text(f"[local]\nweights = {weights}\n")
    with screen_terminal(CHAT_TUI, env=home(tmp_path, CHAT_TUI_CONFIG=str(config))) as terminal:
        terminal.wait_for("Ask anything")
        asked = terminal.written
        terminal.send("Say hello.\r")
        terminal.wait_for(re.compile(rb"answering|done|token limit reached"), 60, asked)
        family = terminal.tree()
        assert len(family) > 1
        # It may have ended before the key comes, and then nothing more is written.
        terminal.send("\x1b")
        terminal.wait_for(re.compile(rb"stopped|done|token limit reached"), offset=asked)
        terminal.send(b"\x11")
        assert terminal.wait_exit() == 0
    assert not [pid for pid in family if _runs(pid)]


def _runs(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state: Any = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


def test_the_last_row_tells_the_prompts_keys_from_the_first_frame_on(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_until(lambda text: "Enter send" in text)
        assert b"rename" not in terminal.raw()


def test_the_answer_stays_in_sight_while_the_prompt_grows(tmp_path: Path) -> None:
    with screen_terminal(DEMO, env=home(tmp_path)) as terminal:
        terminal.wait_for("Ask anything")
        terminal.send("go\r")
        terminal.wait_until(lambda text: "● done" in text and "for a real answer." in text, 30)
        terminal.send("one\ntwo\nthree")
        terminal.wait_until(lambda text: "│ three" in text and "● done" in text)
        terminal.wait_until(lambda text: "This text comes from no model." in text and "for a real" in text)
