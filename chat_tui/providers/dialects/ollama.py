"""Ollama's own `/api/chat`: one JSON object a line.

Source of the shapes: Ollama's API documentation, and issue threads on older servers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import msgspec

from chat_tui.core.chunks import Chunk, Timings, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Garbled
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import CALLS_LIMIT, decode_arguments
from chat_tui.providers.catalogue.purposes import EMBEDDINGS, NOT_CHAT
from chat_tui.providers.dialects.dialect import (
    Call,
    Dialect,
    Json,
    base64_of,
    count,
    limit_of,
    streams,
    turns_of,
)
from chat_tui.providers.dialects.encoding.tool_messages import (
    choice_instruction,
    current_round,
    format_instruction,
    function_of,
    result_in,
    with_instruction,
)
from chat_tui.providers.dialects.model_list import ListedModel, ModelList, Row, tokens
from chat_tui.providers.dialects.model_probe import ModelProbe, ProbeRequest
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.dialects.token_logprobs import add_logprobs

_NUM_CTX = re.compile(r"^[ \t]*num_ctx[ \t]+(\d{1,9})[ \t\r]*$", re.MULTILINE)
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([MBT])")
"""A number of weights as `/api/tags` writes it: `8.2B`, `134.52M`."""
_BILLIONS = {"M": 0.001, "B": 1.0, "T": 1000.0}


def dialect() -> Dialect:
    """Return the dialect."""
    return Dialect(
        name="ollama",
        encode=encode,
        reading=OllamaParser,
        headers=headers,
        quirk=quirk,
        model_list=ModelList("/api/tags", "models", read_row),
        look_up=ModelProbe(questions, read_window),
        json_lines=True,
        embeddings_path="/v1/embeddings",
        root="",
        pasted=r"/api(?:/chat|/generate|/tags|/show|/ps|/version|/embed|/embeddings)?|/v1",
        fetch_hint="Fetch it with `ollama pull {model}`.",
    )


def headers(key: str) -> Mapping[str, str]:
    """Return the header with the key, for a server behind a proxy or in the cloud."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def read_row(row: Row) -> ListedModel | None:
    """Return the model of a row of `/api/tags`, which has no window; None for embedding models."""
    name, details, abilities = row.get("name") or row.get("model"), row.get("details"), row.get("capabilities")
    if not isinstance(name, str) or not name:
        return None
    if isinstance(abilities, list) and abilities and "completion" not in abilities:
        return None
    if isinstance(details, dict) and "bert" in str(details.get("family")):
        return None
    size = _SIZE.fullmatch(str(details.get("parameter_size"))) if isinstance(details, dict) else None
    return ListedModel(
        name,
        passed_on=bool(row.get("remote_host")) or name.endswith(("-cloud", ":cloud")),
        billions=float(size[1]) * _BILLIONS[size[2]] if size else None,
        tools="tools" in abilities if isinstance(abilities, list) and abilities else None,
        schemas=True,
    )


def questions(model: Model) -> Sequence[ProbeRequest]:
    """Return the questions about the model, and about which models are loaded with which window."""
    return ProbeRequest("/api/show", json.dumps({"model": model.id}).encode()), ProbeRequest("/api/ps")


def read_window(model: Model, answers: Sequence[Json]) -> Model:
    """Return the model with the window in use: as loaded, else as set in its file, but not as trained."""
    shown, loaded = [answer if isinstance(answer, dict) else {} for answer in answers]
    abilities, info, written = shown.get("capabilities"), shown.get("model_info"), shown.get("parameters")
    by_file = _NUM_CTX.search(written[:20_000]) if isinstance(written, str) else None
    window = tokens(by_file.group(1)) if by_file else None
    if shown.get("remote_host") and isinstance(info, dict):
        # It runs elsewhere, with all that it has.
        window = tokens(info.get(f"{info.get('general.architecture')}.context_length")) or window
    rows = loaded.get("models")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and _same(row.get("model") or row.get("name"), model.id):
            window = tokens(row.get("context_length")) or window
    model = msgspec.structs.replace(model, context_window=window or model.context_window)
    if not isinstance(abilities, list) or not abilities:
        return model
    if "completion" not in abilities:
        return msgspec.structs.replace(model, not_for_chat=EMBEDDINGS if "embedding" in abilities else NOT_CHAT)
    return msgspec.structs.replace(
        model, images="vision" in abilities, thinking="thinking" in abilities, tools="tools" in abilities, schemas=True
    )


def _same(name: Json, model_id: str) -> bool:
    """Return whether the names are equal, `:latest` implied."""
    return isinstance(name, str) and name.removesuffix(":latest") == model_id.removesuffix(":latest")


