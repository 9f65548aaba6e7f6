"""Keeps configured credentials out of text that came from outside: error bodies, echoed headers, echoed addresses.

A credential is recognised whole, cut to eight characters or more, and in the encodings in which servers repeat it
(percent, Base64, JSON, HTML). Credentials shorter than eight characters are words as well, so they are recognised as
whole tokens only, and those shorter than four only behind their own label.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote

import msgspec

MARK = "[key]"
"""Stands in the place of a credential."""

_PIECE = 8
"""Characters in a row that a text may not share with a credential."""
_TOKEN = 4
"""Characters from which on a credential is recognised as a token of its own."""
_IN_WORD = 4
"""Characters from which on the beginning of a credential is taken for one within a word."""
_LONGEST = 4096
"""Characters of a credential that are looked for."""
_LOOKS_LIKE_A_KEY = re.compile(
    r"(?i)((?:bearer\s+|key[=:\s]+)['\"]?)(?=[\w\-.*…]*[\d*…])[\w\-.*…]{6,}"
    r"|\b(?:sk|gsk|xai|hf|pplx|r8)[-_][\w\-.*…]{6,}|\bAIza[\w\-*…]{6,}"
)
_USER_INFO = re.compile(r"(://)[^/\s@]{1,300}@")
"""What stands before the host in an address, whoever configured it."""


class Credential(msgspec.Struct, frozen=True):
    """A configured secret."""

    value: str
    label: str = ""
    """What stands in front of it where it is repeated: a header's or a query parameter's name."""

    def __repr__(self) -> str:
        return f"Credential({self.label!r})"


class Redactor:
    """Replaces credentials in a text by a mark."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._pieces: set[str] = set()
        tokens: set[str] = set()
        labelled: list[str] = []
        for credential in credentials:
            for form in _forms(credential.value[:_LONGEST]):
                if len(form) >= _PIECE:
                    folded = _folded(form)
                    self._pieces.update(folded[at : at + _PIECE] for at in range(len(folded) - _PIECE + 1))
                elif len(form) >= _TOKEN:
                    tokens.add(re.escape(form))
                elif form and credential.label:
                    labelled.append(_behind(credential.label, form))
        self._tokens = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(tokens)})(?![A-Za-z0-9])") if tokens else None
        self._labelled = [re.compile(pattern, re.IGNORECASE) for pattern in labelled]

    def redact(self, text: str) -> str:
        """The text with whatever looks like a key, or is a credential or a piece of one, replaced by `MARK`."""
        text = _USER_INFO.sub(rf"\1{MARK}@", _LOOKS_LIKE_A_KEY.sub(_marked, text))
        text = self._without_pieces(text)
        if self._tokens is not None:
            text = self._tokens.sub(MARK, text)
        for pattern in self._labelled:
            text = pattern.sub(_marked, text)
        return text

    def _without_pieces(self, text: str) -> str:
        if not self._pieces:
            return text
        hidden = hidden_positions(text, self._pieces)
        if not hidden:
            return text
        masked = "".join("\0" if at in hidden else character for at, character in enumerate(text))
        return re.sub("\0+", MARK, masked)


