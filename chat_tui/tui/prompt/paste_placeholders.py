"""Placeholders for pasted texts that are too long to be edited."""

from __future__ import annotations

import re

from chat_tui.core.text.control_characters import clean
from chat_tui.tui.widgets.formatting import byte_size

# What a text area lays out without a pause that is felt: 20,000 characters take it 14 ms, and each key in a line of
# 4,000 characters 10 ms. What is pasted beyond that is held aside.
CHARACTERS, _LINES, _LINE_CHARACTERS = 20_000, 500, 4_000
# A draft that grew in pieces may be larger before it comes back as one held piece.
_RESTORED = 2.5


class PastePlaceholders:
    """Texts too long to be edited, each under the placeholder that the prompt shows for it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def hold(self, text: str) -> str:
        """Keep a text; the placeholder for it."""
        for name, held in self._texts.items():
            if held == text:
                return name
        lines = text.count("\n") + (not text.endswith("\n"))
        what = f"pasted {byte_size(len(text.encode('utf-8', 'replace')))}, {lines:,} line{'s' * (lines != 1)}"
        name, number = f"[{what}]", 1
        while name in self._texts:
            number += 1
            name = f"[{what} #{number}]"
        self._texts[name] = text
        self._pattern = re.compile("|".join(map(re.escape, self._texts)))
        return name

    def shorten(self, text: str, *, beside: int) -> str:
        """Return a pasted text as it is inserted beside so many characters: as it is, or held under a placeholder."""
        text = plain(text)
        room = CHARACTERS * _RESTORED - beside
        return self.hold(text) if is_long(text) or len(text) > max(room, 200) else text

    def restore(self, text: str) -> str:
        """Return a text as it is shown when it comes back: as it is, or held under a placeholder."""
        text = plain(text)
        return self.hold(text) if is_long(text, _RESTORED) else text

    def expand(self, text: str) -> str:
        """Return the text with all placeholders replaced by what they stand for."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._texts[match.group()], text)

    def around(self, line: str, column: int) -> tuple[int, int]:
        """The columns where the name begins and ends that this column is inside of; twice the column if in none."""
        if self._pattern is not None:
            for match in self._pattern.finditer(line):
                if match.start() < column < match.end():
                    return match.span()
        return column, column

    def forget(self) -> None:
        """Let go of all of them."""
        self._texts.clear()
        self._pattern = None


def is_long(text: str, times: float = 1.0) -> bool:
    """Whether a text is longer than a text area takes without a pause, or than `times` that."""
    if len(text) > CHARACTERS * times or text.count("\n") > _LINES * times:
        return True
    limit = _LINE_CHARACTERS * times
    return len(text) > limit and max(map(len, text.split("\n"))) > limit


def plain(text: str) -> str:
    """Text from a clipboard or a file, with plain newlines and without controls."""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))
