"""The records of chat completions in OpenAI's format. Fields that are not named here are ignored.

Source: the OpenAI API reference, chat completions; `reasoning_content` is DeepSeek's, `extra_content` Google's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_tui.core.tools import CALLS_LIMIT
from chat_tui.web.gateway.tools import TOOLS_LIMIT, Arguments, CallId, ToolName

CHOICES_LIMIT = 16
"""Answers to one request."""
Stop = Annotated[str, Meta(max_length=1000)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
Word = Annotated[str, Meta(max_length=1000)]
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
        Meta(description="A `data:image/…;base64,` URL, or a web address, which only the model's server fetches."),
    ]


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image in a message."""

    image_url: ImageAddress


class GivenFile(msgspec.Struct, frozen=True):
    """A document that is sent along, of which the model gets the text."""

    file_data: Annotated[str, Meta(description="A `data:` URL of a PDF or a text, or its base64.")]
    filename: Annotated[str, Meta(max_length=1000)] | None = None


class FilePart(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    """A document in a message."""

    file: GivenFile


class CalledFunction(msgspec.Struct, frozen=True):
    """A function that a model calls."""

    name: Annotated[str, Meta(max_length=200)] = ""
    arguments: Arguments = ""
    """JSON, as the model has written it."""


class GoogleContent(msgspec.Struct, frozen=True):
    """What Google's models want returned with a call."""

    thought_signature: str = ""


class ExtraContent(msgspec.Struct, frozen=True):
    """What a provider wants returned with a call."""

    google: GoogleContent | None = None


class OpenAiToolCall(msgspec.Struct, frozen=True):
    """A tool call, in an answer or an earlier message."""

    id: CallId = ""
    function: CalledFunction = CalledFunction()
    type: Literal["function"] = "function"
    extra_content: ExtraContent | UnsetType | None = UNSET


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart | ImagePart | FilePart | RefusalPart] | None = None
    tool_calls: Annotated[list[OpenAiToolCall], Meta(max_length=CALLS_LIMIT)] | None = None
    function_call: CalledFunction | None = None
    """The call of an old client."""
    tool_call_id: CallId | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    """Of the function whose result this is, for old clients."""


class StreamOptions(msgspec.Struct, frozen=True):
    """Options of a stream."""

    include_usage: bool | None = None


class TextFormat(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """The answer is text."""


class JsonObjectFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_object"):
    """The answer is any JSON object."""


class NamedSchema(msgspec.Struct, frozen=True):
    """A JSON Schema with its name."""

    name: ToolName
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    """The answer is JSON of this schema."""

    json_schema: NamedSchema


class OfferedFunction(msgspec.Struct, frozen=True):
    """A function that the model may call."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatTool(msgspec.Struct, frozen=True):
    """A function that the model may call, or a search of the web by the model's provider."""

    function: OfferedFunction | None = None
    """None only for a search."""
    type: Literal["function", "web_search", "web_search_preview"] = "function"


class FunctionName(msgspec.Struct, frozen=True):
    """The name of a function."""

    name: ToolName


class NamedToolChoice(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """The model must call this function."""

    function: FunctionName


class ToolReference(msgspec.Struct, frozen=True):
    """One of the tools of the request."""

    function: FunctionName
    type: Literal["function"] = "function"


class AllowedTools(msgspec.Struct, frozen=True):
    """Some of the tools of the request."""

    tools: Annotated[list[ToolReference], Meta(max_length=TOOLS_LIMIT)]
    mode: Literal["auto", "required"] = "auto"


class AllowedToolsChoice(msgspec.Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    """The model may, or must, call one of these tools."""

    allowed_tools: AllowedTools


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
    n: Annotated[int, Meta(ge=1, le=CHOICES_LIMIT)] | None = None
    tools: Annotated[list[ChatTool], Meta(max_length=TOOLS_LIMIT)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | AllowedToolsChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[OfferedFunction], Meta(max_length=TOOLS_LIMIT)] | None = None
    """Tools, as old clients offer them; calls come back in the old form, too."""
    function_call: Literal["none", "auto"] | FunctionName | None = None
    web_search_options: dict[str, Any] | None = None
    """The model may search the web with its provider's own search."""
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: Annotated[dict[str, Bias], Meta(max_length=1024)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    user: Word | None = None
    service_tier: Annotated[str, Meta(max_length=100)] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    prompt_cache_key: Word | None = None
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

    content: str | None
    """None if the answer only calls tools."""
    role: Literal["assistant"] = "assistant"
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[OpenAiToolCall] | UnsetType = UNSET
    function_call: CalledFunction | UnsetType = UNSET


FinishReason = Literal["stop", "length", "content_filter", "tool_calls", "function_call"]


class TokenLogprobs(msgspec.Struct, frozen=True):
    """The probabilities of tokens, as the model's server tells them."""

    content: list[dict[str, Any]]
    refusal: None = None


class Choice(msgspec.Struct, frozen=True):
    """An answer of a completion."""

    message: AssistantMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: TokenLogprobs | None = None


class Completion(msgspec.Struct, frozen=True):
    """The reply to `POST /v1/chat/completions` without `stream`."""

    id: str
    created: int
    model: Annotated[str, Meta(description="The `provider/model` that answered.")]
    choices: list[Choice]
    object: Literal["chat.completion"] = "chat.completion"
    usage: OpenAiUsage | UnsetType = UNSET


class FunctionDelta(msgspec.Struct, frozen=True, gc=False):
    """The new part of a call."""

    name: str | UnsetType = UNSET
    arguments: str = ""


class ToolCallPiece(msgspec.Struct, frozen=True, gc=False):
    """The new part of a tool call."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: FunctionDelta | UnsetType = UNSET
    extra_content: ExtraContent | UnsetType = UNSET


class Delta(msgspec.Struct, frozen=True, gc=False):
    """The new part of an answer."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: tuple[ToolCallPiece, ...] | UnsetType = UNSET
    function_call: FunctionDelta | UnsetType = UNSET


class DeltaChoice(msgspec.Struct, frozen=True, gc=False):
    """The new part of an answer of a streamed completion."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0
    logprobs: TokenLogprobs | None = None


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
    display_name: str = ""
    """The id, for Anthropic's clients; so are the fields below."""
    created_at: str = "1970-01-01T00:00:00Z"
    type: Literal["model"] = "model"


class ModelCards(msgspec.Struct, frozen=True):
    """The reply to `GET /v1/models`."""

    data: list[ModelCard]
    object: Literal["list"] = "list"
    has_more: bool = False
    """False: all are in this list. For Anthropic's clients."""
