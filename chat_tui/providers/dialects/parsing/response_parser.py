"""What the parsers of all dialects share: malformed events, thinking tags, usage, the ending."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from chat_tui.core.answers.finish_reasons import state_of
from chat_tui.core.chunks import Chunk, End, Metadata, State, Timings, Token, Usage
from chat_tui.core.errors import Garbled, ProviderError
from chat_tui.providers.dialects.dialect import Json, parsed
from chat_tui.providers.dialects.encoding.replay import write_replay
from chat_tui.providers.dialects.parsing.bare_channels import BareChannels
from chat_tui.providers.dialects.parsing.error_message import message_in
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.dialects.parsing.thinking_fields import ThinkingFields
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags
from chat_tui.providers.dialects.parsing.tool_calls import AnswerText, ToolCallAssembler
from chat_tui.providers.dialects.parsing.written.written_calls import WrittenCalls

TOOLS_LIMIT = 20
"""Calls of one reply that are told."""
CHOICES_LIMIT = 20_000
"""Choices of other indexes that are kept while it is not known whose they are."""
ERROR_LIMIT = 20_000
"""Bytes of an error that are read where it is plain text."""
MALFORMED_LIMIT = 100
"""Malformed events in one reply; more and it is not the dialect."""

_ANSWER_FIELDS = ("choices", "candidates", "content", "type", "done", "usage", "usageMetadata", "promptFeedback")
"""An object with one of these tells something of an answer."""
_ERROR_FIELDS = frozenset(
    ("error", "errors", "type", "base_resp", "message", "msg", "detail", "success", "code", "status", "status_code")
)
"""An object with none of these is no error."""


class FirstChoice:
    """Which of the choices in a reply is read. More than one is never asked for, so it is the first that says
    something, whatever its index; others beside it are passed over.

    Some gateways count their events in the index. So what the others say is kept: where the first choice never comes
    again and has not ended, they are how it goes on.
    """

    def __init__(self) -> None:
        self._index: str | None = None
        """Of the choice that is followed, as text; None until one has told its index."""
        self._others: list[dict[str, Json]] = []
        self._is_one_of_several = False

    def of(self, choices: Json, *, spoke: bool) -> dict[str, Json] | None:
        """The choice that is read, None where this list holds none of it. `spoke`: it has said something before."""
        if spoke and self.is_first and isinstance(choices, list) and len(choices) == 1:
            # As nearly every event has it.
            only = choices[0]
            if isinstance(only, dict) and only.get("index") == 0:
                return only
        rows = [row for row in choices[:100] if isinstance(row, dict)] if isinstance(choices, list) else []
        if not rows:
            return None
        if self._index is None or not spoke:
            chosen = next((row for row in rows if _index_of(row) == "0"), rows[0])
            self._index = _index_of(chosen)
            return chosen
        row = next((row for row in rows if _index_of(row) in (self._index, None)), None)
        if row is not None:
            self._is_one_of_several = self._is_one_of_several or bool(self._others) or len(rows) > 1
        elif not self._is_one_of_several and len(self._others) < CHOICES_LIMIT:
            self._others += rows
        return row

    @property
    def is_first(self) -> bool:
        """Whether the choice of index 0 is followed, and no other has come."""
        return self._index == "0" and not self._others

    def rest(self) -> list[dict[str, Json]]:
        """What other indexes hold of the choice that is read, at the end of a reply that it has not ended."""
        others, self._others = self._others, []
        return [] if self._is_one_of_several else others


def _index_of(choice: dict[str, Json]) -> str | None:
    """Return the index as text: some gateways send `"0"`, or 0.0."""
    index = choice.get("index")
    if isinstance(index, float) and index.is_integer():
        index = int(index)
    return str(index)[:20] if isinstance(index, (int, float, str)) else None


class ResponseParser:
    """Reads one reply; dialects define in `_read` and `_read_whole` what an object means."""

    dialect: ClassVar[str]

    def __init__(self) -> None:
        self.finished = False
        self._reason = ""
        self._usage: Usage | None = None
        self._timings = Timings()
        self._thinking = ThinkingFields()
        self._choice = FirstChoice()
        self._served = self._served_as = ""
        self._calls = ToolCallAssembler()
        self._text = AnswerText(self._calls)
        self._tools: frozenset[str] = frozenset()
        """Names of the tools that were offered."""
        self._wants_logprobs = False
        self._output = ""
        """Name of the format of the answer, for dialects that ask for it as the arguments of a tool."""
        self._called: set[str] = set()
        self._unsent: list[Chunk] = []
        self._malformed = 0
        self._seen = False
        self._spoke = False
        """Text or thinking has come."""
        self._refused = False

    def feed(self, data: bytes, name: str = "") -> Sequence[Chunk]:
        """Return the chunks of one event."""
        if data[:1] != b"{":
            data = data.strip()
            if not data:
                # A heartbeat in the form of an empty event.
                return ()
            if data.startswith(b"[DONE]"):
                return self._end_of_stream()
        try:
            value = parsed(data)
        except ValueError:
            if name == "error":
                raise error_of(data[:ERROR_LIMIT].decode("utf-8", "replace")) from None
            return self._malformed_event()
        if not isinstance(value, dict):
            return self._malformed_event()
        if name == "error" or _is_error(value):
            raise error_of(value)
        chunks: list[Chunk] = []
        try:
            self._read(value, chunks)
        except ProviderError:
            # What this event had said before is told by `held`.
            self._unsent += chunks
            raise
        return chunks

    def whole(self, body: bytes) -> Sequence[Chunk]:
        """Return the chunks of a plain JSON body."""
        try:
            value = parsed(body)
        except ValueError:
            raise Garbled("The server's reply is not JSON.", "Check the address in `base_url`.") from None
        chunks: list[Chunk] = []
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                raise self._no_answer()
            if _is_error(part):
                raise error_of(part)
            self._read_whole(part, chunks)
        if not self._seen:
            raise error_of(value) if message_in(value) else self._no_answer()
        told = [chunk for chunk in chunks if not isinstance(chunk, End)]
        if isinstance(value, list) and not self.finished:
            # A stream's parts, put together: `close` says that the last one is missing.
            return told
        self.finished = True
        return [*told, *self._end_chunks()]

    def held(self) -> Sequence[Chunk]:
        """Return the text that is held back when the reply breaks off, for example because it may begin a tag."""
        self._go_on_elsewhere()
        return self._rest(natural=False)

    def _rest(self, *, natural: bool) -> list[Chunk]:
        unsent, self._unsent = self._unsent, []
        return [*unsent, *self._text.rest(natural=natural)]

    def _go_on_elsewhere(self) -> None:
        """Take what choices of another index hold of this reply, where it has not ended."""
        if self.finished:
            return
        try:
            for choice in self._choice.rest():
                self._read_choice(choice, self._unsent)
        except ProviderError:
            # What came before its error is told; that the reply has no end, too.
            return

    def expect_thinking(self, *, begins_thinking: bool, has_bare_channels: bool) -> None:
        """How the model is known to write its thinking: it leaves out the opening mark, or may write harmony's channels
        without their marks. To be called before anything else."""
        tags = ThinkingTags(begins_thinking=begins_thinking)
        self._text.tags = BareChannels(tags) if has_bare_channels else tags

    def expect_tools(self, names: Collection[str]) -> None:
        """Tell which tools were offered; calls are passed on then. To be called before anything else."""
        self._tools = frozenset(names)

    def expect_written_calls(self, tools: Mapping[str, Collection[str]], *, marked_only: bool) -> None:
        """Tell which tools the model may call in its text, as for `WrittenCalls`. To be called before anything else."""
        self._text.written = WrittenCalls(tools, marked_only=marked_only)
        self._text.tags.expect_calls(tools)

    def expect_logprobs(self) -> None:
        """Tell that the probabilities of tokens were asked for; they are passed on then. To be called before anything
        else."""
        self._wants_logprobs = True

    def expect_output(self, name: str) -> None:
        """Tell the name of the format in which the answer was requested. To be called before anything else."""
        self._output = name

    def close(self) -> Sequence[Chunk]:
        """Return the ending, if a finish reason came without an end marker."""
        self._go_on_elsewhere()
        if not self.finished:
            if not self._seen:
                raise Garbled(
                    "The server's reply contains no answer.",
                    "Ask again. If that fails, check the address in `base_url`.",
                )
            raise Garbled("Connection lost before the answer finished.", "Ask again, or continue the answer.")
        return self._end_chunks()

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        """Read one object of a stream."""
        raise NotImplementedError

    def _read_choice(self, choice: dict[str, Json], chunks: list[Chunk]) -> None:
        """Read one choice, in dialects that have choices."""

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        """Read one object of a plain body."""
        self._read(value, chunks)

    def _content_to_return(self) -> Json:
        """Return what the provider wants returned with this answer; None if that is nothing."""
        return None

    def _end_of_stream(self) -> Sequence[Chunk]:
        """OpenAI's end marker; what else ends with it has told its end already."""
        return ()

    def _no_answer(self) -> Garbled:
        return Garbled("The server's reply is not a chat completion.", "Check the address in `base_url`.")

    def _add_text(self, text: Json, chunks: list[Chunk]) -> None:
        if text and isinstance(text, str):
            self._spoke = True
            chunks.extend(self._text.feed(text))

    def _serve(self, model: Json) -> None:
        """Note which model answers according to the server."""
        if model and isinstance(model, str) and model != self._served_as:
            self._served_as, self._served = model, model

    def _begin_call(self, key: str, name: Json, id: Json, chunks: list[Chunk]) -> None:
        """Begin a call; where no tool was offered it is only reported."""
        if not self._tools:
            self._report_call(name, chunks)
            return
        self._spoke = True
        chunks += self._text.end_by_call()
        chunks += self._calls.begin(key, _name_of(name), _name_of(id))

    def _add_arguments(self, key: str, arguments: Json, chunks: list[Chunk]) -> None:
        """Add a piece of a call's arguments: text, or an object from servers that send it as such."""
        if arguments is None or not self._calls.has(key):
            return
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        chunks += self._calls.add(key, text)

    def _end_call(self, key: str, chunks: list[Chunk]) -> None:
        chunks += self._calls.end(key)

    def _report_call(self, name: Json, chunks: list[Chunk]) -> None:
        """Report a tool that the model calls though none was offered."""
        tool = name if isinstance(name, str) else ""
        if not tool and not self._called:
            # Only a call's first piece has its name, if any.
            tool = "?"
        if tool and tool not in self._called and len(self._called) < TOOLS_LIMIT:
            self._called.add(tool)
            chunks.append(Metadata("skipped", reason=f"a call to the tool `{tool}`, which it does not have", tool=tool))

    def _think(self, text: Json, chunks: list[Chunk]) -> None:
        if text and isinstance(text, str):
            self._spoke = True
            self._text.come_apart()
            chunks.append(Token(text, "thinking"))

    def _count(self, usage: Usage, chunks: list[Chunk]) -> None:
        if usage != self._usage:
            self._usage = usage
            chunks.append(Metadata("usage", usage=usage))

    def _finish(self, reason: Json) -> None:
        if isinstance(reason, dict):
            reason = reason.get("type") or reason.get("reason")
        if reason and isinstance(reason, str):
            self._reason = reason
            self.finished = True

    def _malformed_event(self) -> Sequence[Chunk]:
        self._malformed += 1
        if self._malformed > MALFORMED_LIMIT:
            raise Garbled(
                f"The server's reply is not in the `{self.dialect}` format.", "Check the address in `base_url`."
            )
        return [Metadata("skipped", reason="one malformed event")]

    def _end_chunks(self) -> Sequence[Chunk]:
        state: State = "refused" if self._refused else state_of(self._reason)
        chunks = self._rest(natural=state == "complete")
        if state == "complete":
            # One that was cut at the token limit has no end.
            chunks += self._calls.end_all()
            if (content := self._content_to_return()) is not None:
                chunks.append(Metadata("replay", replay=write_replay(self.dialect, self._served, content)))
        chunks.append(
            End(
                finish_reason=self._reason,
                state=state,
                usage=self._usage,
                timings=self._timings,
                served_model=self._served,
            )
        )
        return chunks


def _name_of(value: Json) -> str:
    """Return a name or an id of a call; empty if it is absent or malformed."""
    return value[:200] if isinstance(value, str) else ""


def _is_error(value: dict[str, Json]) -> bool:
    if _ERROR_FIELDS.isdisjoint(value) and value.get("object") != "error":
        # As nearly every event is.
        return False
    if value.get("error") or value.get("object") == "error" or value.get("type") == "error":
        return True
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (None, 0, "0"):
        return True
    for name in _ANSWER_FIELDS:
        if value.get(name) is not None:
            return False
    if any(isinstance(value.get(name), str) and value[name] for name in ("message", "msg")):
        return value.get("success") is False or any(value.get(name) for name in ("code", "status", "status_code"))
    return any(value.get(name) for name in ("detail", "errors"))
