"""Removes configured credentials from text that came from outside: error bodies, echoed headers and addresses.

A credential is recognised as a whole, by any eight characters of it, and in the encodings in which servers repeat it
(percent, Base64, JSON, HTML). One of less than eight characters may be an ordinary word, so it is recognised only as
a whole token; one of less than four, only after its label.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

MARK = "[key]"
"""Replaces a credential."""

_PIECE = 8
"""The length of a substring of a credential that identifies it."""
_TOKEN = 4
"""The least length of a credential that is recognised as a token without its label."""
_IN_WORD = 4
"""The least length of a prefix of a credential that is held back inside a word."""
_LONGEST = 4096
"""Characters of a credential that are searched for."""
_LOOKS_LIKE_A_KEY = lazy_pattern(
    r"(?i)((?:bearer\s+|key[=:\s]+)['\"]?)(?=[\w\-.*…]*[\d*…])[\w\-.*…]{6,}"
    r"|\b(?:sk|gsk|xai|hf|pplx|r8)[-_][\w\-.*…]{6,}|\bAIza[\w\-*…]{6,}"
)
_USER_INFO = lazy_pattern(r"(://)[^/\s@]{1,300}@")
"""User information in an address, configured or not."""


class Credential(msgspec.Struct, frozen=True):
    """A configured secret."""

    value: str
    label: str = ""
    """The name of the header or query parameter, which precedes it where it is repeated."""

    def __repr__(self) -> str:
        return f"Credential({self.label!r})"


class Redactor:
    """Replaces credentials in a text by `MARK`."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._pieces: set[str] = set()
        tokens: set[str] = set()
        labelled: list[str] = []
        for credential in credentials:
            for form in _forms(credential.value[:_LONGEST]):
                if len(form) >= _PIECE:
                    folded = _fold(form)
                    self._pieces.update(folded[at : at + _PIECE] for at in range(len(folded) - _PIECE + 1))
                elif len(form) >= _TOKEN:
                    tokens.add(re.escape(form))
                elif form and credential.label:
                    labelled.append(_labelled_pattern(credential.label, form))
        self._tokens = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(tokens)})(?![A-Za-z0-9])") if tokens else None
        self._labelled = [re.compile(pattern, re.IGNORECASE) for pattern in labelled]

    def redact(self, text: str) -> str:
        """The text with everything that looks like a key, or is part of a credential, replaced by `MARK`."""
        text = _USER_INFO.sub(rf"\1{MARK}@", _LOOKS_LIKE_A_KEY.sub(_mark, text))
        text = self._without_pieces(text)
        if self._tokens is not None:
            text = self._tokens.sub(MARK, text)
        for pattern in self._labelled:
            text = pattern.sub(_mark, text)
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
    """Replaces credentials in streamed text.

    The end of a piece that may begin a credential, at most seven characters, is held back until the next piece or
    `rest`, so that no part of a credential gets through, however small the pieces are. Inside a word, where one hardly
    ever begins, it is held back from the fourth character on. Only values that no ordinary text contains are
    searched for, so the model's own words are never changed.
    """

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        forms = {
            _fold(form)
            for credential in credentials
            for form in _forms(credential.value[:_LONGEST])
            if _is_distinctive(form)
        }
        self._beginnings = tuple({form[:_PIECE] for form in forms})
        prefixes = {beginning[:size] for beginning in self._beginnings for size in range(1, _PIECE)}
        self._prefixes = {
            last: tuple(sorted((each for each in prefixes if each[-1] == last), key=len, reverse=True))
            for last in {prefix[-1] for prefix in prefixes}
        }
        """Prefixes that must be held back, longest first, by their last character."""
        self._forms: Sequence[str] = tuple(forms)
        self._pieces: set[str] = set()
        self._before = ""
        """The last characters received, unredacted."""
        self._held = 0
        """The number of those that are held back."""
        self._inside = False
        """Whether the last character belonged to a credential."""

    def feed(self, piece: str) -> str:
        """The piece without the credentials in it, and without what is held; what was held before comes first."""
        if not self._beginnings or not piece:
            return piece
        text = self._before + piece
        folded = _fold(text)
        start = len(self._before) - self._held
        if self._inside or self._begins_in(folded):
            return self._mask(text, folded, start)
        self._before = text[1 - _PIECE :]
        prefixes = self._prefixes.get(folded[-1])
        held = self._unfinished_length(folded, start) if prefixes is not None and folded.endswith(prefixes) else 0
        if not (held or self._held):
            return piece
        self._held = held
        return text[start : len(text) - held]

    def passes(self, text: str) -> bool:
        """Return whether `feed` would return this text unchanged; then it counts as fed."""
        if not self._beginnings or not text:
            return True
        if self._held or self._inside:
            return False
        joined = self._before + text
        folded = joined.lower()
        prefixes = self._prefixes.get(folded[-1])
        if len(folded) != len(joined) or self._begins_in(folded) or (prefixes and folded.endswith(prefixes)):
            return False
        self._before = joined[1 - _PIECE :]
        return True

    @property
    def holds(self) -> bool:
        """Whether text is held back."""
        return self._held > 0

    def rest(self) -> str:
        """Return the text that was held back; called at its end."""
        held, self._held = self._held, 0
        return self._before[-held:] if held else ""

    def _mask(self, text: str, folded: str, start: int) -> str:
        """Return the text from `start` on with the credential in it masked, without what is held back."""
        if not self._pieces:
            self._pieces = {form[at : at + _PIECE] for form in self._forms for at in range(len(form) - _PIECE + 1)}
        hidden = hidden_positions(text, self._pieces)
        was_inside, self._inside = self._inside, len(text) - 1 in hidden
        self._before, self._held = text[1 - _PIECE :], 0 if self._inside else self._unfinished_length(folded, start)
        masked = "".join("\0" if at in hidden else text[at] for at in range(start, len(text) - self._held))
        if was_inside and masked.startswith("\0"):
            masked = masked.lstrip("\0")
        return re.sub("\0+", MARK, masked)

    def _unfinished_length(self, folded: str, start: int) -> int:
        """The number of characters at the end, from `start` on, that may begin a credential."""
        for prefix in self._prefixes.get(folded[-1], ()):
            size = len(prefix)
            if folded.endswith(prefix):
                within_word = size < len(folded) and folded[-size - 1].isalnum()
                if size >= _IN_WORD or not within_word:
                    return min(size, len(folded) - start)
        return 0

    def _begins_in(self, folded: str) -> bool:
        # A plain loop is faster than `any`; it runs for every token.
        for beginning in self._beginnings:  # noqa: SIM110
            if beginning in folded:
                return True
        return False


