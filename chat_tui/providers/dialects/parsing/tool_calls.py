"""Makes chunks of what a reply says: its tool calls, which come in pieces, and its text, which may hold calls, too."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.core.chunks import Chunk, Metadata, Token, ToolCallDelta
from chat_tui.core.tools import ARGUMENTS_LIMIT, CALLS_LIMIT, decode_arguments, new_call_id
from chat_tui.providers.dialects.dialect import Json
from chat_tui.providers.dialects.parsing.bare_channels import BareChannels
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags
from chat_tui.providers.dialects.parsing.written.call_grammar import WrittenCall
from chat_tui.providers.dialects.parsing.written.written_calls import WrittenCalls


class _OpenCall:
    """A call whose end has not come."""

    def __init__(self, index: int, id: str, name: str) -> None:
        self.index, self.id, self.name = index, id, name
        self.arguments: list[str] = []
        self.signature = ""


class ToolCallAssembler:
    """Turns the pieces of tool calls into chunks. `key` is what the server tells calls apart by: an index or an id."""

    def __init__(self) -> None:
        self._open: dict[str, _OpenCall] = {}
        self._count = self._characters = 0
        self._ids: set[str] = set()

    @property
    def count(self) -> int:
        """How many calls have begun."""
        return self._count

    def has(self, key: str) -> bool:
        """Whether this call has begun and not ended."""
        return key in self._open

    def has_arguments(self, key: str) -> bool:
        """Whether a piece of this open call's arguments has come."""
        return key in self._open and bool(self._open[key].arguments)

    def is_other(self, key: str, id: str) -> bool:
        """Whether this open call has another id and all of its arguments: then what follows belongs to the next one."""
        call = self._open.get(key)
        if call is None or call.id == id or not call.arguments:
            return False
        return decode_arguments("".join(call.arguments)) is not None

    def begin(self, key: str, name: str, id: str = "") -> Sequence[Chunk]:
        """Begin a call; nothing if there are too many. An id that is missing or was used before is replaced."""
        if self._count >= CALLS_LIMIT:
            return ()
        if not id or id in self._ids:
            id = new_call_id()
        self._ids.add(id)
        call = self._open[key] = _OpenCall(self._count, id, name)
        self._count += 1
        return [ToolCallDelta(call.index, "start", id, name)]

    def add(self, key: str, arguments: str) -> Sequence[Chunk]:
        """Add a piece of a call's arguments."""
        call = self._open.get(key)
        room = ARGUMENTS_LIMIT - self._characters
        if call is None or not arguments or room <= 0:
            return ()
        piece = arguments[:room]
        self._characters += len(piece)
        call.arguments.append(piece)
        return [ToolCallDelta(call.index, "arguments", call.id, arguments=piece)]

    def sign(self, key: str, signature: Json) -> None:
        """Keep what the server wants returned with the call."""
        if key in self._open and isinstance(signature, str):
            self._open[key].signature = signature

    def end(self, key: str) -> Sequence[Chunk]:
        """End a call: its arguments are complete."""
        call = self._open.pop(key, None)
        if call is None:
            return ()
        return [ToolCallDelta(call.index, "end", call.id, call.name, "".join(call.arguments), call.signature)]

    def end_all(self) -> Sequence[Chunk]:
        """End all calls that are open, in the order in which they began."""
        return [chunk for key in list(self._open) for chunk in self.end(key)]


class AnswerText:
    """Turns the text of a reply into chunks: thinking between tags, and calls that the model writes as text."""

    def __init__(self, calls: ToolCallAssembler) -> None:
        self.tags: ThinkingTags | BareChannels = ThinkingTags()
        self.written: WrittenCalls | None = None
        """Reads calls in the text; None if there can be none, or if the server has read one itself."""
        self._calls = calls

    def feed(self, text: str) -> Sequence[Chunk]:
        """Return the chunks that are decided now."""
        told = self.tags.feed(text)
        return told if self.written is None else self._read_calls(told)

    def rest(self, *, natural: bool) -> Sequence[Chunk]:
        """Return what is held back because it may begin a tag or a call, at the end. `natural`: the model has ended its
        text, so it was not cut."""
        told = self.tags.rest(natural=natural)
        if self.written is None:
            return told
        return [*self._read_calls(told), *self._chunks_of(self.written.rest(natural=natural))]

    def come_apart(self) -> None:
        """Note that the server sends thinking in a separate field, so that all text is the answer."""
        self.tags.come_apart()

    def end_by_call(self) -> Sequence[Chunk]:
        """Return what is held back, before a call that the server has read: it reads all of them, so text is text."""
        held = self.rest(natural=False)
        self.written = None
        return held

    def _read_calls(self, told: Sequence[Token | Metadata]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for chunk in told:
            if self.written is None:
                chunks.append(chunk)
            elif isinstance(chunk, Token) and chunk.kind == "text":
                chunks += self._chunks_of(self.written.feed(chunk.token))
            else:
                chunks += self._chunks_of(self.written.rest(natural=False))
                if isinstance(chunk, Metadata) and chunk.kind == "thinking":
                    # The calls in the text before it were no text.
                    chunk = replace(chunk, characters=max(0, chunk.characters - self.written.swallowed))
                chunks.append(chunk)
        return chunks

    def _chunks_of(self, found: Sequence[str | WrittenCall]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for each in found:
            if isinstance(each, str):
                chunks.append(Token(each))
                continue
            key = f"+{self._calls.count}"
            chunks += self._calls.begin(key, each.name)
            chunks += self._calls.add(key, each.arguments)
            chunks += self._calls.end(key)
        return chunks
