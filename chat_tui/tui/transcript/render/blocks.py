"""Draws blocks of an answer as lines: Markdown, tables, code, formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.style import Style

from chat_tui.markdown.alerts import ALERTS
from chat_tui.markdown.block import Block
from chat_tui.markdown.inline.data_images import describe_image
from chat_tui.markdown.inline.latex import is_display, legible
from chat_tui.markdown.lists import count_from, take_task_box
from chat_tui.markdown.references import parse_block
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.render.highlight import Highlighter
from chat_tui.tui.transcript.render.inline import InlineRenderer
from chat_tui.tui.transcript.render.tables import (
    Alignment,
    Cell,
    TableView,
    laid_widths,
    natural_widths,
    row_lines,
    rule_line,
    window,
)
from chat_tui.tui.transcript.render.wrapping import (
    MEASURE,
    Line,
    Run,
    fitting,
    width_of,
    with_tabs,
    wrap,
    wrap_code,
    wrap_plain,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

NARROWEST = 8
"""Cells that text keeps, however deeply it is nested."""
DEEPEST = 12
_INSET = 2


class BlockRenderer:
    """Draws with one ink and one highlighter. `base` is the style of text, `code_base` that of code."""

    def __init__(self, ink: Ink, base: Style, code_base: Style, highlighter: Highlighter) -> None:
        self._ink, self._base, self._code_base, self._highlighter = ink, base, code_base, highlighter
        self._rule = self._base + ink.rule
        self._inline = InlineRenderer(ink)

    def lines(
        self, block: Block, width: int, parser: MarkdownIt | None, style: Style | None = None, *, shift: int = 0
    ) -> list[Line]:
        """Return the block's lines, at most `width` cells wide; without a parser, Markdown is shown as its source.

        `style` replaces the text's own style in plain blocks. Wide tables are scrolled sideways by `shift` columns.
        """
        width = max(width, NARROWEST)
        if block.kind == "code":
            number = block.codes_before + 1 if block.first else 0
            return self._code(block.source, block.language, width, number, within=block.head)
        if block.kind == "image":
            return self._image(block, width)
        if block.kind == "plain" and is_display(block.source):
            return self._formula(block.source, width, style or self._base)
        if block.kind in ("plain", "summary") or parser is None:
            return wrap_plain(block.source, width, style or self._base)
        head = block.head.split("\n") if block.head else []
        source = block.source if block.first or not head else "\n".join([*head[:2], block.source])
        tokens = parse_block(parser, block, source)
        _number_codes(tokens, block)
        if block.number and tokens and tokens[0].type == "ordered_list_open":
            count_from(tokens, block.number)
        if block.indent:
            inner = self._blocks(tokens, width - block.indent, self._base, 1, TableView(shift))
            return [_add_prefix(line, (" " * block.indent, self._base, True)) for line in inner]
        measured = parse_block(parser, block, block.head) if head else []
        lines = self._blocks(tokens, width, self._base, 0, TableView(shift, measured, headless=not block.first))
        # What the parser swallows (link definitions, nesting beyond its limit) is shown as its source.
        return lines or wrap_plain(block.source, width, self._base)

    def _image(self, block: Block, width: int) -> list[Line]:
        """One line with a number by which it can be saved."""
        image = describe_image(block.source)
        text = f"[image {block.codes_before + 1}: {block.language}"
        text = f"{text.removesuffix(' ').removesuffix(':')} · {image.text if image else ''}]"
        return [Line([(fitting(text, width), self._base + self._ink.link, True)], code=block.codes_before + 1)]

    def _formula(self, source: str, width: int, style: Style) -> list[Line]:
        """A formula with lines of its own, set in; a copy takes what the model wrote."""
        lines = []
        for number, line in enumerate(
            wrap([(legible(source).expandtabs(4), style, True)], max(width - _INSET, NARROWEST))
        ):
            lines.append(Line([(" " * _INSET, style, False), (line.text, style, False if number else source)], ""))
        lines[-1].joint = "\n"
        return lines

    # Blocks within a block.

    def _blocks(
        self, tokens: Sequence[Token], width: int, style: Style, depth: int, table: TableView, *, tight: bool = False
    ) -> list[Line]:
        """Lines of sibling blocks, an empty line between them unless `tight`."""
        lines: list[Line] = []
        index = 0
        previous = ""
        while index < len(tokens):
            end = _end_of(tokens, index)
            block = self._one_block(tokens[index:end], width, style, depth, table)
            kind = tokens[index].type
            nested_list = kind in ("bullet_list_open", "ordered_list_open") and previous == "paragraph_open"
            if block and lines and not tight and not (nested_list and depth):
                lines.append(Line([]))
            lines += block
            previous = kind
            index = end
        return lines

    def _one_block(self, tokens: Sequence[Token], width: int, style: Style, depth: int, table: TableView) -> list[Line]:
        token = tokens[0]
        kind = token.type
        if kind == "paragraph_open":
            return self._inline.lines(tokens[1], min(width, MEASURE), style)
        if kind == "heading_open":
            return self._inline.lines(tokens[1], min(width, MEASURE), style + self._heading(token.tag))
        if kind in ("bullet_list_open", "ordered_list_open"):
            return self._list(tokens, width, style, depth, table)
        if kind == "blockquote_open":
            bar: Run = ("▌ ", style + self._ink.quote_bar, False)
            if depth >= DEEPEST:
                bar = ("", style, False)
            inner = self._blocks(tokens[1:-1], max(width - 2, NARROWEST), style + self._ink.quote, depth + 1, table)
            if alert := token.meta.get("alert"):
                inner.insert(0, Line([(ALERTS[alert], style + self._alert(alert) + self._ink.strong, True)]))
            return [_add_prefix(line, bar) for line in inner]
        if kind in ("fence", "code_block"):
            code, language = token.content.removesuffix("\n"), token.info.split(" ")[0]
            return self._code(code, language, width, token.meta.get("number", 0))
        if kind == "hr":
            return [Line([("─" * width, self._rule, "---")])]
        if kind == "table_open":
            return self._table(tokens, width, style, table)
        if kind == "html_block":
            return wrap_plain(token.content.rstrip("\n"), width, style)
        if token.content:
            return wrap_plain(token.content, width, style)
        return []

    def _heading(self, tag: str) -> Style:
        """The style of a heading; the first levels differ without colours too."""
        if tag == "h1":
            return self._ink.heading + Style(underline=True)
        return self._ink.heading if tag == "h2" else self._ink.heading_minor + Style(italic=tag != "h3")

    def _alert(self, name: str) -> Style:
        return self._ink.warning if name in ("warning", "caution") else self._ink.accent

    def _list(self, tokens: Sequence[Token], width: int, style: Style, depth: int, table: TableView) -> list[Line]:
        ordered = tokens[0].type == "ordered_list_open"
        bullet = "•◦▪"[depth % 3]
        lines: list[Line] = []
        items = _items(tokens)
        numbers = [opening.meta.get("number", 0) for opening, _ in items]
        widest = len(str(max(numbers, default=0))) + 2
        before = 0
        for number, (_, item) in zip(numbers, items, strict=True):
            label = f"{number}.".rjust(widest - 1) + " " if ordered else f"{bullet} "
            box = take_task_box(item)
            if box:
                label = box
            tight = any(token.type == "paragraph_open" and token.hidden for token in item)
            # Items of several blocks stand apart; one-line items stay together, whatever the source does.
            if lines and not tight and (len(item) > 3 or before > 3):
                lines.append(Line([]))
            before = len(item)
            hang = len(label) if depth < DEEPEST else 0
            inner = self._blocks(item, max(width - hang, NARROWEST), style, depth + 1, table, tight=tight) or [Line([])]
            for index, line in enumerate(inner):
                text = label if not index else " " * hang
                # A copy of code leaves the indentation of the list behind.
                copied = not index or line.fill is None
                lines.append(_add_prefix(line, (text, style + self._ink.accent if not index else style, copied)))
        return lines

    def _table(self, tokens: Sequence[Token], width: int, style: Style, table: TableView) -> list[Line]:
        rows, alignments = self._rows(tokens, style)
        # The pieces of a long table have the same columns: all are measured by the same rows.
        measured = self._rows(table.measured, style)[0] if table.measured else rows
        widths = laid_widths(natural_widths(measured), width)
        shown = window(widths, width, table.shift)
        alignments += ["left"] * (len(widths) - len(alignments))
        lines: list[Line] = []
        for index, row in enumerate(rows):
            if index or not table.headless:
                lines += row_lines(row, widths, alignments, style, self._rule, shown)
            if not index and not table.headless:
                lines.append(rule_line(widths, self._rule, shown))
        return lines

    def _rows(self, tokens: Sequence[Token], style: Style) -> tuple[list[list[Cell]], list[Alignment]]:
        """The cells of a table's rows, its head first, and how its columns are aligned."""
        rows: list[list[Cell]] = []
        alignments: list[Alignment] = []
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                head = token.type == "th_open"
                rows[-1].append(self._inline.runs(tokens[index + 1], style + self._ink.table_head if head else style))
                if head:
                    css = str(token.attrs.get("style", ""))
                    alignments.append("right" if "right" in css else "center" if "center" in css else "left")
        return rows, alignments

    def _code(self, code: str, language: str, width: int, number: int, *, within: str = "") -> list[Line]:
        """`number` 0: it goes on with the piece before, or has none; `within`: the mark of the string or comment that
        it begins in."""
        base, inner = self._code_base, max(width - 2, NARROWEST)
        edge: Run = (" ", base, False)
        lines: list[Line] = []
        if number:
            label = base + self._ink.code_label
            told, language_told = f" {number} ", fitting(language, max(inner - len(str(number)) - 2, 1))
            room = " " * max(width - 1 - width_of([(language_told + told, label, False)]), 0)
            lines.append(
                Line([edge, (language_told, label, False), (room + told, label, False)], code=number, fill=base)
            )
        for runs in self._highlighter.lines(code, language, within):
            for line in wrap_code(with_tabs(runs) if "\t" in code else runs, inner, base + self._ink.dim):
                lines.append(Line([edge, *line.runs], line.joint, fill=base))
        return lines


def _add_prefix(line: Line, run: Run) -> Line:
    return Line([run, *line.runs], line.joint, line.code, line.fill, cells=line.cells)


def _end_of(tokens: Sequence[Token], index: int) -> int:
    """The index behind the block that begins at `index`."""
    depth = 0
    while index < len(tokens):
        depth += tokens[index].nesting
        index += 1
        if depth <= 0:
            break
    return index


def _items(tokens: Sequence[Token]) -> list[tuple[Token, Sequence[Token]]]:
    """Each item of a list: its first token and its contents."""
    items: list[tuple[Token, Sequence[Token]]] = []
    index = 1
    while index < len(tokens) - 1:
        end = _end_of(tokens, index)
        items.append((tokens[index], tokens[index + 1 : end - 1]))
        index = end
    return items


def _number_codes(tokens: Sequence[Token], block: Block) -> None:
    """Note the number of each code block inside of this one."""
    number = block.codes_before + (not block.in_code)
    for token in tokens:
        if token.type == "fence":
            token.meta["number"] = 0 if block.in_code and number == block.codes_before else number
            number += 1
