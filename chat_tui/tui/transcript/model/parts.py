"""The parts of a turn: some lines each, with heights that are estimated until they are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from chat_tui.core.chunks import TokenKind
from chat_tui.core.conversation import Role, Turn
from chat_tui.tui.transcript.render.wrapping import MEASURE, Line

if TYPE_CHECKING:
    from chat_tui.markdown.block import Block

PartKind: TypeAlias = Literal[
    "header",
    "left out",
    "fold",
    "files",
    "thinking",
    "alone",
    "served",
    "body",
    "call",
    "result",
    "unanswered",
    "quick head",
    "quick",
    "status",
    "error",
    "space",
]
TextKind: TypeAlias = TokenKind | Literal["quick"]
"""What a text that comes is; `quick`: of the short answer that is there before the detailed one."""
FoldKind: TypeAlias = Literal["thinking", "quick", "details"]
"""What can be folded away."""


def has_markdown(role: Role) -> bool:
    """Return whether the text of turns with this role is Markdown: what a model has written."""
    return role in ("assistant", "summary")


class VersionPlace(NamedTuple):
    """Which of several versions of a turn is shown."""

    number: int
    """Counts from 1."""
    of: int

    @property
    def text(self) -> str:
        """The place as text, such as `‹2/3›`, equally wide for each version."""
        return f"‹{self.number:>{len(str(self.of))}}/{self.of}›"


class TurnPart:
    """Some lines of a turn that are rendered together."""

    __slots__ = ("block", "height", "kind", "lines")

    def __init__(self, kind: PartKind, height: int, block: Block | None = None) -> None:
        self.kind = kind
        self.height = height
        """Estimated until the lines were rendered at this width."""
        self.block = block
        self.lines: list[Line] | None = None


class PartTops:
    """The lines at which a turn's parts begin, counted when they are asked for."""

    __slots__ = ("_stale", "_tops")

    def __init__(self) -> None:
        self._tops = [0]
        self._stale: int | None = 0
        """From this part on they must be counted anew; None: they are right."""

    def line_numbers(self, parts: Callable[[], Sequence[TurnPart]]) -> list[int]:
        """The line at which each part begins, and at last the height."""
        if self._stale is not None:
            # A streaming answer has thousands of parts that stay; only those behind them are counted.
            del self._tops[self._stale + 1 :]
            heights = [part.height for part in parts()[self._stale :]]
            self._tops += islice(accumulate(heights, initial=self._tops[-1]), 1, None)
            self._stale = None
        return self._tops

    def forget(self, part: int) -> None:
        """The heights of this part and of those behind it may have changed."""
        part = min(part, len(self._tops) - 1)
        self._stale = part if self._stale is None else min(part, self._stale)


def estimated_height(block: Block, width: int) -> int:
    """About how many lines a block takes."""
    height = block.source.count("\n") + 1 + block.gap
    if block.kind == "code":
        return height + block.first
    return max(height, len(block.source) // max(min(width, MEASURE), 1) + 1 + block.gap)


def estimated_turn_height(turn: Turn, width: int) -> int:
    """About how many lines a turn takes, without looking into its text."""
    folded = 2 if turn.quick is not None else 0
    width = min(width, MEASURE)
    return 3 + folded + len(turn.text) // (width - 8 if width > 16 else 8)
