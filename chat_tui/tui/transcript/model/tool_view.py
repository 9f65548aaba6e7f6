"""The view of a tool call: one card with its state, its arguments and its result, which is folded at first."""

from __future__ import annotations

from chat_tui.core.conversation import Turn
from chat_tui.core.tools import INTERRUPTED, ToolCall
from chat_tui.markdown.code_blocks import CodeBlock
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.tui.transcript.model import tool_lines, turn_lines
from chat_tui.tui.transcript.model.parts import FoldKind, PartTops, TurnPart, VersionPlace, estimated_height
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line

_ESTIMATED_HEIGHT = 7


class ToolCallView:
    """The parts of a turn of the role `tool`, with what `TurnView` offers of a turn that has ended.

    Its text is never Markdown. What a tool has sent is not trusted: it is drawn as it is.
    """

    __slots__ = (
        "_parts",
        "_tops",
        "_width",
        "bare",
        "call",
        "figures",
        "has_keys",
        "height",
        "place",
        "status",
        "turn",
        "unfolded",
    )
    live = False

    def __init__(self, turn: Turn, width: int, *, call: ToolCall | None = None, bare: bool = False) -> None:
        self.turn, self.call, self.bare = turn, call, bare
        """The result, and the call that it answers; None where that is not there."""
        self.has_keys = self.figures = self.unfolded = False
        self.place: VersionPlace | None = None
        self.status = ""
        """What a call does that has not ended, such as `running · 3 s`."""
        self.height = _ESTIMATED_HEIGHT
        self._width = width
        self._parts: list[TurnPart] | None = None
        self._tops = PartTops()

    @property
    def built(self) -> bool:
        """Whether the parts were asked for."""
        return self._parts is not None

    def text(self) -> str:
        """The result's text."""
        return self.turn.text

    def codes(self) -> list[CodeBlock]:
        """None: a result is no Markdown."""
        return []

    def parts(self) -> list[TurnPart]:
        """All parts in order."""
        if self._parts is None:
            self._parts = self._stack()
        return self._parts

    def _stack(self) -> list[TurnPart]:
        turn = self.turn
        parts = [] if self.bare else [TurnPart("header", 1)]
        parts.append(TurnPart("call", 2))
        # The error says the same to people, and more.
        if turn.text and (turn.error is None or turn.text != INTERRUPTED):
            parts.append(TurnPart("result", 1 + tool_lines.PREVIEW_LINES))
        if self._shows_all:
            splitter = PlainSplitter()
            splitter.feed(turn.text[: tool_lines.SHOWN_CHARACTERS])
            splitter.finish()
            parts += [TurnPart("body", estimated_height(block, self._width), block) for block in splitter.closed]
        if turn.attachments:
            parts.append(TurnPart("files", len(turn.attachments)))
        if turn.error is not None:
            parts.append(TurnPart("error", 2))
        return [*parts, TurnPart("space", 1)]

    @property
    def _shows_all(self) -> bool:
        return self.unfolded and self.turn.state in ("complete", "failed")

    def _restack(self) -> None:
        if self._parts is not None:
            self._parts = self._stack()
            self._tops.forget(0)

    def amend(self, turn: Turn) -> None:
        """Take the turn as it is now."""
        if turn != self.turn:
            self.turn = turn
            self._restack()

    def set_status(self, text: str) -> None:
        """What a call does that has not ended; empty: it has ended."""
        if text != self.status:
            self.status = text
            for part in self._parts or ():
                if part.kind == "header":
                    part.lines = None

    def set_header(self, turn: Turn, place: VersionPlace | None) -> None:
        """Take what is stored of the turn."""
        self.place = place
        self.amend(turn)

    def set_figures(self, shown: bool) -> None:
        """A call has no figures."""

    def fold(self, what: FoldKind = "thinking") -> bool:
        """Show all arguments and the whole result, or fold them away again."""
        self.unfolded = not self.unfolded
        self._restack()
        return True

    def reveal(self) -> bool:
        """Show all of the result; False when it was shown."""
        return not self.unfolded and self.fold()

    def scroll_tables(self, step: int, renderer: Renderer) -> bool:
        """There are no tables."""
        return False

    # Heights.

    def tops(self) -> list[int]:
        """The line at which each part begins, and at last the height."""
        tops = self._tops.line_numbers(self.parts)
        self.height = tops[-1]
        return tops

    def set_width(self, width: int) -> None:
        """Forget all lines; heights are estimates again."""
        self._width = width
        self._restack()

    def forget_lines(self) -> None:
        """Render again when next seen; heights stay as they are."""
        for part in self._parts or ():
            part.lines = None

    def render(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        """The part's lines; its height becomes true."""
        lines = part.lines = self._render_part(part, renderer)
        if part.height != len(lines):
            part.height = len(lines)
            self._tops.forget(self.parts().index(part))
        return lines

    def _render_part(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        ink, width, turn = renderer.ink, self._width, self.turn
        match part.kind:
            case "header":
                return [tool_lines.header_line(turn, self.status, width, ink)]
            case "call":
                return tool_lines.argument_lines(turn, self.call, width, ink, folded=not self.unfolded)
            case "result":
                key = renderer.keys_to("transcript.fold")
                return tool_lines.result_lines(turn, width, ink, key, folded=not self.unfolded)
            case "error":
                keys = turn_lines.NextStepKeys(renderer.changed_keys, shown=False, from_prompt=False)
                return turn_lines.error_lines(turn, width, ink, keys)
        if part.block is None:
            return turn_lines.note_lines(part.kind, turn, width, ink)
        return renderer.plain(part.block.source, width, ink.ground + ink.quote)
