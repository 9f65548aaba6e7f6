"""Takes out of lines what has no width: control characters, and too many marks, as thousands of them over one letter.

Rich and Textual cut lines by trying one place after the other, in time quadratic in the characters of a segment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeAlias

from rich.style import Style

from chat_tui.core.text.control_characters import clean, has_controls

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


def make_displayable(runs: Sequence[_Run]) -> Sequence[_Run]:
    """The runs without control characters, and without too many characters that have no width; a copy takes these too.

    All text of the transcript passes here before it is broken into lines.
    """
    if any(has_controls(text) for text, _, _ in runs):
        # A model writes them as entities, such as `&#x202e;`.
        runs = [(clean(text), style, copy) for text, style, copy in runs]
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
