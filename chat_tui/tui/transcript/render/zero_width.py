"""Takes out of lines what has no width and is too much to mean anything, as thousands of marks over one letter.

Rich and Textual cut lines by trying one place after the other, in time quadratic in the characters of a segment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeAlias

from rich.style import Style

MOST = 6
"""Characters without width that stand together in real text, such as those of the flag of England."""
_BLOCKS = ((0x300, 0x2E7F), (0xA66F, 0xABFF), (0xFB00, 0xFFFF))
"""The blocks of the first plane with such characters; those between are Chinese, Japanese and Korean."""

_Run: TypeAlias = tuple[str, Style, bool | str]


@cache
def _excess() -> re.Pattern[str]:
    """More than `MOST` characters without width. Made when it is first needed, which takes 2 ms."""
    codes = [code for first, last in _BLOCKS for code in range(first, last + 1) if _has_no_width(code)]
    starts = [code for code in codes if not _has_no_width(code - 1)]
    ends = [code for code in codes if not _has_no_width(code + 1)]
    ranges = "".join(f"\\u{start:04x}-\\u{end:04x}" for start, end in zip(starts, ends, strict=True))
    known = f"[\\xad{ranges}\\U000e0000-\\U000e0fff]"
    return re.compile(f"(?<={known}{{{MOST}}}){known}+")


def _has_no_width(code: int) -> bool:
    return unicodedata.category(chr(code)) in ("Mn", "Me", "Cf")


def without_excess(runs: Sequence[_Run]) -> Sequence[_Run]:
    """The runs without too many characters that have no width; a copy takes these too."""
    if all(text.isascii() or _excess().search(text) is None for text, _, _ in runs):
        return runs
    return [piece for run in runs for piece in _pieces(run)]


def _pieces(run: _Run) -> Iterator[_Run]:
    text, style, copy = run
    if copy is not True:
        yield _excess().sub("", text), style, copy
        return
    at = 0
    for match in _excess().finditer(text):
        shown = match.start() - MOST
        yield text[at:shown], style, True
        yield text[shown : match.start()], style, text[shown : match.end()]
        at = match.end()
    if at < len(text):
        yield text[at:], style, True
