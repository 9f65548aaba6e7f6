"""Escape sequences as a terminal sends them, made into what Textual's parser reads: keys in every encoding, and nothing
at all for a reply that nobody waits for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

from chat_tui.core.graphemes import is_typed

# A control sequence by ECMA-48; keys of the Linux console and rxvt, and the first mouse protocol, break its rules.
_SEQUENCE = re.compile(
    r"\x1b\[(?:\[[A-E]|M[\s\S]{3}|(?:3|7|8|23|24)\$(?!y)|[ -?]*[@-~])"
    # Without those letters that begin a sequence, and without the word moves of macOS, which Textual knows.
    r"|\x1b[\r\n0-9ac-eg-zA-NQ-WYZ]"
)
# All keys of kitty's protocol end with "u"; of the others only those are meant that say more than Textual reads.
_KITTY = re.compile(r"\x1b\[(?:([\d:;]*)u|([\d;]*:[\d:;]*)([~A-HP-S]))")
_MODIFY_OTHER_KEYS = re.compile(r"\x1b\[27;(\d+);(\d+)~")
_KNOWN = re.compile(
    r"\x1b\[(?:[IO]|20[01]~"  # focus, pastes
    r"|[\d;]*[u~ABCDEFHPQRS]"  # keys, and where the cursor is
    r"|<?[-\d;]+[mM]|M[\s\S]{3}"  # mouse
    r"|48;[\d:]+;[\d:]+;[\d:]+;[\d:]+t|\?(?:2026|2048);\d\$y)"  # what Textual has asked for
)
_ALT, _CTRL, _RELEASED, _ASCII = 2, 4, "3", 127
_LARGEST_NUMBER = 8
"""Digits; Python refuses to read numbers of thousands."""


def decode(keys: str) -> str:
    """The same keys as Textual reads them. `keys` holds whole sequences only.

    Alt with a digit or a letter, which Textual would take for a macOS sign or type as well, is written as kitty does;
    so is Alt+Enter. Text from an input method becomes the characters themselves. Replies are dropped."""
    return _SEQUENCE.sub(_decoded, keys)


def alt_key(character: str) -> str:
    """Alt with this character, as kitty writes it."""
    return f"\x1b[{ord(character)};3u"


def _decoded(found: re.Match[str]) -> str:
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
    """A key of kitty's protocol as far as Textual knows it; empty for one that is released, or is none. With Alt or
    Ctrl a key of another alphabet is the one that a Latin keyboard has in its place."""
    fields: str = found[1] or found[2] or ""
    codes, modifiers, text, *_ = [*fields.split(";"), "", "", ""]
    code, _, alternates = codes.partition(":")
    latin = alternates.partition(":")[2]
    held, _, event = modifiers.partition(":")
    numbers = [number for number in (code, latin, held, *text.split(":")) if number]
    if not code or event == _RELEASED or not all(map(_is_character, numbers)):
        return ""
    typed = "".join(_typed(text))
    if len(typed) > 1 or not int(code):
        # Several characters at once, as an input method sends them: longer than what Textual reads as one key.
        return typed
    if latin and int(code) > _ASCII and int(held or 1) - 1 & (_ALT | _CTRL):
        code = latin
    rest = f";{held};{ord(typed)}" if typed else f";{held}" if held else ""
    return f"\x1b[{code}{rest}{found[3] or 'u'}"


def _typed(text: str) -> Iterator[str]:
    """The characters of a key's text; controls are none."""
    for number in text.split(":"):
        if number and is_typed(character := chr(int(number))):
            yield character


def _is_character(number: str) -> bool:
    """Surrogates cannot be written anywhere."""
    return len(number) < _LARGEST_NUMBER and int(number) <= sys.maxunicode and not 0xD800 <= int(number) < 0xE000
