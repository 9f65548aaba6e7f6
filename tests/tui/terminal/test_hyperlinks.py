"""Links that a terminal can open."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from rich.style import Style

from chat_tui.markdown.links import LONGEST, is_openable
from chat_tui.markdown.splitter import split
from chat_tui.tui.terminal.hyperlinks import supports_hyperlinks
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.render.renderer import Renderer
from tests.support.screen_terminal import screen_terminal
from tests.tui.chat.test_chat_terminal import CHAT_TUI, home, served


@pytest.mark.parametrize(
    ("environment", "supported"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4205"}, False),
        ({"TERM": "tmux-256color", "VTE_VERSION": "x"}, True),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({}, False),
    ],
)
def test_terminals_that_can_be_given_links(environment: dict[str, str], supported: bool) -> None:
    assert supports_hyperlinks(environment) is supported


@pytest.mark.parametrize(
    ("target", "openable"),
    [
        ("https://example.org/a?b=c", True),
        ("HTTP://example.org", True),
        ("mailto:a@example.org", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("/etc/passwd", False),
        ("https://", False),
        ("https://example.org/\x1b]0;x", False),
        ("https://example.org/\u202e", False),
        ("https://example.org/a b", False),
        ("https://example.org/" + "a" * LONGEST, False),
    ],
)
def test_addresses_that_are_opened(target: str, openable: bool) -> None:
    assert is_openable(target) is openable


def link_styles(text: str, *, hyperlinks: bool) -> list[Style]:
    renderer = Renderer(plain_ink(hyperlinks=hyperlinks))
    renderer.load()
    lines = [line for block in split(text) for line in renderer.lines(block, 20)]
    return [style for line in lines for _, style, _ in line.runs if style.link]


def test_a_link_carries_its_address_over_all_of_its_lines() -> None:
    styles = link_styles("[a link of several words](https://example.org)", hyperlinks=True)
    assert len(styles) > 1
    assert {style.link for style in styles} == {"https://example.org"}
    assert len({style.link_id for style in styles}) == 1


def test_links_that_must_not_be_opened_carry_none() -> None:
    assert link_styles("[x](file:///etc/passwd) [y](#z)", hyperlinks=True) == []
    assert link_styles("[x](https://example.org)", hyperlinks=False) == []


class LinkedAnswer(BaseHTTPRequestHandler):
    """Answers with a link."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send("application/json", b'{"data": [{"id": "long"}]}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        choice = {"delta": {"content": "See [the page](https://example.org/x). FINISHED"}, "finish_reason": "stop"}
        self._send("text/event-stream", f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_terminal_is_given_links_unless_they_are_off(tmp_path: Path, wanted: bool) -> None:
    config = tmp_path / "config.toml"
    with served(LinkedAnswer) as port:
        provider = f'[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
        config.write_text(provider + f"[display]\nlinks = {str(wanted).lower()}\n")
        environment = home(tmp_path, CHAT_TUI_CONFIG=str(config))
        with screen_terminal((*CHAT_TUI, "--model", "box/long"), env=environment) as terminal:
            terminal.wait_for("Ask anything")
            terminal.send("question\r")
            terminal.wait_for("FINISHED")
            terminal.wait_until(lambda screen: "the page" in screen)
            terminal.wait_quiet()
            sent = re.search(rb"\x1b\]8;[^;]*;https://example\.org/x\x1b\\", terminal.raw())
            assert (sent is not None) is wanted
