"""A task with tools by each API over a model of each dialect: what a provider wants returned comes back to it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.chunks import Chunk, End, ToolCallDelta, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolCall
from chat_tui.web.anthropic.responses import MessageEvents, build_message
from chat_tui.web.api.events import encode_event
from chat_tui.web.gateway.sealing import seal
from chat_tui.web.openai.responses import CompletedAnswer, CompletionEvents, CompletionTally, build_completion
from chat_tui.web.responses.replies import ResponseEvents, end_response, output_of
from chat_tui.web.responses.schemas import ResponseObject
from tests.providers.dialects.test_tool_streams import CALLS, RETURNED, TEXT, THINKING, TOOLS, WIRES, objects_in
from tests.support.web_site import Site, site
from tests.wire.dialects import base_of, good
from tests.wire.raw_server import Asked, RawServer, chunked, whole

SERVED = {"anthropic": "claude-x", "gemini": "gemini-x"}
SCHEMA = {"type": "object", "properties": {}}


async def by_chat(web: Site) -> str:
    """The task by chat completions; the last answer's text."""
    tools = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in TOOLS]
    talk: list[Any] = [{"role": "user", "content": "Los!"}]
    told = (await web.post("/v1/chat/completions", messages=talk, tools=tools)).json()
    message = told["choices"][0]["message"]
    assert [
        (each["function"]["name"], json.loads(each["function"]["arguments"])) for each in message["tool_calls"]
    ] == CALLS
    assert (message["content"], message["reasoning_content"]) == (TEXT, THINKING)
    talk += [message, *({"role": "tool", "tool_call_id": each["id"], "content": "3"} for each in message["tool_calls"])]
    told = (await web.post("/v1/chat/completions", messages=talk, tools=tools)).json()
    text: str = told["choices"][0]["message"]["content"]
    return text


async def by_messages(web: Site) -> str:
    """The task by Anthropic's API."""
    tools = [{"name": name, "input_schema": SCHEMA} for name in TOOLS]
    talk: list[Any] = [{"role": "user", "content": "Los!"}]
    body = {"model": "auto", "max_tokens": 9000, "tools": tools, "messages": talk}
    told = (await web.post("/v1/messages", **body)).json()
    calls = [block for block in told["content"] if block["type"] == "tool_use"]
    assert [(call["name"], call["input"]) for call in calls] == CALLS
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "3"} for call in calls]
    talk += [{"role": "assistant", "content": told["content"]}, {"role": "user", "content": results}]
    text: str = (await web.post("/v1/messages", **body)).json()["content"][0]["text"]
    return text


async def by_responses(web: Site) -> str:
    """The task by the Responses API."""
    tools = [{"type": "function", "name": name, "parameters": SCHEMA} for name in TOOLS]
    talk: list[Any] = [{"role": "user", "content": "Los!"}]
    told = (await web.post("/v1/responses", input=talk, tools=tools)).json()
    calls = [item for item in told["output"] if item["type"] == "function_call"]
    assert [(call["name"], json.loads(call["arguments"])) for call in calls] == CALLS
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "3"} for call in calls]
    talk += [*told["output"], *results]
    told = (await web.post("/v1/responses", input=talk, tools=tools)).json()
    text: str = told["output"][0]["content"][0]["text"]
    return text


def is_question(asked: Asked) -> bool:
    """Whether a model is asked, in any dialect."""
    return any(name in asked.body for name in (b'"messages"', b'"contents"', b'"input"'))


@pytest.mark.parametrize("way", [by_chat, by_messages, by_responses])
@pytest.mark.parametrize("name", WIRES)
async def test_a_task_with_tools_is_solved(name: str, way: Any) -> None:
    spoken = name.partition(" ")[0]
    replies = [chunked(WIRES[name]()), good(spoken)]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        # Some servers are asked about their models first.
        writer.write(replies.pop(0) if is_question(asked) else whole(b"{}"))

    async with RawServer(answer) as server:
        model = SERVED.get(spoken, "m")
        row = ProviderRow("box", base_url=base_of(server, spoken), dialect=spoken, models=(model,))
        async with site(Config(providers=(row,), model=f"box/{model}")) as web:
            assert await way(web) == "Hello"
    _, sent = (asked.json for asked in server.asked if is_question(asked))
    if way is not by_chat:
        for wanted in RETURNED[name]:
            assert any(wanted.items() <= each.items() for each in objects_in(sent)), wanted
    written = json.dumps(sent, ensure_ascii=False)
    assert all(tool in written for tool in TOOLS)


HALF: list[Chunk] = [
    ToolCallDelta(0, "start", "a", "one"),
    ToolCallDelta(0, "arguments", "a", arguments='{"a":"\ud83d"}'),
    ToolCallDelta(0, "end", "a", "one", '{"a":"\ud83d"}'),
    End(model="box/a"),
]
"""A call whose arguments hold half a character, which no UTF-8 can say."""


def test_half_a_character_in_arguments_is_replaced() -> None:
    response = ResponseObject(id="resp_1", created_at=0)
    encoders = (
        CompletionEvents("1", 0, CompletionTally(include_usage=False)),
        MessageEvents("1", prompt_tokens=0, sealed=str),
        ResponseEvents(response, "1", sealed=str),
    )
    for encoder in encoders:
        told = encoder.of(HALF).decode()
        assert "?" in told
        assert told.endswith("\n\n")
    call = ToolCall("a", "one", '{"a":"\ud83d"}')
    turn = Turn("assistant", "", calls=(call,), usage=Usage())
    for record in (
        build_completion("1", 0, [CompletedAnswer(turn, None)]),
        build_message("1", turn, None, sealed=""),
        end_response(response, turn, output_of(turn, (), "", ""), None),
    ):
        assert "?" in encode_event(record).decode()
    assert seal(turn, "token") == ""
