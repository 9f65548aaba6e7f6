"""Google's Gemini, `streamGenerateContent`.

Source of the shapes: Google's API documentation; LiteLLM, which speaks it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from chat_tui.core.chunks import Chunk
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.providers.dialects.dialect import (
    SYSTEM,
    Call,
    Dialect,
    Json,
    count,
    limit_of,
    streams,
    turns_of,
)
from chat_tui.providers.dialects.encoding.gemini_contents import (
    SignedParts,
    contents_of,
    has_image,
    output_by_text,
    output_fields,
    tool_fields,
    tool_quirk,
)
from chat_tui.providers.dialects.encoding.tool_messages import format_instruction
from chat_tui.providers.dialects.model_list import ListedModel, ModelList, Row, tokens
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.dialects.parsing.token_usage import gemini_usage
from chat_tui.providers.dialects.token_logprobs import add_logprobs, gemini_logprobs

_LIST = "/models?pageSize=1000"
_GENERATION = re.compile(r"gemini-(\d{1,2})")
_BUDGETS = {"off": 0, "low": 1024, "medium": 8192, "high": 24_576}
"""Tokens of thinking, by effort."""
_LEVEL = re.compile(r"level\W{1,3}(minimal|low|medium|high)\b")
_UNSAID = "FINISH_REASON_UNSPECIFIED"


def dialect() -> Dialect:
    """Return the dialect."""
    return Dialect(
        name="gemini",
        encode=encode,
        reading=GeminiParser,
        headers=headers,
        quirk=quirk,
        model_list=ModelList(_LIST, "models", read_row, more),
        needed=frozenset({"generationConfig.responseLogprobs"}),
        root="/v1beta",
        pasted=r"/models(?:/[^/]*)?|/openai|\?[^/]*",
    )


def headers(key: str) -> Mapping[str, str]:
    """Return the header with the key; in the URL it would appear in logs."""
    return {"x-goog-api-key": key} if key else {}


def read_row(row: Row) -> ListedModel | None:
    """Return the model of a row; None for embedding models."""
    name, methods = row.get("name"), row.get("supportedGenerationMethods")
    if not isinstance(name, str) or not name.removeprefix("models/"):
        return None
    if isinstance(methods, list) and not {"generateContent", "streamGenerateContent"} & {*map(str, methods)}:
        return None
    return ListedModel(name.removeprefix("models/"), tokens(row.get("inputTokenLimit")))


def more(page: Row) -> str:
    """Return the path of the next page of the list of models."""
    token = page.get("nextPageToken")
    return f"{_LIST}&pageToken={quote(token, safe='')}" if token and isinstance(token, str) else ""


def encode(request: Request, model: Model, quirks: frozenset[str] = frozenset()) -> Call:
    """Return the call for a request; `quirks` names what the server has refused before."""
    turns = turns_of(request, quirks - {SYSTEM})
    parts = [turn.text for turn in turns if turn.role == "system"]
    if request.output and output_by_text(request, quirks):
        parts.append(format_instruction(request.output))
    system = "\n\n".join(parts)
    contents = contents_of(turns, model, quirks)
    images = any(map(has_image, contents))
    body: dict[str, Json] = {"contents": contents, **tool_fields(request, quirks)}
    if system and SYSTEM not in quirks:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    elif system and contents:
        contents[0]["parts"] = [{"text": system}, *contents[0]["parts"]]
    limit = limit_of(request.max_tokens, quirks)
    settings: dict[str, Json] = {
        "maxOutputTokens": limit,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.sampling.top_k,
        "frequencyPenalty": request.sampling.frequency_penalty,
        "presencePenalty": request.sampling.presence_penalty,
        "responseLogprobs": request.sampling.logprobs or None,
        "logprobs": request.sampling.top_logprobs if request.sampling.logprobs else None,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed if "seed" not in quirks else None,
        "thinkingConfig": _thinking(request.thinking, model.id, limit, quirks),
        **output_fields(request, quirks),
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    if settings:
        body["generationConfig"] = settings
    name = model.id if model.id.startswith(("models/", "tunedModels/")) else f"models/{model.id}"
    method = "streamGenerateContent?alt=sse" if streams(request, quirks) else "generateContent"
    path = f"/{quote(name, safe='/')}:{method}"
    return Call(path, json.dumps(body).encode("utf-8"), quirks=quirks, images=images)


def _thinking(level: Thinking | None, model_id: str, limit: int | None, quirks: frozenset[str]) -> Json:
    """How much it is to think, None for its default: by words from the third generation on, by tokens before.

    The limit counts thinking too: half of it is left for the text.
    """
    if level is None or {"thinking", f"thinking:{level}"} & quirks:
        return None
    shown = {"includeThoughts": True} if level != "off" else {}
    generation = _GENERATION.search(model_id)
    if generation and int(generation.group(1)) >= 3:
        return {**shown, "thinkingLevel": "minimal" if level == "off" else level}
    budget = _BUDGETS[level]
    return {**shown, "thinkingBudget": budget if limit is None else min(budget, limit // 2)}


def quirk(status: int, text: str) -> str | None:
    """Return what the model does not accept, judged by its error: Gemma has no system instruction."""
    if status != 400:
        return None
    low = text.lower()
    if (found := tool_quirk(low)) is not None:
        return found
    if ("developer instruction" in low or "system instruction" in low or "systeminstruction" in low) and (
        "not enabled" in low or "not supported" in low
    ):
        return SYSTEM
    if "seed" in low and ("not enabled" in low or "not supported" in low):
        return "seed"
    if "end with a user role" in low:
        return "prefill"
    if "thinking" in low:
        # Some models cannot do without, some know fewer levels.
        level = _LEVEL.search(low)
        if "budget 0" in low or (level and level.group(1) == "minimal"):
            return "thinking:off"
        return f"thinking:{level.group(1)}" if level else "thinking"
    return None


class GeminiParser(ResponseParser):
    """Reads one reply. It has no end marker: after the finish reason and usage the bytes end."""

    dialect = "gemini"

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._parts = SignedParts()

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        candidate = self._choice.of(value.get("candidates"), spoke=self._spoke)
        if candidate is not None:
            self._seen = True
            self._read_choice(candidate, chunks)
        self._serve(value.get("modelVersion"))
        feedback = value.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self._seen = self._refused = True
            self._finish(feedback["blockReason"])
        self._read_usage(value.get("usageMetadata"), chunks)

    def _read_choice(self, candidate: dict[str, Json], chunks: list[Chunk]) -> None:
        if self._wants_logprobs:
            add_logprobs(gemini_logprobs(candidate.get("logprobsResult")), chunks)
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                self._read_part(part, chunks)
        if candidate.get("finishReason") != _UNSAID:
            self._finish(candidate.get("finishReason"))

    def _read_part(self, part: dict[str, Json], chunks: list[Chunk]) -> None:
        """Read a part: text, a thought or a call, each of them whole. A call may come without an id."""
        call, signature = part.get("functionCall"), part.get("thoughtSignature")
        if part.get("thought") is True:
            self._think(part.get("text"), chunks)
        elif isinstance(call, dict):
            key = f"+{self._calls.count}"
            self._begin_call(key, call.get("name"), call.get("id"), chunks)
            self._add_arguments(key, call.get("args"), chunks)
            # Imitators have it in the call.
            self._calls.sign(key, signature or call.get("thoughtSignature"))
            self._end_call(key, chunks)
            self._parts.add_call()
        else:
            self._add_text(part.get("text"), chunks)
            self._parts.add_text(part.get("text"), signature)

    def _content_to_return(self) -> Json:
        return self._parts.content() if self._calls.count else None

    def _read_usage(self, usage: Json, chunks: list[Chunk]) -> None:
        if not isinstance(usage, dict):
            return
        # Counts are cumulative: the last one wins, and one that is left out stays what it was.
        self._counts |= {name: count(value) for name, value in usage.items() if count(value)}
        used = gemini_usage(self._counts)
        if used.prompt_tokens or used.completion_tokens:
            self._count(used, chunks)
