"""The state of the inline parser for one paragraph: which marks open and close emphasis, which line ends are kept.

CommonMark lets `**` between punctuation and a letter neither open nor close, so `**注意：**请` stays as it is written.
Here CJK characters count as both words and spaces, as github.com/tats-u/markdown-cjk-friendly proposes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline.state_inline import Scanned, StateInline

from chat_tui.markdown.inline.line_ends import kept_line_ends

_NEWLINE = re.compile("\n")
_EMOJI_FROM = "\U0001f000"


class InlineState(StateInline):
    """One paragraph's state; `*`, `_` and `~` may stand between punctuation and a CJK character."""

    @cached_property
    def kept_line_ends(self) -> dict[int, bool]:
        """Whether the text goes on in a new line, by the index of each newline."""
        ends = kept_line_ends(self.src)
        return dict(zip((newline.start() for newline in _NEWLINE.finditer(self.src)), ends, strict=True))

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """Whether the run of marks that begins at `start` can open and close emphasis."""
        scanned = super().scanDelims(start, canSplitWord)
        if self.src.isascii():
            return scanned
        before = self.src[start - 1] if start else " "
        at = start + scanned.length
        behind = self.src[at] if at < self.posMax else " "
        if not (is_cjk(before) or is_cjk(behind)):
            return scanned
        opens = _flanks(outer=before, inner=behind)
        closes = _flanks(outer=behind, inner=before)
        if not canSplitWord:
            opens, closes = (
                opens and (not closes or _is_punctuation(before)),
                closes and (not opens or _is_punctuation(behind)),
            )
        return Scanned(opens, closes, scanned.length)


def is_cjk(character: str) -> bool:
    """A Chinese, Japanese or Korean character, their punctuation included."""
    return (character < _EMOJI_FROM and unicodedata.east_asian_width(character) in "WFH") or character >= "\U00020000"


def _flanks(*, outer: str, inner: str) -> bool:
    """Whether a run of marks may stand between these, `inner` being the side of the emphasis."""
    if _is_blank(inner):
        return False
    return is_cjk(inner) or not _is_punctuation(inner) or _is_blank(outer) or _is_punctuation(outer) or is_cjk(outer)


def _is_blank(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)
