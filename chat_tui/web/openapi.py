"""Describes the HTTP API as OpenAPI 3.1, from the records that it reads and writes. WebSockets cannot be described."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui import __version__
from chat_tui.web.anthropic.schemas import (
    BlockDelta,
    BlockStart,
    BlockStop,
    CountedRequest,
    CountedTokens,
    MessageDelta,
    MessagesRequest,
    MessageStart,
    MessageStop,
    ReplyMessage,
)
from chat_tui.web.api.choice.model_list import AddedProvider, FoundKeys, OfferedChoices, Preference
from chat_tui.web.api.choice.setting_choice import PageQuestion, SettingChanges, SettingChoices, ShownSettings
from chat_tui.web.api.conversation_schemas import (
    ChangedConversation,
    ConversationChanges,
    ConversationPage,
    ConversationTools,
    FoundEvent,
    ListedDeletions,
    OpenedConversation,
)
from chat_tui.web.api.conversations import ExportQuery, ListQuery, SearchQuery, TurnsQuery
from chat_tui.web.api.events import (
    EndEvent,
    ErrorEvent,
    MetadataEvent,
    StartEvent,
    TokenEvent,
    ToolAskEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from chat_tui.web.api.html_events import HtmlEvent, PlaceEvent, StatsEvent
from chat_tui.web.api.live.comparisons import BegunComparison, ComparedQuestion
from chat_tui.web.api.live.events import AnswerBatch, ChangedEvent, ListEvent, QueueEvent, ReadyEvent, RunningEvent
from chat_tui.web.api.live.feed import FeedQuery
from chat_tui.web.api.live.queue import QueuedText, QueueOrder, ShownQueue
from chat_tui.web.api.operations import HealthReport
from chat_tui.web.api.schemas import PromptBody, RepeatBody
from chat_tui.web.api.stream import FailedReply, GeneratedReply
from chat_tui.web.api.tools import CallDecision, ConsentQuery, ListedToolServers, ToolSwitches
from chat_tui.web.api.turns.answers import ShownRoute, Verdict
from chat_tui.web.api.turns.finding import FindQuery, FoundTurns
from chat_tui.web.api.turns.summaries import (
    AddedSummary,
    KeptSummary,
    PlannedSummary,
    SummaryBody,
    SummaryTextEvent,
    WrittenEvent,
)
from chat_tui.web.errors import ANTHROPIC_PATH, OPENAI_PATH, AnthropicFault, OpenAIFault, StreamFault, is_below
from chat_tui.web.middleware.proxies import PREFIX
from chat_tui.web.openai.embeddings import EmbeddingList, EmbeddingRequest
from chat_tui.web.openai.legacy import LegacyCompletion, LegacyRequest
from chat_tui.web.openai.schemas import ChatRequest, Completion, CompletionChunk, ModelCard, ModelCards
from chat_tui.web.page.files.routes import EstimateBody, EstimatedQuestion, UploadQuery
from chat_tui.web.page.sign_in import SignInReply
from chat_tui.web.presence.uploads import UploadedFile
from chat_tui.web.responses.schemas import DeletedResponse, InputItems, ResponseEvent, ResponseObject, ResponsesRequest
from chat_tui.web.responses.storage import ItemsQuery, RetrievalQuery

JSON = "application/json"
BYTES = "*/*"
EVENTS = "text/event-stream"
LAST = "[DONE]"
"""Last event of a stream in OpenAI's format."""
FAULTS = (400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 429, 500, 502, 503, 504)
ABOUT = "Chat with a built-in LLM router. `/ws` is the WebSocket form of `/stream`; `/` is the web page."
_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


class Operation(msgspec.Struct, frozen=True):
    """One method of one path."""

    method: str
    path: str
    """The path as in the route."""
    summary: str
    reply: Any = None
    """Record of the reply; None if it is not JSON or empty."""
    body: Any = None
    query: Any = None
    """Record with the parameters of the URL."""
    events: tuple[Any, ...] = ()
    """Records that are sent as events of a stream."""
    text: str = ""
    """Media type of any other reply."""
    faults: Mapping[int, Any] = {}
    """Error replies, if they differ from the usual ones."""
    status: int = 200
    file: bool = False
    """The body is a file of any kind."""
    open: bool = False
    """No token is needed."""


