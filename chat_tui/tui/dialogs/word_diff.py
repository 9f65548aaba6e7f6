"""A word-by-word diff of two texts. Pure; slow for long texts, so it runs on a thread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple, TypeAlias

Change: TypeAlias = Literal["", "removed", "added"]

WORDS_MOST = 2_000
"""Words (and marks between them) of each text up to which they are compared directly; beyond, lines are, and the
words of lines that differ."""
LINES_MOST = 5_000
"""Lines beyond which the rest counts as replaced."""
_ISLAND = 2
"""So few words between two changes belong to the change: single words that are the same by chance tear it apart."""

# A Chinese, Japanese or Korean character is a word by itself.
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WIDE}]\s*|(?:(?![{_WIDE}])\w)+\s*|[^\w\s]\s*|\s+")


class DiffPart(NamedTuple):
    """Some of the text, and whether it is only in the old or only in the new one."""

    change: Change
    text: str


def differences(old: str, new: str) -> list[DiffPart]:
    """The new text with what was removed from the old one put where it stood. Space that differs does not count."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if max(len(before), len(after)) <= WORDS_MOST:
        return list(_join_parts(_compare(before, after, word=True)))
    lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[DiffPart] = []
    for removed, added, same in _blocks(*[_limit_lines(text) for text in lines]):
        words = _WORD.findall("".join(removed)), _WORD.findall("".join(added))
        pieces += _compare(*words, word=max(map(len, words)) <= WORDS_MOST)
        pieces.append(DiffPart("", "".join(same)))
    return list(_join_parts(pieces))


def _limit_lines(lines: list[str]) -> list[str]:
    return [*lines[:LINES_MOST], "".join(lines[LINES_MOST:])] if len(lines) > LINES_MOST else lines


def _compare(before: Sequence[str], after: Sequence[str], *, word: bool) -> Iterator[DiffPart]:
    if not word:
        yield DiffPart("removed", "".join(before))
        yield DiffPart("added", "".join(after))
        return
    for removed, added, same in _without_islands(_blocks(before, after)):
        yield DiffPart("removed", "".join(removed))
        yield DiffPart("added", "".join(added))
        yield DiffPart("", "".join(same))


_Block: TypeAlias = tuple[Sequence[str], Sequence[str], Sequence[str]]
"""What was removed, what was added in its place, and what is the same after it, as in the new text."""


def _blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[_Block]:
    keys = [piece.rstrip() for piece in before], [piece.rstrip() for piece in after]
    old, new = 0, 0
    for match in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks():
        removed = before[old : match.a]
        if removed and old and new and before[old - 1][-1].isspace() and not after[new - 1][-1].isspace():
            # The new text ends here, or its space does: the two words are not one.
            removed = [f" {removed[0]}", *removed[1:]]
        yield removed, after[new : match.b], after[match.b : match.b + match.size]
        old, new = match.a + match.size, match.b + match.size


def _without_islands(blocks: Iterable[_Block]) -> Iterator[_Block]:
    """Join changes that are separated by one or two unchanged words."""
    held: _Block | None = None
    for removed, added, same in blocks:
        if held is not None and (removed or added) and len(held[2]) <= _ISLAND and held[0] and held[1]:
            held = (*held[0], *held[2], *removed), (*held[1], *held[2], *added), same
        else:
            if held is not None:
                yield held
            held = removed, added, same
    if held is not None:
        yield held


def _join_parts(pieces: Iterable[DiffPart]) -> Iterator[DiffPart]:
    """Without empty pieces, neighbours of one kind as one."""
    held: DiffPart | None = None
    for piece in pieces:
        if held is not None and held.change == piece.change:
            held = DiffPart(held.change, held.text + piece.text)
        elif piece.text:
            if held is not None:
                yield held
            held = piece
    if held is not None:
        yield held
