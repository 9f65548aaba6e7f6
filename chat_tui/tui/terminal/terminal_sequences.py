"""Translates escape sequences from the terminal into those that Textual's parser understands: keys in all encodings.
Replies that were not requested are dropped."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

from chat_tui.core.text.graphemes import is_typed
from chat_tui.core.text.lazy_pattern import lazy_pattern

# A control sequence of ECMA-48. Keys of the Linux console and rxvt, and the first mouse protocol, break its rules.
_SEQUENCE = lazy_pattern(
    r"\x1b\[(?:\[[A-E]|M[\s\S]{3}|(?:3|7|8|23|24)\$(?!y)|[ -?]*[@-~])"
    # Except letters that begin a sequence, and the word movement keys of macOS, which Textual understands.
    r"|\x1b[\r\n0-9ac-eg-zA-NQ-WYZ]"
)
# Keys of kitty's protocol: all that end with "u"; of the others, only those with fields that Textual does not read.
_KITTY = lazy_pattern(r"\x1b\[(?:([\d:;]*)u|([\d;]*:[\d:;]*)([~A-HP-S]))")
_MODIFY_OTHER_KEYS = lazy_pattern(r"\x1b\[27;(\d+);(\d+)~")
_KNOWN = lazy_pattern(
    r"\x1b\[(?:[IO]|20[01]~"  # focus, pastes
    r"|[\d;]*[u~ABCDEFHPQRS]"  # keys and cursor position
    r"|<?[-\d;]+[mM]|M[\s\S]{3}"  # mouse
    r"|48;[\d:]+;[\d:]+;[\d:]+;[\d:]+t|\?(?:2026|2048);\d\$y)"  # replies to Textual's queries
)
_ALT, _CTRL, _RELEASED, _ASCII = 2, 4, "3", 127
_LARGEST_NUMBER = 8
"""Digits; Python refuses to parse very long numbers."""


def decode(keys: str) -> str:
    """The keys in the encoding that Textual reads. `keys` must consist of complete sequences.

    Alt with a digit or letter, which Textual would take for a macOS symbol or insert as text, is encoded as in kitty's
    protocol, and so is Alt+Enter. Text from an input method becomes plain characters. Replies are dropped."""
    return _SEQUENCE.sub(_decode_sequence, keys)


def alt_key(character: str) -> str:
    """Alt with this character, in kitty's encoding."""
    return f"\x1b[{ord(character)};3u"


def _decode_sequence(found: re.Match[str]) -> str:
    sequence = found[0]
    if sequence[1] in "\r\n":
        return alt_key("\r")
    if sequence[1] != "[":
        return alt_key(sequence[1])
    if other := _MODIFY_OTHER_KEYS.fullmatch(sequence):
        sequence = f"\x1b[{other[2]};{other[1]}u"
    if kitty := _KITTY.fullmatch(sequence):
        return _kitty_key(kitty)
    return sequence if sequence in ANSI_SEQUENCES_KEYS or _KNOWN.fullmatch(sequence) else ""


def _kitty_key(found: re.Match[str]) -> str:
    """A key of kitty's protocol, reduced to what Textual reads; empty for a release or an invalid key.

    With Alt or Ctrl, a non-Latin key is replaced by the key at its position on a Latin keyboard.
    """
    fields: str = found[1] or found[2] or ""
    codes, modifiers, text, *_ = [*fields.split(";"), "", "", ""]
    code, _, alternates = codes.partition(":")
    latin = alternates.partition(":")[2]
    held, _, event = modifiers.partition(":")
    numbers = [number for number in (code, latin, held, *text.split(":")) if number]
    if not code or event == _RELEASED or not all(map(_is_character, numbers)):
        return ""
    typed = "".join(_text_characters(text))
    if len(typed) > 1 or not int(code):
        # Several characters at once, from an input method, are more than Textual reads as one key.
        return typed
    if latin and int(code) > _ASCII and int(held or 1) - 1 & (_ALT | _CTRL):
        code = latin
    rest = f";{held};{ord(typed)}" if typed else f";{held}" if held else ""
    return f"\x1b[{code}{rest}{found[3] or 'u'}"


def _text_characters(text: str) -> Iterator[str]:
    """The characters of a key's text, without control characters."""
    for number in text.split(":"):
        if number and is_typed(character := chr(int(number))):
            yield character


def _is_character(number: str) -> bool:
    """Whether this is a code point that text can contain: not a surrogate."""
    return len(number) < _LARGEST_NUMBER and int(number) <= sys.maxunicode and not 0xD800 <= int(number) < 0xE000
