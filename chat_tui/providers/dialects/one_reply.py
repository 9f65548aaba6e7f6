"""What the readings of all dialects share: odd events, thinking tags, the figures, the ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from chat_tui.chunks import Chunk, End, Metadata, State, Timings, Token, Usage
from chat_tui.errors import Garbled
from chat_tui.providers.dialects.complaint import error_of
from chat_tui.providers.dialects.dialect import Json, parsed
from chat_tui.providers.thinking_tags import ThinkingTags
from chat_tui.text_safety import clean_line

MALFORMED_LIMIT = 100
"""Malformed events in one reply; more and it is not the dialect."""


class OneReply:
    """Reads one reply; a dialect says in `_read` and `_read_whole` what an object means."""

    dialect: ClassVar[str]
    states: ClassVar[Mapping[str, State]]
    """Of the finish reasons that mean something else than `complete`."""

    def __init__(self) -> None:
        self.finished = False
        self._reason = ""
        self._usage: Usage | None = None
        self._timings = Timings()
        self._tags = ThinkingTags()
        self._malformed = 0
        self._seen = False
        self._refused = False

    def feed(self, data: bytes, name: str = "") -> Sequence[Chunk]:
        """The chunks of one event."""
        if data[:1] != b"{":
            data = data.strip()
            if not data:
                # A heartbeat in the form of an empty event.
                return ()
            if data.startswith(b"[DONE]"):
                return self._done()
        try:
            value = parsed(data)
        except ValueError:
            return self._malformed_event()
        if not isinstance(value, dict):
            return self._malformed_event()
        if name == "error" or _is_error(value):
            raise error_of(value)
        chunks: list[Chunk] = []
        self._read(value, chunks)
        return chunks

    def whole(self, body: bytes) -> Sequence[Chunk]:
        """The chunks of a plain JSON body."""
        try:
            value = parsed(body)
        except ValueError:
            raise Garbled("The server's reply is not JSON.", "Is the address right?") from None
        chunks: list[Chunk] = []
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                raise self._no_answer()
            if _is_error(part):
                raise error_of(part)
            self._read_whole(part, chunks)
        if not self._seen:
            raise self._no_answer()
        told = [chunk for chunk in chunks if not isinstance(chunk, End)]
        if isinstance(value, list) and not self.finished:
            # A stream's parts, put together: `close` says that the last one is missing.
            return told
        self.finished = True
        return [*told, *self._ending()]

    def held(self) -> Sequence[Chunk]:
        """What may still have become a tag, where the reply breaks off."""
        return [Token(text, kind) for text, kind in self._tags.rest()]

    def close(self) -> Sequence[Chunk]:
        """The ending, where a finish reason came without an end marker."""
        if not self.finished:
            if not self._seen:
                raise Garbled("The server's reply holds no answer.", "Is the address right? Ask again.")
            raise Garbled("The line was cut before the answer had ended.", "Ask again, or continue from the part.")
        return self._ending()

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        """Take one object of a stream."""
        raise NotImplementedError

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        """Take one object of a plain body."""
        self._read(value, chunks)

    def _done(self) -> Sequence[Chunk]:
        """OpenAI's end marker; what else ends with it has told its end already."""
        return ()

    def _no_answer(self) -> Garbled:
        return Garbled("The server's reply is not a chat completion.", "Is the address right?")

    def _say(self, text: Json, chunks: list[Chunk]) -> None:
        if text and isinstance(text, str):
            chunks.extend(Token(piece, kind) for piece, kind in self._tags.feed(text) if piece)

    def _think(self, text: Json, chunks: list[Chunk]) -> None:
        if text and isinstance(text, str):
            chunks.append(Token(text, "thinking"))

    def _count(self, usage: Usage, chunks: list[Chunk]) -> None:
        if usage != self._usage:
            self._usage = usage
            chunks.append(Metadata("usage", usage=usage))

    def _finish(self, reason: Json) -> None:
        if reason and isinstance(reason, str):
            self._reason = clean_line(reason, 60)
            self.finished = True

    def _malformed_event(self) -> Sequence[Chunk]:
        self._malformed += 1
        if self._malformed > MALFORMED_LIMIT:
            raise Garbled(f"The server's reply is not the dialect `{self.dialect}`.", "Is the address right?")
        return [Metadata("skipped", reason="one malformed event")]

    def _ending(self) -> Sequence[Chunk]:
        chunks: list[Chunk] = list(self.held())
        state: State = "refused" if self._refused else self.states.get(self._reason, "complete")
        chunks.append(End(finish_reason=self._reason, state=state, usage=self._usage, timings=self._timings))
        return chunks


def _is_error(value: dict[str, Json]) -> bool:
    return bool(value.get("error")) or value.get("object") == "error" or value.get("type") == "error"
