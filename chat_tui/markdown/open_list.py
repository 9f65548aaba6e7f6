"""The list to which the last lines of a growing text belong."""

from __future__ import annotations

import re

from chat_tui.markdown.block_syntax import FENCE, ITEM, RULE, indent_of


class OpenList:
    """Knows its items' mark, numbers and indentation, and whether it is within code."""

    def __init__(self) -> None:
        self.content = 0
        """The column at which the text of the last item begins."""
        self.number = 0
        """From which the items of the open piece are counted; 0: they have the numbers that were written."""
        self.nest = 0
        """Columns by which the open piece is indented: it goes on with a long item."""
        self.inner_fence = ""
        """The fence of the code within the last item; empty outside of code."""
        self._mark = ""
        self._items = 0
        self._written = 0
        """The number that all items have so far, which asks for counting; -1: they have their own."""

    def begin(self, item: re.Match[str]) -> None:
        """Take the first item."""
        self.number = self._written = _number_of(item)
        self._items = 1
        self._take(item)

    def add(self, item: re.Match[str], *, nested: bool) -> None:
        """Take the next item; `nested`: it follows lines of an item in the same piece."""
        self.nest = self.nest if nested else 0
        self._items += 1
        self._take(item)

    def _take(self, item: re.Match[str]) -> None:
        self._mark = item[2][-1]
        spaces = len(item[3])
        self.content = len(item[1]) + len(item[2]) + (spaces if 1 <= spaces <= 4 else 1)
        self.inner_fence = ""

    def next_number(self, item: re.Match[str]) -> int:
        """The number of an item that is to be added, where the items are counted; else 0."""
        self._written = self._written if self._written == _number_of(item) else -1
        return self.number + self._items if self._mark in ".)" and self._written >= 0 else 0

    def cut(self, number: int, nest: int) -> None:
        """Go on with the next piece."""
        self.number, self.nest = number, nest
        self._items = 0 if number else self._items

    def item_at(self, line: str) -> re.Match[str] | None:
        """The item that begins with this line, if one does."""
        return ITEM.match(line) if indent_of(line) < self.content else None

    def goes_on(self, line: str) -> bool | None:
        """Whether the list goes on with this line; None: only as a paragraph of its last item might."""
        if indent_of(line) >= self.content:
            return True
        if RULE.match(line):
            return False
        item = ITEM.match(line)
        return item[2][-1] == self._mark if item else None

    def follow_fence(self, line: str) -> None:
        """Note where code within the item begins and ends."""
        if indent_of(line) >= self.content and FENCE.match(line[self.content :]):
            self.inner_fence = "" if self.inner_fence else line[self.content :]

    def without_nest(self, line: str) -> str:
        """The line without the indentation of its piece."""
        return line[self.nest :] if self.nest and indent_of(line) >= self.nest else line


def _number_of(item: re.Match[str]) -> int:
    """The number of an ordered list's item; 0 of another's."""
    return int(item[2][:-1]) if item[2][0].isdigit() else 0
