"""Tools over the web: what programs may use, and how calls and results are streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chat_tui.config.schema import Config, ToolLimits, Web
from chat_tui.core.chunks import ToolCallDelta
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import ToolOutput, ToolUse
from chat_tui.providers.scripted_provider import Script, Step
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import Site, site, until

ALLOWED = ("fake.now",)


def call(name: str = "now", arguments: str = "{}", index: int = 0) -> list[Step]:
    id = f"call-{name}-{index}"
    return [
        ToolCallDelta(index, "start", id, name),
        ToolCallDelta(index, "arguments", id, arguments=arguments),
        ToolCallDelta(index, "end", id, name, arguments),
    ]


@asynccontextmanager
async def tool_site(tools: FakeTools, *scripts: Script, allow: tuple[str, ...] = ALLOWED) -> AsyncIterator[Site]:
    """The web face over models that play these scripts."""
    config = Config(strategy="balanced", tool_use=ToolLimits(allow=allow), web=Web(access_log=False))
    async with site(config, opener=scripted_opener(*scripts, config=config, tools=tools)) as web:
        yield web


async def switched_on(web: Site) -> str:
    """The id of a conversation in which a person has switched the tools on."""
    conversation = (await web.events(prompt="Begin"))[-1]["metadata"]["conversationId"]
    await web.engine.conversations.set_settings(conversation, ConversationSettings(tools=ToolUse(servers=("fake",))))
    return str(conversation)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


@pytest.mark.parametrize("path", ["/stream", "/generate"])
async def test_a_program_that_names_no_tools_gets_none_whatever_the_conversation_says(path: str) -> None:
    tools = FakeTools([offered("now")])
    async with tool_site(tools, ["Hi."], call(), ["Noon."]) as web:
        conversation = await switched_on(web)
        async with asyncio.timeout(10):
            await web.post(path, prompt="What time is it?", conversation=conversation)
        assert tools.started == []
        assert not web.engine.tools.conversations()


async def test_an_allowed_tool_runs_and_all_is_one_stream() -> None:
    tools = FakeTools([offered("now"), offered("later")], now=ToolOutput("12:00"))
    async with tool_site(tools, ["Let me look. ", *call()], ["It is ", "noon."]) as web:
        events = await web.events(prompt="What time is it?", tools=["fake"])
        whole = (await web.post("/generate", prompt="And now?", tools=["fake"])).json()
        path = (await web.engine.conversations.conversation(events[0]["metadata"]["conversationId"])).path
    assert kinds(events) == [
        "start",
        "token",
        *["tool_call"] * 3,
        "tool_result",
        "token",
        "token",
        "end",
    ]
    result = events[5]
    assert result == {
        "type": "tool_result",
        "id": "call-now-0",
        "name": "now",
        "server": "fake",
        "state": "complete",
        "text": "12:00",
        "images": 0,
    }
    assert tools.calls[0] == ("now", {})
    assert [turn.role for turn in path if turn.role != "system"] == ["user", "assistant", "tool", "assistant"]
    usages = [turn.usage.total_tokens for turn in path if turn.usage is not None]
    assert events[-1]["metadata"]["usage"]["totalTokens"] == sum(usages)
    assert len(usages) == 2
    assert whole["success"] is True
    assert whole["response"] == "It is noon."


async def test_a_tool_that_is_not_allowed_is_not_offered_and_its_call_does_not_run() -> None:
    tools = FakeTools([offered("now"), offered("later")])
    async with tool_site(tools, call("later"), ["Sorry."]) as web:
        events = await web.events(prompt="Later?", tools=["fake"])
    (result,) = [event for event in events if event["type"] == "tool_result"]
    assert result["state"] == "failed"
    assert "There are: now." in result["text"]
    assert tools.calls == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"tools": ["nobody"]}, "Unknown tool server `nobody`. Known: fake, other."),
        ({"tools": ["fake", "other"]}, "No tool of `other` may run without a person's consent."),
    ],
)
async def test_servers_that_cannot_be_used_are_refused(fields: Mapping[str, Any], told: str) -> None:
    tools = FakeTools([offered("now"), offered("look", "other")])
    async with tool_site(tools, ["Hi."]) as web:
        reply = await web.post("/stream", prompt="Hi", **fields)
    assert reply.status_code == 400
    assert told in reply.json()["error"]


async def test_a_whole_reply_asks_nobody() -> None:
    async with tool_site(FakeTools([offered("now")]), ["Hi."]) as web:
        reply = await web.post("/generate", prompt="Hi", tools=["fake"], askTools=True)
    assert reply.status_code == 400
    assert "`askTools` needs a stream" in reply.json()["error"]


async def test_a_client_that_leaves_stops_the_call_that_runs() -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with tool_site(tools, call(), ["Never asked."]) as web:
        async with web.client.stream("POST", "/stream", json={"prompt": "Hi", "tools": ["fake"]}):
            await until(lambda: len(tools.calls) == 1)
            (conversation,) = web.engine.tools.conversations()
            busy = await web.post("/stream", prompt="Again", conversation=conversation)
            assert busy.status_code == 409
            assert len(web.state.running()) == 1
        await until(lambda: tools.cancelled == ["now"])
        await until(lambda: not web.state.running())
        path = (await web.engine.conversations.conversation(conversation)).path
    assert [(turn.role, turn.state) for turn in path[-2:]] == [("assistant", "complete"), ("tool", "cancelled")]


async def test_a_server_that_stops_ends_the_call_and_the_stream() -> None:
    tools = FakeTools([offered("now")], now=asyncio.Event())
    async with tool_site(tools, call(), ["Never asked."]) as web:
        events = asyncio.ensure_future(web.events(prompt="Hi", tools=["fake"]))
        await until(lambda: len(tools.calls) == 1)
        async with asyncio.timeout(5):
            await web.state.stop(0, asyncio.Event())
            assert kinds(await events)[-2:] == ["tool_result", "end"]
    assert tools.cancelled == ["now"]


async def test_each_answer_is_counted_and_the_limit_holds_while_a_call_runs() -> None:
    gate = asyncio.Event()
    tools = FakeTools([offered("now")], now=gate)
    config = Config(tool_use=ToolLimits(allow=ALLOWED), web=Web(access_log=False, max_streams=1))
    async with site(config, opener=scripted_opener(call(), ["Noon."], config=config, tools=tools)) as web:
        events = asyncio.ensure_future(web.events(prompt="Hi", tools=["fake"]))
        await until(lambda: len(tools.calls) == 1)
        assert (await web.post("/generate", prompt="Me too")).status_code == 429
        gate.set()
        await events
        await until(lambda: not web.state.running())
        counted = (await web.client.get("/metrics")).text
    assert (
        sum(
            float(line.rpartition(" ")[2])
            for line in counted.splitlines()
            if line.startswith("chat_tui_answers_total{")
        )
        == 2
    )


async def test_the_screen_keeps_what_it_was_given() -> None:
    """A program's request changes nothing of the conversation's own tools."""
    async with tool_site(FakeTools([offered("now")]), ["Hi."]) as web:
        conversation = await switched_on(web)
        before = (await web.engine.conversations.conversation(conversation)).settings
        await web.events(prompt="More", conversation=conversation, tools=["fake"])
        after = (await web.engine.conversations.conversation(conversation)).settings
    assert before == after != ""
