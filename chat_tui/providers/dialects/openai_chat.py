"""OpenAI chat completions, and what its many imitators make of it.

Source of the shapes: the OpenAI API reference, llama.cpp's server, vLLM, OpenRouter, DeepSeek, Mistral, LiteLLM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from chat_tui.core.chunks import Chunk, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Garbled
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Sampling
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import CALLS_LIMIT
from chat_tui.providers.dialects.dialect import (
    Call,
    Dialect,
    Json,
    continues_answer,
    limit_of,
    streams,
    text_of,
    turns_of,
)
from chat_tui.providers.dialects.encoding.openai_messages import (
    ReturnedReasoning,
    instructions,
    messages_of,
    tool_fields,
    tool_quirk,
)
from chat_tui.providers.dialects.encoding.reasoning_effort import effort_of, effort_quirk
from chat_tui.providers.dialects.encoding.tool_messages import with_instruction
from chat_tui.providers.dialects.model_list import schemas_of, tokens, tools_of
from chat_tui.providers.dialects.model_probe import ModelProbe, ProbeRequest
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.dialects.parsing.token_usage import openai_usage
from chat_tui.providers.dialects.plain_events import plain_event
from chat_tui.providers.dialects.token_logprobs import add_logprobs

_TEMPLATED = ("llama.cpp", "vllm")
_NO_SAMPLING = Sampling()
_LAST_ROLE = lazy_pattern(r"(?:last message|conversation|expected last role).{0,80}\buser\b")


def dialect() -> Dialect:
    """Return the dialect."""
    return Dialect(
        name="openai",
        encode=encode,
        reading=OpenAiParser,
        headers=headers,
        quirk=quirk,
        embeddings_path="/embeddings",
        look_up=ModelProbe(questions, read_properties),
        # Without it the answer would not be what was asked for: what is refused of it is told in words.
        needed=frozenset({"response_format", "logprobs"}),
    )


def headers(key: str) -> Mapping[str, str]:
    """Return the header with the key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def questions(model: Model) -> Sequence[ProbeRequest]:
    """Return the question about the properties of llama.cpp, or about LiteLLM's models; nothing for other servers."""
    if model.server == "llama.cpp":
        return (ProbeRequest("/props", at_root=True),)
    return (ProbeRequest("/model/info", at_root=True),) if model.provider == "litellm" else ()


def read_properties(model: Model, answers: Sequence[Json]) -> Model:
    """Return the model with the window in use, and whether it takes images and uses tools, from llama.cpp's properties;
    or with what LiteLLM knows about it."""
    told = answers[0] if answers and isinstance(answers[0], dict) else {}
    if model.server != "llama.cpp":
        return _read_model_info(model, told.get("data"))
    settings, modalities, caps = (
        each if isinstance(each := told.get(name), dict) else {}
        for name in ("default_generation_settings", "modalities", "chat_template_caps")
    )
    sees = modalities.get("vision")
    # Where the template has no tools, the server writes them in its own way.
    uses = caps.get("supports_tools") is True or caps.get("supports_tool_calls") is True
    return msgspec.structs.replace(
        model,
        context_window=tokens(settings.get("n_ctx")) or model.context_window,
        images=sees if isinstance(sees, bool) else model.images,
        tools=True if uses else model.tools,
    )


def _read_model_info(model: Model, rows: Json) -> Model:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("model_name") == model.id and isinstance(row.get("model_info"), dict):
            info = row["model_info"]
            return msgspec.structs.replace(
                model,
                context_window=tokens(info.get("max_input_tokens")) or model.context_window,
                tools=_first_known(tools_of(info), model.tools),
                schemas=_first_known(schemas_of(info), model.schemas),
            )
    return model


def _first_known(*values: bool | None) -> bool | None:
    return next((value for value in values if value is not None), None)


def encode(request: Request, model: Model, quirks: frozenset[str] = frozenset()) -> Call:
    """Return the call for a request; `quirks` names what the server has refused before."""
    told = request.replace(turns=with_instruction(request.turns, instructions(request, quirks)))
    turns = turns_of(told, quirks)
    messages = messages_of(turns, model, quirks)
    if "prefix" in quirks and continues_answer(turns):
        messages[-1]["prefix"] = True
    body: dict[str, Json] = {"model": model.id, "messages": messages, "stream": streams(request, quirks)}
    if body["stream"] and "stream_options" not in quirks:
        body["stream_options"] = {"include_usage": True}
    limit = limit_of(request.max_tokens, quirks)
    if limit is not None:
        body["max_completion_tokens" if "max_tokens" in quirks else "max_tokens"] = limit
    if request.temperature is not None and "temperature" not in quirks:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    body |= tool_fields(request, quirks) | _sampling(request.sampling)
    body |= _thinking(request, model, quirks) | _going_on(turns, model, quirks)
    images = any(isinstance(message.get("content"), list) for message in messages)
    return Call("/chat/completions", json.dumps(body).encode("utf-8"), quirks=quirks, images=images)