def hidden_positions(text: str, pieces: set[str]) -> set[int]:
    """The positions of all characters that belong to one of the pieces, which are folded."""
    folded = _fold(text)
    hidden: set[int] = set()
    for start in range(len(folded) - _PIECE + 1):
        if folded[start : start + _PIECE] in pieces:
            hidden.update(range(start, start + _PIECE))
    return hidden


def _labelled_pattern(label: str, form: str) -> str:
    """A pattern for a short credential after its label, as in headers, JSON and queries."""
    return rf"((?<![A-Za-z0-9]){re.escape(label)}\W{{1,8}}){re.escape(form)}(?![A-Za-z0-9])"


def _mark(match: re.Match[str]) -> str:
    return f"{match.group(1) or ''}{MARK}"


def _fold(text: str) -> str:
    """The text in lower case, as some servers repeat headers; unchanged if that would alter its length."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text


def _is_distinctive(form: str) -> bool:
    """Whether no ordinary text contains it: it is long and mixes digits and letters, or it is `user:password@`."""
    has_both = any(map(str.isdigit, form)) and any(map(str.isalpha, form))
    return len(form) >= _PIECE and (has_both or (":" in form and "@" in form))


def _forms(value: str) -> Iterator[str]:
    """The encodings in which a credential may be repeated, without padding."""
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
