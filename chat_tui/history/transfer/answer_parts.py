"""Splits an answer at its tool calls, into an answer with the calls, their results, and the answer that follows.

A call and its result are paired by the source's ids or, where it has none, by the name of the tool. A call without a
result, and a result without a call, stay part of the answer's thinking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256

import msgspec

from chat_tui.core.chunks import State, Usage, sum_usages
from chat_tui.core.tools import ARGUMENTS_LIMIT, CALLS_LIMIT, ToolCall, ToolResult, decode_arguments
from chat_tui.history.transfer.source_messages import SourceCall, SourceMessage, SourceResult

TOOL_CHARACTERS = 20_000
"""The longest arguments or output of a tool, which may be a whole web page; longer ones are truncated."""
_NAME_CHARACTERS = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class PartResult:
    """The result of a tool call."""

    def __init__(self, key: str, created: datetime | None, result: SourceResult, call: ToolCall) -> None:
        self.key, self.created = key, created
        self.source_name = result.name
        self.texts = [bound_tool_text(result.text)]
        self.state: State = result.state
        self.result = ToolResult(call.id, call.name)
        self.files: list[str] = []


class AnswerPart:
    """A part of an answer: what the assistant thought and wrote, the tools that it called then, and their results."""

    def __init__(self) -> None:
        self.key = ""
        """The key of its first text or, without one, of its first message."""
        self.created: datetime | None = None
        self.texts: list[str] = []
        self.files: list[str] = []
        self.model = ""
        self.state: State = "complete"
        self.usage: Usage | None = None
        self.results: list[PartResult] = []
        self._items: list[_PendingCall | str] = []
        self._open: list[_PendingCall] = []
        self._calls = self._arguments = 0

    @property
    def calls(self) -> Sequence[ToolCall]:
        """The calls that have a result."""
        return [item.call for item in self._items if isinstance(item, _PendingCall) and item.is_answered]

    @property
    def asides(self) -> Sequence[str]:
        """The thinking, with the calls and results that are not paired."""
        texts = (
            item if isinstance(item, str) else "" if item.is_answered else item.source.aside for item in self._items
        )
        return [text for text in texts if text]

    def add(self, key: str, message: SourceMessage) -> None:
        """Add a message of the assistant."""
        has_text = bool(message.text.strip())
        if not self.key or (has_text and not self.texts):
            self.key = key
        self.created = self.created or message.created
        if has_text:
            self.texts.append(message.text)
        self._items.append(message.aside)
        for number, call in enumerate(message.calls):
            self._add_call(f"{key}:{number}", call)
        self.files.extend(message.files)
        self.model = message.model or self.model
        self.state = message.state
        usages = [usage for usage in (self.usage, message.usage) if usage is not None]
        self.usage = sum_usages(usages) if len(usages) > 1 else next(iter(usages), None)

    def _add_call(self, key: str, source: SourceCall) -> None:
        arguments = _as_arguments(source.arguments)
        if self._calls == CALLS_LIMIT or self._arguments + len(arguments) > ARGUMENTS_LIMIT:
            self._items.append(source.aside)
            return
        self._calls += 1
        self._arguments += len(arguments)
        # Ids of sources may be missing, repeated, or none that a provider accepts.
        id = f"call_{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
        pending = _PendingCall(source, ToolCall(id, _as_name(source.name), arguments))
        self._items.append(pending)
        self._open.append(pending)

    def add_results(self, key: str, message: SourceMessage) -> None:
        """Add the results of a message to their calls; a result without one becomes thinking."""
        self._items.append(message.aside)
        paired: PartResult | None = None
        for number, result in enumerate(message.results):
            found = self._pair(f"{key}:{number}" if number else key, message, result)
            if found is None:
                self._items.append(result.aside)
            paired = found or paired
        (self.files if paired is None else paired.files).extend(message.files)

    def _pair(self, key: str, message: SourceMessage, result: SourceResult) -> PartResult | None:
        call = next((call for call in self._open if call.is_answered_by(result)), None)
        if call is not None:
            self._open.remove(call)
            call.is_answered = True
            self.results.append(PartResult(key, message.created, result, call.call))
            return self.results[-1]
        before = self.results[-1] if self.results else None
        if before is None or result.call or before.source_name != result.name:
            return None
        # A tool may write several messages.
        before.texts.append(bound_tool_text(result.text))
        if result.state != "complete":
            before.state = result.state
        return before


class _PendingCall:
    def __init__(self, source: SourceCall, call: ToolCall) -> None:
        self.source, self.call = source, call
        self.is_answered = False

    def is_answered_by(self, result: SourceResult) -> bool:
        if self.source.id and result.call:
            return self.source.id == result.call
        return bool(result.name) and self.source.name == result.name


def split_answer(messages: Iterable[tuple[str, SourceMessage]]) -> Iterator[AnswerPart]:
    """The parts of an answer, of its messages with their keys. All but the last one have calls with results."""
    part = AnswerPart()
    for key, message in messages:
        if message.results:
            part.add_results(key, message)
            continue
        text = message.text if message.kind == "assistant" else ""
        says_something = text.strip() or message.aside or message.files or message.calls or message.state != "complete"
        if part.results and says_something:
            yield part
            part = AnswerPart()
        if says_something or not part.results:
            part.add(key, msgspec.structs.replace(message, text=text))
    yield part


def tool_block(name: str, text: str) -> str:
    """A call or a result as text for the user, to be shown as thinking."""
    text = bound_tool_text(text)
    fence = "````" if "```" in text else "```"
    return f"[{name[:100] or 'tool'}]\n{fence}\n{text}\n{fence}"


def bound_tool_text(text: str) -> str:
    """The text with at most `TOOL_CHARACTERS`."""
    return text if len(text) <= TOOL_CHARACTERS else text[:TOOL_CHARACTERS] + "…"


def _as_name(name: str) -> str:
    """The name with the characters that providers accept."""
    return _NOT_IN_NAMES.sub("_", name[:_NAME_CHARACTERS]).strip("_") or "tool"


def _as_arguments(text: str) -> str:
    """The arguments as a JSON object, with anything else as its `input`."""
    if len(text) <= TOOL_CHARACTERS and decode_arguments(text) is not None:
        return text if text.strip() else "{}"
    # Half of a character cannot be written as JSON.
    text = bound_tool_text(text).encode("utf-8", "replace").decode()
    return msgspec.json.encode({"input": text}).decode()
