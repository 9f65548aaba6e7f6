"""Link definitions and footnotes, which stand in other blocks than what refers to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from chat_tui.markdown.block import Block

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LABEL = r" {0,3}\[(?P<label>(?:[^\[\]\\]|\\.){1,200})\]:"
_TITLE = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\))"""
_LINK = re.compile(_LABEL + rf" *(?:\n *)?(?:<[^<>\n]*>|[^\s<]\S*)(?:(?: +| *\n *){_TITLE})? *(?:\n|$)")
"""`[label]: target "title"`, which may take three lines."""
_FOOTNOTE = re.compile(r" {0,3}\[(?P<label>\^[^\[\]\s]{1,100})\]:")
_LINE = re.compile(r".*(?:\n|$)")
_BRACKETS = re.compile(r"\[((?:[^\[\]\\]|\\.){1,200})\]")
MOST = 500
"""Labels that are remembered; further ones are not resolved."""
MOST_USERS = 2_000
"""Blocks that wait for the definition of one label; they all change at once when it comes."""


class References:
    """Tells each block the definitions that it needs, also where they come after it."""

    def __init__(self) -> None:
        self._definitions: dict[str, str] = {}
        """Lines by label."""
        self._users: dict[str, list[int]] = {}
        """For labels that are not defined yet: the places of the blocks that have them in brackets."""

    def resolve(self, block: Block, place: int | None = None) -> Block:
        """Return the block with the definitions that are known.

        With its index as `place` it is resolved again when further ones come; an unfinished block has none.
        """
        if "[" not in block.source or block.kind not in ("markdown", "table"):
            return block
        if place is None and not self._definitions:
            return block
        needed = []
        for label in _labels(block.source):
            if line := self._definitions.get(label):
                needed.append(line)
            elif place is not None:
                self._wait(label, place)
        return msgspec.structs.replace(block, definitions=tuple(needed)) if needed else block

    def _wait(self, label: str, place: int) -> None:
        if len(self._users) < MOST and len(users := self._users.setdefault(label, [])) < MOST_USERS:
            users.append(place)

    def define(self, paragraph: str) -> tuple[str, list[int]]:
        """Take the definitions with which a paragraph begins. Returns what is still to be shown of it (links that are
        referred to are not: their targets stand beside them), and the places of the blocks that change."""
        shown = ""
        places: set[int] = set()
        at = 0
        while at < len(paragraph) and len(self._definitions) < MOST:
            note = _FOOTNOTE.match(paragraph, at)
            found = note or _LINK.match(paragraph, at)
            if found is None:
                break
            line = _LINE.match(paragraph, at) if note else found
            assert line is not None
            label, at = _normal(found["label"]), line.end()
            used = self._users.pop(label, None)
            places |= set(used or ())
            if used is None or note:
                shown += line[0]
            self._definitions.setdefault(label, line[0].strip("\n"))
        return (shown + paragraph[at:]).strip("\n"), sorted(places)


def parse_block(parser: MarkdownIt, block: Block, source: str) -> list[Token]:
    """The tokens of a block's source, or of a part of it, with the links and footnotes that it refers to."""
    links: list[str] = []
    footnotes: set[str] = set()
    for definition in block.definitions:
        note = _FOOTNOTE.match(definition)
        if note:
            footnotes.add(_normal(note["label"])[1:])
        else:
            links.append(definition)
    return parser.parse("\n".join([*links, "", source]) if links else source, {"footnotes": footnotes})


def _labels(source: str) -> set[str]:
    return {_normal(label) for label in _BRACKETS.findall(source)}


def _normal(label: str) -> str:
    return " ".join(label.split()).casefold()
