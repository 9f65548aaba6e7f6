"""The records of OpenAI's Responses API. Fields that are not named here are ignored.

Source: the OpenAI API reference, Responses, and Streaming events.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_tui.web.gateway.tools import TOOLS_LIMIT, Arguments, CallId, ToolName
from chat_tui.web.openai.schemas import Count, JsonObjectFormat, TextFormat, Word

ResponseId = Annotated[str, Meta(max_length=200)]


class InputText(msgspec.Struct, frozen=True, tag_field="type", tag="input_text"):
    """Text of a message of the user."""

    text: str


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """Text of an answer."""

    text: str
    annotations: list[Any] = []
    logprobs: list[dict[str, Any]] = []


class RefusalText(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    """A refusal by a model, in an earlier answer."""

    refusal: str


class InputImage(msgspec.Struct, frozen=True, tag_field="type", tag="input_image"):
    """An image: a `data:` URL, or a web address, which only the model's server fetches."""

    image_url: str


class InputFile(msgspec.Struct, frozen=True, tag_field="type", tag="input_file"):
    """A document that is sent along, of which the model gets the text."""

    file_data: Annotated[str, Meta(description="A `data:` URL of a PDF or a text, or its base64.")]
    filename: Annotated[str, Meta(max_length=1000)] | None = None


class SummaryText(msgspec.Struct, frozen=True, tag_field="type", tag="summary_text"):
    """Thinking."""

    text: str


