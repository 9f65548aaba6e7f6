"""Assembles the tool calls of one reply from pieces, as chunks."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.chunks import Chunk, ToolCallDelta
from chat_tui.core.tools import ARGUMENTS_LIMIT, CALLS_LIMIT, new_call_id
from chat_tui.providers.dialects.dialect import Json


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