class StreamRedactor:
    """Replaces credentials in a text that comes in pieces.

    The end of a piece that may be the beginning of a credential, seven characters at most, is held until the next piece
    or `rest`, so that nothing of a credential is given out, however small the pieces are. Within a word, where one
    hardly ever begins, it is held from the fourth character on. Only what no ordinary text contains is looked for: the
    model's own words are never touched.
    """

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        forms = {
            _folded(form)
            for credential in credentials
            for form in _forms(credential.value[:_LONGEST])
            if _is_no_word(form)
        }
        self._beginnings = tuple({form[:_PIECE] for form in forms})
        prefixes = {beginning[:size] for beginning in self._beginnings for size in range(1, _PIECE)}
        self._prefixes = {
            last: tuple(sorted((each for each in prefixes if each[-1] == last), key=len, reverse=True))
            for last in {prefix[-1] for prefix in prefixes}
        }
        """What may have to be held, the longest first, by its last character."""
        self._forms: Sequence[str] = tuple(forms)
        self._pieces: set[str] = set()
        self._before = ""
        """The end of the text so far, as it came."""
        self._held = 0
        """Characters at that end that were not given out."""
        self._inside = False
        """The last characters belonged to a credential."""

    def feed(self, piece: str) -> str:
        """The piece without the credentials in it, and without what is held; what was held before comes first."""
        if not self._beginnings or not piece:
            return piece
        text = self._before + piece
        folded = _folded(text)
        start = len(self._before) - self._held
        if self._inside or self._begins_in(folded):
            return self._masked(text, folded, start)
        self._before = text[1 - _PIECE :]
        prefixes = self._prefixes.get(folded[-1])
        held = self._unfinished(folded, start) if prefixes is not None and folded.endswith(prefixes) else 0
        if not (held or self._held):
            return piece
        self._held = held
        return text[start : len(text) - held]

    @property
    def holds(self) -> bool:
        """Something is held."""
        return self._held > 0

    def rest(self) -> str:
        """What is held, at the end of the text."""
        held, self._held = self._held, 0
        return self._before[-held:] if held else ""

    def _masked(self, text: str, folded: str, start: int) -> str:
        """What is given out of a text from `start` on, where a credential begins in it or goes on."""
        if not self._pieces:
            self._pieces = {form[at : at + _PIECE] for form in self._forms for at in range(len(form) - _PIECE + 1)}
        hidden = hidden_positions(text, self._pieces)
        was_inside, self._inside = self._inside, len(text) - 1 in hidden
        self._before, self._held = text[1 - _PIECE :], 0 if self._inside else self._unfinished(folded, start)
        masked = "".join("\0" if at in hidden else text[at] for at in range(start, len(text) - self._held))
        if was_inside and masked.startswith("\0"):
            masked = masked.lstrip("\0")
        return re.sub("\0+", MARK, masked)

    def _unfinished(self, folded: str, start: int) -> int:
        """How many characters at the end may be the beginning of a credential, of those from `start` on."""
        for prefix in self._prefixes.get(folded[-1], ()):
            size = len(prefix)
            if folded.endswith(prefix):
                within_word = size < len(folded) and folded[-size - 1].isalnum()
                if size >= _IN_WORD or not within_word:
                    return min(size, len(folded) - start)
        return 0

    def _begins_in(self, folded: str) -> bool:
        # A plain loop: it runs once a token.
        for beginning in self._beginnings:  # noqa: SIM110
            if beginning in folded:
                return True
        return False


def hidden_positions(text: str, pieces: set[str]) -> set[int]:
    """The positions of the text's characters that belong to any of the (folded) pieces."""
    folded = _folded(text)
    hidden: set[int] = set()
    for start in range(len(folded) - _PIECE + 1):
        if folded[start : start + _PIECE] in pieces:
            hidden.update(range(start, start + _PIECE))
    return hidden


def _behind(label: str, form: str) -> str:
    """A pattern for a short credential that stands behind its label, as headers, JSON and queries write it."""
    return rf"((?<![A-Za-z0-9]){re.escape(label)}\W{{1,8}}){re.escape(form)}(?![A-Za-z0-9])"


def _marked(match: re.Match[str]) -> str:
    return f"{match.group(1) or ''}{MARK}"


def _folded(text: str) -> str:
    """In lower case, where that keeps its length: some servers repeat headers so."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text


def _is_no_word(form: str) -> bool:
    """No ordinary text contains it: it is long and holds digits and letters, or it is `user:password@`."""
    has_both = any(map(str.isdigit, form)) and any(map(str.isalpha, form))
    return len(form) >= _PIECE and (has_both or (":" in form and "@" in form))


def _forms(value: str) -> Iterator[str]:
    """How a credential may be written where it is repeated, without padding."""
    encoded = value.encode("utf-8", "replace")
    yield from dict.fromkeys(
        (
            value,
            unquote(value),
            quote(value, safe=""),
            quote_plus(value),
            json.dumps(value)[1:-1],
            html.escape(value),
            b64encode(encoded).decode().rstrip("="),
            urlsafe_b64encode(encoded).decode().rstrip("="),
        )
    )
