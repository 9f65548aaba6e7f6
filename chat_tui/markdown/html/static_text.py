"""Writes the pieces of a complete answer as one text of HTML, for files in which no script puts them together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chat_tui.markdown.html.rendering import HtmlPiece, render_pieces
from chat_tui.markdown.html.safe_html import COPY_BUTTON

_FOLD = '<details class="fold">'
_FOLD_END = "</details>"
_JOINTS = (
    (re.compile(r'<div class="code">.*?<code>'), "</code></pre></div>"),
    (re.compile(r'<div class="table" tabindex="0"><table>(?:\s*<thead>[\s\S]*?</thead>)?'), "</table></div>"),
    (re.compile(r"<ol[^>]*>"), "</ol>"),
    (re.compile(r"<ul>"), "</ul>"),
    (re.compile(r"<p>"), "</p>"),
)
"""What a block begins and ends with, which is left out between two pieces of the same block."""


def static_html(text: str) -> str:
    """Return Markdown as safe HTML without buttons."""
    return "".join(_joined(render_pieces(text)))


def _joined(pieces: Iterable[HtmlPiece]) -> Iterator[str]:
    """The pieces with their parts joined and each piece in its `<details>`."""
    depth, end = 0, ""
    for piece in pieces:
        inside = piece.details if isinstance(piece.details, int) else 0
        html = piece.html.replace(COPY_BUTTON, "")
        head, tail = _ends(html)
        if piece.joins and tail and tail == end and inside == depth:
            html = html[head:]
        else:
            yield end
            yield _FOLD_END * (depth - inside)
            depth = min(depth, inside)
        if html.startswith(_FOLD):
            depth += 1
            yield html.removesuffix(_FOLD_END)
            end = ""
        else:
            yield html.removesuffix(tail)
            end = tail
    yield end
    yield _FOLD_END * depth


def _ends(html: str) -> tuple[int, str]:
    """The length of what the block begins with, and what it ends with; 0 and nothing for a block that is never
    continued."""
    for start, end in _JOINTS:
        if html.endswith(end) and (found := start.match(html)):
            return found.end(), end
    return 0, ""