def _sampling(wanted: Sampling) -> dict[str, Json]:
    """Return the fields of what only some servers have; those that refuse one get the request without it."""
    if wanted == _NO_SAMPLING:
        return {}
    fields: dict[str, Json] = {
        "frequency_penalty": wanted.frequency_penalty,
        "presence_penalty": wanted.presence_penalty,
        "logit_bias": wanted.logit_bias or None,
        "logprobs": wanted.logprobs or None,
        "top_logprobs": wanted.top_logprobs if wanted.logprobs else None,
        "top_k": wanted.top_k,
        "user": wanted.user or None,
        "service_tier": wanted.service_tier or None,
        "verbosity": wanted.verbosity or None,
        "prompt_cache_key": wanted.cache_key or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _thinking(request: Request, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields for the thinking effort; the templates of local servers have their own switch."""
    level = request.thinking
    if level is None or "thinking" in quirks:
        return {}
    if model.server in _TEMPLATED:
        switch: dict[str, Json] = {"enable_thinking": level != "off"}
        return {"chat_template_kwargs": switch if level == "off" else {**switch, "reasoning_effort": level}}
    effort = effort_of(level, quirks)
    return {"reasoning_effort": effort} if effort else {}


def _going_on(turns: Sequence[Turn], model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields with which a local server continues the last turn."""
    if not continues_answer(turns):
        return {}
    if model.server == "vllm" and "continue" not in quirks:
        return {"continue_final_message": True, "add_generation_prompt": False}
    if model.server == "llama.cpp" or "thinking_first" in quirks:
        # A template that thinks first takes no beginning.
        return {"chat_template_kwargs": {"enable_thinking": False}}
    return {}


def quirk(status: int, text: str) -> str | None:
    """Return what the server does not accept, judged by its error."""
    low = text.lower()
    if status in {400, 422, 500} and "prefill is incompatible" in low:
        return "thinking_first"
    if status not in {400, 422}:
        return None
    if "stream_options" in text:
        return "stream_options"
    if (found := tool_quirk(low)) is not None:
        return found
    if "max_completion_tokens" in text and "max_tokens" in text:
        return "max_tokens"
    if "temperature" in text and ("unsupported" in low or "does not support" in low):
        return "temperature"
    if "reasoning_effort" in low or "chat_template_kwargs" in low:
        return effort_quirk(low)
    if "continue_final_message" in low or "add_generation_prompt" in low:
        return "continue"
    if "prefix" in low and "assistant" in low:
        return "prefix"
    if "prefill" in low or _LAST_ROLE.search(low):
        return "prefill"
    return None


MISSES = 10
"""Events of one reply that may turn out to be no plain text where some was expected, before none is expected."""
_PLAIN_FIELDS = frozenset(("content", "role"))


class ChoiceReader:
    """Finds the content of a choice: in `delta`, in `message` (gateways that stream a whole reply), or in the `text` of
    older completions."""

    def __init__(self) -> None:
        self.has_deltas = False
        """Whether a delta has held something."""
        self._parts: list[str] = []
        self._repeats: bool | None = None
        """Whether each message repeats all before it; None until the second one."""

    def plain_text_of(self, choice: dict[str, Json]) -> str:
        """Return the text of a delta that contains nothing else, as most do; empty for any other choice."""
        delta = choice.get("delta")
        if isinstance(delta, dict) and delta.keys() <= _PLAIN_FIELDS:
            text = delta.get("content")
            if text and isinstance(text, str):
                self.has_deltas = True
                return text
        return ""

    def delta_of(self, choice: dict[str, Json]) -> dict[str, Json]:
        """Return what is new, as the fields of a delta."""
        delta, message = choice.get("delta"), choice.get("message")
        if isinstance(delta, str):
            delta = {"content": delta}
        if not isinstance(delta, dict):
            delta = {}
        if delta.get("content") is None and isinstance(delta.get("text"), str):
            delta = {**delta, "content": delta["text"]}
        if any(delta.get(name) for name in delta if name != "role"):
            self.has_deltas = True
            return delta
        if isinstance(message, dict):
            # Behind deltas it says all of them once more.
            return delta if self.has_deltas else {**message, "content": self._new_in(message.get("content"))}
        text = choice.get("text")
        return {**delta, "content": text} if text and isinstance(text, str) else delta

    def _new_in(self, content: Json) -> Json:
        if not content or not isinstance(content, str):
            return content
        if self._repeats is None and self._parts:
            self._repeats = content.startswith(self._parts[0])
        if not self._repeats:
            self._parts.append(content)
            return content
        before, self._parts = self._parts[0], [content]
        return content[len(before) :]


class OpenAiParser(ResponseParser):
    """Reads one reply."""

    dialect = "openai"

    def __init__(self) -> None:
        super().__init__()
        self._messages = ChoiceReader()
        self._reasoning = ReturnedReasoning()
        self._call_key = ""
        self._call_id: Json = None
        """Key and id of the call whose piece came last."""
        self._is_plain = False
        """Whether the next event is likely to be a piece of text and nothing else."""
        self._misses_left = MISSES

    def feed(self, data: bytes, name: str = "") -> Sequence[Chunk]:
        """Return the chunks of one event."""
        if self._is_plain and not name:
            event = plain_event(data)
            if event is not None:
                if event.model != self._served_as:
                    self._serve(event.model)
                text = event.choices[0].delta.content
                return self._text.feed(text) if text else ()
            self._misses_left -= 1
        chunks = super().feed(data, name)
        has_begun = self._spoke and self._messages.has_deltas and self._choice.is_first
        self._is_plain = has_begun and self._misses_left > 0
        return chunks

    def _end_of_stream(self) -> Sequence[Chunk]:
        # Servers that never give a finish reason end so.
        if not self._seen:
            raise Garbled("The server ended the reply without sending anything.", "Ask again.")
        self._go_on_elsewhere()
        self.finished = True
        return self._end_chunks()

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        choices = value.get("choices")
        if isinstance(choices, list):
            self._seen = True
            choice = self._choice.of(choices, spoke=self._spoke)
            if choice is not None:
                self._read_choice(choice, chunks)
        if (model := value.get("model")) != self._served_as:
            self._serve(model)
        if isinstance(value.get("usage"), dict):
            self._count(openai_usage(value["usage"]), chunks)

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        choice = self._choice.of(value.get("choices"), spoke=False)
        if choice is None:
            raise error_of(value) if isinstance(value.get("message"), str) else self._no_answer()
        self._seen = self.finished = True
        self._read_choice(choice, chunks)
        self._serve(value.get("model"))
        if isinstance(value.get("usage"), dict):
            self._usage = openai_usage(value["usage"])

    def _read_choice(self, choice: dict[str, Json], chunks: list[Chunk]) -> None:
        if self._wants_logprobs:
            told = choice.get("logprobs")
            add_logprobs(told.get("content") if isinstance(told, dict) else None, chunks)
        if text := self._messages.plain_text_of(choice):
            self._add_text(text, chunks)
        elif delta := self._messages.delta_of(choice):
            content = delta.get("content")
            thinking = self._thinking.take(delta)
            self._reasoning.take(delta)
            if isinstance(content, list):
                thinking = thinking or "".join(
                    text_of(part.get("thinking"))
                    for part in content
                    if isinstance(part, dict) and part.get("type") == "thinking"
                )
                content = [part for part in content if not (isinstance(part, dict) and part.get("type") == "thinking")]
            self._think(thinking, chunks)
            self._add_text(text_of(content), chunks)
            self._note_calls(delta, chunks)
            refusal = delta.get("refusal")
            if refusal and isinstance(refusal, str):
                self._refused = True
                chunks.append(Token(refusal))
                self._spoke = True
        if isinstance(choice.get("error"), (dict, str)) and choice["error"]:
            raise error_of(choice)
        if reason := choice.get("finish_reason"):
            self._finish(reason)

    def _note_calls(self, delta: dict[str, Json], chunks: list[Chunk]) -> None:
        if "tool_calls" not in delta and "function_call" not in delta:
            return
        calls = delta.get("tool_calls")
        for call in [
            *(calls[:CALLS_LIMIT] if isinstance(calls, list) else ()),
            {"function": delta.get("function_call")},
        ]:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                self._note_call(call, function, chunks)

    def _note_call(self, call: dict[str, Json], function: dict[str, Json], chunks: list[Chunk]) -> None:
        """Read a piece of a call. Pieces of one call have the same index; where it is missing, a new id or name begins
        the next call."""
        index, id, name = call.get("index"), call.get("id"), function.get("name")
        key = self._call_key
        if isinstance(index, int):
            key = str(index)
            if id and name and self._calls.is_other(key, id):
                # Some servers give all calls the same index.
                self._end_call(key, chunks)
        elif (id and id != self._call_id) or (name and not id):
            key = f"+{self._calls.count}"
        if not self._calls.has(key):
            self._begin_call(key, name, id, chunks)
            self._call_id = id
        self._call_key = key
        self._add_arguments(key, function.get("arguments"), chunks)
        extra = call.get("extra_content")
        if isinstance(extra, dict) and isinstance(extra.get("google"), dict):
            self._calls.sign(key, extra["google"].get("thought_signature"))

    def _content_to_return(self) -> Json:
        return self._reasoning.content() if self._calls.count else None
