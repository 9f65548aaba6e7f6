"""The marks by which a line of Markdown begins a block, goes on with it or ends it."""

from __future__ import annotations

import re

TAB = 4
"""Columns: a tab goes to the next fourth."""
FENCE = re.compile(r"^( {0,3})(`{3,}(?=[^`]*$)|~{3,})\s*([^\s`{]*)")
"""Opens code: its indentation, the fence, the language."""
HEADING = re.compile(r"^ {0,3}#{1,6}(?:\s|$)")
RULE = re.compile(r"^ {0,3}([-*_])(?: *\1){2,} *$")
ITEM = re.compile(r"^( {0,3})([-*+]|\d{1,9}[.)])( +|$)")
"""A list item: its indentation, the mark, the spaces behind it."""
DELIMITER = re.compile(r"^ {0,3}\|?(?: *:?-+:? *\|)* *:?-+:? *(?:\| *)?$")
"""The line under the head of a table."""
RAW_HTML = re.compile(r"^ {0,3}<(!--|script|pre|style|textarea)", re.IGNORECASE)
"""Begins HTML that goes on over empty lines."""
ONLY_MARKS = re.compile(r"^(?:[-=*+#>`~|:\s]+|\s*(?:\d{1,9}[.)]?|[-*+] \[[ xX]?|\\))$")
"""A line of which nothing is to be seen before more of it has come."""
TO_ESCAPE = re.compile(r"^\s*[#>\-+*=|~`]")
"""What would be a mark at the beginning of a line that was cut."""
MATH = {"$$": "$$", "\\[": "\\]"}
"""Lines between which mathematics stands: the beginning and its ending."""


def starts_block(line: str) -> bool:
    """A line that ends a paragraph, a table or a lazily continued list without an empty line."""
    return bool(
        FENCE.match(line)
        or HEADING.match(line)
        or RULE.match(line)
        or line.lstrip(" ").startswith(">")
        or line.strip() in MATH
    )


def interrupts(line: str) -> bool:
    """A list item that may begin right behind a paragraph's line."""
    item = ITEM.match(line)
    return bool(item and item[3] and (item[2] in "-*+" or item[2][:-1] == "1") and line.strip() != item[2])


def expand_tabs(line: str, columns: int | None = None) -> str:
    """The line with the tabs of its indentation as spaces, by default all of them, else up to this column."""
    if "\t" not in line:
        return line
    at = column = 0
    while at < len(line) and line[at] in " \t" and (columns is None or column < columns):
        column += TAB - column % TAB if line[at] == "\t" else 1
        at += 1
    return " " * column + line[at:]


def indent_of(line: str) -> int:
    """Spaces before the text."""
    return len(line) - len(line.lstrip(" "))
