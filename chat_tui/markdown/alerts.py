"""GitHub's alerts: a quote that begins with `[!NOTE]` or another of their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

ALERTS = {"note": "Note", "tip": "Tip", "important": "Important", "warning": "Warning", "caution": "Caution"}
"""Titles by name."""
_MARK = re.compile(r"\[!([A-Za-z]+)\][ \t]*(?:\n|$)")


def mark_alerts(state: StateCore) -> None:
    """A rule for the parser: note the name of an alert in its quote's `meta`, and take the mark out of the text."""
    kept: list[Token] = []
    skipped = 0
    for index, token in enumerate(state.tokens):
        if skipped:
            skipped -= 1
            continue
        kept.append(token)
        following = state.tokens[index + 1 : index + 3]
        if token.type == "blockquote_open" and [each.type for each in following] == ["paragraph_open", "inline"]:
            skipped = _take_mark(token, following[1])
    state.tokens = kept


def _take_mark(quote: Token, text: Token) -> int:
    """Note the alert that the text begins with, and take its mark away. Returns the number of tokens that are left
    without text behind the quote's first."""
    mark = _MARK.match(text.content)
    if mark is None or mark[1].lower() not in ALERTS or text.children is None:
        return 0
    quote.meta["alert"] = mark[1].lower()
    at = next((at for at, each in enumerate(text.children) if each.tag == "br"), len(text.children) - 1)
    text.children = text.children[at + 1 :]
    return 0 if text.children else 3