def encode(request: Request, model: Model, quirks: frozenset[str] = frozenset()) -> Call:
    """Return the call for a request; it sets the window only as configured, since that may reload the model."""
    turns = with_instruction(turns_of(request, quirks), _instructions(request))
    options: dict[str, Json] = {
        "num_ctx": model.asked_window,
        "num_predict": limit_of(request.max_tokens, quirks),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.sampling.top_k,
        "frequency_penalty": request.sampling.frequency_penalty,
        "presence_penalty": request.sampling.presence_penalty,
        "stop": list(request.stop) or None,
        "seed": request.seed,
    }
    options = {name: value for name, value in options.items() if value is not None}
    first = current_round(turns)
    messages = [_message(turn, model, is_at_work=place >= first) for place, turn in enumerate(turns)]
    body: dict[str, Json] = {"model": model.id, "messages": messages, "stream": streams(request, quirks)}
    if request.tools and request.tool_choice.mode != "none":
        body["tools"] = [function_of(tool) for tool in request.tools]
    if request.output is not None:
        body["format"] = "json" if request.output.schema is None else request.output.schema
    if options:
        body["options"] = options
    if request.sampling.logprobs:
        body["logprobs"] = True
        body |= {} if request.sampling.top_logprobs is None else {"top_logprobs": request.sampling.top_logprobs}
    if request.thinking == "off" or (request.thinking and "thinking" not in quirks):
        # Most models know on and off only.
        body["think"] = False if request.thinking == "off" else "thinking_levels" in quirks or request.thinking
    images = any("images" in message for message in messages)
    return Call("/api/chat", json.dumps(body).encode("utf-8"), quirks=quirks, images=images)


def _instructions(request: Request) -> str:
    """Return in words what the API has no field for."""
    choice = choice_instruction(request.tool_choice) if request.tools else ""
    # The server only excludes what does not match: the model must know what it is to write.
    return "\n\n".join(filter(None, [choice, format_instruction(request.output) if request.output else ""]))


def _message(turn: Turn, model: Model, *, is_at_work: bool) -> dict[str, Json]:
    """Return a message. `is_at_work`: the turn is a part of the answer that the model is to go on with, so it gets back
    the thinking that led to its calls."""
    text, images = result_in(turn, model)
    message: dict[str, Json] = {"role": turn.role, "content": text}
    if images:
        message["images"] = [base64_of(image) for image in images]
    if turn.result is not None:
        return {**message, "tool_name": turn.result.name, "tool_call_id": turn.result.call}
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": decode_arguments(call.arguments) or {}}}
            for call in turn.calls
        ]
        if is_at_work and turn.thinking and turn.model in ("", model.name):
            message["thinking"] = turn.thinking
    return message


def quirk(status: int, text: str) -> str | None:
    """Return what the model does not accept, judged by its error."""
    if status != 400:
        return None
    if "does not support thinking" in text:
        return "thinking"
    if "think value" in text or (".think" in text and "unmarshal" in text):
        return "thinking_levels"
    return None


class OllamaParser(ResponseParser):
    """Reads one reply."""

    dialect = "ollama"

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        message = value.get("message")
        if self._wants_logprobs:
            add_logprobs(value.get("logprobs"), chunks)
        if isinstance(message, dict):
            self._seen = True
            self._think(self._thinking.take({**message, "content": None}), chunks)
            self._add_text(message.get("content"), chunks)
            self._read_calls(message.get("tool_calls"), chunks)
        elif isinstance(value.get("response"), str):
            # The form of `/api/generate`.
            self._seen = True
            self._think(value.get("thinking"), chunks)
            self._add_text(value["response"], chunks)
        self._serve(value.get("model"))
        if value.get("done") is True:
            self._seen = self.finished = True
            chunks.extend(self._end_reply(value))

    def _read_calls(self, calls: Json, chunks: list[Chunk]) -> None:
        """Read calls, each of which comes as a whole."""
        for call in calls[:CALLS_LIMIT] if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                key = f"+{self._calls.count}"
                self._begin_call(key, function.get("name"), call.get("id"), chunks)
                self._add_arguments(key, function.get("arguments"), chunks)
                self._end_call(key, chunks)

    def _end_reply(self, value: dict[str, Json]) -> Sequence[Chunk]:
        reason = value.get("done_reason")
        self._finish(reason)
        if reason in ("load", "unload") and not self._spoke:
            raise Garbled(f"The server did nothing but {reason} the model.", "Ask again.")
        if reason == "error" and not self._spoke:
            raise error_of(value)
        chunks: list[Chunk] = []
        prompt, said = count(value.get("prompt_eval_count")), count(value.get("eval_count"))
        if prompt or said:
            self._count(Usage(prompt, said, prompt + said), chunks)
        seconds = _seconds(value.get("eval_duration"))
        self._timings = Timings(
            duration_seconds=round(_seconds(value.get("total_duration")), 4),
            tokens_per_second=round(said / seconds, 2) if said and seconds else None,
        )
        return [*chunks, *self._end_chunks()]


def _seconds(nanoseconds: Json) -> float:
    """Return a duration in seconds, 0 if it is absent or malformed."""
    if isinstance(nanoseconds, (int, float)) and not isinstance(nanoseconds, bool) and 0 < nanoseconds < 1e15:
        return nanoseconds / 1e9
    return 0.0
