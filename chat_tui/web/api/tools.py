"""The tool servers for the web page: which there are, which a conversation uses, and decisions about calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chat_tui.core.settings.conversation_settings import decode_settings, encode_settings
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolServerStatus, ToolUse, decode_arguments
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall, StopCalls
from chat_tui.engine.tools.consent import full_name
from chat_tui.engine.tools.decision_relay import DecisionRelay, apply_decision, has_open_call
from chat_tui.web.api.choice.tool_choice import check_servers
from chat_tui.web.api.conversations import find_conversation, find_short, tools_of
from chat_tui.web.api.schemas import Name, parse_query, read_body
from chat_tui.web.errors import ApiError
from chat_tui.web.state import state_of

DESCRIPTION_CHARACTERS = 300
"""Characters of a tool's description in the list."""


class SwitchableTool(msgspec.Struct, frozen=True, rename="camel"):
    """A tool of a tool server."""

    name: str
    """`server.tool`."""
    title: str
    description: str
    """Beginning of what the server says of it."""
    read_only: bool
    """Whether the server says that it changes nothing; nobody has checked that."""


class ListedToolServer(msgspec.Struct, frozen=True, rename="camel"):
    """A tool server."""

    name: str
    source: str
    """Its command or address, without secrets; empty for chat-tui's own tools."""
    state: Literal["stopped", "starting", "ready", "failed"]
    problem: str
    """Why it failed, and what to do."""
    tools: list[SwitchableTool]
    """Empty if it has not run yet."""
    tokens: int
    """Estimated tokens that the list of its tools adds to each request."""


class ListedToolServers(msgspec.Struct, frozen=True):
    """All tool servers, in the order of the config."""

    servers: list[ListedToolServer]


class ToolSwitches(msgspec.Struct, frozen=True, rename="camel"):
    """The tools that a conversation uses."""

    servers: Annotated[list[Name], Meta(max_length=100)]
    """Names of the tool servers."""
    off: Annotated[list[Name], Meta(max_length=1000)] = []
    """Tools of these that are not offered, each as `server.tool`."""
    web_search: bool | UnsetType = UNSET
    """Whether the model may search the web with its provider's own search; unset: as before."""


class ConsentQuery(msgspec.Struct, frozen=True):
    """Parameters of the URL."""

    tool: Annotated[str, Meta(min_length=1, max_length=1000)]
    """`server.tool`."""
    host: Annotated[str, Meta(max_length=1000)] = ""
    """The host that it was allowed for, if that is one."""


class DecisionFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a person's decision about a tool call."""

    decision: Literal["run", "always", "refuse", "stop"]
    """`always` also runs later calls of this tool in this conversation at once; `stop` ends the answer."""
    arguments: Annotated[str, Meta(max_length=1_000_000)] | None = None
    """JSON object with which it runs, if not with the model's arguments."""
    reason: Annotated[str, Meta(max_length=2000)] = ""
    """Why it is refused, for the model."""


class CallDecision(DecisionFields, frozen=True, kw_only=True):
    """A person's decision about the tool call that the path names."""


def routes() -> list[BaseRoute]:
    """Return the routes of the tool servers."""
    one = "/api/conversations/{id}"
    return [
        Route("/api/tools", list_tool_servers, methods=["GET"]),
        Route(f"{one}/tools", show_tools, methods=["GET"]),
        Route(f"{one}/tools", switch_tools, methods=["PUT"]),
        Route(f"{one}/consents", take_back, methods=["DELETE"]),
        # An id is the provider's, and may contain slashes.
        Route(f"{one}/calls/{{call:path}}", decide, methods=["POST"]),
    ]


async def list_tool_servers(request: Request) -> Response:
    """List all tool servers with their tools."""
    engine = await state_of(request).engine()
    # Hundreds of tools with large schemas take milliseconds to count.
    listed = await asyncio.to_thread(_encode_servers, engine.tools.backend.statuses())
    return Response(listed, media_type="application/json")


def _encode_servers(statuses: Sequence[ToolServerStatus]) -> bytes:
    return msgspec.json.encode(ListedToolServers([_listed_server(status) for status in statuses]))


def _listed_server(status: ToolServerStatus) -> ListedToolServer:
    tools = [
        SwitchableTool(
            full_name(tool), tool.title, shorten(tool.tool.description, DESCRIPTION_CHARACTERS), tool.is_read_only
        )
        for tool in status.tools
    ]
    tokens = tool_tokens([tool.tool for tool in status.tools])
    return ListedToolServer(status.name, status.source, status.state, status.problem, tools, tokens)


async def show_tools(request: Request) -> Response:
    """Return which tools a conversation uses, and which run without being asked about."""
    conversation = await find_short(await state_of(request).engine(), request)
    return Response(msgspec.json.encode(tools_of(conversation)), media_type="application/json")


async def take_back(request: Request) -> Response:
    """Ask about the calls of a tool again that was always allowed."""
    asked, engine = parse_query(request, ConsentQuery), await state_of(request).engine()
    conversation = await find_conversation(engine, request)
    use = decode_settings(conversation.settings).tools or ToolUse()
    given = [each for each in use.consents if (each.tool, each.host) == (asked.tool, asked.host)]
    if not given:
        raise ApiError(404, "This tool was not allowed here, or not any more.")
    await engine.tools.take_back(conversation.id, given)
    return Response(status_code=204)


async def switch_tools(request: Request) -> Response:
    """Set which tools a conversation uses; what was allowed in it stays allowed."""
    state = state_of(request)
    asked, engine = await read_body(request, ToolSwitches), await state.engine()
    servers = check_servers(engine, asked.servers)
    conversation = await find_conversation(engine, request)
    settings = decode_settings(conversation.settings)
    use = msgspec.structs.replace(settings.tools or ToolUse(), servers=servers, off=tuple(asked.off))
    search = settings.web_search if asked.web_search is UNSET else asked.web_search
    changed = msgspec.structs.replace(settings, tools=use, web_search=search)
    if decode_settings(encode_settings(changed)) != changed:
        raise ApiError(400, "Too many tools are switched off one by one. Switch off their server.", param="off")
    await engine.conversations.set_settings(conversation.id, changed)
    return Response(status_code=204)


async def decide(request: Request) -> Response:
    """Decide about a tool call that waits; `stop` also ends one that runs."""
    asked, engine = await read_body(request, CallDecision), await state_of(request).engine()
    decision = decision_of(asked)
    conversation = await find_conversation(engine, request)
    call_id = str(request.path_params["call"])
    if apply_decision(engine.tools.rounds(conversation.id), call_id, decision):
        return Response(status_code=204)
    is_elsewhere = has_open_call(conversation, call_id) and conversation.id not in engine.tools
    is_elsewhere = is_elsewhere and not engine.conversations.is_private(conversation.id)
    if is_elsewhere and await DecisionRelay(engine.places).send(conversation.id, call_id, decision):
        return Response(status_code=204)
    raise late_decision()


def late_decision() -> ApiError:
    """Return the refusal of a decision that comes too late, or names no call."""
    return ApiError(404, "This call does not wait for a decision any more.")


def decision_of(asked: DecisionFields) -> Decision:
    """Return a person's decision. Raises `ApiError`."""
    if asked.decision == "stop":
        return StopCalls()
    if asked.decision == "refuse":
        return RefuseCall(asked.reason)
    arguments = decode_arguments(asked.arguments) if asked.arguments is not None else None
    if asked.arguments is not None and arguments is None:
        raise ApiError(400, "`arguments` is not a JSON object.", param="arguments")
    return RunCall(always=asked.decision == "always", arguments=arguments)
