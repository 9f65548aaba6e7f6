"""The parts of a turn: some lines each, with heights that are estimated until they are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from chat_tui.core.chunks import TokenKind
from chat_tui.core.conversation import Turn
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
