"""What a text is cut into for the index, and what a term that is looked for demands of it.

Words are runs of letters and digits; each Chinese, Japanese and Korean character and each other visible character is
a token, and so is every pair of such neighbours. A token begins and ends where the kind of character changes, so only
the ends of a term may stand inside of a word of the text.

Every two neighbouring words of a text, whatever signs stand between them, give a token too: one of 32,768 hashes. In
about one of 140 usual texts two words have the same token as two others that are neighbours there: such tokens rule
texts out, and the text itself decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal
from zlib import crc32

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

PIECE_CHARACTERS = 32
"""Of a word; a longer one is kept as overlapping pieces."""
_STEP = PIECE_CHARACTERS // 2
_SLICE = 16_384
_LONGEST_WORD = 512
"""Characters of one word that are looked at: what is longer is data."""
_LONGEST_NEIGHBOUR = 200
"""Characters of a word that has a token together with its neighbours; a term is never that long."""
_PAIR_BITS = 15
"""One more makes the file larger by 3 % of its text; one less makes twice as many texts be read for two words."""
_ORDER = 5
"""Makes the token of two words another one than that of the same words the other way round."""

_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and the like, which Python does not count among letters.
_MARKS = "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u109f\u1780-\u17ff"
_LETTER = rf"(?:[^\W_{_CJK}]|[{_MARKS}])"
_WORD = f"{_LETTER}+"
_SIGN = rf"(?:[^\w\s\x00-\x1f\x7f-\x9f{_MARKS}]|_)+"
_RUNS = lazy_pattern(rf"(?P<word>{_WORD})|(?P<signs>[{_CJK}]+|{_SIGN})")
_WORDS = lazy_pattern(_WORD)
_SIGNS = lazy_pattern(rf"[{_CJK}]+|{_SIGN}")
_ASCII_WORDS = lazy_pattern("[a-z0-9]+")
_ASCII_WORD_BYTES = lazy_pattern(b"[a-z0-9]+")
_WORD_END = lazy_pattern(f"(?!{_LETTER})")
_ASCII_SIGNS = lazy_pattern(r"[!-/:-@\[-`{-~]+")

Reach = Literal["whole", "begins", "ends", "inside"]
"""How a part of a term stands in a word of the text: it is the word, its beginning, its end, or anywhere in it."""


class TermPart(msgspec.Struct, frozen=True):
    """What a term demands of a text: a word that holds this one in this way."""

    text: str
    reach: Reach = "whole"


def tokens(text: str) -> tuple[set[str], set[str]]:
    """The words of a folded text, and the signs that are not words.

    In slices: one look over a long text would hold the interpreter, and so the screen. They overlap, so that what is
    cut by one is whole in the next.
    """
    words: set[str] = set()
    signs: set[str] = set()
    for start in range(0, len(text), _SLICE):
        some = text[max(0, start - PIECE_CHARACTERS) : start + _SLICE]
        plain = some.isascii()
        words.update((_ASCII_WORDS if plain else _WORDS).findall(some))
        runs = set((_ASCII_SIGNS if plain else _SIGNS).findall(some))
        signs.update("".join(runs))
        for run in runs:
            signs.update(map("".join, pairwise(run)))
    for word in [word for word in words if len(word) > PIECE_CHARACTERS]:
        words.remove(word)
        words.update(pieces(word))
    return words, signs


def pair_tokens(text: str) -> list[str]:
    """A token for every two words of a folded text that follow each other."""
    found: set[int] = set()
    before: int | None = None
    mask = (1 << _PAIR_BITS) - 1
    for hashes in _word_hashes(text):
        if before is not None and hashes:
            hashes.insert(0, before)
        found.update([(first * _ORDER + second) & mask for first, second in pairwise(hashes)])
        before = hashes[-1] if hashes else before
    known = _every_pair_token()
    return [known[value] for value in found]


def pair_token(first: str, second: str) -> str:
    """The token of a text in which these two words follow each other."""
    value = crc32(first.encode()) * _ORDER + crc32(second.encode())
    return _token(value & ((1 << _PAIR_BITS) - 1))


@cache
def _every_pair_token() -> Sequence[str]:
    return [_token(value) for value in range(1 << _PAIR_BITS)]


def _token(value: int) -> str:
    """A sign and letters or digits together, as no text has them."""
    return f"+{value:x}"


def _word_hashes(text: str) -> Iterator[list[int]]:
    """Hashes of all words in their order, in slices that cut no word that can be a neighbour."""
    start = 0
    while start < len(text):
        end = start + _SLICE
        if end < len(text):
            after = _WORD_END.search(text, end, end + _LONGEST_NEIGHBOUR)
            end = after.start() if after else end
        some = text[start:end]
        if some.isascii():
            yield [*map(crc32, _ASCII_WORD_BYTES.findall(some.encode()))]
        else:
            yield [crc32(word.encode()) for word in _WORDS.findall(some)]
        start = end


def pieces(word: str) -> list[str]:
    """A long word in pieces so that each stretch of half a piece is whole in one of them."""
    word = word[:_LONGEST_WORD]
    return [word[start : start + PIECE_CHARACTERS] for start in range(0, max(1, len(word) - _STEP), _STEP)]


def parts(term: str, *, open_start: bool, open_end: bool) -> list[TermPart]:
    """What must be in a text that holds this folded term; its ends may be `open`: stand inside of a word."""
    found = []
    for run in _RUNS.finditer(term):
        if run["word"]:
            start = open_start and run.start() == 0
            end = open_end and run.end() == len(term)
            found.append(_part(run["word"], start, end))
        else:
            signs = run["signs"]
            found += [TermPart(signs[at : at + 2]) for at in range(max(1, len(signs) - 1))]
    return list(dict.fromkeys(found))


def _part(word: str, start: bool, end: bool) -> TermPart:
    if len(word) > _STEP and (start or len(word) > PIECE_CHARACTERS):
        # It may be cut anywhere, but half a piece is whole somewhere.
        return TermPart(word[:_STEP], "inside" if start else "begins")
    reach: Reach = "inside" if start and end else "ends" if start else "begins" if end else "whole"
    return TermPart(word, reach)


def neighbours(term: str, *, open_start: bool, open_end: bool) -> list[tuple[TermPart, TermPart]]:
    """The words of a folded term that follow each other in a text which holds it; its ends may be `open`."""
    words = _WORDS.findall(term)
    at_start = open_start and bool(words) and term.startswith(words[0])
    at_end = open_end and bool(words) and term.endswith(words[-1])
    found = [TermPart(word) for word in words]
    if at_start:
        found[0] = TermPart(words[0], "ends")
    if at_end:
        found[-1] = TermPart(words[-1], "begins")
    return [*pairwise(found)]


def may_be_cut(word: str) -> bool:
    """Whether this word of the index may be a piece of a longer one, whose neighbours have other tokens."""
    return len(word) > _STEP


def grams(word: str) -> set[str]:
    """By what a word is found from its inside: pairs and triples of characters, and its beginning behind a `^`."""
    found = {word[at : at + size] for size in (2, 3) for at in range(len(word) - size + 1)}
    return found | {f"^{word[0]}", f"^{word[:2]}"}


def part_grams(part: TermPart) -> set[str]:
    """The grams of all words that hold this part; empty when one character is looked for inside of words."""
    word = part.text
    size = min(3, len(word))
    found = {word[at : at + size] for at in range(len(word) - size + 1)} if size > 1 else set()
    return found | {f"^{word[:2]}"} if part.reach == "begins" else found


def holds(word: str, part: TermPart) -> bool:
    """Whether this word of a text has what the part demands."""
    match part.reach:
        case "begins":
            return word.startswith(part.text)
        case "ends":
            return word.endswith(part.text)
        case "inside":
            return part.text in word
        case "whole":
            return word == part.text
