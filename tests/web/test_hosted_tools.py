"""Tools of the makers of APIs: passed on to models that have them, refused where none has."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from chat_tui.config.schema import Config, ProviderRow
from tests.doubles.model_server import ModelServer
from tests.support.web_site import box, site
from tests.wire.dialects import base_of, data, good
from tests.wire.raw_server import Asked, RawServer, chunked, whole

HI = [{"role": "user", "content": "Hi"}]
BASH = {"type": "bash_20250124", "name": "bash"}
COMPUTER = {"type": "computer_20250124", "name": "computer", "display_width_px": 1024, "display_height_px": 768}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "allowed_domains": ["example.com"]}
ADD = {"name": "add", "input_schema": {"type": "object", "properties": {}}}
FUNCTION = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {}}}
FIND = {"type": "web_search", "user_location": {"type": "approximate", "city": "Paris"}}


def called(name: str, **arguments: str) -> bytes:
    """Anthropic's reply with a search that its server makes, and a call of the client."""
    blocks = (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "tool_use", "id": "t", "name": name, "input": arguments},
    )
    events: list[dict[str, Any]] = []
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    events += [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}]
    return chunked(b"".join(map(data, events)))


def rows(server: RawServer, dialect: str, model: str) -> Config:
    """A config with a model that has no such tools, and one that may have."""
    return Config(
        providers=(
            ProviderRow("plain", base_url="http://127.0.0.1:9/v1", models=("m",)),
            ProviderRow("box", base_url=base_of(server, dialect), dialect=dialect, models=(model,)),
        ),
        strategy="quality-first",
    )


async def test_anthropics_own_tools_reach_its_models_with_all_their_fields() -> None:
    replies = [called("bash", command="ls"), good("anthropic")]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(replies.pop(0) if b'"messages"' in asked.body else whole(b"{}"))

    async with RawServer(answer) as server, site(rows(server, "anthropic", "claude-x")) as web:
        body = {"model": "auto", "max_tokens": 5000, "tools": [BASH, COMPUTER, SEARCH, ADD], "messages": HI}
        told = (await web.post("/v1/messages", **body, tool_choice={"type": "tool", "name": "bash"})).json()
        result = {"type": "tool_result", "tool_use_id": "t", "content": "a.txt"}
        talk = [*HI, {"role": "assistant", "content": told["content"]}, {"role": "user", "content": [result]}]
        again = (await web.post("/v1/messages", **{**body, "messages": talk})).json()
        refused = await web.post("/v1/messages", **{**body, "model": "plain/m"})
    assert told["content"] == [{"type": "tool_use", "id": "t", "name": "bash", "input": {"command": "ls"}}]
    assert again["content"][0]["text"] == "Hello"
    first, second = [asked for asked in server.asked if b'"messages"' in asked.body]
    sent = [{name: value for name, value in tool.items() if name != "cache_control"} for tool in first.json["tools"]]
    assert sent == [BASH, COMPUTER, SEARCH, ADD]
    assert first.json["tool_choice"] == {"type": "tool", "name": "bash"}
    assert first.headers["anthropic-beta"] == "computer-use-2025-01-24"
    assert second.json["messages"][1]["content"][0]["name"] == "bash"
    assert refused.status_code == 400
    assert "only the models of their maker" in refused.json()["error"]["message"]


async def test_openais_own_tools_reach_its_models() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(good("openai-responses") if b'"input"' in asked.body else whole(b"{}"))

    async with RawServer(answer) as server, site(rows(server, "openai-responses", "gpt-5")) as web:
        for tools in ([FIND], [FIND, FUNCTION, {"type": "local_shell"}]):
            told = (await web.post("/v1/responses", model="quality-first", input="Hi", tools=tools)).json()
            assert (told["model"], told["tools"][0]) == ("box/gpt-5", {**NULLS, **FIND})
        searches: list[dict[str, Any]] = [{"web_search_options": {}}, {"tools": [{"type": "web_search"}]}]
        for fields in searches:
            chat = await web.post("/v1/chat/completions", model="quality-first", messages=HI, **fields)
            assert chat.json()["model"] == "box/gpt-5", chat.text
    sent = [asked.json["tools"] for asked in server.asked if b'"input"' in asked.body]
    assert sent[0] == [FIND]
    assert [tool["type"] for tool in sent[1]] == ["web_search", "function"]
    assert sent[2] == sent[3] == [{"type": "web_search"}]


NULLS = dict.fromkeys(("name", "description", "parameters", "strict"))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/messages", {"messages": HI, "tools": [SEARCH]}),
        ("/v1/responses", {"input": "Hi", "tools": [FIND]}),
        ("/v1/responses", {"input": "Hi", "tools": [FIND, {"type": "code_interpreter"}]}),
        ("/v1/chat/completions", {"messages": HI, "web_search_options": {}}),
    ],
)
async def test_tools_that_no_model_has_are_refused(server: ModelServer, path: str, fields: dict[str, Any]) -> None:
    async with site(box(server.base_url, "t5")) as web:
        for model in ("auto", "balanced"):
            reply = await web.post(path, model=model, max_tokens=100, **fields)
            assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error"), reply.text
    assert not server.exchanges


async def test_openais_own_tools_are_left_out_beside_functions(server: ModelServer) -> None:
    """Agents offer them with every request."""
    async with site(box(server.base_url, "calls")) as web:
        told = await web.post("/v1/responses", input="Hi", tools=[FIND, FUNCTION])
    assert told.json()["output"][0]["type"] == "function_call"
    assert [tool["function"]["name"] for tool in server.exchanges[0].body["tools"]] == ["add"]


WRONG: list[dict[str, Any]] = [
    {"type": "bash", "name": "bash"},
    {"type": "bash_20250124"},
    {"type": "bash_20250124", "name": "a b"},
    {**SEARCH, "nested": json.loads("[" * 100 + "]" * 100)},
    {"type": 5},
    {"name": "add"},
]


@pytest.mark.parametrize("tool", WRONG, ids=range(len(WRONG)))
async def test_malformed_tools_are_refused(server: ModelServer, tool: dict[str, Any]) -> None:
    async with site(box(server.base_url, "t5")) as web:
        reply = await web.post("/v1/messages", model="auto", max_tokens=100, messages=HI, tools=[tool])
        chat = await web.post("/v1/chat/completions", messages=HI, tools=[{"type": "function"}])
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error"), reply.text
    assert "tools" in reply.json()["error"]["message"]
    assert chat.status_code == 400
    assert not server.exchanges
