"""Draws the Markdown of an answer on a terminal as it comes, with the renderer of the screen.

A finished block is drawn once and scrolls away. The open block is drawn again with each piece of text, over the rows
that it took before; what has scrolled out of the terminal stays as it was drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace
from rich.color import ColorSystem
from rich.style import Style

from chat_tui.core.processes import console
from chat_tui.core.processes.console import StyledText
from chat_tui.markdown.block import Block
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line

_NARROWEST = 20
Size = Callable[[], tuple[int, int]]
"""Returns columns and rows of the terminal."""


class MarkdownOutput:
    """Writes Markdown to standard output, which is a terminal. Imports and draws for some milliseconds: not for the
    event loop."""

    def __init__(self, environment: Mapping[str, str], size: Size = lambda: console.output_size()) -> None:
        self._size = size
        self._has_colours = not environment.get("NO_COLOR")
        self._renderer = Renderer(_terminal_ink())
        self._renderer.load()
        self._codes: dict[Style, str] = {}
        self._begin()

    def _begin(self) -> None:
        self._splitter = BlockSplitter()
        self._drawn = 0
        """Finished blocks that are drawn for good."""
        self._rows = 0
        """Rows of the open part that can still be drawn over."""
        self._above = 0
        """Rows of the open part that have scrolled out of the terminal."""

    def write(self, text: str) -> None:
        """Draw the next piece of the text."""
        self._splitter.feed(text)
        self._draw(self._splitter.open())

    def make_room(self) -> None:
        """Remove the open block from the terminal; it is drawn again with the next piece of text."""
        if self._rows:
            console.write_styled(self._rows, ())
            self._rows = 0

    def finish(self) -> None:
        """Draw what is still open, for good; text that follows is another one."""
        self._splitter.finish()
        self._draw(())
        self._begin()

    def _draw(self, opened: Sequence[Block]) -> None:
        columns, rows = self._size()
        width = max(columns - 1, _NARROWEST)
        closed = self._splitter.closed[self._drawn :]
        lines = self._lines(closed, width, is_first=not self._drawn)
        finished = len(lines)
        lines += self._lines(opened, width, is_first=not self._splitter.closed)
        if self._load_lexers():
            self._draw(opened)
            return
        console.write_styled(self._rows, [self._pieces(line) for line in lines[self._above :]])
        self._drawn += len(closed)
        left = len(lines) - finished
        self._rows = max(min(left, rows - 1), 0)
        self._above = left - self._rows

    def _lines(self, blocks: Sequence[Block], width: int, *, is_first: bool) -> list[Line]:
        lines: list[Line] = []
        for block in blocks:
            if block.gap and (lines or not is_first):
                lines.append(Line([]))
            if block.kind == "code" and block.first:
                # The number of a code block is for a key of the screen.
                lines += [Line([(block.language, self._renderer.ink.dim, True)])] if block.language else []
                block = replace(block, first=False)
            lines += self._renderer.lines(block, width)
        return lines

    def _load_lexers(self) -> bool:
        """Load the lexers that are missing; returns whether there were any."""
        wanted = {*self._renderer.highlighter.wanted}
        if wanted:
            self._renderer.highlighter.wanted.clear()
            self._renderer.highlighter.load(wanted)
        return bool(wanted)

    def _pieces(self, line: Line) -> Sequence[StyledText]:
        return [(self._code(style), text) for text, style, _ in line.runs]

    def _code(self, style: Style) -> str:
        """Return the parameters of the escape sequence for a style; empty: none."""
        code = self._codes.get(style)
        if code is None:
            shown = style if self._has_colours else style.without_color
            before = shown.render("x", color_system=ColorSystem.STANDARD).partition("x")[0]
            code = self._codes[style] = before.removeprefix("\x1b[").removesuffix("m")
        return code


def open_markdown_output() -> MarkdownOutput:
    """Return the output for the terminal of this process. Takes some 100 ms: not for the event loop."""
    return MarkdownOutput(os.environ)


def _terminal_ink() -> Ink:
    """The terminal's own colours, which fit its ground whether that is dark or light."""

    def named(colour: str, *, bold: bool | None = None) -> Style:
        return Style(color=colour, bold=bold)

    plain, dim = Style(), Style(dim=True)
    tokens = {
        "Keyword": named("magenta"),
        "Name.Function": named("blue"),
        "Name.Class": named("blue"),
        "Name.Builtin": named("cyan"),
        "Name.Decorator": named("blue"),
        "Name.Tag": named("red"),
        "Name.Attribute": named("cyan"),
        "Literal.String": named("green"),
        "Literal.Number": named("yellow"),
        "Comment": Style(dim=True, italic=True),
        "Generic.Inserted": named("green"),
        "Generic.Deleted": named("red"),
    }
    return Ink(
        ground=plain,
        text=plain,
        dim=dim,
        accent=named("blue"),
        user=plain,
        user_name=Style(bold=True),
        user_bar=dim,
        assistant_name=Style(bold=True),
        assistant_bar=dim,
        heading=Style(bold=True, underline=True),
        heading_minor=Style(bold=True),
        strong=Style(bold=True),
        emphasis=Style(italic=True),
        strike=Style(strike=True),
        code=named("cyan"),
        code_ground=plain,
        code_label=dim,
        link=Style(underline=True),
        link_target=dim,
        quote=Style(italic=True),
        quote_bar=dim,
        rule=dim,
        table_head=Style(bold=True),
        thinking=dim,
        badge=dim,
        warning=named("yellow"),
        error=named("red"),
        selection=Style(reverse=True),
        found=Style(reverse=True),
        code_tokens=tokens,
    )