class ReasoningText(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning_text"):
    """Thinking in the words of the model."""

    text: str


ContentPart: TypeAlias = InputText | OutputText | RefusalText | InputImage | InputFile | SummaryText | ReasoningText


class InputItem(msgspec.Struct, frozen=True):
    """A message, a tool call, its result, or thinking; `type` says which, and so which fields count."""

    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[ContentPart] | None = None
    call_id: CallId | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    arguments: Arguments | None = None
    output: str | list[ContentPart] | None = None
    summary: list[ContentPart] | None = None
    encrypted_content: str | None = None
    """What this program wants returned with an answer."""


class ResponseTool(msgspec.Struct, frozen=True):
    """A function of the client that the model may call, or a tool that OpenAI runs. Tools of other types are left
    out."""

    type: Annotated[str, Meta(max_length=100)]
    name: Annotated[str, Meta(max_length=200)] | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    search_context_size: str | UnsetType | None = UNSET
    user_location: dict[str, Any] | UnsetType | None = UNSET
    filters: dict[str, Any] | UnsetType | None = UNSET
    vector_store_ids: list[str] | UnsetType | None = UNSET
    max_num_results: int | UnsetType | None = UNSET
    ranking_options: dict[str, Any] | UnsetType | None = UNSET
    container: str | dict[str, Any] | UnsetType | None = UNSET


class NamedFunction(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """The model must call this function."""

    name: ToolName


class FunctionReference(msgspec.Struct, frozen=True):
    """One of the tools of the request."""

    name: ToolName
    type: Literal["function"] = "function"


class AllowedFunctions(msgspec.Struct, frozen=True, tag_field="type", tag="allowed_tools"):
    """The model may, or must, call one of these functions."""

    tools: Annotated[list[FunctionReference], Meta(max_length=TOOLS_LIMIT)]
    mode: Literal["auto", "required"] = "auto"


class JsonSchema(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    """The answer is JSON of this schema."""

    name: ToolName
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextOptions(msgspec.Struct, frozen=True):
    """The form of the answer."""

    format: TextFormat | JsonObjectFormat | JsonSchema | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningOptions(msgspec.Struct, frozen=True):
    """How much the model thinks before it answers."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: str | None = None


class ResponsesRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/responses`."""

    input: str | Annotated[list[InputItem], Meta(min_length=1, max_length=100_000)]
    model: Annotated[
        str,
        Meta(max_length=300, description="A model, a strategy, an alias, or `auto` for the default of the config."),
    ] = "auto"
    instructions: str | None = None
    previous_response_id: ResponseId | None = None
    store: Annotated[bool, Meta(description="True saves it, so that a later request can name it.")] | None = None
    stream: bool | None = None
    tools: Annotated[list[ResponseTool], Meta(max_length=TOOLS_LIMIT)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    max_output_tokens: Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[str] | None = None
    metadata: dict[str, Any] | None = None
    user: Word | None = None
    service_tier: Annotated[str, Meta(max_length=100)] | None = None
    prompt_cache_key: Word | None = None
    background: Annotated[bool, Meta(extra_json_schema={"const": False})] | None = None


# -- replies ----------------------------------------------------------------------------------------------------------


class ReasoningItem(msgspec.Struct, frozen=True, tag_field="type", tag="reasoning"):
    """Thinking, or only what the provider wants returned."""

    id: str
    summary: list[SummaryText]
    encrypted_content: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] = "completed"


class MessageItem(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """Text of the answer."""

    id: str
    content: list[OutputText]
    status: Literal["in_progress", "completed", "incomplete"] = "completed"
    role: Literal["assistant"] = "assistant"


class FunctionCallItem(msgspec.Struct, frozen=True, tag_field="type", tag="function_call"):
    """A tool call."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: Literal["in_progress", "completed", "incomplete"] = "completed"


OutputItem: TypeAlias = ReasoningItem | MessageItem | FunctionCallItem


class ListedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="message"):
    """A message in a list of input items."""

    id: str
    role: Literal["user", "assistant"]
    content: list[InputText | InputImage | OutputText]
    status: Literal["in_progress", "completed", "incomplete"] = "completed"


class ListedOutput(msgspec.Struct, frozen=True, tag_field="type", tag="function_call_output"):
    """The result of a tool call in a list of input items."""

    id: str
    call_id: str
    output: str | list[InputText | InputImage]
    status: Literal["completed"] = "completed"


ListedItem: TypeAlias = ListedMessage | ListedOutput | ReasoningItem | FunctionCallItem


class InputItems(msgspec.Struct, frozen=True):
    """A page of what a stored response has answered."""

    data: list[ListedItem]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False
    object: Literal["list"] = "list"


class DeletedResponse(msgspec.Struct, frozen=True):
    """The reply to `DELETE /v1/responses/ID`."""

    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


class ResponseFailure(msgspec.Struct, frozen=True):
    """Why an answer has failed."""

    code: str
    message: str


class IncompleteDetails(msgspec.Struct, frozen=True):
    """Why an answer is not whole."""

    reason: Literal["max_output_tokens", "content_filter"]


class InputDetails(msgspec.Struct, frozen=True):
    """Details of the tokens of the request."""

    cached_tokens: int = 0


class OutputDetails(msgspec.Struct, frozen=True):
    """Details of the answer's tokens."""

    reasoning_tokens: int = 0


class ResponseUsage(msgspec.Struct, frozen=True):
    """Token counts of one response."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: InputDetails = InputDetails()
    output_tokens_details: OutputDetails = OutputDetails()


class ResponseObject(msgspec.Struct, frozen=True, kw_only=True):
    """A response; in a stream, as far as it has come. What was asked for is repeated in the reply to the request."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["in_progress", "completed", "incomplete", "failed", "cancelled"] = "in_progress"
    model: Annotated[str, Meta(description="The `provider/model` that answered.")] = ""
    output: list[OutputItem] = []
    usage: ResponseUsage | None = None
    error: ResponseFailure | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool = False
    tools: list[ResponseTool] = []
    tool_choice: Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions = "auto"
    parallel_tool_calls: bool = True
    text: TextOptions = TextOptions(TextFormat())
    reasoning: ReasoningOptions = ReasoningOptions()
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    truncation: Literal["disabled"] = "disabled"
    metadata: dict[str, Any] = {}
    user: str | None = None


EventType = Literal[
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
]


class ResponseEvent(msgspec.Struct, frozen=True):
    """An event of a streamed response; `type` says which fields it has."""

    type: EventType
    sequence_number: int
    response: ResponseObject | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    output_index: int | UnsetType = UNSET
    content_index: int | UnsetType = UNSET
    summary_index: int | UnsetType = UNSET
    item: OutputItem | UnsetType = UNSET
    part: OutputText | SummaryText | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    logprobs: list[dict[str, Any]] | UnsetType = UNSET
