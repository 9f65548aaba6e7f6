"""What was typed before there was a screen to type into: it becomes the draft, and is never sent.

A terminal that is not raw yet has edited the line itself, and makes Ctrl+J of Enter. Its bytes stay readable when it
becomes raw, as long as nobody throws them away.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from chat_tui.core.graphemes import previous_boundary

_NEW_LINE = {"enter", "ctrl+j", "shift+enter", "alt+enter", "ctrl+enter"}
_QUIT = {"ctrl+c", "ctrl+q", "ctrl+backslash"}


def wants_to_quit(typed: Sequence[events.Key | events.Paste]) -> bool:
    """Whether a key among these says that the program is to end."""
    return any(isinstance(event, events.Key) and event.key in _QUIT for event in typed)


def early_text(typed: Sequence[events.Key | events.Paste], before: str = "") -> str:
    """The text that these keys and pastes make of what was typed `before` them.

    Enter is a new line; keys that would act on something that nobody has seen yet do nothing.
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
