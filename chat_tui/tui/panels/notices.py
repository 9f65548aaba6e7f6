"""Small lines around the transcript: what is below, the keys that count now, a screen too small."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.widget import Widget

from chat_tui.tui.actions import bindings
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, crop


class MoreBelow(StyledLines):
    """A chip over the transcript's end: there is more below."""

    DEFAULT_CSS = """
    MoreBelow { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }
    """

    class Pressed(Message):
        """It was clicked: the latest message is to be shown."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines_below = 0

    def on_click(self, event: events.Click) -> None:
        """Jump to the latest message."""
        event.stop()
        self.post_message(self.Pressed())

    def show(self, lines_below: int) -> None:
        """Show how many lines are below the window; 0 hides the notice."""
        self._lines_below = lines_below
        self.display = lines_below > 0
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        count = f"{self._lines_below:,} line{'s' * (self._lines_below != 1)}"
        told = bindings.as_bound(f"↓ {count} below · End: jump to latest", self.changed_keys)
        return [(Span(crop(told, width), "accent"),)]


class EditingLine(StyledLines):
    """The line over the prompt while an earlier question is edited."""

    DEFAULT_CSS = """
    EditingLine { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }
    """

    def lines(self, width: int) -> Sequence[Line]:
        """One line; the first of these that fits."""
        offered = (
            ("Editing an earlier question", " · Enter sends a new version · Esc cancels"),
            ("Editing a question", " · Enter sends · Esc cancels"),
            ("Editing a question", " · Esc cancels"),
            ("Editing", " · Esc cancels"),
        )
        told = [(title, bindings.as_bound(tail, self.changed_keys)) for title, tail in offered]
        title, tail = next((pair for pair in told if len(pair[0] + pair[1]) <= width), told[-1])
        return [(Span(title, "accent"), Span(tail, "dim"))]


class ConfirmationLine(StyledLines):
    """The line over the prompt while a command waits for Enter."""

    DEFAULT_CSS = """
    ConfirmationLine { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._question = ""

    def show(self, question: str) -> None:
        """Show a question; an empty one hides the line."""
        self._question = question
        self.display = bool(question)
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line; the question gives way to the keys."""
        keys = " · Enter yes · Esc no"
        return [(Span(crop(self._question, width - len(keys)), "accent"), Span(keys, "dim"))]


class KeyBar(StyledLines):
    """The last row: the keys that count now. A click on one presses it."""

    DEFAULT_CSS = "KeyBar { width: 1fr; height: 1; padding: 0 1; background: $surface; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[tuple[str, str]] = ()
        self._last: Sequence[tuple[str, str]] = ()
        self._mode = ""

    def show(self, keys: Sequence[tuple[str, str]], last: Sequence[tuple[str, str]] = (), mode: str = "") -> None:
        """Show these keys with their words, the most important first; `last` is always at the end. `mode` is the name
        of the mode in which letters are commands."""
        if (keys, last, mode) != (self._keys, self._last, self._mode):
            self._keys, self._last, self._mode = keys, last, mode
            self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line; keys that do not fit are left out from the end."""
        spans: list[Span] = [Span(self._mode, "mark")] if self._mode else []
        for key, word in self._fitting_keys(width):
            spans += [Span(_GAP, "dim")] if spans else []
            spans += [Span(key, "strong"), Span(f" {word}", "dim")]
        return [tuple(spans)]

    @property
    def _mode_width(self) -> int:
        """Cells of the mode's name and the gap behind it."""
        return len(self._mode) + len(_GAP) if self._mode else 0

    def _fitting_keys(self, width: int) -> Sequence[tuple[str, str]]:
        """Return the keys that fit."""
        room = width + len(_GAP) - self._mode_width - sum(map(_cells, self._last))
        shown: list[tuple[str, str]] = []
        for pair in self._keys:
            room -= _cells(pair)
            if room < 0:
                break
            shown.append(pair)
        return (*shown, *self._last)

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        event.stop()
        offset = event.get_content_offset(self)
        right = self._mode_width
        for key, word in self._fitting_keys(self.content_size.width) if offset is not None else ():
            left, right = right, right + _cells((key, word))
            if offset is not None and left <= offset.x < right - len(_GAP) and (pressed := bindings.textual_key(key)):
                self.app.simulate_key(pressed)


_GAP = " · "


def _cells(pair: tuple[str, str]) -> int:
    """Return the cells that a key, its word and the gap to the next one take."""
    return len(pair[0]) + 1 + len(pair[1]) + len(_GAP)


class TooSmall(Widget):
    """Replaces the whole screen while the terminal is too small."""

    DEFAULT_CSS = """
    TooSmall {
        display: none; layer: over; width: 100%; height: 100%; background: $background;
        content-align: center middle; text-align: center;
    }
    """

    def render(self) -> str:
        """Say what is wrong and what to do."""
        size = self.app.size
        return f"The terminal is {size.width}×{size.height}.\nchat-tui needs 40×12.\nMake it larger; nothing is lost."