_CONVERSATION = "/api/conversations/{id}"
_SUMMARY = f"{_CONVERSATION}/summary"
_QUEUE = f"{_CONVERSATION}/queue"
_TURN = f"{_CONVERSATION}/turns/{{turn}}"
_STREAMED = (
    StartEvent,
    TokenEvent,
    ToolCallEvent,
    ToolAskEvent,
    ToolResultEvent,
    MetadataEvent,
    ErrorEvent,
    EndEvent,
    HtmlEvent,
    PlaceEvent,
    StatsEvent,
)

OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/", "The web page.", text="text/html", open=True),
    Operation("GET", "/worker.js", "The script that the tabs of the page share.", text="text/javascript", open=True),
    Operation(
        "POST",
        "/stream",
        "Answer a question as server-sent events.",
        body=PromptBody,
        events=_STREAMED,
    ),
    Operation(
        "POST",
        "/generate",
        "Answer a question with one JSON reply.",
        GeneratedReply,
        PromptBody,
        faults=dict.fromkeys((400, 429, 500, 502, 503, 504), FailedReply),
    ),
    Operation("GET", "/v1/models", "List models and strategies, in OpenAI's format.", ModelCards),
    Operation("GET", "/v1/models/{id:path}", "Get one model or strategy.", ModelCard),
    Operation(
        "POST",
        "/v1/chat/completions",
        "Answer the last message of a chat, in OpenAI's format.",
        Completion,
        ChatRequest,
        events=(CompletionChunk, OpenAIFault),
    ),
    Operation(
        "POST",
        "/v1/completions",
        "Answer prompts, in the format of OpenAI's old completions.",
        LegacyCompletion,
        LegacyRequest,
        events=(LegacyCompletion, OpenAIFault),
    ),
    Operation(
        "POST",
        "/v1/embeddings",
        "Get embeddings of texts from a model's provider, in OpenAI's format.",
        EmbeddingList,
        EmbeddingRequest,
    ),
    Operation(
        "POST",
        "/v1/responses",
        "Answer the input, in the format of OpenAI's Responses API.",
        ResponseObject,
        ResponsesRequest,
        events=(ResponseEvent,),
    ),
    Operation("GET", "/v1/responses/{id}", "A stored response.", ResponseObject, query=RetrievalQuery),
    Operation("DELETE", "/v1/responses/{id}", "Delete a stored response.", DeletedResponse),
    Operation(
        "GET", "/v1/responses/{id}/input_items", "What a stored response has answered.", InputItems, query=ItemsQuery
    ),
    Operation(
        "POST",
        "/v1/messages",
        "Answer the last message of a chat, in Anthropic's format.",
        ReplyMessage,
        MessagesRequest,
        events=(MessageStart, BlockStart, BlockDelta, BlockStop, MessageDelta, MessageStop, AnthropicFault),
    ),
    Operation(
        "POST",
        "/v1/messages/count_tokens",
        "Estimate the tokens of a request, in Anthropic's format.",
        CountedTokens,
        CountedRequest,
    ),
    Operation(
        "GET",
        "/api/conversations",
        "List or search saved conversations.",
        ConversationPage,
        query=ListQuery,
    ),
    Operation(
        "GET",
        "/api/search",
        "Search titles and messages; a stream of what is found and of how much it is.",
        query=SearchQuery,
        events=(FoundEvent,),
    ),
    Operation(
        "GET", _CONVERSATION, "Get a conversation's turns, the latest first.", OpenedConversation, query=TurnsQuery
    ),
    Operation("PATCH", _CONVERSATION, "Rename or pin a conversation.", ChangedConversation, ConversationChanges),
    Operation("DELETE", _CONVERSATION, "Delete a conversation; it can be restored for 30 days.", status=204),
    Operation("POST", f"{_CONVERSATION}/restore", "Restore a deleted conversation.", status=204),
    Operation("GET", "/api/deleted", "List the deleted conversations that can be restored.", ListedDeletions),
    Operation("DELETE", "/api/deleted", "Erase all deleted conversations for good.", status=204),
    Operation("DELETE", "/api/deleted/{id}", "Erase a deleted conversation for good.", status=204),
    Operation(
        "GET",
        f"{_CONVERSATION}/export",
        "Export a conversation as Markdown, as one HTML file, or as JSON that can be imported again.",
        dict[str, Any],
        query=ExportQuery,
        text="text/markdown",
    ),
    Operation(
        "POST",
        f"{_TURN}/again",
        "Edit a question or regenerate an answer; the earlier version is kept.",
        body=RepeatBody,
        events=_STREAMED,
    ),
    Operation("POST", f"{_SUMMARY}/plan", "Tell what a summary would take.", PlannedSummary, SummaryBody),
    Operation(
        "POST",
        f"{_SUMMARY}/write",
        "Write a summary of earlier messages, which does not count until it is kept.",
        body=SummaryBody,
        events=(SummaryTextEvent, WrittenEvent, ErrorEvent),
    ),
    Operation("POST", f"{_SUMMARY}/keep", "Add a summary.", AddedSummary, KeptSummary, status=201),
    Operation("DELETE", f"{_SUMMARY}/turns/{{turn}}", "Take back a summary that ends the conversation.", status=204),
    Operation("POST", f"{_TURN}/select", "Switch to another version.", status=204),
    Operation("GET", f"{_TURN}/route", "Tell why a model has answered.", ShownRoute),
    Operation("PUT", f"{_TURN}/verdict", "Rate an answer as good or bad, or take that back.", body=Verdict, status=204),
    Operation(
        "POST",
        "/api/ask",
        "Begin the answer to a question and return its place; it runs without a client.",
        PlaceEvent,
        PageQuestion,
        status=202,
    ),
    Operation(
        "POST",
        f"{_TURN}/ask",
        "Edit a question or regenerate an answer, which runs without a client.",
        PlaceEvent,
        RepeatBody,
        status=202,
    ),
    Operation(
        "POST",
        "/api/compare",
        "Begin the answers of two to four models to one question; they run without a client.",
        BegunComparison,
        ComparedQuestion,
        status=202,
    ),
    Operation("POST", f"{_TURN}/stop", "Stop one answer of a comparison.", status=204),
    Operation("POST", f"{_TURN}/keep", "Keep one answer of a comparison, and stop the others.", status=204),
    Operation("POST", f"{_CONVERSATION}/stop", "Stop the answer of a conversation and its tool calls.", status=204),
    Operation("POST", f"{_CONVERSATION}/pause", "Pause the answer of a conversation.", status=204),
    Operation("POST", f"{_CONVERSATION}/resume", "Continue after a pause.", status=204),
    Operation("GET", _QUEUE, "Get the questions that wait for the end of the answer.", ShownQueue),
    Operation("POST", _QUEUE, "Ask a question when the answer has ended.", ShownQueue, PageQuestion, status=202),
    Operation("PUT", _QUEUE, "Put the questions that wait into another order.", body=QueueOrder, status=204),
    Operation("DELETE", _QUEUE, "Take back the questions that wait, and return them.", ShownQueue),
    Operation("POST", f"{_QUEUE}/steer", "End the answer and send what waits now, as one.", status=204),
    Operation("PATCH", f"{_QUEUE}/items/{{item}}", "Change the text of a question.", body=QueuedText, status=204),
    Operation("DELETE", f"{_QUEUE}/items/{{item}}", "Remove a question that waits.", status=204),
    Operation(
        "GET",
        "/api/events",
        "Follow what runs and changes, as server-sent events without an end.",
        query=FeedQuery,
        events=(ReadyEvent, RunningEvent, ListEvent, ChangedEvent, QueueEvent, AnswerBatch),
    ),
    Operation(
        "POST",
        "/api/uploads",
        "Upload a file, as it is, that is sent with a question.",
        UploadedFile,
        query=UploadQuery,
        file=True,
        status=201,
    ),
    Operation("GET", "/api/uploads/{id}", "Get an uploaded file that was not sent yet.", text=BYTES),
    Operation("DELETE", "/api/uploads/{id}", "Remove an uploaded file.", status=204),
    Operation(
        "POST", "/api/estimate", "Estimate the tokens and the price of a question.", EstimatedQuestion, EstimateBody
    ),
    Operation("GET", f"{_TURN}/files/{{number}}", "Get a file of a stored message.", text=BYTES),
    Operation("GET", "/api/tools", "List the tool servers with their tools.", ListedToolServers),
    Operation("GET", f"{_CONVERSATION}/tools", "Show which tools a conversation uses.", ConversationTools),
    Operation(
        "DELETE",
        f"{_CONVERSATION}/consents",
        "Ask again about a tool that was always allowed.",
        query=ConsentQuery,
        status=204,
    ),
    Operation("PUT", f"{_CONVERSATION}/tools", "Set which tools a conversation uses.", body=ToolSwitches, status=204),
    Operation(
        "POST",
        f"{_CONVERSATION}/calls/{{call:path}}",
        "Decide about a tool call that waits.",
        body=CallDecision,
        status=204,
    ),
    Operation(
        "POST",
        "/api/sign-in",
        "Exchange the token for a sign-in of this browser: a cookie and a proof, which count together.",
        SignInReply,
    ),
    Operation("DELETE", "/api/sign-in", "Sign out this browser.", status=204),
    Operation("DELETE", "/api/sign-ins", "Sign out all browsers.", status=204),
    Operation("GET", "/api/models", "List models and strategies.", OfferedChoices),
    Operation("POST", "/api/models/refresh", "Ask all servers for their models again.", status=204),
    Operation("PUT", "/api/models/preferences", "Note a favourite or chosen model.", None, Preference, status=204),
    Operation("GET", "/api/found-keys", "List keys of the environment that are not in use.", FoundKeys),
    Operation("POST", "/api/found-keys/{provider}/use", "Put such a key to use.", AddedProvider),
    Operation("GET", "/api/settings", "List the presets, and what is usual without settings.", SettingChoices),
    Operation("GET", f"{_CONVERSATION}/settings", "Get the settings of a conversation.", ShownSettings),
    Operation("GET", f"{_CONVERSATION}/find", "Find a passage in the messages of it.", FoundTurns, query=FindQuery),
    Operation("PATCH", f"{_CONVERSATION}/settings", "Change settings of it.", ShownSettings, SettingChanges),
    Operation("GET", "/health", "Server health.", HealthReport, faults={503: HealthReport}),
    Operation("GET", "/metrics", "Metrics for Prometheus.", text="text/plain"),
    Operation("GET", "/openapi.json", "This API description.", dict[str, Any]),
)


