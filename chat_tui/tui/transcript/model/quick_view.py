"""The quick answer in a turn's view: shown until the detailed answer has text, then folded below it."""

from __future__ import annotations

from collections.abc import Callable

from chat_tui.core.conversation import Turn
from chat_tui.markdown.block import Block
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.model.parts import PartKind, TurnPart
from chat_tui.tui.transcript.render.wrapping import Line, fitting


class QuickView:
    """Its text, split into blocks as it comes."""

    def __init__(self) -> None:
        self.splitter = BlockSplitter()
        self.unfolded = False
        self._pieces: list[str] = []
        self._head = TurnPart("quick head", 1)
        self._state = ""

    @classmethod
    def whole(cls, text: str) -> QuickView:
        """Return the view of a quick answer that has ended."""
        view = cls()
        view.feed(text)
        view.finish()
        return view

    def text(self) -> str:
        """The text that has come."""
        return "".join(self._pieces)

    def feed(self, text: str) -> None:
        """Take text that has come."""
        self._pieces.append(text)
        self.splitter.feed(text)

    def finish(self) -> None:
        """No more comes."""
        self.splitter.finish()

    def parts(self, make: Callable[[PartKind, Block], TurnPart], *, stands: bool) -> list[TurnPart]:
        """Its line, and its blocks unless they are folded away. `stands`: the detailed answer has not spoken."""
        state = "stands" if stands else "unfolded" if self.unfolded else "folded"
        if state != self._state:
            self._state = state
            self.forget_head()
        shown = [*self.splitter.closed, *self.splitter.open()] if state != "folded" else []
        return [self._head, *(make("quick", block) for block in shown)]

    def forget_head(self) -> None:
        """More is known of it than before."""
        self._head.lines, self._head.height = None, 1 + (self._state != "stands")

    def head_lines(self, turn: Turn, width: int, ink: Ink, key: str) -> list[Line]:
        """Return the line above the quick answer, which is all that is shown while it is folded. `key` folds it."""
        if self._state == "stands":
            return [_line(_name(turn), width, ink)]
        told = f"▾ {_name(turn)} · {key} hides it" if self.unfolded else f"▸ {_name(turn)} · {key} shows it"
        return [Line([]), _line(told, width, ink)]


def _name(turn: Turn) -> str:
    model = turn.quick.model if turn.quick is not None else ""
    return f"quick answer · {model}" if model else "quick answer"


def _line(text: str, width: int, ink: Ink) -> Line:
    return Line([(fitting(text, width), ink.ground + ink.thinking, False)])
