"""Removes credentials that a server repeats inside a reply with status 200."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import msgspec

from chat_tui.core.answers.finish_reasons import is_known
from chat_tui.core.chunks import Chunk, End, Metadata, Token, TokenKind
from chat_tui.core.text.redaction import Redactor, StreamRedactor
from chat_tui.providers.credentials.config_credentials import credentials_of
from chat_tui.providers.endpoint import Endpoint


class EchoPatterns:
    """What is searched for in the replies of one endpoint; made once for all of them, since it takes its time."""

    def __init__(self, line: Endpoint) -> None:
        self.line = line
        credentials = tuple(credentials_of(line.provider, line.api_key))
        self.redactor = Redactor(credentials)
        self.text = StreamRedactor(credentials)
        """Never fed: each reply gets a copy of it."""


class EchoFilter:
    """Removes the endpoint's credentials from one reply."""

    def __init__(self, patterns: EchoPatterns) -> None:
        self._redactor = patterns.redactor
        self._texts: dict[TokenKind, StreamRedactor] = {"text": copy(patterns.text), "thinking": copy(patterns.text)}
        self._held: TokenKind | None = None
        """The kind of the text that is held back; never both kinds."""

    def filter(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """Return the burst with credentials replaced; the same object if there are none."""
        if self._held is None and self._passes(burst):
            return burst
        filtered: list[Chunk] = []
        for chunk in burst:
            if self._held and self._ends_hold(chunk):
                filtered += self.rest()
            filtered.append(self._filter_chunks(chunk))
        return burst if len(burst) == len(filtered) and all(map(_is_same, burst, filtered)) else filtered

    def _passes(self, burst: Sequence[Chunk]) -> bool:
        """Return whether the burst is text of one kind, without anything that is to be replaced or held back."""
        texts: list[str] = []
        kind: TokenKind | None = None
        for chunk in burst:
            if not isinstance(chunk, Token) or (kind is not None and chunk.kind != kind):
                return False
            kind = chunk.kind
            texts.append(chunk.token)
        return kind is not None and self._texts[kind].passes("".join(texts))

    def rest(self) -> Sequence[Chunk]:
        """Return the text that is held back because a credential may begin with it."""
        kind, self._held = self._held, None
        text = self._texts[kind].rest() if kind else ""
        return [Token(text, kind)] if kind and text else []

    def _ends_hold(self, chunk: Chunk) -> bool:
        if isinstance(chunk, Token):
            return chunk.kind != self._held
        return isinstance(chunk, End) or (isinstance(chunk, Metadata) and chunk.event == "reclassified")

    def _filter_chunks(self, chunk: Chunk) -> Chunk:
        if isinstance(chunk, Token):
            redactor = self._texts[chunk.kind]
            text = redactor.feed(chunk.token)
            self._held = chunk.kind if redactor.holds else None
            return chunk if text is chunk.token else msgspec.structs.replace(chunk, token=text)
        if isinstance(chunk, Metadata) and (chunk.reason or chunk.tool):
            redact = self._redactor.redact
            return msgspec.structs.replace(chunk, reason=redact(chunk.reason), tool=redact(chunk.tool))
        if isinstance(chunk, End) and (chunk.served_model or not is_known(chunk.finish_reason)):
            redact = self._redactor.redact
            return msgspec.structs.replace(
                chunk, finish_reason=redact(chunk.finish_reason), served_model=redact(chunk.served_model)
            )
        return chunk


def _is_same(one: Chunk, other: Chunk) -> bool:
    return one is other
