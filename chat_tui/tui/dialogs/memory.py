"""What is remembered, and the notes of the folder, each with its tokens and whether it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.engine.conversations.memory import FolderOffer, MemoryView
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, wrap

_LINES = 2_000
"""Of one file at most."""
_FOLDER = {
    "on": "sent with your questions; /memory folder off ends that",
    "off": "not sent; /memory folder on sends it with your questions",
    "offered": "not sent; /memory folder on sends it with your questions",
}


def memory_lines(view: MemoryView, unused: str, width: int) -> Sequence[Line]:
    """The memory in lines of this width; `unused` is why it is not sent here, if it is not."""
    why = [*_text(unused, width, "warning"), ()] if unused else []
    notes = [(), *_notes(view.folder, width)] if view.folder.file is not None else []
    return [*why, *_own(view, width), *notes]


def _own(view: MemoryView, width: int) -> list[Line]:
    if view.file is None:
        return _text("Nothing is remembered in a private session.", width, "text")
    lines = _text(str(view.file), width, "accent")
    if not view.text:
        return lines + _text("Nothing is remembered yet. /remember and your words add a line.", width, "dim")
    about = f"{formatting.tokens(view.tokens, estimated=True)} tokens · `chat-tui memory edit` opens it in your editor"
    return [*lines, *_text(about, width, "dim"), (), *_text(view.text, width, "text")]


def _notes(folder: FolderOffer, width: int) -> list[Line]:
    about = f"{formatting.tokens(folder.tokens, estimated=True)} tokens · {_FOLDER[folder.use]}"
    return [
        *_text(str(folder.file), width, "accent"),
        *_text(about, width, "dim"),
        (),
        *_text(folder.text, width, "text"),
    ]


def _text(text: str, width: int, role: str) -> list[Line]:
    lines = text.split("\n")
    shown = [(Span(row, role),) for line in lines[:_LINES] for row in wrap(line, width, 100) or [""]]
    more = [(Span(f"… {len(lines) - _LINES:,} more lines", "dim"),)] if len(lines) > _LINES else []
    return [*shown, *more]


class MemoryScreen(ReaderScreen):
    """Opened by /memory."""

    def __init__(self, view: MemoryView, unused: str) -> None:
        super().__init__("Memory", lambda width: memory_lines(view, unused, width))
