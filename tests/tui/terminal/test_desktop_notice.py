"""Notices on the desktop: which terminals get them, and that nothing but their text is in them."""

from __future__ import annotations

import pytest

from chat_tui.tui.terminal.desktop_notice import desktop_notice

EVIL = "4;1;\x1b]52;c;aGk=\x07 ready\x9c\nnow"


@pytest.mark.parametrize(
    ("environment", "start"),
    [
        ({"TERM": "foot"}, "\x1b]777;notify;chat-tui;"),
        ({"TERM": "rxvt-unicode-256color"}, "\x1b]777;notify;chat-tui;"),
        ({"TERM": "xterm-kitty"}, "\x1b]9;chat-tui: "),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "\x1b]9;chat-tui: "),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "\x1b]9;chat-tui: "),
    ],
)
def test_a_terminal_that_can_is_sent_the_text_alone(environment: dict[str, str], start: str) -> None:
    sent = desktop_notice(EVIL, environment)
    assert sent.startswith(start)
    assert sent.endswith("\x1b\\")
    text = sent.removeprefix(start).removesuffix("\x1b\\")
    assert "ready" in text
    assert text.isprintable()
    assert ";" not in text
    assert len(desktop_notice("x" * 5000, environment)) < 160


@pytest.mark.parametrize(
    "environment",
    [{}, {"TERM": "xterm-256color"}, {"TERM": "linux"}, {"TERM": "foot", "TMUX": "1"}, {"TERM": "foot", "STY": "1"}],
)
def test_others_are_sent_nothing(environment: dict[str, str]) -> None:
    assert desktop_notice("ready", environment) == ""
