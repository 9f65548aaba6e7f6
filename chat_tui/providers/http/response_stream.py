"""Turns a reply's bytes into bursts of chunks: tells a stream from a plain body, and tolerates irregular endings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress

import msgspec

from chat_tui.core.chunks import Chunk, End, Token, ToolCallDelta
from chat_tui.core.errors import Garbled, ProviderError
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.dialects.dialect import Dialect, Reading
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.http.framing import Decoder, JsonLinesDecoder, SseDecoder

BODY_LIMIT = 64 * 1024 * 1024
"""The most bytes of a reply that is not a stream."""
AFTER_FINISH_SECONDS = 1.0
"""How long to wait for usage after the finish reason."""
AFTER_END_SECONDS = 0.02
"""How long to wait for the end of the bytes after the reply's end marker, so that the connection can be used again."""
_BLANK_LIMIT = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UNDECIDED = {b"", _BOM[:1], _BOM[:2], b"{", b"["}
_EVENT = lazy_pattern(rb":|(?:data|event|id|retry)\b")
_SPREAD_OUT = lazy_pattern(rb"[{\[][ \t]*[\r\n]")

Broken = tuple[type[Exception], ...]
"""What the bytes' iterator raises when the connection is lost."""


class Expectations(msgspec.Struct, frozen=True):
    """What a reply may contain, by its model and its request."""

    begins_thinking: bool = False
    """It omits the mark that opens it."""
    has_bare_channels: bool = False
    """It may write the channels of the harmony format without their marks."""
    tools: tuple[str, ...] = ()
    """Names of the tools that were offered."""
    logprobs: bool = False
    """The probabilities of tokens were asked for."""
    output: str = ""
    """Name of the format in which the answer was requested; empty for text."""
    written_calls: Mapping[str, frozenset[str]] = {}
    """Tools that may be called in the text, each with those of its parameters that are text."""


_USUAL = Expectations()


async def bursts(
    pieces: AsyncIterator[bytes], content_type: str, spoken: Dialect, broken: Broken, expected: Expectations = _USUAL
) -> AsyncGenerator[Sequence[Chunk], None]:
    """Yield the bursts of a reply with status 200, one for each read. The last chunk is an `End`.

    Raises `ProviderError`, after all chunks that came before the error. An empty burst means that the server is
    working: bytes have come that are no chunk yet.
    """
    kind = content_type.partition(";")[0].strip().lower()
    reading = _reading_of(spoken, expected)
    wrong: Broken = (ProviderError, *broken)
    burst: list[Chunk] = []
    at_work = False
    try:
        first = await anext(pieces, b"")
        if not _is_decisive(first):
            if first:
                at_work = True
                yield ()
            first = await _read_beginning(first, pieces)
        if _is_spread_out(first) if spoken.json_lines else _is_json(first):
            burst.extend(reading.whole(await _read_body(first, pieces)))
            if not (burst and isinstance(burst[-1], End)):
                burst.extend(reading.close())
            yield burst
            return
        if first.lstrip()[:1] == b"<" or (kind == "text/html" and not _is_event(first)):
            raise _web_page()
        decoder: Decoder = JsonLinesDecoder() if spoken.json_lines else SseDecoder()
        data: bytes | None = first
        deadline: float | None = None
        while data is not None:
            for event in decoder.feed(data):
                burst.extend(reading.feed(event.data, event.name))
            if burst and isinstance(burst[-1], End):
                break
            if burst or not at_work:
                at_work = True
                yield burst
            if reading.finished and (
                deadline is None or any(isinstance(chunk, Token | ToolCallDelta) for chunk in burst)
            ):
                deadline = asyncio.get_running_loop().time() + AFTER_FINISH_SECONDS
            burst = []
            data = await _read_next(pieces, deadline, broken)
        else:
            for event in decoder.close():
                burst.extend(reading.feed(event.data, event.name))
            if not (burst and isinstance(burst[-1], End)):
                burst.extend(reading.close())
    except wrong:
        burst.extend(reading.held())
        if burst:
            yield burst
        raise
    if len(burst) > 1:
        yield burst[:-1]
    await _drain(pieces, broken)
    yield burst[-1:]


def _reading_of(spoken: Dialect, expected: Expectations) -> Reading:
    reading = spoken.reading()
    if isinstance(reading, ResponseParser) and expected != _USUAL:
        reading.expect_thinking(begins_thinking=expected.begins_thinking, has_bare_channels=expected.has_bare_channels)
        reading.expect_tools(expected.tools)
        if expected.logprobs:
            reading.expect_logprobs()
        reading.expect_output(expected.output)
        if expected.written_calls:
            reading.expect_written_calls(expected.written_calls, marked_only=bool(expected.output))
    return reading


def _web_page() -> Garbled:
    return Garbled("The server sent a web page instead of an answer.", "Check `base_url`.")


async def _read_beginning(held: bytes, pieces: AsyncIterator[bytes]) -> bytes:
    """Read on until the bytes show what the reply is: some servers send blank lines while they think."""
    async for data in pieces:
        held += data
        if _is_decisive(held):
            break
    return held


def _is_decisive(held: bytes) -> bool:
    """Return whether these first bytes show what the reply is."""
    return len(held) > _BLANK_LIMIT or held.lstrip().removeprefix(_BOM).strip() not in _UNDECIDED


def _is_json(data: bytes) -> bool:
    return data.lstrip().removeprefix(_BOM).lstrip()[:1] in {b"{", b"["}


def _is_event(data: bytes) -> bool:
    """Return whether the bytes begin like an event stream; some servers label theirs as a web page."""
    return _EVENT.match(data.lstrip().removeprefix(_BOM).lstrip()) is not None


def _is_spread_out(data: bytes) -> bool:
    """Return whether the bytes are one JSON value over several lines, instead of one for each line."""
    return _SPREAD_OUT.match(data.lstrip().removeprefix(_BOM)) is not None


async def _read_body(first: bytes, pieces: AsyncIterator[bytes]) -> bytes:
    parts, size = [first], len(first)
    async for data in pieces:
        parts.append(data)
        size += len(data)
        if size > BODY_LIMIT:
            raise Garbled("The server sent a body of more than 64 MB.", "Ask again, or choose another model.")
    return b"".join(parts).strip().removeprefix(_BOM)


async def _read_next(pieces: AsyncIterator[bytes], deadline: float | None, broken: Broken) -> bytes | None:
    """Return the next bytes, None at the end. After the finish reason, a lost connection or silence is the end, too."""
    if deadline is None:
        return await anext(pieces, None)
    with suppress(TimeoutError, *broken):
        async with asyncio.timeout_at(deadline):
            return await anext(pieces, None)
    return None


async def _drain(pieces: AsyncIterator[bytes], broken: Broken) -> None:
    with suppress(TimeoutError, *broken):
        async with asyncio.timeout(AFTER_END_SECONDS):
            await anext(pieces, None)
