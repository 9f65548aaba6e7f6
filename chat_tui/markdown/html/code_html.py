"""Highlights code as HTML with pygments. Slow: not for the event loop."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]
    from pygments.token import _TokenType  # type: ignore[import-untyped]

LONGEST_LINE = 2_000
"""Maximum length of a line in characters; longer lines are not highlighted."""

_NAME = re.compile(r"[\w+#.\-]{1,40}")
_PLAIN = frozenset(("", "text", "txt", "plain", "plaintext", "output", "none"))
_CLASSES = {
    "Keyword": "k",
    "Keyword.Type": "t",
    "Name.Function": "f",
    "Name.Class": "t",
    "Name.Builtin": "t",
    "Name.Exception": "t",
    "Name.Decorator": "f",
    "Name.Tag": "k",
    "Name.Attribute": "f",
    "Literal": "n",
    "Literal.String": "s",
    "Comment": "c",
    "Operator": "o",
    "Operator.Word": "k",
    "Punctuation": "o",
    "Generic.Inserted": "i",
    "Generic.Deleted": "d",
    "Generic.Heading": "f",
    "Generic.Subheading": "f",
    "Generic.Output": "c",
    "Generic.Prompt": "c",
}


def highlight(code: str, language: str, within: str = "") -> str:
    """Return the code as HTML; only escaped if the language is unknown or a line is too long. `within`: the mark of the
    string or comment that the code begins in."""
    lexer = _lexer(language.lower())
    if lexer is None or max(map(len, code.split("\n"))) > LONGEST_LINE:
        return escape(code)
    parts: list[str] = []
    before, kept = (f"{within}\n" if within else ""), len(code)
    skipped = len(before)
    for kind, text in lexer.get_tokens(before + code):
        text, skipped = text[skipped:], max(skipped - len(text), 0)
        # The lexer ends every text with a newline.
        text, kept = text[:kept], kept - len(text)
        name = _class_of(kind)
        parts.append(f'<span class="{name}">{escape(text)}</span>' if name and text.strip() else escape(text))
        if kept <= 0:
            break
    return "".join(parts)


@lru_cache(64)
def _lexer(name: str) -> Lexer | None:
    if name in _PLAIN or not _NAME.fullmatch(name):
        return None
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    options = {"startinline": True} if name == "php" else {}
    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=True, **options)
    except ClassNotFound:
        return None


@lru_cache(512)
def _class_of(kind: _TokenType) -> str:
    parts = list(kind)
    while parts:
        if name := _CLASSES.get(".".join(parts)):
            return name
        parts.pop()
    return ""
