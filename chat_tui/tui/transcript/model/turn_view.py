"""The view of a turn: parts with heights, split when they are first seen, growing while the answer streams."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import monotonic

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Metadata, TokenKind
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolCall
from chat_tui.markdown.block import Block
from chat_tui.markdown.code_blocks import CodeBlock, codes
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.transcript.model import tool_lines, turn_lines
from chat_tui.tui.transcript.model.parts import (
    FoldKind,
    PartKind,
    PartTops,
    TextKind,
    TurnPart,
    VersionPlace,
    estimated_height,
    estimated_turn_height,
)
from chat_tui.tui.transcript.model.quick_view import QuickView
from chat_tui.tui.transcript.model.seams import SeamPlaces, with_seams
from chat_tui.tui.transcript.model.streamed_text import StreamedText, new_splitter
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line


class TurnView:
    """A turn's parts. Nothing is split before `parts` is asked for."""

    __slots__ = (
        "_answer_from",
        "_body",
        "_loose",
        "_quick",
        "_seams",
        "_seen_changes",
        "_settled",
        "_taken",
        "_thinking",
        "_thinking_length",
        "_tops",
        "_width",
        "bare",
        "details_open",
        "figures",
        "has_keys",
        "height",
        "live",
        "place",
        "shift",
        "status",
        "streamed",
        "turn",
        "unanswered",
        "unfolded",
    )

    def __init__(self, turn: Turn, width: int, *, live: bool = False, bare: bool = False) -> None:
        self.turn, self.bare = turn, bare
        self.live, self.has_keys = live, False
        """Whether it still streams, and whether keys continue it, as it is the last one."""
        self.place: VersionPlace | None = None
        """Which of several versions it is; None: there is one."""
        self.unanswered: tuple[ToolCall, ...] = ()
        self.status = ""
        self.figures = False
        """Tokens, speed and cost stand under the header of an answer that has ended."""
        self.shift = 0
        """Columns that its wide tables are scrolled by."""
        self.unfolded = self.details_open = False
        """The parts of the answer that can be folded away are shown."""
        self.height = estimated_turn_height(turn, width)
        """Lines; estimated as long as parts are."""
        self._width = width
        self._settled: list[TurnPart] | None = None
        self._loose: list[TurnPart] = []
        self._body: BlockSplitter | PlainSplitter | None = None
        self._thinking: PlainSplitter | None = None
        self._thinking_length = 0
        self._seen_changes = 0
        """Of finished blocks: how many of them the parts have."""
        self._quick: QuickView | None = None
        self._taken = (0, 0)
        self._answer_from = 0
        self.streamed = StreamedText()
        """What has come of a turn that streams; `flush` works it in."""
        self._tops = PartTops()
        self._seams = SeamPlaces()

    @property
    def measured(self) -> bool:
        """Whether figures are to be shown, and there are some."""
        return self.figures and self.turn.role == "assistant" and not self.live

    @property
    def built(self) -> bool:
        """Whether the turn has been split into parts."""
        return self._settled is not None

    # Text.

    def flush(self, seconds: float = inf) -> None:
        """Work in what has come since the last time, or as much of it as can be done in this time."""
        if self._settled is None:
            self._build()
        end = monotonic() + seconds
        streamed = self.streamed
        while streamed.pending:
            self._work_in(streamed.take())
            if monotonic() > end:
                break
        self._sync()

    def _work_in(self, pending: Sequence[tuple[str, TextKind]]) -> None:
        if quick := "".join([text for text, of in pending if of == "quick"]):
            self._feed_quick(quick)
        for kind in ("thinking", "text"):
            if arrived := "".join([text for text, of in pending if of == kind]):
                self._feed(arrived, kind)
                # The wait is over, whenever its clock next looks.
                self.status = self.status if self._quick else ""

    def _feed_quick(self, text: str) -> None:
        if self._quick is None:
            # Thinking that has come before it is folded away from now on.
            self._quick = QuickView()
            self._restack()
        self._quick.feed(text)

    def _feed(self, text: str, kind: TokenKind) -> None:
        self.streamed.record(text, kind)
        if kind == "text":
            if self._body is None:
                self._body = new_splitter(self.turn)
                if self._thinking is not None:
                    self._thinking.finish()
                    self._restack()
            self._body.feed(text)
        else:
            self._thinking = self._thinking or PlainSplitter()
            self._thinking.feed(text)
            self._thinking_length += len(text)
            if self._quick is not None and self._body is None:
                # Its fold tells how much there is.
                self._restack()

    def reclassify(self, told: Metadata) -> None:
        """Turn the end of the text into thinking, or the other way round, and split the text again."""
        text, thinking = reclassify(self.streamed.whole("text"), self.streamed.whole("thinking"), told)
        self.streamed.replace(text=text, thinking=thinking)
        self._body = self._thinking = None
        self._thinking_length = 0
        self._restack()

    def amend(self, turn: Turn) -> None:
        """More is known of the turn than its text: who answers, what was left out, whether it is the last one."""
        self.turn = turn
        if self._quick is not None:
            self._quick.forget_head()
        if self._settled is not None:
            self._restack()

    def finish(self, turn: Turn) -> None:
        """The turn is final; nothing that was drawn is drawn again unless the text differs."""
        self.flush()
        same = self.streamed.worked_in("text") == turn.text and bool(turn.thinking) == bool(self._thinking_length)
        same = same and (turn.quick.text if turn.quick else "") == (self._quick.text() if self._quick else "")
        self.live, self.status, self.turn = False, "", turn
        if not same:
            self.streamed.forget()
            self._build()
            return
        self._finish_splitters()
        if self._quick is not None:
            self._quick.finish()
            self._quick.forget_head()
        self.streamed.forget()
        self._restack()
        if turn.seams:
            self.forget_lines()

    def _finish_splitters(self) -> None:
        for splitter in (self._thinking, self._body):
            if splitter is not None:
                splitter.finish()

    def text(self) -> str:
        """The turn's text, also while it streams: the short one as long as that stands."""
        if not self.live:
            return self.turn.text
        text = self.streamed.whole("text")
        return self._quick.text() if self._quick is not None and not text else text

    def codes(self) -> list[CodeBlock]:
        """Its code blocks, by their numbers."""
        if self._settled is None:
            self._build()
        body = self._quick.splitter if self._quick is not None and self._body is None else self._body
        return codes([*body.closed, *body.open()]) if isinstance(body, BlockSplitter) else []

    # Parts.

    def parts(self) -> list[TurnPart]:
        """All parts in order."""
        if self._settled is None:
            self._build()
        assert self._settled is not None
        return self._settled + self._loose

    def _build(self) -> None:
        self._body = self._thinking = None
        self._thinking_length = 0
        if self.turn.thinking:
            self._thinking = PlainSplitter()
            self._thinking.feed(self.turn.thinking)
            self._thinking_length = len(self.turn.thinking)
        if self.turn.text:
            self._body = new_splitter(self.turn)
            self._body.feed(self.turn.text)
        self._quick = QuickView.whole(self.turn.quick.text) if self.turn.quick and self.turn.quick.text else None
        if not self.live:
            self._finish_splitters()
        self._restack()

    def _restack(self) -> None:
        """Arrange the settled parts again, as something above the text has changed."""
        old = [*(self._settled or []), *self._loose]
        bodies = [part for part in old if part.kind in {"body", "quick"}]
        settled = [] if self.bare else [TurnPart("header", 1 + self.measured)]
        if self.turn.attachments:
            settled.append(TurnPart("files", len(self.turn.attachments)))
        if self.turn.left_out:
            settled.append(TurnPart("left out", 1))
        self._taken = (0, 0)
        if self._thinking_length and not self._thinks_openly:
            settled.append(TurnPart("fold", 1))
            if not self.unfolded and self._thinking is not None:
                self._taken = (len(self._thinking.closed), 0)
        if not self.live and self.turn.quick is not None and not self.turn.quick.text:
            settled.append(TurnPart("alone", 1))
        self._settled = settled
        self._tops.forget(0)
        self._loose = bodies
        self._answer_from = len(settled)
        self._sync()

    @property
    def _thinks_openly(self) -> bool:
        """Thinking is all there is so far."""
        return self.live and self._body is None and self._quick is None

    def _sync(self) -> None:
        """Bring the parts in line with the splitters; parts whose block is the same are kept with their lines."""
        assert self._settled is not None
        if isinstance(self._body, BlockSplitter) and len(self._body.changed) != self._seen_changes:
            self._seen_changes = len(self._body.changed)
            self._restack()
            return
        self._tops.forget(len(self._settled))
        known = {part.block: part for part in self._loose if part.block is not None}
        loose: list[TurnPart] = []
        seen_thinking, seen_body = self._taken
        shows_thinking = self.unfolded or self._thinks_openly
        if self._thinking is not None and shows_thinking:
            for block in self._thinking.closed[seen_thinking:]:
                self._settled.append(self._part("thinking", block, known))
            seen_thinking = len(self._thinking.closed)
            if self._body is None:
                loose += [self._part("thinking", block, known) for block in self._thinking.open()]
        if self._body is not None:
            deepest = inf if self.details_open else 0
            shown = [block for block in self._body.closed[seen_body:] if block.details <= deepest]
            self._settled += [self._part("body", block, known) for block in shown]
            seen_body = len(self._body.closed)
            loose += [self._part("body", block, known) for block in self._body.open() if block.details <= deepest]
        self._taken = (seen_thinking, seen_body)
        if self._quick is not None:
            stands = self.live and self._body is None
            loose += self._quick.parts(lambda kind, block: self._part(kind, block, known), stands=stands)
        if self.live and self.status and self._body is None:
            loose.append(TurnPart("status", 1))
        if not self.live:
            loose += turn_lines.ending_parts(self.turn, keys=self.has_keys, unanswered=len(self.unanswered))
        loose.append(TurnPart("space", 1))
        self._loose = loose

    def _part(self, kind: PartKind, block: Block, known: dict[Block, TurnPart]) -> TurnPart:
        part = known.get(block)
        if part is None or part.kind != kind:
            part = TurnPart(kind, estimated_height(block, self._width), block)
        return part

    def set_header(self, turn: Turn, place: VersionPlace | None) -> None:
        """Update the header: a verdict, or other versions."""
        if place != self.place or turn.verdict != self.turn.verdict:
            self.turn, self.place = turn, place
            self._redo_header()

    def set_figures(self, shown: bool) -> None:
        """Tell the figures under the header, or no longer."""
        self.figures = shown
        self._redo_header()

    def _redo_header(self) -> None:
        for part in self._settled or ():
            if part.kind == "header":
                part.lines, part.height = None, 1 + self.measured
                self._tops.forget(0)

    def set_status(self, text: str) -> None:
        """The line under an answer that has no text yet; empty removes it."""
        self.status = text
        if self._settled is not None:
            self._sync()

    def fold(self, what: FoldKind = "thinking") -> bool:
        """Fold the thinking or the short answer away, or unfold it; False when there is none to fold."""
        if what == "quick":
            if self._quick is None or (self.live and self._body is None):
                return False
            self._quick.unfolded = not self._quick.unfolded
            self._sync()
            return True
        if what == "details" or self._settled is None or not self._thinking_length or self._thinks_openly:
            return self._fold_details()
        self.unfolded = not self.unfolded
        self._restack()
        return True

    def _fold_details(self) -> bool:
        if not isinstance(self._body, BlockSplitter) or not any(block.details for block in self._body.closed):
            return False
        self.details_open = not self.details_open
        self.forget_lines()
        self._restack()
        return True

    def reveal(self) -> bool:
        """Show all of the answer's text; False when it was shown."""
        return not self.details_open and self._fold_details()

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
        if self._settled is None:
            self.height = estimated_turn_height(self.turn, width)
            return
        for part in self.parts():
            part.lines = None
            if part.block is not None:
                part.height = estimated_height(part.block, width)
        self._tops.forget(0)

    def forget_lines(self) -> None:
        """Render again when next seen; heights stay as they are."""
        if self._settled is not None:
            for part in self.parts():
                part.lines = None

    def render(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        """The part's lines; its height becomes true."""
        lines = self._render_part(part, renderer)
        if _has_gap(part, self.parts(), self._answer_from, below_thinking=bool(self._thinking_length)):
            lines.insert(0, Line([]))
        part.lines = lines
        if part.height != len(lines):
            part.height = len(lines)
            parts = self.parts()
            self._tops.forget(next((index for index in reversed(range(len(parts))) if parts[index] is part), 0))
        return lines

    def _render_part(self, part: TurnPart, renderer: Renderer) -> list[Line]:
        ink, width = renderer.ink, self._width
        match part.kind:
            case "header":
                header = turn_lines.header(self.turn, width, ink, self.place)
                return [header, *(turn_lines.figures_lines(self.turn, width, ink) if self.measured else ())]
            case "fold":
                lasted = self.turn.timings.thinking_seconds if self.turn.timings else None
                length, key = self._thinking_length, renderer.keys_to("transcript.fold")
                return turn_lines.fold_lines(length, lasted, width, ink, key, folded=not self.unfolded)
            case "quick head" if self._quick is not None:
                return self._quick.head_lines(self.turn, width, ink, renderer.keys_to("transcript.fold_quick"))
            case "unanswered":
                return tool_lines.unanswered_lines(self.unanswered, width, ink)
            case "status":
                return turn_lines.status_lines(self.status, width, ink)
            case "error":
                keys = turn_lines.NextStepKeys(renderer.changed_keys, self.has_keys, renderer.keys_from_prompt)
                return turn_lines.error_lines(self.turn, width, ink, keys)
        if part.block is None:
            return turn_lines.note_lines(part.kind, self.turn, width, ink)
        if part.block.kind == "summary":
            return turn_lines.summary_lines(part.block.source, width, ink, folded=not self.details_open)
        if part.kind == "thinking":
            return renderer.plain(part.block.source, width, ink.ground + ink.thinking)
        if self.turn.role != "assistant":
            return renderer.plain(part.block.source, width, ink.ground + ink.user)
        lines = renderer.lines(part.block, width, shift=self.shift)
        if self.live or not self.turn.seams:
            return lines
        return with_seams(lines, self._seams.within(part, self.parts(), self.turn), width, ink)


def _has_gap(part: TurnPart, parts: Sequence[TurnPart], first: int, *, below_thinking: bool) -> bool:
    """Return whether an empty line is before a part; before the answer's first, only if thinking or its fold is above.
    The answer begins at `first`."""
    if part.block is None:
        return False
    if part.kind == "body":
        first = next((at for at in range(first, len(parts)) if parts[at].kind != "thinking"), first)
    if first < len(parts) and parts[first] is part:
        return below_thinking and part.kind == "body"
    return part.block.gap
