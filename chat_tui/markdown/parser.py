"""The Markdown parser: CommonMark with tables, strikethrough, and mathematics kept as its source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from markdown_it.rules_inline import StateInline

_PRICE = re.compile(r"\d[^\\^_={}]*\s[A-Za-z]{2,}[^\\^_={}]*")
"""Words between two amounts, as in `$5 or 6$`."""
_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"))


def _math(state: StateInline, silent: bool) -> bool:
    r"""Takes `\(…\)`, `\[…\]`, `$$…$$` and `$…$` as they are, so that their `_`, `*` and `\` mean nothing else."""
    source, start = state.src, state.pos
    if source[start] not in "\\$":
        return False
    end = -1
    for opening, closing in _PAIRS:
        if source.startswith(opening, start):
            end = source.find(closing, start + 2, state.posMax)
            end = end + 2 if end >= 0 else -1
            break
    else:
        if source[start] == "$":
            end = _dollar_end(source, start, state.posMax)
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = source[start:end]
    state.pos = end
    return True


def _dollar_end(source: str, start: int, stop: int) -> int:
    """Where `$…$` ends: nothing blank inside at its ends, no letter or digit behind, as prices and variables have."""
    if source[start + 1 : start + 2] in ("", " ", "\n", "$"):
        return -1
    end = source.find("$", start + 1, min(stop, start + 400))
    if end < 0 or source[end - 1] in " \n\\" or source[end + 1 : end + 2].isalnum():
        return -1
    if _PRICE.fullmatch(source, start + 1, end):
        return -1
    return end + 1


def make_parser() -> MarkdownIt:
    """A parser of its own."""
    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "math", _math)
    return parser
