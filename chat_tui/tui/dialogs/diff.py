"""Two versions of a turn as one text: what was removed and what was added, word by word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType

from chat_tui.core.conversation import Turn
from chat_tui.tui.actions import bindings
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.dialogs.word_diff import Change, DiffPart, differences
from chat_tui.tui.transcript.render import wrapping
from chat_tui.tui.widgets.styled_lines import Line, Span

# Wrapping carries styles along; here they only tell the roles apart.
_STYLES: dict[Change, Style] = {"": Style(), "removed": Style(strike=True), "added": Style(bold=True)}
_ROLES = {style: role or "text" for role, style in _STYLES.items()}
_MARKS: dict[Change, tuple[str, str]] = {"": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}


def diff_lines(pieces: Sequence[DiffPart], width: int, *, marks: bool) -> list[Line]:
    """The pieces in lines of this width; `marks` tell the changes where colours cannot."""
    runs: list[wrapping.Run] = []
    for place, (change, text) in enumerate(pieces):
        body, space = text, ""
        if change:
            body = text.rstrip() or text
            space = text[len(body) :]
        if (
            change == "removed"
            and (space or " " in body)
            and [piece.change for piece in pieces[place + 1 : place + 2]] == ["added"]
        ):
            # The line ends where what stands in its place ends.
            space = " "
        begin, end = _MARKS[change] if marks else ("", "")
        runs += [(f"{begin}{body}{end}", _STYLES[change], True), (space, _STYLES[""], True)]
    runs = [run for run in runs if run[0]]
    return [tuple(Span(text, _ROLES[style]) for text, style, _ in line.runs) for line in wrapping.wrap(runs, width)]


class DiffScreen(ReaderScreen):
    """The version that is shown against one beside it, at first the one before. Opened by d on a turn, or /diff."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "close", "Close", id="version.compare", show=False),
        *bindings.bindings("comparison"),
    ]
    KEYS = ("other.before", "other.after", "screen.close", "text.down")

    def __init__(self, versions: Sequence[Turn], shown: int) -> None:
        super().__init__("Versions", self._lines)
        self._versions, self._shown = versions, shown
        self._other = shown - 1 if shown else 1
        self._pieces: Sequence[DiffPart] | None = None
        self._wrapped: tuple[int, Sequence[Line]] = (0, ())

    def on_mount(self) -> None:
        """Begin to compare."""
        self._compare()

    def action_other(self, step: int) -> None:
        """Compare with another version."""
        others = [place for place in range(len(self._versions)) if place != self._shown]
        at = others.index(self._other) + step
        if 0 <= at < len(others):
            self._other = others[at]
            self._compare()

    def _compare(self) -> None:
        self._pieces = None
        self.run_worker(self._compare_versions(), exclusive=True)

    async def _compare_versions(self) -> None:
        old, new = (self._versions[place].text for place in (self._other, self._shown))
        width, marks = self.reading.size.width, self.app.no_color
        pieces, lines = await asyncio.to_thread(_compare_texts, old, new, width, marks)
        self._pieces, self._wrapped = pieces, (width, lines)
        self.reading.refresh(layout=True)
        self.reading.redraw()

    def _version(self, place: int) -> str:
        model = self._versions[place].model
        return f"{place + 1} of {len(self._versions)}{f', {model}' if model else ''}"

    def _lines(self, width: int) -> Sequence[Line]:
        heads: list[Line] = [
            (Span(wrapping.fitting(f"- version {self._version(self._other)}", width), "error"),),
            (Span(wrapping.fitting(f"+ version {self._version(self._shown)} (current)", width), "success"),),
            (),
        ]
        if self._pieces is None:
            return [*heads, (Span("comparing …", "dim"),)]
        if not any(piece.change for piece in self._pieces):
            return [*heads, (Span("The versions are identical.", "dim"),)]
        if self._wrapped[0] != width:
            self._wrapped = width, diff_lines(self._pieces, width, marks=self.app.no_color)
        return [*heads, *self._wrapped[1]]


def _compare_texts(old: str, new: str, width: int, marks: bool) -> tuple[Sequence[DiffPart], Sequence[Line]]:
    pieces = differences(old.expandtabs(4), new.expandtabs(4))
    return pieces, diff_lines(pieces, width, marks=marks)
