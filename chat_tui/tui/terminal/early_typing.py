"""Turns what was typed before the first paint into the draft; it is never sent.

Before raw mode, the terminal itself edits the line and turns Enter into Ctrl+J. The bytes remain readable in raw mode
unless they are flushed.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from chat_tui.core.text.graphemes import previous_boundary

_NEW_LINE = {"enter", "ctrl+j", "shift+enter", "alt+enter", "ctrl+enter"}
_QUIT = {"ctrl+c", "ctrl+q", "ctrl+backslash"}


def wants_to_quit(typed: Sequence[events.Key | events.Paste]) -> bool:
    """Whether one of these keys ends the program."""
    return any(isinstance(event, events.Key) and event.key in _QUIT for event in typed)


def early_text(typed: Sequence[events.Key | events.Paste], before: str = "") -> str:
    """The text that results from `before` and these keys and pastes.

    Enter inserts a new line; keys for controls that are not visible yet do nothing.
    """
    text = before
    for event in typed:
        if isinstance(event, events.Paste):
            text += event.text
        elif event.key in _NEW_LINE:
            text += "\n"
        elif event.key == "backspace":
            text = text[: previous_boundary(text, len(text))]
        elif event.is_printable:
            text += event.character or ""
    return text
