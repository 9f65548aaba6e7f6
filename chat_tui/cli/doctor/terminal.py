"""Checks the terminal: what it says of itself, and what the environment says of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.cli.doctor.terminal_query import TerminalAnswers, ask_terminal, is_in_foreground
from chat_tui.core.processes import clipboard_programs, console
from chat_tui.core.text.excerpts import shorten

_SECTION = "terminal"
_UNKNOWING = {"", "dumb", "linux", "unknown"}
"""`TERM` of terminals that would print what they are asked."""
_SMALL_COLUMNS, _SMALL_ROWS = 60, 20
_UNKNOWN = "not known: the terminal was not asked, or did not answer"


class TerminalFacts(msgspec.Struct, frozen=True):
    """What is known of the terminal."""

    environ: Mapping[str, str]
    size: tuple[int, int] | None
    """Columns and rows; None: standard output is no terminal."""
    answers: TerminalAnswers
    copy_programs: tuple[str, ...]
    """In the order in which they are tried."""
    paste_programs: tuple[str, ...] = ()
    """In the order in which they are tried."""


def read_terminal(environ: Mapping[str, str] = os.environ) -> TerminalFacts:
    """Read the environment and ask the terminal, if there is one. Blocks."""
    is_terminal = console.output_is_terminal()
    answers = TerminalAnswers()
    if is_terminal and sys.stdin is not None and environ.get("TERM", "") not in _UNKNOWING:
        source = sys.stdin.fileno()
        if is_in_foreground(source):
            answers = ask_terminal(source, console.write_data)
    copying = tuple(program.command[0] for program in clipboard_programs.copy_programs(environ))
    pasting = tuple(dict.fromkeys(program.name for program in clipboard_programs.paste_programs(environ)))
    return TerminalFacts(environ, console.output_size() if is_terminal else None, answers, copying, pasting)


def check_terminal(facts: TerminalFacts) -> Iterator[Finding]:
    """Yield the findings about the terminal."""
    term = facts.environ.get("TERM", "")
    yield _type(term)
    yield _colours(facts.environ, term)
    yield _size(facts.size)
    yield _keyboard(facts)
    yield _clipboard(facts)
    yield _pasting(facts)
    yield _emoji(facts.answers.emoji_columns)
    yield _way(facts.environ)


def _type(term: str) -> Finding:
    if term in ("", "dumb", "unknown"):
        told = f"TERM is {term}" if term else "TERM is not set"
        shown = "chat-tui opens without the full screen" if term == "dumb" else "the screen may not be drawn well"
        hint = "Set TERM to what the terminal is, such as xterm-256color. `chat-tui chat` needs no full screen."
        return Finding(_SECTION, "type", "note", f"{told}: {shown}", hint)
    return Finding(_SECTION, "type", "ok", f"TERM is {shorten(term, 60)}")


def _colours(environ: Mapping[str, str], term: str) -> Finding:
    if environ.get("NO_COLOR"):
        return Finding(_SECTION, "colours", "note", "off, because NO_COLOR is set", "Unset NO_COLOR to have colours.")
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Finding(_SECTION, "colours", "ok", "16 million (COLORTERM)")
    if term.endswith(("-256color", "-kitty", "-direct")):
        hint = "Set COLORTERM=truecolor if the terminal can draw all colours; ssh and sudo do not pass it on."
        return Finding(_SECTION, "colours", "ok", "256 (TERM; COLORTERM is not set)", hint)
    if term in ("", "dumb", "unknown"):
        return Finding(_SECTION, "colours", "note", "none", "Set TERM, for example to xterm-256color.")
    hint = "Set TERM to a name that ends in -256color, or COLORTERM=truecolor, if the terminal has more."
    return Finding(_SECTION, "colours", "note", "16", hint)


def _size(size: tuple[int, int] | None) -> Finding:
    if size is None:
        return Finding(_SECTION, "size", "ok", "not known: standard output is not a terminal")
    columns, rows = size
    if columns < _SMALL_COLUMNS or rows < _SMALL_ROWS:
        hint = f"At least {_SMALL_COLUMNS} × {_SMALL_ROWS} shows everything."
        return Finding(_SECTION, "size", "note", f"{columns} × {rows} is small", hint)
    return Finding(_SECTION, "size", "ok", f"{columns} × {rows}")


def _keyboard(facts: TerminalFacts) -> Finding:
    hint = "Ctrl+J starts a new line in every terminal; `docs/keys.md` says how to change keys."
    if facts.environ.get("TEXTUAL_DISABLE_KITTY_KEY"):
        text = "kitty's protocol is off, because TEXTUAL_DISABLE_KITTY_KEY is set: Shift+Enter may be Enter"
        return Finding(_SECTION, "keyboard", "note", text, hint)
    if facts.answers.has_kitty_keys is None:
        return Finding(_SECTION, "keyboard", "ok", _UNKNOWN)
    if facts.answers.has_kitty_keys:
        return Finding(_SECTION, "keyboard", "ok", "kitty's protocol: every combination of keys arrives")
    text = "without kitty's protocol: Shift+Enter may be Enter, and some combinations with Ctrl do not arrive"
    return Finding(_SECTION, "keyboard", "note", text, hint)


def _clipboard(facts: TerminalFacts) -> Finding:
    if facts.copy_programs:
        first, *others = facts.copy_programs
        then = f", then {', '.join(others)}" if others else ""
        return Finding(_SECTION, "clipboard", "ok", f"copies with {first}{then}, then OSC 52")
    if facts.environ.get("STY"):
        hint = "The terminal outside of screen must allow OSC 52."
    elif "SSH_CONNECTION" in facts.environ or "SSH_TTY" in facts.environ:
        hint = "Allow OSC 52 in the settings of the terminal that you sit at, where it is off."
    else:
        hint = "Install wl-clipboard (Wayland) or xclip (X11), or allow OSC 52 in the terminal's settings."
    return Finding(_SECTION, "clipboard", "note", "copies with OSC 52, which terminals do not confirm", hint)


def _pasting(facts: TerminalFacts) -> Finding:
    if facts.paste_programs:
        first, *others = facts.paste_programs
        then = f", then {', '.join(others)}" if others else ""
        return Finding(_SECTION, "pasting", "ok", f"Ctrl+V and /paste read the clipboard with {first}{then}")
    if clipboard_programs.is_remote(facts.environ):
        text, hint = "Ctrl+V and /paste do not reach the clipboard over ssh", clipboard_programs.REMOTE_HINT
    else:
        text = "no program reads the clipboard for Ctrl+V and /paste"
        hint = f"{clipboard_programs.install_hint(facts.environ)}, or {clipboard_programs.INSTEAD}."
    return Finding(_SECTION, "pasting", "note", text, hint)


def _emoji(columns: int | None) -> Finding:
    if columns is None:
        return Finding(_SECTION, "emoji", "ok", _UNKNOWN)
    if columns == 2:
        return Finding(_SECTION, "emoji", "ok", "2 columns wide")
    hint = "Use a UTF-8 locale, and a terminal or multiplexer with newer tables of widths."
    text = f"drawn {columns} columns wide instead of 2: lines with emoji may be shifted"
    return Finding(_SECTION, "emoji", "note", text, hint)


def _way(environ: Mapping[str, str]) -> Finding:
    """Return through what the terminal is reached."""
    found = [name for name, variable in (("tmux", "TMUX"), ("GNU screen", "STY")) if environ.get(variable)]
    if "SSH_CONNECTION" in environ or "SSH_TTY" in environ:
        found.append("ssh")
    hint = ""
    if environ.get("TMUX"):
        hint = "In tmux, `set -g set-clipboard on` lets copied text reach the terminal's clipboard."
    return Finding(_SECTION, "reached by", "ok", ", ".join(found) or "directly", hint)
