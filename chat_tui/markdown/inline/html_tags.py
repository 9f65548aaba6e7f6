"""HTML tags within Markdown text: line breaks and simple styles are drawn, others are shown as their source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([A-Za-z]+)>")
_DRAWN = {
    "b": "strong",
    "strong": "strong",
    "i": "em",
    "em": "em",
    "u": "em",
    "ins": "em",
    "mark": "em",
    "s": "s",
    "del": "s",
    "strike": "s",
    "sub": "sub",
    "sup": "sup",
    "kbd": "kbd",
}
"""The tags that are drawn, each with the tag of its token."""


def draw_tags(tokens: Sequence[Token]) -> None:
    """Turn `<br>` into a line break and tags in pairs into tokens such as `sup_open` and `sup_close`, in place."""
    opened: list[tuple[str, Token | None]] = []
    for token in tokens:
        if token.type != "html_inline":
            _follow(token, opened)
        elif _BREAK.fullmatch(token.content):
            token.type, token.tag, token.content = "hardbreak", "br", ""
        elif (tag := _TAG.fullmatch(token.content)) and (name := tag[2].lower()) in _DRAWN:
            if not tag[1]:
                opened.append((name, token))
            elif opened and opened[-1][0] == name and (opening := opened.pop()[1]) is not None:
                _make(opening, _DRAWN[name], 1)
                _make(token, _DRAWN[name], -1)


def _follow(token: Token, opened: list[tuple[str, Token | None]]) -> None:
    """Keep to the nesting of Markdown's own marks: a tag that is still open at their end is no pair."""
    if token.nesting == 1:
        opened.append(("", None))
    elif token.nesting == -1:
        while opened and opened.pop()[1] is not None:
            pass


def _make(token: Token, tag: str, nesting: int) -> None:
    token.type, token.tag = f"{tag}_{'open' if nesting == 1 else 'close'}", tag
    token.nesting = 1 if nesting == 1 else -1
    token.content = ""
