"""Credentials that a server repeats inside a reply with status 200: in the text, or in what it tells besides."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.chunks import Chunk, End, Metadata, Token
from chat_tui.core.finish_reasons import is_known
from chat_tui.core.redaction import StreamRedactor
from chat_tui.providers.credentials import credentials_of
from chat_tui.providers.line import Line


class EchoFilter:
    """Takes the line's credentials out of one reply."""

    def __init__(self, line: Line) -> None:
        self._line = line
        credentials = tuple(credentials_of(line.provider, line.api_key))
        self._texts = {kind: StreamRedactor(credentials) for kind in ("text", "thinking")}

    def filter(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """The burst with credentials replaced; the same object where there are none."""
        filtered = [self._filtered(chunk) for chunk in burst]
        return burst if all(map(_is_same, burst, filtered)) else filtered

    def _filtered(self, chunk: Chunk) -> Chunk:
        if isinstance(chunk, Token):
            text = self._texts[chunk.kind].feed(chunk.token)
            return chunk if text is chunk.token else msgspec.structs.replace(chunk, token=text)
        if isinstance(chunk, Metadata) and (chunk.reason or chunk.tool):
            redact = self._line.redactor().redact
            return msgspec.structs.replace(chunk, reason=redact(chunk.reason), tool=redact(chunk.tool))
        if isinstance(chunk, End) and (chunk.served_model or not is_known(chunk.finish_reason)):
            redact = self._line.redactor().redact
            return msgspec.structs.replace(
                chunk, finish_reason=redact(chunk.finish_reason), served_model=redact(chunk.served_model)
            )
        return chunk


def _is_same(one: Chunk, other: Chunk) -> bool:
    return one is other
