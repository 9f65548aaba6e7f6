"""The records of the OpenAI-compatible API. Fields that are not named here are ignored.

Source: the OpenAI API reference, chat completions; `reasoning_content` is DeepSeek's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Stop = Annotated[str, Meta(max_length=1000)]
NotHere = Annotated[list[Any], Meta(extra_json_schema={"maxItems": 0})] | None
"""An option that is not supported; it is accepted here so that the error can say so."""
Count = Annotated[int, Meta(ge=1, le=100_000_000)]


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """A text in a message."""

    text: str


class RefusalPart(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    """A refusal by a model, in an earlier message."""

    refusal: str


class ImageAddress(msgspec.Struct, frozen=True):
    """The address of an image."""

    url: Annotated[
        str,
        Meta(
            description="Web addresses are not fetched.",
            extra_json_schema={"pattern": "^data:image/[a-z]+;base64,"},
        ),
    ]


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image in a message."""

    image_url: ImageAddress


class CalledFunction(msgspec.Struct, frozen=True):
    """A function that a model has called, in an earlier message."""

    name: str = ""
    arguments: str = ""


class OpenAiToolCall(msgspec.Struct, frozen=True):
    """A tool call in an earlier message."""

    id: str = ""
    function: CalledFunction = CalledFunction()


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | ImagePart | RefusalPart] | None = None
    tool_calls: list[OpenAiToolCall] | None = None
    tool_call_id: str | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """Options of a stream."""

    include_usage: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """The format of the answer; only `text` is supported."""

    type: Annotated[str, Meta(extra_json_schema={"enum": ["text"]})] = "text"


class ChatRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Meta(min_length=1, max_length=100_000)]
    model: Annotated[
        str,
        Meta(
            max_length=300, description="A model of `/v1/models`, a strategy, or `auto` for the default of the config."
        ),
    ] = "auto"
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    store: Annotated[bool, Meta(description="True saves it as a conversation.")] | None = None
    n: Annotated[int, Meta(ge=1, extra_json_schema={"maximum": 1})] | None = None
    tools: NotHere = None
    functions: NotHere = None
    response_format: ResponseFormat | None = None
    logprobs: Annotated[bool, Meta(extra_json_schema={"const": False})] | None = None
    modalities: list[Annotated[str, Meta(extra_json_schema={"enum": ["text"]})]] | None = None


class CachedTokens(msgspec.Struct, frozen=True):
    """Details of the prompt's tokens."""

    cached_tokens: int = 0


class ReasoningTokens(msgspec.Struct, frozen=True):
    """Details of the answer's tokens."""

    reasoning_tokens: int = 0


class OpenAiUsage(msgspec.Struct, frozen=True):
    """Token counts of one completion."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens = CachedTokens()
    completion_tokens_details: ReasoningTokens = ReasoningTokens()


class AssistantMessage(msgspec.Struct, frozen=True):
    """A complete answer."""

    content: str
    role: Literal["assistant"] = "assistant"
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET


FinishReason = Literal["stop", "length", "content_filter"]


class Choice(msgspec.Struct, frozen=True):
    """The only answer of a completion."""

    message: AssistantMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: None = None


class Completion(msgspec.Struct, frozen=True):
    """The reply to `POST /v1/chat/completions` without `stream`."""

    id: str
    created: int
    model: Annotated[str, Meta(description="The `provider/model` that answered.")]
    choices: list[Choice]
    object: Literal["chat.completion"] = "chat.completion"
    usage: OpenAiUsage | UnsetType = UNSET


class Delta(msgspec.Struct, frozen=True, gc=False):
    """The new part of an answer."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET


class DeltaChoice(msgspec.Struct, frozen=True, gc=False):
    """The new part of the only answer of a streamed completion."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0
    logprobs: None = None


class CompletionChunk(msgspec.Struct, frozen=True, gc=False):
    """One event of a streamed completion."""

    id: str
    created: int
    model: str
    choices: tuple[DeltaChoice, ...]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    usage: OpenAiUsage | UnsetType = UNSET


class ModelCard(msgspec.Struct, frozen=True):
    """A model, a strategy or `auto`, as `/v1/models` lists it."""

    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"
    context_window: int | UnsetType = UNSET


class ModelCards(msgspec.Struct, frozen=True):
    """The reply to `GET /v1/models`."""

    data: list[ModelCard]
    object: Literal["list"] = "list"
