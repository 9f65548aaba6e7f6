"""Splits text that is not Markdown into pieces while it grows: questions, thinking."""

from __future__ import annotations

from chat_tui.markdown.block import PARAGRAPH_LENGTH, Block

PIECE_LINES = 40


class PlainSplitter:
    """Takes a plain text as it grows; gives pieces of some lines each, and at any time the unfinished rest."""

    def __init__(self, closed: list[Block] | None = None, piece_lines: int = PIECE_LINES) -> None:
        """`closed`: a list to add to, whose blocks stand before this text."""
        self.closed: list[Block] = [] if closed is None else closed
        """Pieces that nothing changes any more."""
        self._before = len(self.closed)
        self._piece_lines = piece_lines
        self._lines: list[str] = []
        self._partial = ""
        self._size = 0
        self._joint = "\n"

    def feed(self, text: str) -> None:
        """Take the next piece of the text, of any length."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            rest = self._cut_line(line) if len(line) > PARAGRAPH_LENGTH else line
            self._lines.append(rest)
            self._size += len(rest) + 1
            if len(self._lines) >= self._piece_lines or self._size > PARAGRAPH_LENGTH:
                self._cut("\n")
        self._partial = self._cut_line(self._partial)

    def finish(self) -> None:
        """Nothing more comes."""
        if self._lines or self._partial:
            self._lines.append(self._partial)
            self._partial = ""
            self._cut("\n")

    def open(self) -> list[Block]:
        """The unfinished rest."""
        lines = [*self._lines, self._partial] if self._partial else self._lines
        if not lines:
            return []
        return [Block("plain", "\n".join(lines), first=self._is_first, joint=self._joint)]

    @property
    def _is_first(self) -> bool:
        return len(self.closed) == self._before

    def _cut_line(self, line: str) -> str:
        while len(line) > PARAGRAPH_LENGTH:
            space = line.rfind(" ", PARAGRAPH_LENGTH // 2, PARAGRAPH_LENGTH)
            end = space if space > 0 else PARAGRAPH_LENGTH
            self._lines.append(line[:end])
            self._cut(" " if space > 0 else "")
            line = line[end + (space > 0) :]
        return line

    def _cut(self, joint: str) -> None:
        self.closed.append(Block("plain", "\n".join(self._lines), first=self._is_first, last=False, joint=self._joint))
        self._lines, self._size, self._joint = [], 0, joint