def routes() -> list[BaseRoute]:
    """Return the route of the description."""
    return [Route("/openapi.json", openapi, methods=["GET"])]


async def openapi(request: Request) -> Response:
    """The description."""
    document = _description()
    if prefix := request.scope.get(PREFIX, ""):
        document = {**document, "servers": [{"url": prefix}]}
    return Response(msgspec.json.encode(document), media_type=JSON)


@cache
def _description() -> dict[str, Any]:
    return description(OPERATIONS)


def description(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of these operations."""
    kinds: list[Any] = list(dict.fromkeys(kind for operation in operations for kind in _kinds(operation)))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    schema_of = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _describe(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "chat-tui", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


def _fault(operation: Operation) -> Any:
    if is_below(operation.path, ANTHROPIC_PATH):
        return AnthropicFault
    return OpenAIFault if is_below(operation.path, OPENAI_PATH) else StreamFault


def _kinds(operation: Operation) -> list[Any]:
    """Return all records that an operation uses."""
    whole = [kind for kind in (operation.reply, operation.body, operation.query) if kind is not None]
    return [*whole, *operation.events, _fault(operation), *operation.faults.values()]


def _describe(operation: Operation, schema_of: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"summary": operation.summary, "responses": _responses(operation, schema_of)}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(operation.path)
    ]
    if parameters := [*in_path, *_in_query(operation)]:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": schema_of[operation.body]}}}
    if operation.file:
        kind = {"type": "string", "format": "binary"}
        told["requestBody"] = {"required": True, "content": {"application/octet-stream": {"schema": kind}}}
    if operation.open:
        told["security"] = []
    return told


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = msgspec.json.schema(operation.query)
    [record] = schema["$defs"].values()
    needed = record.get("required", ())
    return [
        {"name": name, "in": "query", "schema": kind, **({"required": True} if name in needed else {})}
        for name, kind in record["properties"].items()
    ]


def _responses(operation: Operation, schema_of: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.reply is not None:
        content[JSON] = {"schema": schema_of[operation.reply]}
    if operation.events:
        content[EVENTS] = {"itemSchema": _event([schema_of[kind] for kind in operation.events])}
    if operation.text:
        content[operation.text] = {"schema": {"type": "string"}}
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    told = {str(operation.status): {**good, "content": content} if content else good}
    for status in FAULTS:
        schema = schema_of[_fault(operation)]
        if status in operation.faults:
            schema = {"anyOf": [schema_of[operation.faults[status]], schema]}
        told[str(status)] = {"description": HTTPStatus(status).phrase, "content": {JSON: {"schema": schema}}}
    return told


def _event(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the description of an event whose data is one of these records, as in OpenAPI 3.2; 3.1 has no way to
    describe it."""
    record = {"type": "string", "contentMediaType": JSON, "contentSchema": {"oneOf": kinds}}
    return {"type": "object", "properties": {"data": {"anyOf": [record, {"const": LAST}]}}, "required": ["data"]}
