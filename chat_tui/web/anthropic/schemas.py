"""The records of messages in Anthropic's format. Fields that are not named here are ignored.

Source: the Anthropic API reference, Messages, Count message tokens, Streaming messages, Errors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from chat_tui.web.gateway.tools import TOOLS_LIMIT, CallId, ToolName

MaxTokens = Annotated[int, Meta(ge=1, le=100_000_000)]
StopSequence = Annotated[str, Meta(max_length=1000)]


class TextBlock(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """Text."""

    text: str


class SystemText(msgspec.Struct, frozen=True):
    """A part of the system prompt."""

    type: Literal["text"]
    text: str


class Base64Source(msgspec.Struct, frozen=True, tag_field="type", tag="base64"):
    """An image or a PDF that is sent along."""

    data: str
    media_type: Annotated[str, Meta(max_length=100)]


class UrlSource(msgspec.Struct, frozen=True, tag_field="type", tag="url"):
    """An image at a web address, which only the model's server fetches."""

    url: str


class TextSource(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """A document of plain text."""

    data: str
    media_type: Literal["text/plain"] = "text/plain"


class ContentSource(msgspec.Struct, frozen=True, tag_field="type", tag="content"):
    """A document of blocks of text."""

    content: str | list[TextBlock]


class ImageBlock(msgspec.Struct, frozen=True, tag_field="type", tag="image"):
    """An image."""

    source: Base64Source | UrlSource


class DocumentBlock(msgspec.Struct, frozen=True, tag_field="type", tag="document"):
    """A document, of which the model gets the text."""

    source: TextSource | Base64Source | ContentSource
    title: Annotated[str, Meta(max_length=1000)] | None = None


class ToolUseBlock(msgspec.Struct, frozen=True, tag_field="type", tag="tool_use"):
    """A tool call."""

    id: CallId
    name: Annotated[str, Meta(max_length=200)]
    input: dict[str, Any]


class ToolResultBlock(msgspec.Struct, frozen=True, tag_field="type", tag="tool_result"):
    """The result of a tool call."""

    tool_use_id: CallId
    content: str | list[TextBlock | ImageBlock | DocumentBlock] | None = None
    is_error: bool | None = None


class ThinkingBlock(msgspec.Struct, frozen=True, tag_field="type", tag="thinking"):
    """Thinking before an answer."""

    thinking: str
    signature: str = ""


class RedactedThinkingBlock(msgspec.Struct, frozen=True, tag_field="type", tag="redacted_thinking"):
    """What this program wants returned with an answer, unchanged."""

    data: str


GivenBlock: TypeAlias = (
    TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedThinkingBlock
)


class GivenMessage(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: Literal["user", "assistant"]
    content: str | list[GivenBlock]


class ClientTool(msgspec.Struct, frozen=True):
    """A tool of the client that the model may call."""

    name: ToolName
    input_schema: dict[str, Any]
    description: str | None = None
    type: Literal["custom"] | None = None
    strict: bool | None = None


class MakersTool(msgspec.Struct, frozen=True):
    """A tool that Anthropic has defined. Fields that are not named here are passed on."""

    type: Annotated[str, Meta(pattern=r"^[a-z_]{1,60}_\d{8}$")]
    name: ToolName


class AutoChoice(msgspec.Struct, frozen=True, tag_field="type", tag="auto"):
    """The model decides whether it calls tools."""

    disable_parallel_tool_use: bool | None = None


class AnyChoice(msgspec.Struct, frozen=True, tag_field="type", tag="any"):
    """The model must call a tool."""

    disable_parallel_tool_use: bool | None = None


class ToolChoiceByName(msgspec.Struct, frozen=True, tag_field="type", tag="tool"):
    """The model must call this tool."""

    name: ToolName
    disable_parallel_tool_use: bool | None = None


class NoChoice(msgspec.Struct, frozen=True, tag_field="type", tag="none"):
    """The model must not call tools."""


class EnabledThinking(msgspec.Struct, frozen=True, tag_field="type", tag="enabled"):
    """The model thinks before it answers."""

    budget_tokens: MaxTokens


class AdaptiveThinking(msgspec.Struct, frozen=True, tag_field="type", tag="adaptive"):
    """The model thinks as much as it finds necessary."""


class DisabledThinking(msgspec.Struct, frozen=True, tag_field="type", tag="disabled"):
    """The model does not think before it answers."""


class SchemaFormat(msgspec.Struct, frozen=True):
    """The answer is JSON of this schema."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct, frozen=True):
    """How the answer is to be."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: SchemaFormat | None = None


class RequestMetadata(msgspec.Struct, frozen=True):
    """Whose request it is."""

    user_id: Annotated[str, Meta(max_length=1000)] | None = None


ModelName = Annotated[
    str, Meta(max_length=300, description="A model, a strategy, an alias, or `auto` for the default of the config.")
]
GivenMessages = Annotated[list[GivenMessage], Meta(min_length=1, max_length=100_000)]
GivenTools = Annotated[
    list[dict[str, Any]],
    Meta(
        max_length=TOOLS_LIMIT,
        description="Tools of the client (`name`, `input_schema`, `description`, `strict`), or Anthropic's own (with "
        "`type`), which only its models have.",
    ),
]
GivenToolChoice: TypeAlias = AutoChoice | AnyChoice | ToolChoiceByName | NoChoice
GivenThinking: TypeAlias = EnabledThinking | AdaptiveThinking | DisabledThinking


class CountedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /v1/messages/count_tokens`."""

    model: ModelName
    messages: GivenMessages
    system: str | list[SystemText] | None = None
    tools: GivenTools | None = None
    tool_choice: GivenToolChoice | None = None
    thinking: GivenThinking | None = None
    output_config: OutputConfig | None = None
    output_format: SchemaFormat | None = None


class MessagesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /v1/messages`."""

    model: ModelName
    messages: GivenMessages
    system: str | list[SystemText] | None = None
    tools: GivenTools | None = None
    tool_choice: GivenToolChoice | None = None
    thinking: GivenThinking | None = None
    output_config: OutputConfig | None = None
    output_format: SchemaFormat | None = None
    max_tokens: MaxTokens
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    stop_sequences: Annotated[list[StopSequence], Meta(max_length=16)] | None = None
    metadata: RequestMetadata | None = None


class CountedTokens(msgspec.Struct, frozen=True):
    """The reply to `POST /v1/messages/count_tokens`."""

    input_tokens: Annotated[int, Meta(description="An estimate.")]


class MessageUsage(msgspec.Struct, frozen=True):
    """Token counts. `input_tokens` does not contain those of the cache."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]
ReplyBlock: TypeAlias = TextBlock | ThinkingBlock | ToolUseBlock | RedactedThinkingBlock


class ReplyMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to `POST /v1/messages` without `stream`; empty at the beginning of a stream."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    model: Annotated[str, Meta(description="The `provider/model` that answered.")]
    content: list[ReplyBlock] = []
    stop_reason: StopReason | None = None
    stop_sequence: None = None
    usage: MessageUsage


class MessageStart(msgspec.Struct, frozen=True, tag_field="type", tag="message_start"):
    """The first event."""

    message: ReplyMessage


class BlockStart(msgspec.Struct, frozen=True, tag_field="type", tag="content_block_start"):
    """A block begins."""

    index: int
    content_block: ReplyBlock


class TextDelta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="text_delta"):
    """New text."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="thinking_delta"):
    """New thinking."""

    thinking: str


class SignatureDelta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="signature_delta"):
    """The end of thinking."""

    signature: str


class InputDelta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="input_json_delta"):
    """A piece of a call's arguments."""

    partial_json: str


class BlockDelta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="content_block_delta"):
    """A block grows."""

    index: int
    delta: TextDelta | ThinkingDelta | SignatureDelta | InputDelta


class BlockStop(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="content_block_stop"):
    """A block is complete."""

    index: int


class StopDelta(msgspec.Struct, frozen=True):
    """Why the answer has ended."""

    stop_reason: StopReason
    stop_sequence: None = None


class MessageDelta(msgspec.Struct, frozen=True, tag_field="type", tag="message_delta"):
    """The answer is complete."""

    delta: StopDelta
    usage: MessageUsage


class MessageStop(msgspec.Struct, frozen=True, tag_field="type", tag="message_stop"):
    """The last event."""
