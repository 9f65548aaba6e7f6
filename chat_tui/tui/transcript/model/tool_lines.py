"""The lines of a tool call in the transcript: its name and state, its arguments, and the beginning of its result."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolCall
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.render.wrapping import Line, Run, fitting, width_of, wrap_plain
from chat_tui.tui.widgets.argument_rows import argument_rows, visible
from chat_tui.tui.widgets.formatting import byte_size

PREVIEW_LINES = 3
SHOWN_CHARACTERS = 200_000
"""Of a result that is unfolded; a copy takes all of it."""
_FOLDED_ARGUMENTS = 4
_LONGEST_LINE = 2_000
_LONGEST_NAME = 200
_INDENT = 2
_STATES: Mapping[State, str] = {
    "complete": "done",
    "failed": "failed",
    "refused": "refused",
    "cancelled": "stopped",
    "broken": "interrupted",
    "streaming": "running",
}


def state_word(turn: Turn) -> str:
    """Return what has become of a call."""
    return _STATES.get(turn.state, turn.state)


def header_line(turn: Turn, status: str, width: int, ink: Ink) -> Line:
    """Return the tool and its server, and at the right the state; `status` is that of a call that has not ended."""
    base = ink.ground + ink.text
    told = status or state_word(turn)
    style = {"failed": ink.error, "broken": ink.warning, "refused": ink.warning, "complete": ink.dim}.get(
        turn.state, ink.accent if status or turn.state == "streaming" else ink.badge
    )
    right: list[Run] = [(told, base + style, False)]
    name = visible(turn.result.name[:_LONGEST_NAME]) if turn.result is not None else "tool"
    source = visible(turn.result.source[:_LONGEST_NAME]) if turn.result is not None else ""
    room = max(width - width_of(right) - 1, 6)
    name = fitting(name, room)
    left: list[Run] = [(name, base + ink.assistant_name, True)]
    if source and room - width_of(left) > 6:
        left.append((fitting(f" · {source}", room - width_of(left)), base + ink.dim, False))
    gap = " " * max(width - width_of(right) - width_of(left), 1)
    return Line([*left, (gap, base, False), *right])


def argument_lines(turn: Turn, call: ToolCall | None, width: int, ink: Ink, *, folded: bool) -> list[Line]:
    """Return the arguments as `name: value`, a line each; all of them, and whole, where they are not folded."""
    edited = turn.result.arguments if turn.result is not None else ""
    arguments = edited or (call.arguments if call is not None else "")
    room, lines = max(width - _INDENT, 8), list[Line]()
    if edited:
        lines.append(_indented("you have changed the arguments:", room, ink.ground + ink.warning))
    rows = argument_rows(arguments)
    shown = rows[:_FOLDED_ARGUMENTS] if folded and len(rows) > _FOLDED_ARGUMENTS + 1 else rows
    for name, value in shown:
        begin = f"{name}: " if name else ""
        if folded:
            flat = " ".join(value[:_LONGEST_LINE].split())
            lines.append(_indented(f"{begin}{flat}", room, ink.ground + ink.text))
        else:
            wrapped = wrap_plain(f"{begin}{value}", room, ink.ground + ink.text)
            lines += [_behind_indent(line, ink) for line in wrapped]
    if len(shown) < len(rows):
        lines.append(_indented(f"… {len(rows) - len(shown)} more arguments", room, ink.ground + ink.dim))
    return lines


def result_lines(turn: Turn, width: int, ink: Ink, key: str, *, folded: bool) -> list[Line]:
    """Return where a result came from and how long it is, and below that its first lines if it is folded; `key`
    unfolds it."""
    room = max(width - _INDENT, 8)
    if turn.state not in ("complete", "failed"):
        return [_behind_indent(line, ink) for line in wrap_plain(turn.text[:_LONGEST_LINE], room, _dim(ink))]
    begin = turn.text[: _LONGEST_LINE * PREVIEW_LINES].split("\n", PREVIEW_LINES)
    preview = [_indented(line, room, ink.ground + ink.quote) for line in begin[:PREVIEW_LINES]]
    source = visible(turn.result.source[:_LONGEST_NAME]) if turn.result is not None else ""
    told = f"result from {source}" if source else "result"
    if folded and is_short(turn.text, room):
        return [_indented(told, room, _dim(ink)), *preview]
    size = byte_size(len(turn.text))
    if len(turn.text) <= SHOWN_CHARACTERS:
        count = turn.text.count("\n") + 1
        size = f"{count:,} line{'s' * (count != 1)}"
    told = f"▸ {told} · {size} · {key} shows it" if folded else f"▾ {told} · {size} · {key} hides it"
    return [_indented(told, room, _dim(ink)), *(preview if folded else ())]


def is_short(text: str, width: int) -> bool:
    """Return whether the preview holds all of a result."""
    if len(text) > PREVIEW_LINES * width:
        return False
    lines = text.split("\n")
    return len(lines) <= PREVIEW_LINES and all(fitting(line.expandtabs(4), width) == line for line in lines)


def unanswered_lines(calls: tuple[ToolCall, ...], width: int, ink: Ink) -> list[Line]:
    """Return a line for each call of an answer that has no result: the program was closed before it ran."""
    return [
        _indented(f"{visible(call.name[:_LONGEST_NAME])} · not run", width, ink.ground + ink.warning) for call in calls
    ]


def _dim(ink: Ink) -> Style:
    return ink.ground + ink.dim


def _indented(text: str, room: int, style: Style) -> Line:
    text = text[:_LONGEST_LINE].expandtabs(4)
    return Line([(" " * _INDENT, style, False), (fitting(text, room), style, True)])


def _behind_indent(line: Line, ink: Ink) -> Line:
    line.runs.insert(0, (" " * _INDENT, ink.ground, False))
    return line
