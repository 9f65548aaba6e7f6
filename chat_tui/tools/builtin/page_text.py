"""The readable text of an HTML page, as simple Markdown. Runs in the child: a page may be made to take all time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin

_SKIPPED = frozenset(
    ("script", "style", "noscript", "template", "svg", "iframe", "object", "canvas", "select", "nav", "aside", "dialog")
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "main",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "thead",
        "tr",
    ]
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_MAIN = frozenset(("main", "article"))
_LEAST_MAIN = 300
"""Characters of a page's main part that are enough to leave the rest out."""
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0]+")
_EMPTY_LINES = re.compile(r"\n{3,}")


class PageText(HTMLParser):
    """Collects the text of a page; `title` and `text` are complete after `close`."""

    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self._address = address
        self._pieces: list[str] = []
        self._main_ranges: list[tuple[int, int]] = []
        self._main_start = 0
        self._main_depth = self._preformatted = 0
        self._skipped: list[str] = []
        """Open elements that are left out."""
        self._in_title = False
        self._title: list[str] = []
        self._links: list[tuple[str, int]] = []
        """Open links: the address, and where their text begins."""
        self._items: list[int | None] = []
        """Open lists: the number of the last item, None for a list without numbers."""

    @property
    def title(self) -> str:
        """The title, on one line."""
        return _SPACES.sub(" ", "".join(self._title)).strip()

    @property
    def text(self) -> str:
        """The main part of the page if it is marked as such, or the whole page."""
        main = "".join("".join(self._pieces[begin:end]) for begin, end in self._main_ranges)
        return _tidy(main) if len(main.strip()) >= _LEAST_MAIN else _tidy("".join(self._pieces))

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if self._skipped or tag in _SKIPPED:
            if tag not in _VOID and (not self._skipped or tag == self._skipped[-1]):
                self._skipped.append(tag)
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "title":
            self._in_title = not self._title
        elif tag in _HEADINGS:
            self._add(f"\n\n{_HEADINGS[tag]} ")
        elif tag == "a":
            self._links.append((given.get("href", ""), len(self._pieces)))
        elif tag in ("ul", "ol"):
            self._items.append(0 if tag == "ol" else None)
            self._add("\n")
        elif tag == "li":
            self._begin_item()
        elif tag == "pre":
            self._preformatted += 1
            self._add("\n\n```\n")
        elif tag == "br":
            self._add("\n")
        elif tag in ("td", "th"):
            self._add(" | ")
        elif tag == "img" and given.get("alt"):
            self._add(f"[image: {_SPACES.sub(' ', given['alt'])}]")
        elif tag in _BLOCKS:
            self._add("\n\n" if tag != "tr" else "\n")
        if tag in _MAIN:
            self._main_depth += 1
            if self._main_depth == 1:
                self._main_start = len(self._pieces)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.pop()
            return
        if tag == "title":
            self._in_title = False
        elif tag == "a" and self._links:
            self._end_link()
        elif tag in ("ul", "ol") and self._items:
            self._items.pop()
            self._add("\n")
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1
            self._add("\n```\n\n")
        elif tag in _HEADINGS or tag in _BLOCKS:
            self._add("\n\n" if tag != "tr" else "\n")
        if tag in _MAIN and self._main_depth:
            self._main_depth -= 1
            if not self._main_depth:
                self._main_ranges.append((self._main_start, len(self._pieces)))

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._skipped:
            return
        if self._in_title:
            self._title.append(data)
        else:
            self._add(data if self._preformatted else _SPACES.sub(" ", data))

    def _add(self, text: str) -> None:
        self._pieces.append(text)

    def _begin_item(self) -> None:
        mark = "- "
        if self._items and (number := self._items[-1]) is not None:
            self._items[-1] = number + 1
            mark = f"{number + 1}. "
        self._add("\n" + "  " * max(0, len(self._items) - 1) + mark)

    def _end_link(self) -> None:
        address, begin = self._links.pop()
        text = "".join(self._pieces[begin:]).strip()
        if not text or not address or address.startswith(("#", "javascript:", "data:")):
            return
        try:
            whole = urljoin(self._address, address.strip())
        except ValueError:
            return
        if whole.startswith(("http://", "https://")) and "\n" not in text:
            # The text of other elements that were opened inside stays in its place.
            self._pieces[begin:] = [f"[{text}]({whole})"]


def _tidy(text: str) -> str:
    lines = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= line.startswith("```")
        lines.append(line.rstrip() if is_code or _item(line) else re.sub(" {2,}", " ", line).strip())
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _item(line: str) -> bool:
    return line.lstrip().startswith("- ")


def page_text(html: str, address: str) -> tuple[str, str]:
    """Return the title and the text of a page at this address."""
    parser = PageText(address)
    parser.feed(html)
    parser.close()
    return parser.title, parser.text
