"""Boundaries between user-perceived characters: composed emoji, flags, letters with combining marks.

A subset of Unicode's extended grapheme clusters (UAX #29), limited to the properties in `unicodedata`. In scripts that
join consonants with a virama, each consonant counts as a character, as in most editors.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_JOINERS = ("\u200c", _JOINER)
"""Joiners in composed emoji and in Persian; Python considers them unprintable."""
_SPACING_LETTERS = "\u0e33\u0eb3\uff9e\uff9f"
"""Combining marks with the category of a letter: Thai and Lao am, voicing marks of half-width Katakana."""
_MATHEMATICAL_EMOJI = "\u2194\u25fd\u25fe"
_SYLLABLES, _TRAILING = 0xAC00, 28
"""The first precomposed Hangul syllable, and the number of final consonants, including none."""


def is_typed(character: str) -> bool:
    """Whether this character can be typed: it is printable, or combines others into one."""
    return character.isprintable() or character in _JOINERS or _is_tag(character)


def next_boundary(text: str, index: int) -> int:
    """The index after the character at this index, at most the text's length."""
    index += 1
    while index < len(text) and not is_boundary(text, index):
        index += 1
    return min(index, len(text))


def previous_boundary(text: str, index: int) -> int:
    """The index where the character before this index begins, at least 0."""
    index -= 1
    while index > 0 and not is_boundary(text, index):
        index -= 1
    return max(index, 0)


def is_boundary(text: str, index: int) -> bool:
    """Whether a character begins at this index; both ends of the text are boundaries."""
    if not 0 < index < len(text):
        return True
    before, after = text[index - 1], text[index]
    if after.isascii():
        return before != "\r" or after != "\n"
    if _extends(after):
        return unicodedata.category(before) == "Cc"
    if before == _JOINER:
        return not (_is_pictograph(after) and _follows_pictograph(text, index - 1))
    if _is_flag_half(before) and _is_flag_half(after):
        return _flag_halves_before(text, index) % 2 == 0
    return not _joins_syllable(before, after)


def _extends(character: str) -> bool:
    return (
        character in _JOINERS
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or _is_tag(character)
        or character in _SPACING_LETTERS
    )


def _is_tag(character: str) -> bool:
    """Tag characters spell the region in flags such as Scotland's."""
    return "\U000e0020" <= character <= "\U000e007f"


def _is_pictograph(character: str) -> bool:
    if "\U0001f000" <= character <= "\U0001faff":
        return not _is_flag_half(character) and not _extends(character)
    return unicodedata.category(character) == "So" or character in _MATHEMATICAL_EMOJI


def _follows_pictograph(text: str, index: int) -> bool:
    while index > 0 and _extends(text[index]):
        index -= 1
    return _is_pictograph(text[index])


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_halves_before(text: str, index: int) -> int:
    first = index
    while first > 0 and _is_flag_half(text[first - 1]):
        first -= 1
    return index - first


def _joins_syllable(before: str, after: str) -> bool:
    """Whether two Hangul jamo or syllables belong to one syllable."""
    first, second = _syllable_part(before), _syllable_part(after)
    if first == "leading":
        return second in ("leading", "vowel", "open", "closed")
    if first in ("open", "vowel"):
        return second in ("vowel", "trailing")
    return first in ("closed", "trailing") and second == "trailing"


def _syllable_part(character: str) -> str:
    code = ord(character)
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "leading"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "vowel"
    if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB:
        return "trailing"
    if _SYLLABLES <= code <= 0xD7A3:
        return "closed" if (code - _SYLLABLES) % _TRAILING else "open"
    return ""
