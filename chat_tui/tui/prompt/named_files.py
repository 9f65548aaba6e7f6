"""The files and web pages that a prompt names as `@path`. Only a name that was typed or chosen counts: pasted text
names nothing, except an address behind an `@` that was typed."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

Location = tuple[int, int]
"""Row and column."""

_MOST_NAMES = 10_000
"""A path is noted at each of its letters."""


class TypedCharacters:
    """Marks each character of a text as typed or not, line by line."""

    def __init__(self) -> None:
        self._rows = [bytearray()]

    def reset(self, lines: Sequence[str], named: Container[str]) -> None:
        """Start over with another text, in which only mentions of these paths count as typed."""
        self._rows = [bytearray(len(line)) for line in lines]
        for row, line in zip(self._rows, lines, strict=True):
            if "@" not in line:
                continue
            from chat_tui.core.attachments.mentions import mentions

            for mention in mentions(line):
                if mention.path in named:
                    row[mention.begin : mention.end] = b"\1" * (mention.end - mention.begin)

    def replace(self, top: Location, bottom: Location, lines: Sequence[str], *, typed: bool) -> None:
        """Record that these lines replaced the text between two locations; a single line has no line break."""
        (top_row, top_column), (bottom_row, bottom_column) = top, bottom
        if bottom_row >= len(self._rows):
            return
        inserted = [bytearray((b"\1" if typed else b"\0") * len(line)) for line in lines]
        inserted[0] = self._rows[top_row][:top_column] + inserted[0]
        inserted[-1] += self._rows[bottom_row][bottom_column:]
        self._rows[top_row : bottom_row + 1] = inserted

    def mark(self, row: int, begin: int, end: int) -> None:
        """Count the characters of a row between two columns as typed."""
        self._rows[row][begin:end] = b"\1" * (end - begin)

    def are_typed(self, row: int, begin: int, end: int) -> bool:
        """Whether all characters of a row between two columns were typed."""
        marks = self._rows[row][begin:end] if row < len(self._rows) else b""
        return len(marks) == end - begin and all(marks)


class NamedFiles:
    """Follows the edits of a text. `lines` gives the lines of the text as they are now."""

    def __init__(self, lines: Callable[[], Sequence[str]]) -> None:
        self._lines = lines
        self._paths: set[str] = set()
        self._pasted: set[str] = set()
        """Addresses that were pasted as a whole."""
        self._typed = TypedCharacters()

    def paths(self) -> list[str]:
        """Return the paths that the text names, each once."""
        lines = self._lines()
        if not self._paths or not any("@" in line for line in lines):
            return []
        from chat_tui.core.attachments.mentions import mentions

        found = [
            mention.path
            for row, line in enumerate(lines)
            for mention in mentions(line)
            if mention.path in self._paths and self.are_typed(row, mention.begin, mention.end)
        ]
        return list(dict.fromkeys(found))

    def unfinished_name(self, cursor: Location) -> str:
        """Return the name that is being typed at the cursor; nothing if it was pasted as a whole."""
        row, column = cursor
        lines = self._lines()
        if row >= len(lines) or "@" not in lines[row]:
            return ""
        from chat_tui.core.attachments.mentions import mentions

        for mention in mentions(lines[row]):
            # A full stop may end the sentence, or be followed by more of the address.
            behind = lines[row][mention.end : column]
            if mention.begin < column and not any(map(str.isspace, behind)):
                return mention.path if mention.path not in self._pasted else ""
        return ""

    def take_pasted(self, begin: Location, address: str) -> bool:
        """Take the address of a web page that was pasted at `begin`, behind an @ that was typed, as a name; returns
        False if there is no such @."""
        row, column = begin
        if not column or self._lines()[row][column - 1] != "@" or not self.are_typed(row, column - 1, column):
            return False
        self._typed.mark(row, column, column + len(address))
        self._pasted.add(address)
        self._paths.add(address)
        return True

    def add(self, path: str) -> None:
        """Take this path as the name of a file from now on."""
        self._paths.add(path)

    def restore(self, path: str) -> None:
        """Take this path as the name of a file wherever the text already has it; empty: of none."""
        if path:
            self._paths.add(path)
            self.reset()

    def discard(self, path: str) -> None:
        """Take this path as plain text from now on."""
        self._paths.discard(path)

    def reset(self) -> None:
        """Start over, as the text was replaced as a whole: only names that are known count as typed."""
        self._typed.reset(self._lines(), self._paths)

    def are_typed(self, row: int, begin: int, end: int) -> bool:
        """Whether all characters of a row between two columns were typed."""
        return self._typed.are_typed(row, begin, end)

    def follow_edit(self, top: Location, bottom: Location, text: str, end: Location, *, typed: bool) -> None:
        """Record that a text, which now ends at `end`, has replaced what was between two locations."""
        row, column = end
        inserted = text.splitlines() or [""]
        if len(inserted) <= row - top[0]:
            inserted.append("")
        self._typed.replace(top, bottom, inserted, typed=typed)
        line = self._lines()[row] if typed and len(self._paths) < _MOST_NAMES else ""
        if "@" in line:
            from chat_tui.core.attachments.mentions import mention_at

            mention = mention_at(line, column)
            if mention is not None and mention.path and self.are_typed(row, mention.begin, mention.end):
                self._paths.add(mention.path)
