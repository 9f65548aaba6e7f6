"""Splits Markdown that grows into blocks that can each be rendered by itself.

Pure, and linear: each line is looked at once. A block that grows without end is cut into pieces, so that the last,
open one, which is rendered again whenever it grows, stays small. Structure inside a block is the renderer's matter.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from chat_tui.markdown.block import PARAGRAPH_LENGTH, Block, Kind
from chat_tui.markdown.block_syntax import (
    DELIMITER,
    FENCE,
    HEADING,
    ITEM,
    MATH,
    ONLY_MARKS,
    RAW_HTML,
    RULE,
    TO_ESCAPE,
    expand_tabs,
    indent_of,
    interrupts,
    starts_block,
)
from chat_tui.markdown.code_blocks import codes_of, open_mark
from chat_tui.markdown.details import EventKind, details_events, is_details_line
from chat_tui.markdown.inline.data_images import IMAGE, NOT_DATA, UNFINISHED
from chat_tui.markdown.links import without_open_target
from chat_tui.markdown.open_list import OpenList
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.markdown.references import References
from chat_tui.markdown.tables import COLUMNS, WidestRows

CODE_LINES = 12
"""Lines of a code block after which it is cut at the next good place."""
CODE_LINES_MOST = 120
LIST_LINES = 14
"""Lines of a list after which it is cut before the next item."""
LIST_LINES_MOST = 60
LIST_LENGTH = 4_000
"""Characters that count as much as all those lines; twice as many within one item."""
TABLE_ROWS, TABLE_CELLS = 16, 300
RICH_LINES, RICH_BLOCKS = 50_000, 20_000
"""A text with more lines or blocks goes on as plain text: nobody formats that much, and each block takes memory and
time whenever the whole is laid out."""
PLAIN_LINES = 400
"""Lines of a piece of that plain text."""
RAW_LINES = 200
"""Lines of mathematics or raw HTML after which its ending is not waited for."""


class BlockSplitter:
    """Takes a Markdown text as it grows; gives its finished blocks and, at any time, the unfinished rest."""

    def __init__(self) -> None:
        self.closed: list[Block] = []
        """Finished blocks."""
        self.changed: list[int] = []
        """The places of finished blocks that have changed since: a link of theirs was defined, or their table, of which
        they are a piece, has ended."""
        self._references = References()
        self._details: list[bool] = []
        """The `<details>` that are open, and whether each has its summary."""
        self._partial = ""
        self._image: list[str] | None = None
        """The line that holds an image whose data has not ended."""
        self._state: Literal["", "paragraph", "quote", "list", "table", "code", "raw"] = ""
        self._lines: list[str] = []
        self._size = 0
        self._gap = False
        self._first, self._joint = True, "\n"
        self._until = self._language = ""
        self._fence_indent = 0
        self._within = ""
        """The mark of the string or comment in which the open piece of code begins."""
        self._list = OpenList()
        self._head: list[str] = []
        self._widest = WidestRows()
        self._table_from = 0
        """The place of the table's first piece."""
        self._codes = self._count = 0
        self._in_code = False
        self._plain: PlainSplitter | None = None

    def feed(self, text: str) -> None:
        """Take the next piece of the text, of any length."""
        if self._plain is not None:
            self._plain.feed(text)
            return
        if self._image is not None:
            text = self._image_line(self._image, text)
        *lines, self._partial = (self._partial + text).split("\n")
        for index, line in enumerate(lines):
            if self._count >= RICH_LINES or len(self.closed) >= RICH_BLOCKS:
                self._go_on_plain("\n".join([*lines[index:], self._partial]))
                return
            self._count += 1
            self._take_long(line)
        if len(self._partial) > PARAGRAPH_LENGTH:
            self._shorten_partial()

    def _shorten_partial(self) -> None:
        """The line that has not ended is long: take its images, or keep one that comes, or cut it."""
        if self._may_hold_images(self._partial):
            self._partial = self._take_images(self._partial)
        if self._begins_image():
            self._image, self._partial = [self._partial], ""
        else:
            self._partial = self._cut_line(self._partial)

    def _may_hold_images(self, line: str) -> bool:
        return "](data:image/" in line and self._state not in ("code", "raw")

    def _begins_image(self) -> re.Match[str] | None:
        """The last line ends within the data of an image."""
        return UNFINISHED.search(self._partial) if self._may_hold_images(self._partial) else None

    def _image_line(self, pieces: list[str], text: str) -> str:
        """Take more of the image's data. Returns its line and what stands behind it, when the data has ended."""
        if NOT_DATA.search(text) is None:
            pieces.append(text)
            return ""
        self._image = None
        return "".join([*pieces, text])

    def _go_on_plain(self, text: str) -> None:
        self._close()
        self._partial = ""
        self._plain = PlainSplitter(self.closed, PLAIN_LINES)
        self._plain.feed(text)

    def finish(self) -> None:
        """Nothing more comes."""
        if self._plain is not None:
            self._plain.finish()
            return
        if self._image is not None:
            self._partial, self._image = "".join(self._image), None
        if self._partial:
            self._take_long(self._partial)
            self._partial = ""
        self._close()

    def open(self) -> list[Block]:
        """The unfinished rest as blocks; it may look different when more has come."""
        if self._plain is not None:
            return self._plain.open()
        return [self._references.resolve(block) for block in self._open()]

    def _open(self) -> list[Block]:
        unfinished = self._begins_image()
        partial = self._expand_tabs(self._partial[: unfinished.start()] if unfinished else self._partial)
        if self._state == "code":
            hidden = bool(partial.strip()) and self._until.startswith(partial.strip())
            lines = self._lines if hidden or not partial else [*self._lines, self._dedent(partial)]
            return [self._block(lines, last=False)]
        if self._state != "raw" and ONLY_MARKS.match(partial):
            partial = ""
        if self._state != "raw" and not (self._state == "list" and self._list.inner_fence):
            partial = without_open_target(partial)
        if not partial:
            return [self._block(self._lines)] if any(self._lines) else []
        if not self._state:
            fence = FENCE.match(partial)
            if fence:
                return [Block("code", "", language=fence[3], gap=self._gap, last=False, codes_before=self._codes)]
            return [self._block([partial])]
        if self._state == "list" and not self._continues_list(partial):
            return [self._block(self._lines), Block("markdown", partial, gap=not self._lines[-1])]
        nested = self._list.without_nest(partial)
        return [self._block([*self._lines, nested])]

    # Each complete line comes through here.

    def _take_long(self, line: str) -> None:
        if self._may_hold_images(line):
            line = self._take_images(line)
        if len(line) > PARAGRAPH_LENGTH:
            line = self._cut_line(line)
        if "<" in line and self._state not in ("code", "raw") and is_details_line(line):
            for kind, text in details_events(line):
                self._take_event(kind, text)
        else:
            self._take_in_details(line)

    def _take_event(self, kind: EventKind, text: str) -> None:
        if kind == "text":
            self._take_in_details(text)
        elif kind == "summary":
            self._add_summary(text)
        else:
            self._close()
            if kind == "open":
                self._details.append(False)
            elif self._details:
                self._details.pop()

    def _take_in_details(self, line: str) -> None:
        if self._details and not self._details[-1] and line.strip():
            self._add_summary("Details")
        self._take(self._expand_tabs(line))

    def _add_summary(self, text: str) -> None:
        self._close()
        if self._details:
            self._details[-1] = True
        self._add_closed(Block("summary", text, gap=bool(self.closed), details=max(len(self._details) - 1, 0)))
        self._gap = True

    def _take_images(self, line: str) -> str:
        """Let the line's images be blocks of their own. Returns what stands behind the last."""
        at = 0
        for image in IMAGE.finditer(line):
            if before := line[at : image.start()].strip():
                self._take_long(before)
            self._close()
            block = Block(
                "image",
                image["address"],
                image["alt"],
                gap=bool(self.closed),
                codes_before=self._codes,
                details=len(self._details),
            )
            self._add_closed(block)
            self._gap, at = True, image.end()
        return line[at:]

    def _expand_tabs(self, line: str) -> str:
        """The line with the tabs before its text as spaces; those of code are the code's own."""
        if self._state == "code":
            return expand_tabs(line, self._fence_indent)
        return expand_tabs(line, self._list.content if self._list.inner_fence else None)

    def _take(self, line: str) -> None:
        if self._state == "code":
            self._take_code(line)
        elif self._state == "raw":
            self._lines.append(line)
            if self._until in line or len(self._lines) >= RAW_LINES:
                self._close()
        elif not line.strip():
            if self._state == "list":
                self._lines.append("")
                return
            self._close()
            self._gap = True
        elif self._state == "list":
            self._take_in_list(line)
        elif not self._state:
            self._begin(line)
        elif self._state == "quote" and line.lstrip(" ").startswith(">"):
            self._take_in_paragraph(line)
        elif starts_block(line) or (self._state != "table" and interrupts(line)):
            self._close()
            self._begin(line)
        elif self._state == "table":
            self._add(line)
            self._widest.add(line)
            if len(self._lines) >= min(TABLE_ROWS, 3 + TABLE_CELLS // (self._head[0].count("|") + 1)):
                self._cut_table()
        else:
            self._take_in_paragraph(line)

    def _begin(self, line: str) -> None:
        """A line that begins a block."""
        fence = FENCE.match(line)
        item = None if RULE.match(line) else ITEM.match(line)
        raw = RAW_HTML.match(line)
        if fence:
            self._state, self._until, self._language, self._within = "code", fence[2], fence[3], ""
            self._fence_indent = len(fence[1])
        elif item:
            self._state = "list"
            self._list.begin(item)
            self._add(line)
        elif line.strip() in MATH or raw:
            end = "-->" if raw and raw[1] == "!--" else f"</{raw[1].lower()}" if raw else MATH[line.strip()]
            self._state, self._until = "raw", end
            self._lines.append(line)
            if raw and end in line:
                self._close()
        else:
            self._state = "quote" if line.lstrip(" ").startswith(">") else "paragraph"
            self._add(line)
            if HEADING.match(line) or RULE.match(line):
                self._close()
                self._gap = True

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._size += max(len(line), 20) + 1  # However short, it was asked whether it begins something.

    def _take_code(self, line: str) -> None:
        mark = line.strip()
        closes = mark.startswith(self._until) and not mark.strip(mark[0])
        if closes and indent_of(expand_tabs(line)) <= 3:
            self._close(keep_empty=True)
            self._gap = True
            return
        count = len(self._lines)
        if count >= CODE_LINES and (count >= CODE_LINES_MOST or self._may_cut_code(line)):
            self._cut()
        self._lines.append(self._dedent(line))

    def _dedent(self, line: str) -> str:
        return line[min(self._fence_indent, indent_of(line)) :]

    def _may_cut_code(self, line: str) -> bool:
        """Whether colouring may begin anew at this line: not within a string or comment of many lines."""
        if line[:1] in ("", " ", "\t", "}", ")", "]"):
            return False
        text = "\n".join(self._lines)
        quotes = text.count('"""') + text.count("'''")
        return quotes % 2 == 0 and text.count("`") % 2 == 0 and text.count("/*") <= text.count("*/")

    def _continues_list(self, line: str) -> bool:
        if (goes_on := self._list.goes_on(line)) is not None:
            return goes_on
        return bool(self._lines) and self._lines[-1] != "" and not starts_block(line)

    def _take_in_list(self, line: str) -> None:
        if not self._continues_list(line):
            blank = self._lines[-1:] == [""]
            self._close()
            self._gap = self._gap or blank
            self._begin(line)
            return
        item = self._list.item_at(line)
        if item:
            number = self._list.next_number(item)
            if len(self._lines) >= LIST_LINES or self._size > LIST_LENGTH:
                self._cut(number=number)
            self._list.add(item, nested=bool(self._lines))
        elif len(self._lines) >= LIST_LINES_MOST or self._size > 2 * LIST_LENGTH:
            fence = self._list.inner_fence
            self._cut(nest=self._list.content)
            if fence:
                self._lines.append(fence)
                self._in_code = True
        if not item:
            self._list.follow_fence(line)
        self._add(self._list.without_nest(line))

    def _take_in_paragraph(self, line: str) -> None:
        # Behind a cut there is no line yet.
        above = self._lines[-1] if self._lines else ""
        table = self._state == "paragraph" and 1 <= above.count("|") <= COLUMNS
        if table and "-" in line and DELIMITER.match(line):
            head = self._lines.pop()
            if self._lines:
                self._close()
            self._state, self._head, self._gap = "table", [head, line], self._gap or bool(self.closed)
            self._lines = [head, line]
            self._widest, self._table_from = WidestRows(), len(self.closed)
            return
        if self._size > PARAGRAPH_LENGTH:
            self._cut()
        self._add(line)

    # Cutting and closing.

    def _cut_line(self, line: str) -> str:
        """Close pieces of an endless line; give what is left of it."""
        while len(line) > PARAGRAPH_LENGTH:
            space = -1 if self._state == "code" else line.rfind(" ", PARAGRAPH_LENGTH // 2, PARAGRAPH_LENGTH)
            end = space if space > 0 else PARAGRAPH_LENGTH
            if self._state not in ("code", "raw", "paragraph"):
                self._close()
                self._state = "paragraph"
            self._lines.append(line[:end])
            self._cut(joint=" " if space > 0 else "")
            line = line[end + (space > 0) :]
            if self._state == "paragraph" and TO_ESCAPE.match(line):
                line = "\\" + line.lstrip()
        return line

    def _cut_table(self) -> None:
        head = self._head
        self._cut()
        self._head = head if len(head) > 2 else [*head, *self.closed[-1].source.split("\n")[2:]]

    def _cut(self, *, joint: str = "\n", number: int = 0, nest: int = 0) -> None:
        """Close the open piece; the block goes on with the next one."""
        blank = self._state == "list" and self._lines[-1:] == [""]
        self._add_closed(self._block(self._lines, last=False))
        if self._state == "code":
            self._within = open_mark("\n".join(self._lines), self._language, self._within)
        self._lines, self._size = [], 0
        self._first, self._joint, self._gap = False, joint, blank
        self._list.cut(number, nest)

    def _close(self, *, keep_empty: bool = False) -> None:
        if self._state == "table" and not self._first:
            self._lay_out_table()
        if self._state == "paragraph" and self._first and self._lines and self._lines[0].lstrip(" ").startswith("["):
            self._define()
        if self._state and (any(self._lines) or keep_empty or (self._state == "code" and self._first)):
            self._add_closed(self._block(self._lines))
            self._gap = self._state in ("code", "table")
        self._state, self._lines, self._size, self._head = "", [], 0, []
        self._first, self._joint, self._list = True, "\n", OpenList()

    def _lay_out_table(self) -> None:
        """The table has ended: all of its pieces get the columns that all of its rows need."""
        head = [*self._head[:2], *self._widest.rows()]
        if set(head) - set(self._head):
            for place in range(self._table_from, len(self.closed)):
                self.closed[place] = msgspec.structs.replace(self.closed[place], head="\n".join(head))
                self.changed.append(place)
            self._head = head

    def _define(self) -> None:
        """A paragraph that may begin with definitions has ended."""
        shown, places = self._references.define("\n".join(self._lines))
        self._lines = shown.split("\n") if shown else []
        for place in places:
            self.closed[place] = self._references.resolve(self.closed[place], place)
        self.changed += places

    def _add_closed(self, block: Block) -> None:
        self.closed.append(self._references.resolve(block, len(self.closed)))
        self._codes += len(codes_of(block)) - block.in_code if block.first or block.kind != "code" else 0
        self._in_code = False

    def _block(self, lines: list[str], *, last: bool = True) -> Block:
        kind: Kind = "markdown"
        source = "\n".join(lines)
        if self._state == "code":
            kind = "code"
        elif self._state == "raw":
            kind = "plain"
        elif self._state == "table":
            kind = "table"
        if self._state == "list":
            source = source.rstrip("\n")
        return Block(
            kind,
            source,
            language=self._language if kind == "code" else "",
            gap=(self._gap or (kind in ("code", "table") and bool(self.closed))) if self._first else self._gap,
            first=self._first,
            last=last,
            joint=self._joint,
            number=0 if self._first else self._list.number,
            head="\n".join(self._head) if kind == "table" and not self._first else self._within * (kind == "code"),
            codes_before=self._codes - (kind == "code" and not self._first),
            in_code=self._in_code,
            indent=self._list.nest,
            details=len(self._details),
        )


def split(text: str) -> list[Block]:
    """All blocks of a finished Markdown text."""
    splitter = BlockSplitter()
    splitter.feed(text)
    splitter.finish()
    return splitter.closed
