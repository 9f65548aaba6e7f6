"""A piece of Markdown or plain text that can be rendered by itself."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["markdown", "code", "table", "plain", "image", "summary"]

PARAGRAPH_LENGTH = 3_000
"""Characters after which a paragraph is cut."""


class Block(msgspec.Struct, frozen=True):
    """A piece of Markdown that stands for itself."""

    kind: Kind
    source: str
    """Markdown; for `code` and `plain` the text itself, for `image` its `data:` address."""
    language: str = ""
    """Of code; of an image its description."""
    gap: bool = False
    """An empty line stands before it."""
    first: bool = True
    """False: it goes on with the block before (a piece of a long one)."""
    last: bool = True
    """False: a piece of a long block, whose next piece follows."""
    joint: str = "\n"
    """What stands between the piece before and this one in the source."""
    number: int = 0
    """The list number with which a later piece of an ordered list goes on; 0: what the source says."""
    head: str = ""
    """Of a table in several pieces: its head, and the rows that tell how wide its columns are. Of a piece of code: the
    mark of the string or comment that it begins in."""
    details: int = 0
    """How many `<details>` it stands in, which can be folded away. Their `summary` stands outside of its own."""
    definitions: tuple[str, ...] = ()
    """The definitions of links and footnotes in other blocks that it refers to."""
    codes_before: int = 0
    """Code blocks of the text that begin before this block."""
    in_code: bool = False
    """A piece of a list or quote that begins within the code of the piece before."""
    indent: int = 0
    """Columns by which the piece is indented (the rest of a very long list item)."""
