"""Answers about documents that exceed the model's context window: findings in each part become one answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec
from msgspec.structs import replace

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.attachments.attachment import TEXT, Attachment
from chat_tui.core.chunks import (
    Chunk,
    End,
    Error,
    ErrorInfo,
    Metadata,
    Start,
    State,
    Timings,
    Token,
    ToolCallDelta,
    sum_usages,
)
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.core.route import Route, Try
from chat_tui.core.usage.token_estimate import attachment_tokens, estimate
from chat_tui.routing.execution.control import StreamControl
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.router import Router

ROUNDS = 3
"""How often findings that exceed the window are summarized in groups; after that, what does not fit is left out."""
_SAFETY = 0.85
"""The fraction of the window that is used, since tokens are estimated."""
_LEAST_TOKENS = 64
_FOUND = "These are findings from all parts of the document, in order. Put them together into one answer. {question}"
_PART = "This is part {number} of {of} of the document. Give the findings in this part only. {question}"


class DocumentPart(msgspec.Struct, frozen=True):
    """Some lines of a document."""

    text: str
    first_line: int
    """Counts from 1."""
    last_line: int


def split_document(text: str, tokens: int) -> list[DocumentPart]:
    """Split a text into parts of about this many tokens, between paragraphs if possible, else lines, else anywhere.

    The parts joined are the text. Takes a tenth of a second for a megabyte, so it is for a thread.
    """
    parts: list[DocumentPart] = []
    held, size, line = "", 0, 1
    first = line
    for piece in _pieces(text, tokens):
        cost = estimate(piece)
        if held and size + cost > tokens:
            parts.append(DocumentPart(held, first, line - held.endswith("\n")))
            held, size, first = "", 0, line
        held, size = held + piece, size + cost
        line += piece.count("\n")
    if held:
        parts.append(DocumentPart(held, first, line - held.endswith("\n")))
    return parts


def _pieces(text: str, tokens: int) -> list[str]:
    """Paragraphs with the blank lines after them, or the lines of long paragraphs, or pieces of long lines."""
    paragraphs: list[list[str]] = [[]]
    blank = False
    for line in text.splitlines(keepends=True):
        if blank and line.strip():
            paragraphs.append([])
        blank = not line.strip()
        paragraphs[-1].append(line)
    pieces: list[str] = []
    for paragraph in paragraphs:
        whole = "".join(paragraph)
        for piece in [whole] if estimate(whole) <= tokens else paragraph:
            pieces += _bits(piece, tokens)
    return [piece for piece in pieces if piece]


def _bits(line: str, tokens: int) -> list[str]:
    if len(line) < 2 or estimate(line) <= tokens:
        return [line]
    middle = len(line) // 2
    return [*_bits(line[:middle], tokens), *_bits(line[middle:], tokens)]


def find_document(request: Request) -> Attachment | None:
    """The text attached to the last question, several files as one; None if there is none."""
    turns = request.spoken()
    files = [file for file in turns[-1].attachments if not file.is_image] if turns else []
    if len(files) < 2:
        return files[0] if files else None
    content = b"\n\n".join(file.content for file in files)
    return Attachment(", ".join(file.name for file in files), TEXT, content, size_bytes=len(content))


def document_tokens(router: Router, request: Request) -> int | None:
    """How many tokens of a document fit beside the question; None if the window is not known."""
    context = router.context(without_document(request))
    if context.window is None:
        return None
    return max(_LEAST_TOKENS, int((context.window - context.reply_tokens - context.tokens) * _SAFETY))


def without_document(request: Request) -> Request:
    """The request with only the system prompt and the last question, without attachments."""
    turns = request.spoken()
    system = [turn for turn in turns[:-1] if turn.role == "system"]
    return request.replace(prompt="", turns=(*system, replace(turns[-1], attachments=())))


async def stream(router: Router, request: Request, clock: Callable[[], float] = time.monotonic) -> Stream:
    """The reply to a request with a document, in parts if the document exceeds the window."""
    document = find_document(request)
    room = await asyncio.to_thread(document_tokens, router, request) if document else None
    if document is None or room is None or attachment_tokens(document) <= room:
        return router.process_stream(request)
    text = document.content.decode("utf-8", "replace")
    parts = await asyncio.to_thread(split_document, text, room)
    control = StreamControl()
    return Stream(DocumentStream(router, request, document.name, room, control, clock).bursts(parts), control)


class DocumentStream:
    """Asks about each part of a document, then for a summary."""

    def __init__(
        self, router: Router, request: Request, name: str, room: int, control: StreamControl, clock: Callable[[], float]
    ) -> None:
        self._router, self._name, self._room = router, name, room
        self._request = without_document(request)
        self._question = self._request.turns[-1].text.strip()
        self._control, self._clock = control, clock
        self._begun = clock()
        self._began = False
        self._index = 0
        self._text: list[str] = []
        """The text of the running step."""
        self._ends: list[tuple[float, End]] = []
        """The end of each step, with when it began in seconds after the request."""
        self._error: ErrorInfo | None = None
        self._step_at = 0.0
        self._spoke = False

    async def bursts(self, parts: Sequence[DocumentPart]) -> AsyncGenerator[Sequence[Chunk], None]:
        """The chunks of all steps, with one `Start` and one `End`."""
        findings: list[str] = []
        for number, part in enumerate(parts, 1):
            lines = f"lines {part.first_line:,}–{part.last_line:,}"
            heading = f"## Part {number} of {len(parts)} ({lines})\n\n"
            asked = _PART.format(number=number, of=len(parts), question=self._question)
            step = self._step(asked, part.text, heading, (number, len(parts) + 1), copies=len(parts))
            async with aclosing(step) as bursts:
                async for burst in bursts:
                    yield burst
            if self._stopped:
                break
            if self._error is None:
                findings.append("".join(self._text))
        if not self._stopped and findings:
            async with aclosing(self._summarize(findings, (len(parts) + 1, len(parts) + 1))) as bursts:
                async for burst in bursts:
                    yield burst
        if self._error is not None and not self._stopped:
            yield [Error(self._error)]
        yield [self._end(bool(findings))]

    @property
    def _stopped(self) -> bool:
        return self._control.cancelled or bool(self._ends and self._ends[-1][1].state == "cancelled")

    async def _summarize(
        self, findings: Sequence[str], place: tuple[int, int]
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """The answer from the findings, which are summarized in groups first if they exceed the window."""
        for _ in range(ROUNDS):
            groups = await asyncio.to_thread(split_document, "\n\n".join(findings), self._room)
            if len(groups) < 2:
                break
            findings = []
            for group in groups:
                # Summaries of groups are only for the model, which summarizes them again.
                step = self._step(_FOUND.format(question=self._question), group.text, "", place)
                async with aclosing(step) as bursts:
                    async for burst in bursts:
                        yield [c for c in burst if isinstance(c, Metadata) and c.event != "reclassified"]
                if self._stopped:
                    return
                findings.append("".join(self._text))
        asked = _FOUND.format(question=self._question)
        whole = await asyncio.to_thread(split_document, "\n\n".join(findings), self._room)
        async with aclosing(self._step(asked, whole[0].text if whole else "", "## Summary\n\n", place)) as bursts:
            async for burst in bursts:
                yield burst

    async def _step(
        self, asked: str, text: str, heading: str, place: tuple[int, int], copies: int = 1
    ) -> AsyncGenerator[Sequence[Chunk], None]:
        """The chunks of one request, without its own start and end; `copies` is how many requests like it there are."""
        self._text, self._error = [], None
        self._thinking: list[str] = []
        at = self._step_at = self._clock() - self._begun
        file = Attachment(self._name, TEXT, text.encode("utf-8", "replace"))
        question = Turn("user", asked, attachments=(file,))
        request = self._request.replace(turns=(*self._request.turns[:-1], question), id="")
        opening: list[Chunk] = [Metadata("part", attempt=place[0], of=place[1])]
        async with aclosing(self._router.bursts(request, self._control)) as bursts:
            async for burst in bursts:
                chunks: list[Chunk] = []
                for chunk in burst:
                    if isinstance(chunk, Start):
                        chunks += [] if self._began else [chunk]
                        self._began = True
                        chunks += opening
                    elif isinstance(chunk, End):
                        self._ends.append((at, chunk))
                    elif isinstance(chunk, Error):
                        self._error = chunk.error
                    else:
                        chunks += self._rewrite(chunk, heading, copies)
                if chunks:
                    yield chunks
        if self._stopped:
            return
        closing = "\n\n" if self._text else ""
        if self._error is not None:
            # The other parts continue; the answer says what is missing.
            closing = f"{heading if not self._text else ''}*This part was not analysed: {self._error.title}*\n\n"
        if closing:
            yield [self._token(closing)]

    def _rewrite(self, chunk: Token | ToolCallDelta | Metadata, heading: str, copies: int) -> list[Chunk]:
        if isinstance(chunk, ToolCallDelta):
            # No tools are offered for a part.
            return []
        if isinstance(chunk, Token):
            chunks: list[Chunk] = []
            if chunk.kind == "text":
                if not self._text and heading:
                    chunks.append(self._token(heading))
                self._text.append(chunk.token)
            else:
                self._thinking.append(chunk.token)
            return [*chunks, self._token(chunk.token, chunk)]
        if chunk.event == "reclassified":
            opening = [self._token(heading)] if chunk.kind == "text" and not self._text and heading else []
            text, thinking = reclassify("".join(self._text), "".join(self._thinking), chunk)
            self._text, self._thinking = [text], [thinking]
            return [*opening, chunk]
        if chunk.event == "connecting" and chunk.price is not None:
            paid = sum(end.cost or 0.0 for _, end in self._ends)
            left = copies + 1 - len(self._ends)
            return [replace(chunk, price=paid + chunk.price * max(1, left))]
        if chunk.event == "first_token" and chunk.ttft_seconds is not None:
            spoke, self._spoke = self._spoke, True
            return [] if spoke else [replace(chunk, ttft_seconds=self._step_at + chunk.ttft_seconds)]
        # Each request counts its own tokens; the sum is in the `End`.
        return [replace(chunk, usage=None)] if chunk.event != "usage" else []

    def _token(self, text: str, like: Token | None = None) -> Token:
        self._index += 1
        return Token(text, like.kind if like else "text", self._index - 1)

    def _end(self, found: bool) -> End:
        ends = [end for _, end in self._ends]
        last = ends[-1] if ends else End(state="cancelled")
        if self._stopped:
            state: State = "cancelled"
        elif self._error is not None:
            state = "broken" if found else "empty" if last.state == "empty" else "failed"
        else:
            state = last.state
        costs = [end.cost for end in ends if end.usage is not None]
        known = [cost for cost in costs if cost is not None]
        return replace(
            last,
            state=state,
            usage=sum_usages([end.usage for end in ends if end.usage is not None]),
            timings=self._timings(),
            cost=sum(known) if len(known) == len(costs) and known else None,
            route=self._route(last.route),
        )

    def _timings(self) -> Timings:
        spoken = [(at, end) for at, end in self._ends if end.timings.ttft_seconds is not None]
        first = spoken[0] if spoken else None
        seconds = sum(end.timings.duration_seconds - (end.timings.ttft_seconds or 0.0) for _, end in spoken)
        tokens = sum(end.usage.completion_tokens or 0 for _, end in spoken if end.usage is not None)
        return Timings(
            ttft_seconds=first[0] + (first[1].timings.ttft_seconds or 0.0) if first else None,
            duration_seconds=self._clock() - self._begun,
            tokens_per_second=tokens / seconds if seconds > 0 and tokens else None,
            estimated=any(end.usage.estimated for _, end in spoken if end.usage is not None),
        )

    def _route(self, last: Route | None) -> Route | None:
        if last is None:
            return None
        tries: list[Try] = []
        for at, end in self._ends:
            tries += [replace(one, at_seconds=one.at_seconds + at) for one in (end.route.tries if end.route else ())]
        return replace(last, tries=tuple(tries))
