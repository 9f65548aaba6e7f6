"""Removes from text what a terminal would obey.

Well-formed control sequences (CSI, OSC, DCS, SOS, PM, APC) are removed with their contents. Any other control character
is removed alone, so that an unterminated sequence does not take the text after it along. Newline and tab stay. The
result does not depend on how the text was cut.
"""

from __future__ import annotations

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_ANY = re.compile(f"[{_CONTROL}]")
_ANY_OR_NEWLINE = re.compile(f"[\n\t{_CONTROL}]+")
_CSI = r"[0-?]{0,64}[ -/]{0,8}[@-~]"
_STRING = r"[^\x00-\x08\x0a-\x1f\x7f-\x9f]{0,4096}(?:\x07|\x1b\\|\x9c)"
_SEQUENCE = re.compile(
    rf"(?:\x1b\[|\x9b){_CSI}|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]){_STRING}|\x1b[ -/]{{1,4}}[0-~]|\x1b[0-OQ-WYZ\\`-~]"
)
_OPENING = re.compile(
    r"(?:\x1b|\x1b\[[0-?]{0,64}[ -/]{0,8}|\x9b[0-?]{0,64}[ -/]{0,8}|\x1b[ -/]{1,4}"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]{0,4096}\x1b?)\Z"
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def has_controls(text: str) -> bool:
    """Whether the text has control characters or lone surrogates; newlines and tabs are none."""
    return _ANY.search(text) is not None


def clean(text: str) -> str:
    """The text without anything that a terminal would obey; newlines and tabs stay, lone surrogates become U+FFFD."""
    if not _ANY.search(text):
        return text
    text = text.replace("\r\n", "\n")
    text = _SEQUENCE.sub("", text)
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    text = _SURROGATES.sub("\ufffd", text)
    return _ANY.sub("", text)


def clean_line(text: str, limit: int = 300) -> str:
    """Return the cleaned text on one line, cut to `limit` characters: for titles, names and error texts."""
    line = _ANY_OR_NEWLINE.sub(" ", clean(text[: limit * 4])).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def single_line(text: str) -> str:
    """The text on one line of any length, without anything that a terminal would obey."""
    return _ANY_OR_NEWLINE.sub(" ", clean(text)) if _ANY_OR_NEWLINE.search(text) else text


def without_controls(text: str) -> str:
    """Return one line's text without its control characters, which have no width; all other characters stay."""
    return _ANY_OR_NEWLINE.sub("", _SURROGATES.sub("\ufffd", text)) if _ANY_OR_NEWLINE.search(text) else text


def escaped_json(text: str) -> str:
    """JSON text that no terminal obeys: JSON lets some controls stand as they are, which become `\\u…`."""
    return _ANY.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class StreamCleaner:
    """Cleans a text that comes in pieces; what may be the beginning of a sequence is held until it is decided."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """The part of the text that is decided now."""
        if not self._held and not _ANY.search(piece):
            return piece
        text = self._held + piece
        half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            # Half of a pair that was cut: the other half may come.
            half, text = text[-1], text[:-1]
        opening = _OPENING.search(text)
        self._held = (opening.group() if opening else "") + half
        if opening:
            text = text[: opening.start()]
        return clean(_join_surrogates(text))

    @property
    def holds(self) -> bool:
        """Whether text is held back."""
        return bool(self._held)

    def rest(self) -> str:
        """Return the text that was held back; called at its end."""
        held, self._held = self._held, ""
        return clean(_join_surrogates(held))


def _join_surrogates(text: str) -> str:
    """Surrogate pairs that came in two halves become the character they mean."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
