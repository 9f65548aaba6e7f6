"""The Markdown parser: CommonMark with tables, strikethrough, and mathematics kept as its source.

What costs more than anybody reads is shown as its source: thousands of marks, brackets in brackets, endless columns.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markdown_it.rules_block.reference import reference as _any_reference
from markdown_it.rules_block.table import table as _any_table
from markdown_it.rules_inline.html_inline import html_inline as _any_html
from markdown_it.rules_inline.newline import newline as _any_newline
from markdown_it.token import Token

from chat_tui.markdown.alerts import mark_alerts
from chat_tui.markdown.inline.footnotes import footnote
from chat_tui.markdown.inline.formulas import formula_end
from chat_tui.markdown.inline.html_tags import draw_tags
from chat_tui.markdown.inline.state import InlineState
from chat_tui.markdown.lists import number_lists
from chat_tui.markdown.tables import COLUMNS, escape_code_pipes

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


def _math(state: StateInline, silent: bool) -> bool:
    r"""Takes `\(…\)`, `\[…\]`, `$$…$$` and `$…$` as they are, so that their `_`, `*` and `\` mean nothing else."""
    if state.src[state.pos] not in "\\$":
        return False
    end = formula_end(state.src, state.pos, state.posMax)
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _html(state: StateInline, silent: bool) -> bool:
    # Whether it ends is asked of a search that is fast, not of the pattern.
    if state.src.startswith("<![CDATA[", state.pos) and "]]>" not in state.src[state.pos :]:
        return False
    return _any_html(state, silent)


def _newline(state: StateInline, silent: bool) -> bool:
    """Notes at a soft break whether the line ends there, and the blanks that the next one begins with."""
    start = state.pos
    if not _any_newline(state, silent):
        return False
    if not silent and isinstance(state, InlineState) and state.tokens[-1].type == "softbreak":
        kept = state.kept_line_ends[start]
        state.tokens[-1].meta = {"kept": kept, "indent": state.pos - start - 1 if kept else 0}
    return True


def _reference(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """A footnote is no link, though it looks like the definition of one."""
    start = state.bMarks[first] + state.tShift[first]
    return not state.src.startswith("[^", start) and _any_reference(state, first, end, silent)


def _code_pipes(state: StateCore) -> None:
    state.src = escape_code_pipes(state.src)


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
            if left < 0 or _bracket_depth(token.content) > BRACKETS:
                token.children = [Token("text", "", 0, content=token.content)]
            else:
                token.children = []
                _parse_inline(state, token.content, token.children)


def _parse_inline(state: StateCore, text: str, tokens: list[Token]) -> None:
    parser = state.md.inline
    inline = InlineState(text, state.md, state.env, tokens)
    parser.tokenize(inline)
    for finish in parser.ruler2.getRules(""):
        finish(inline)
    draw_tags(tokens)


def _bracket_depth(text: str) -> int:
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
    parser.core.ruler.after("normalize", "code_pipes", _code_pipes)
    parser.core.ruler.at("inline", _inline)
    parser.core.ruler.push("number_lists", number_lists)
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.at("reference", _reference)
    parser.inline.ruler.before("link", "footnote", footnote)
    parser.core.ruler.push("alerts", mark_alerts)
    parser.inline.ruler.at("newline", _newline)
    parser.inline.ruler.at("html_inline", _html)
    parser.inline.ruler.before("escape", "math", _math)
    return parser
