"""The view of a summary of earlier messages: its heading, and its text, which is folded away at first."""

from __future__ import annotations

from chat_tui.core.conversation import Turn
from chat_tui.markdown.code_blocks import CodeBlock, codes
from chat_tui.tui.transcript.model import turn_lines
from chat_tui.tui.transcript.model.parts import FoldKind, PartTops, TurnPart, VersionPlace, estimated_height
from chat_tui.tui.transcript.model.streamed_text import new_splitter
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line

_ESTIMATED_HEIGHT = 3


class SummaryView:
    """The parts of a turn of the role `summary`, with what `TurnView` offers of a turn that has ended."""

    __slots__ = (
        "_blocks",
        "_parts",
        "_tops",
        "_width",
        "bare",
        "figures",
        "has_keys",
        "height",
        "place",
        "shift",
        "status",
        "turn",
        "unfolded",
    )
    live = False

    def __init__(self, turn: Turn, width: int, *, bare: bool = False) -> None:
        self.turn, self.bare = turn, bare
        self.has_keys = self.figures = self.unfolded = False
        self.place: VersionPlace | None = None
        self.status = ""
        self.shift = 0
        """Columns that its wide tables are scrolled by."""
        self.height = _ESTIMATED_HEIGHT
        self._width = width
        self._parts: list[TurnPart] | None = None
        self._tops = PartTops()
        splitter = new_splitter(turn)
        splitter.feed(turn.text)
        splitter.finish()
        self._blocks = splitter.closed

    @property
    def built(self) -> bool:
        """Whether the parts were asked for."""
        return self._parts is not None

    def text(self) -> str:
        """The text of the summary."""
        return self.turn.text

    def codes(self) -> list[CodeBlock]:
        """Its code blocks, by their numbers."""
        return codes(self._blocks)

    def parts(self) -> list[TurnPart]:
        """All parts in order."""
        if self._parts is None:
            self._parts = self._stack()
        return self._parts

    def _stack(self) -> list[TurnPart]:
        parts = [] if self.bare else [TurnPart("header", 1)]
        parts.append(TurnPart("fold", 1))
        if self.unfolded:
            parts += [TurnPart("body", estimated_height(block, self._width), block) for block in self._blocks]
        return [*parts, TurnPart("space", 1)]

    def _restack(self) -> None:
        if self._parts is not None:
            self._parts = self._stack()
            self._tops.forget(0)

    def amend(self, turn: Turn) -> None:
        """Take what is stored of the turn; its text never changes."""
        self.turn = turn

    def set_status(self, text: str) -> None:
        """A summary has no status."""

    def set_header(self, turn: Turn, place: VersionPlace | None) -> None:
        """Take what is stored of the turn."""
        self.turn, self.place = turn, place
        for part in self._parts or ():
            if part.kind == "header":
                part.lines = None

    def set_figures(self, shown: bool) -> None:
        """A summary shows no figures."""

    def fold(self, what: FoldKind = "thinking") -> bool:
        """Show the text, or fold it away again."""
        self.unfolded = not self.unfolded
        self._restack()
        return True

    def reveal(self) -> bool:
        """Show the text; False when it was shown."""
        return not self.unfolded and self.fold()

    def scroll_tables(self, step: int, renderer: Renderer) -> bool:
        """Scroll its wide tables by a column; False when that would show nothing else."""
        shift = max(0, self.shift + step)
        if not turn_lines.scroll_tables(self.parts(), renderer, self._width, self.shift, shift):
            return False
        self.shift = shift
        return True

    # Heights.

    def tops(self) -> list[int]:
        """The line at which each part begins, and at last the height."""
        tops = self._tops.line_numbers(self.parts)
        self.height = tops[-1]
        return tops

    def set_width(self, width: int) -> None:
        """Forget all lines; heights are estimates again."""
        self._width, self.shift = width, 0
        self._restack()

    def forget_lines(self) -> None:
        """Render again when next seen; heights stay as they are."""
        for part in self._parts or ():
            part.lines = None

    def render(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        """The part's lines; its height becomes true."""
        lines = self._render_part(part, renderer)
        if part.block is not None and part.block.gap and part.block is not self._blocks[0]:
            lines.insert(0, Line([]))
        part.lines = lines
        if part.height != len(lines):
            part.height = len(lines)
            self._tops.forget(self.parts().index(part))
        return lines

    def _render_part(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        ink, width, turn = renderer.ink, self._width, self.turn
        if part.kind == "header":
            return [turn_lines.header(turn, width, ink, self.place)]
        if part.kind == "fold":
            key = renderer.keys_to("transcript.fold")
            return turn_lines.summary_fold_lines(turn, width, ink, key, folded=not self.unfolded)
        if part.block is None:
            return turn_lines.note_lines(part.kind, turn, width, ink)
        if part.block.kind == "summary":
            return turn_lines.summary_lines(part.block.source, width, ink, folded=False)
        return renderer.lines(part.block, width, shift=self.shift)
