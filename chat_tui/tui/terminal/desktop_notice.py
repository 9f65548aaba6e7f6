"""Notices on the desktop (OSC 9 and OSC 777), for terminals that are known to show them."""

from __future__ import annotations

from collections.abc import Mapping

from chat_tui.core.text.control_characters import clean_line

_CELLS = 100
_WITH_TITLE = ("foot", "rxvt-unicode")
"""Beginnings of `TERM` of terminals that read OSC 777."""
_PLAIN_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "ghostty"})
"""`TERM_PROGRAM` of terminals that read OSC 9."""
_PLAIN = ("xterm-kitty", "xterm-ghostty", "wezterm")
"""The same by the beginning of `TERM`."""


def desktop_notice(text: str, environment: Mapping[str, str]) -> str:
    """Return the sequence that shows a text as a notice of the desktop; empty where the terminal may not know it, which
    includes a multiplexer, as that shows none itself."""
    term = environment.get("TERM", "")
    if "TMUX" in environment or "STY" in environment:
        return ""
    # A semicolon parts the fields, and a number before one is another command of OSC 9.
    shown = clean_line(text, _CELLS).replace(";", ",")
    if term.startswith(_WITH_TITLE):
        return f"\x1b]777;notify;chat-tui;{shown}\x1b\\"
    if term.startswith(_PLAIN) or environment.get("TERM_PROGRAM") in _PLAIN_PROGRAMS:
        return f"\x1b]9;chat-tui: {shown}\x1b\\"
    return ""
