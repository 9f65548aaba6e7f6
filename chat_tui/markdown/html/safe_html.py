"""Converts untrusted Markdown to safe HTML: only the tags and attributes that are listed here are written.

Raw HTML is shown as its source and images of a text as links to them. Links must lead to `http`, `https` or `mailto`.
Mathematics are elements of MathML, which `mathml.py` lists.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from chat_tui.core.attachments.attachment import media_type_of
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.markdown.alerts import ALERTS
from chat_tui.markdown.block import Block
from chat_tui.markdown.html.code_html import highlight
from chat_tui.markdown.html.mathml import math_html
from chat_tui.markdown.inline.data_images import describe_image
from chat_tui.markdown.inline.latex import is_display, legible
from chat_tui.markdown.links import alt_text, bare_addresses, deceives, is_openable, told_target
from chat_tui.markdown.lists import count_from, take_task_box
from chat_tui.markdown.references import parse_block

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TAGS = frozenset(
    "p h1 h2 h3 h4 h5 h6 blockquote ul ol li table thead tbody tr th td em strong s sub sup kbd".split()  # noqa: SIM905
)
_ALIGNED = re.compile(r"text-align:(left|center|right)")
_LANGUAGE_LENGTH = 30
COPY_BUTTON = '<button type="button" class="copy-code">Copy</button>'
"""In the head of each block of code; of no use where no script runs."""


@lru_cache(1)
def _parser() -> MarkdownIt:
    """Return the parser, which threads can share: parsing keeps its state separate."""
    from chat_tui.markdown.parser import make_parser

    return make_parser()


def html_of(block: Block, source: str) -> str:
    """Return the HTML of a block of Markdown."""
    tokens = parse_block(_parser(), block, source)
    if block.number and tokens and tokens[0].type == "ordered_list_open":
        count_from(tokens, block.number)
    # What the parser swallows (link definitions, nesting beyond its limit) is shown as its source.
    return "".join(_blocks(tokens)) or plain_html(source)


def plain_html(text: str, kind: str = "plain") -> str:
    """Return a text unchanged, in a block of this class."""
    return f'<p class="{kind}">{escape_text(text)}</p>'


def code_html(code: str, language: str, within: str = "") -> str:
    """Return a block of code with the name of its language and a copy button. `within`: the mark of the string or
    comment that the code begins in."""
    name = shorten(language, _LANGUAGE_LENGTH)
    return (
        f'<div class="code"><div class="code-head"><span>{escape_text(name) or "code"}</span>{COPY_BUTTON}</div>'
        f'<pre tabindex="0"><code>{highlight(clean(code), name, within)}</code></pre></div>'
    )


def image_html(alt: str, address: str) -> str:
    """The line that stands for an image within the answer."""
    image = describe_image(address)
    text = " · ".join(filter(None, [shorten(f"image: {alt}" if alt else "image", 300), image.text if image else ""]))
    return f'<p><span class="target">[{escape_text(text)}]</span></p>'


def formula_html(source: str) -> str:
    """Return a formula, which scrolls if it has lines of its own; in signs if it cannot be written as MathML."""
    found = math_html(clean(source))
    if not found:
        return f'<span class="math">{escape_text(legible(source))}</span>'
    return f'<span class="formula">{found}</span>' if is_display(source) else found


def data_image_html(name: str, content: bytes) -> str:
    """Return an image with its content; empty if its first bytes are not those of a PNG, JPEG, GIF or WebP file."""
    kind = media_type_of(content[:16])
    data = b64encode(content).decode("ascii") if kind else ""
    return f'<img src="data:{kind};base64,{data}" alt="{escape_text(name)}">' if kind else ""


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    box = ""
    for place, token in enumerate(tokens):
        if token.type == "inline":
            yield box + "".join(_inline(token.children or ()))
            box = ""
        elif token.type == "list_item_open" and (box := take_task_box(tokens[place + 1 : place + 3])):
            yield '<li class="task">'
        elif token.type in ("fence", "code_block"):
            yield code_html(token.content.removesuffix("\n"), token.info.split(" ")[0])
        elif token.type == "hr":
            yield "<hr>"
        elif token.type == "html_block":
            yield plain_html(token.content.rstrip("\n"), "raw")
        elif token.type == "table_open":
            yield '<div class="table" tabindex="0"><table>'
        elif token.type == "table_close":
            yield "</table></div>"
        elif token.tag in _TAGS and not token.hidden:
            yield _tag(token)
        elif token.content:
            yield plain_html(token.content)


def _tag(token: Token) -> str:
    if token.nesting == -1:
        return f"</{token.tag}>"
    if token.type == "ordered_list_open" and isinstance(start := token.attrs.get("start"), int):
        return f'<ol start="{start}">'
    if token.type == "list_item_open" and "number" in token.meta:
        return f'<li value="{token.meta["number"]}">'
    if alert := token.meta.get("alert"):
        return f'<blockquote class="alert {alert}"><p class="alert-title">{ALERTS[alert]}</p>'
    if aligned := _ALIGNED.fullmatch(str(token.attrs.get("style", ""))):
        return f'<{token.tag} class="{aligned[1]}">'
    return f"<{token.tag}>"


def _inline(tokens: Sequence[Token]) -> Iterator[str]:
    target, shown, inside = "", list[str](), False
    for token in tokens:
        if token.type == "link_open":
            target, shown, inside = str(token.attrs.get("href", "")), [], True
            if is_openable(target):
                yield _anchor(target)
        elif token.type == "link_close":
            if is_openable(target):
                yield "</a>"
            yield _aside("".join(shown), target)
            inside = False
        elif token.type == "image":
            yield _image(alt_text(token), str(token.attrs.get("src", "")))
        elif token.type == "code_inline":
            shown.append(token.content)
            yield f"<code>{escape_text(token.content)}</code>"
        elif token.type == "math_inline":
            yield formula_html(token.content)
        elif token.type == "footnote":
            yield f"<sup>{escape_text(token.content)}</sup>"
        elif token.type == "softbreak":
            yield "<br>" if token.meta.get("kept") else "\n"
        elif token.type == "hardbreak":
            yield "<br>"
        elif token.tag in _TAGS:
            yield f"</{token.tag}>" if token.nesting == -1 else f"<{token.tag}>"
        else:
            # An entity such as `&#x202e;` is a character by now.
            shown.append(token.content)
            yield escape_text(token.content) if inside else _with_links(token.content)


def _with_links(text: str) -> str:
    """A text whose bare addresses are links."""
    text = clean(text)
    parts, at = list[str](), 0
    for start, end, target in bare_addresses(text):
        parts += [escape_text(text[at:start]), _anchor(target), escape_text(text[start:end]), "</a>"]
        at = end
    return "".join([*parts, escape_text(text[at:])])


def escape_text(text: str) -> str:
    """Return a text as HTML without control characters; all text except code passes here."""
    return escape(clean(text))


def _anchor(target: str) -> str:
    return f'<a href="{escape(target)}" rel="noopener noreferrer nofollow" target="_blank">'


def _aside(text: str, target: str) -> str:
    """Return the target of a link as text, if the link's text names another target or it is no link."""
    told = "" if is_openable(target) and not deceives(text, target) else shorten(told_target(text, target), 300)
    return f'<span class="target"> {escape_text(told)}</span>' if told else ""


def _image(alt: str, source: str) -> str:
    label = escape_text(shorten(f"image: {alt}" if alt else "image", 300))
    return f"{_anchor(source)}{label}</a>" if is_openable(source) else f'<span class="target">[{label}]</span>'
