"""The Markdown parser: CommonMark with tables, strikethrough, and mathematics kept as its source.

What costs more than anybody reads is shown as its source: thousands of marks, brackets in brackets, endless columns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import table as _any_table
from markdown_it.rules_inline.html_inline import html_inline as _any_html
from markdown_it.token import Token

from chat_tui.markdown.splitter import COLUMNS

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

MARKS = 1_000
"""So many marks of one block are looked at (some microseconds each); the text behind them is shown as its source."""
BRACKETS = 24
"""Open at once; each level is looked through anew for each bracket in it."""

_MARK = re.compile(r"[\[\]*_`<&!\\$~\n]")
_BRACKET = re.compile(r"[\[\]]")
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


def _html(state: StateInline, silent: bool) -> bool:
    # Whether it ends is asked of a search that is fast, not of the pattern.
    if state.src.startswith("<![CDATA[", state.pos) and "]]>" not in state.src[state.pos :]:
        return False
    return _any_html(state, silent)


def _table(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    if state.src.count("|", state.bMarks[first], state.eMarks[first]) > COLUMNS:
        return False
    return _any_table(state, first, end, silent)


def _inline(state: StateCore) -> None:
    """What stands within the block's lines, as far as it is worth its cost."""
    left = MARKS
    for token in state.tokens:
        if token.type == "inline":
            left -= len(_MARK.findall(token.content))
            if left < 0 or _nested(token.content) > BRACKETS:
                token.children = [Token("text", "", 0, content=token.content)]
            else:
                token.children = []
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _nested(text: str) -> int:
    """How many brackets are open at once, at most."""
    if text.count("[") <= BRACKETS:
        return 0
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth = max(depth + (1 if bracket == "[" else -1), 0)
        deepest = max(deepest, depth)
    return deepest


def make_parser() -> MarkdownIt:
    """A parser of its own."""
    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    parser.core.ruler.at("inline", _inline)
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.inline.ruler.at("html_inline", _html)
    parser.inline.ruler.before("escape", "math", _math)
    return parser
