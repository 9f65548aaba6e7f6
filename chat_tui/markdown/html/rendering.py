"""Renders a growing answer as HTML: finished blocks once, only the open one again. Slow: not for the event loop."""

from __future__ import annotations

import msgspec

from chat_tui.markdown.block import Block
from chat_tui.markdown.html.safe_html import code_html, escape_text, formula_html, html_of, image_html, plain_html
from chat_tui.markdown.inline.latex import is_display
from chat_tui.markdown.splitter import BlockSplitter


class HtmlPiece(msgspec.Struct, frozen=True):
    """A block of an answer, or a part of a long one."""

    html: str
    """Safe HTML: only known tags and attributes."""
    joins: bool = False
    """Continues the code, table, list or paragraph of the block before."""
    details: int | msgspec.UnsetType = msgspec.UNSET
    """In how many `<details>` it is; left out where it is in none."""


class HtmlChange(msgspec.Struct, frozen=True):
    """The current state of a block; later blocks are removed. Without HTML, the block is removed too."""

    block: int
    piece: HtmlPiece


class HtmlRendering:
    """Takes the Markdown of a growing answer and returns what has changed since the last call."""

    def __init__(self) -> None:
        self._splitter = BlockSplitter()
        self._closed = 0
        """Finished blocks that were returned."""
        self._seen_changes = 0
        self._open: list[HtmlPiece] = []
        """The unfinished blocks after them, as last returned."""

    def feed(self, text: str) -> None:
        """Add the next part of the text, of any length."""
        self._splitter.feed(text)

    def changes(self, *, ended: bool = False) -> list[HtmlChange]:
        """Return the blocks that are new or have changed, in order; `ended` says that the text is complete."""
        if ended:
            self._splitter.finish()
        closed, told = self._splitter.closed, self._open
        again = self._splitter.changed[self._seen_changes :]
        if again and (first := min(again)) < self._closed:
            # What stands behind a block that looks different by now is told again.
            self._closed, told = first, []
        self._seen_changes += len(again)
        still_open = [_piece(block) for block in self._splitter.open()]
        now = [*map(_piece, closed[self._closed :]), *still_open]
        both = zip(now, told, strict=False)
        same = next((place for place, (new, old) in enumerate(both) if new != old), min(len(now), len(told)))
        changed = [HtmlChange(self._closed + place, now[place]) for place in range(same, len(now))]
        if not changed and same < len(told):
            changed.append(HtmlChange(self._closed + same, HtmlPiece("")))
        self._closed, self._open = len(closed), still_open
        return changed


def render_pieces(text: str) -> list[HtmlPiece]:
    """Return all blocks of a complete text."""
    rendering = HtmlRendering()
    rendering.feed(text)
    return [change.piece for change in rendering.changes(ended=True)]


def _piece(block: Block) -> HtmlPiece:
    piece = _flat_piece(block)
    return msgspec.structs.replace(piece, details=block.details) if block.details else piece


def _flat_piece(block: Block) -> HtmlPiece:
    joins = not block.first
    if block.kind == "code":
        joint = block.joint if joins else ""
        return HtmlPiece(code_html(joint + block.source, block.language, block.head), joins)
    if block.kind == "image":
        return HtmlPiece(image_html(block.language, block.source))
    if block.kind == "summary":
        # What belongs to it follows as blocks of their own.
        return HtmlPiece(f'<details class="fold"><summary>{escape_text(block.source)}</summary></details>')
    if block.kind == "plain":
        formula = is_display(block.source)
        return HtmlPiece(f"<p>{formula_html(block.source)}</p>" if formula else plain_html(block.source, "raw"), joins)
    if block.kind == "table" and joins:
        return HtmlPiece(html_of(block, "\n".join([*block.head.split("\n")[:2], block.source])), joins)
    html = html_of(block, block.source)
    if joins and block.joint:
        # The words of a long paragraph stay apart where it was cut between them.
        html = html.replace("<p>", "<p> ", 1) if html.startswith("<p>") else html
    return HtmlPiece(html, joins)
