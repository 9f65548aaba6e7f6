"""Tools over the web: what programs may use, and how calls and results are streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from chat_tui.config.schema import Config, ToolLimits, Web
from chat_tui.core.chunks import End, ToolCallDelta
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import OfferedTool, Tool, ToolOutput, ToolUse
from chat_tui.providers.scripted_provider import Pause, Script, Step
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import BEARER, Site, site, until

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


async def test_a_reply_as_a_whole_that_ends_with_a_cut_call_is_a_failure() -> None:
    cut: Script = [ToolCallDelta(0, "start", "c", "now"), End(finish_reason="length", state="length")]
    async with tool_site(FakeTools([offered("now")]), cut) as web:
        reply = await web.post("/generate", prompt="What time is it?", tools=["fake"])
    assert reply.status_code == 502
    assert reply.json()["error"] == "The token limit cut a tool call, so it was not run."


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


async def test_a_program_is_refused_where_a_server_cannot_be_used() -> None:
    tools = FakeTools([offered("now")])
    tools.problems["fake"] = "The tool server fake cannot be used: its program was not found."
    async with tool_site(tools, ["Hi."]) as web:
        reply = await web.post("/generate", prompt="Hi", tools=["fake"])
        assert await web.engine.conversations.summaries() == []
    assert reply.status_code == 502
    assert reply.json()["error"] == (
        "The tool server fake cannot be used: its program was not found. Nothing was asked."
    )


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
        async with asyncio.timeout(10):
            while await answers_counted(web) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await answers_counted(web) == 2


async def answers_counted(web: Site) -> float:
    lines = (await web.client.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("chat_tui_answers_total{"))


async def test_the_screen_keeps_what_it_was_given() -> None:
    """A program's request changes nothing of the conversation's own tools."""
    async with tool_site(FakeTools([offered("now")]), ["Hi."]) as web:
        conversation = await switched_on(web)
        before = (await web.engine.conversations.conversation(conversation)).settings
        await web.events(prompt="More", conversation=conversation, tools=["fake"])
        after = (await web.engine.conversations.conversation(conversation)).settings
    assert before == after != ""


async def asked_call(web: Site, events: AsyncIterator[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The id of the conversation, and the question about its call."""
    conversation = ""
    async for event in events:
        conversation = event.get("metadata", {}).get("conversationId", conversation)
        if event["type"] == "tool_ask":
            return conversation, event
    raise AssertionError("no call was asked about")


async def decided(web: Site, conversation: str, id: str, **body: Any) -> int:
    return (await web.post(f"/api/conversations/{conversation}/calls/{id}", **body)).status_code


async def test_a_person_sees_and_allows_a_call() -> None:
    tools = FakeTools([offered("now", description="Tells the time.")])
    arguments = '{"zone": "UTC", "digits": 12345678901234567}'
    async with tool_site(tools, call(arguments=arguments), ["Noon."], allow=()) as web:
        events = web.follow(prompt="What time is it?", tools=["fake"], askTools=True)
        conversation, ask = await asked_call(web, events)
        opened = (await web.client.get(f"/api/conversations/{conversation}")).json()
        assert await decided(web, conversation, "call-none-0", decision="run") == 404
        assert await decided(web, conversation, ask["id"], decision="run") == 204
        rest = [event async for event in events]
        assert await decided(web, conversation, ask["id"], decision="run") == 404
        after = (await web.client.get(f"/api/conversations/{conversation}")).json()
    assert ask == {
        "type": "tool_ask",
        "id": "call-now-0",
        "name": "now",
        "server": "fake",
        "arguments": '{\n  "zone": "UTC",\n  "digits": 12345678901234567\n}',
        "description": "Tells the time.",
    }
    assert kinds(rest) == ["tool_result", "token", "end"]
    assert tools.calls == [("now", {"zone": "UTC", "digits": 12345678901234567})]
    assert opened["tools"] == {"servers": ["fake"], "off": [], "consents": [], "webSearch": False}
    assert opened["isCalling"] is True
    (pending,) = opened["pending"]
    assert pending == {**{key: ask[key] for key in ask if key != "type"}, "state": "asking"}
    assert (after["isCalling"], after["pending"]) == (False, [])
    assert [turn["role"] for turn in after["turns"]] == ["user", "assistant", "tool", "assistant"]
    shown, result = after["turns"][1:3]
    assert shown["calls"] == [{"id": ask["id"], "name": "now", "arguments": ask["arguments"]}]
    assert result["text"] == "result of now"
    assert result["result"] == {"call": ask["id"], "name": "now", "server": "fake", "arguments": "", "images": 0}


@pytest.mark.parametrize(
    ("body", "state", "text"),
    [
        ({"decision": "refuse", "reason": "Not now."}, "refused", "The user refused this call: Not now."),
        ({"decision": "run", "arguments": '{"zone": "CET"}'}, "complete", "result of now"),
        ({"decision": "stop"}, "cancelled", "This call was not run."),
    ],
)
async def test_a_call_is_refused_changed_or_stopped(body: dict[str, Any], state: str, text: str) -> None:
    tools = FakeTools([offered("now")])
    async with tool_site(tools, call(), ["Well."], allow=()) as web:
        events = web.follow(prompt="What time is it?", tools=["fake"], askTools=True)
        conversation, ask = await asked_call(web, events)
        assert await decided(web, conversation, ask["id"], decision="run", arguments="[1]") == 400
        assert await decided(web, conversation, ask["id"], **body) == 204
        rest = [event async for event in events]
        turns = (await web.client.get(f"/api/conversations/{conversation}")).json()["turns"]
    assert (rest[0]["state"], rest[0]["text"]) == (state, text)
    assert kinds(rest[1:]) == (["end"] if state == "cancelled" else ["token", "end"])
    assert tools.calls == ([("now", {"zone": "CET"})] if state == "complete" else [])
    if state == "complete":
        assert turns[2]["result"]["arguments"] == '{\n  "zone": "CET"\n}'


async def test_a_tool_that_is_always_allowed_is_not_asked_about_again() -> None:
    tools = FakeTools([offered("now")])
    async with tool_site(tools, call(), ["Noon."], call(), ["Still."], allow=()) as web:
        events = web.follow(prompt="What time is it?", tools=["fake"], askTools=True)
        conversation, ask = await asked_call(web, events)
        await decided(web, conversation, ask["id"], decision="always")
        assert [event["type"] async for event in events][-1] == "end"
        again = await web.events(prompt="And now?", conversation=conversation, askTools=True)
        program = await web.events(prompt="And now?", conversation=conversation)
        path = f"/api/conversations/{conversation}"
        listed = (await web.client.get(f"{path}/tools")).json()["consents"]
        taken = [(await web.client.delete(f"{path}/consents?tool=fake.now")).status_code for _ in range(2)]
        left = (await web.client.get(f"{path}/tools")).json()["consents"]
    assert (listed, taken, left) == ([{"tool": "fake.now", "host": ""}], [204, 404], [])
    assert "tool_ask" not in kinds(again)
    assert "tool_result" in kinds(again)
    assert "tool_result" not in kinds(program)


async def test_a_client_that_leaves_while_a_call_waits_stops_it() -> None:
    tools = FakeTools([offered("now")])
    async with tool_site(tools, call(), ["Never asked."], allow=()) as web:
        body = {"prompt": "Hi", "tools": ["fake"], "askTools": True}
        async with web.client.stream("POST", "/stream", json=body):
            await until(lambda: bool(web.engine.tools.conversations(asking=True)))
        await until(lambda: not web.state.running())
    assert tools.calls == []


async def test_the_result_of_a_call_cannot_be_asked_for_again() -> None:
    tools = FakeTools([offered("now")])
    async with tool_site(tools, call(), ["Noon."], allow=()) as web:
        events = web.follow(prompt="What time is it?", tools=["fake"], askTools=True)
        conversation, ask = await asked_call(web, events)
        await decided(web, conversation, ask["id"], decision="stop")
        assert [event["type"] async for event in events][-1] == "end"
        turn = (await web.client.get(f"/api/conversations/{conversation}")).json()["turns"][-1]
        reply = await web.post(f"/api/conversations/{conversation}/turns/{turn['id']}/again", goesOn=True)
    assert (turn["role"], turn["state"]) == ("tool", "cancelled")
    assert reply.status_code == 400
    assert "the result of a tool call" in reply.json()["error"]


async def test_the_servers_of_a_conversation_are_switched() -> None:
    tools = FakeTools([offered("now", description="Tells the time. " * 50), offered("look", "other", read_only=True)])
    async with tool_site(tools, ["Hi."], allow=()) as web:
        conversation = await switched_on(web)
        listed = (await web.client.get("/api/tools")).json()["servers"]
        path = f"/api/conversations/{conversation}/tools"
        done = await web.client.put(path, json={"servers": ["other"], "off": ["other.look"], "webSearch": True})
        opened = (await web.client.get(f"/api/conversations/{conversation}")).json()
        unknown = await web.client.put(path, json={"servers": ["nobody"]})
        many = await web.client.put(path, json={"servers": ["other"], "off": [f"other.{'x' * 290}"] * 1000})
        kept = (await web.client.get(f"/api/conversations/{conversation}")).json()
        changed = await web.post("/stream", prompt="Hi", conversation=conversation, tools=["fake"], askTools=True)
    assert [server["name"] for server in listed] == ["fake", "other"]
    assert listed[0]["tokens"] > 10
    assert len(listed[0]["tools"][0]["description"]) <= 300
    assert listed[1]["tools"][0] == {"name": "other.look", "title": "", "description": "", "readOnly": True}
    assert done.status_code == 204
    switched = {"servers": ["other"], "off": ["other.look"], "consents": [], "webSearch": True}
    assert opened["tools"] == kept["tools"] == switched
    assert [unknown.status_code, many.status_code, changed.status_code] == [400, 400, 400]


async def test_the_page_is_told_where_each_answer_of_a_stream_belongs() -> None:
    tools = FakeTools([offered("now")], now=ToolOutput("<b>12:00</b>"))
    async with tool_site(tools, ["**Looking.**", *call()], ["*Noon.*"]) as web:
        events = await web.events(prompt="Hi", tools=["fake"], render=True)
        path = (await web.engine.conversations.conversation(events[1]["metadata"]["conversationId"])).path
    told = [event["type"] for event in events if event["type"] in ("placed", "html", "tool_result", "end")]
    assert told == ["placed", "html", "tool_result", "placed", "html", "end"]
    answers = [event["answer"] for event in events if event["type"] == "placed"]
    assert answers == [turn.id for turn in path if turn.role == "assistant"]
    assert [event["block"] for event in events if event["type"] == "html"] == [0, 0]
    assert [event for event in events if event["type"] == "html"][1]["html"] == "<p><em>Noon.</em></p>"


async def test_a_socket_tells_of_calls_and_a_cancel_stops_them() -> None:
    tools = FakeTools([offered("now")])
    async with (
        tool_site(tools, call(), ["Never asked."], allow=()) as web,
        connect(web.ws_url, additional_headers=BEARER) as socket,
    ):
        question = {"type": "generate", "requestId": 1, "prompt": "Hi", "tools": ["fake"], "askTools": True}
        await socket.send(json.dumps(question))
        async with asyncio.timeout(10):
            while (event := json.loads(await socket.recv()))["type"] != "tool_ask":
                pass
            assert event["requestId"] == 1
            await socket.send('{"type": "cancel", "requestId": 1}')
            rest = [json.loads(await socket.recv()) for _ in range(2)]
    assert [(event["type"], event["requestId"]) for event in rest] == [("tool_result", 1), ("complete", 1)]
    assert tools.calls == []


async def test_a_socket_takes_decisions_and_tells_of_those_that_are_wrong_or_late() -> None:
    tools = FakeTools([offered("now")])
    async with (
        tool_site(tools, call(), ["Noon."], allow=()) as web,
        connect(web.ws_url, additional_headers=BEARER) as socket,
        asyncio.timeout(20),
    ):

        async def next_of(*types: str) -> dict[str, Any]:
            while (event := json.loads(await socket.recv()))["type"] not in types:
                pass
            assert isinstance(event, dict)
            return event

        async def decide(**fields: Any) -> None:
            await socket.send(json.dumps({"type": "decide", "requestId": 1, "call": "call-now-0", **fields}))

        question = {"type": "generate", "requestId": 1, "prompt": "Hi", "tools": ["fake"], "askTools": True}
        await socket.send(json.dumps(question))
        await next_of("tool_ask")
        wrong: list[dict[str, Any]] = [
            {"decision": "perhaps"},
            {"decision": "run", "arguments": "[1]"},
            {"decision": "run", "call": "call-none"},
            {"decision": "stop", "call": "call-none"},
            {"decision": "run", "requestId": 2},
        ]
        for fields in wrong:
            await decide(**fields)
            told = await next_of("error", "tool_result")
            assert (told["type"], told["requestId"]) == ("error", fields.get("requestId", 1))
            assert told["call"] == fields.get("call", "call-now-0")
        await decide(decision="run", arguments='{"zone": "CET"}')
        assert (await next_of("tool_result"))["text"] == "result of now"
        await next_of("complete")
        await decide(decision="refuse")
        late = await next_of("error")
        await socket.send(json.dumps({**question, "requestId": 3}))
        await next_of("complete")
    assert (late["error"], late["call"]) == ("No request with this id is running.", "call-now-0")
    assert tools.calls == [("now", {"zone": "CET"})]


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"decision": "run", "arguments": '{"zone": "CET"}'}, "complete"),
        ({"decision": "refuse", "reason": "No."}, "refused"),
        ({"decision": "stop"}, "cancelled"),
    ],
)
async def test_a_decision_reaches_the_worker_whose_answer_waits_for_it(
    tmp_path: Path, body: dict[str, Any], state: str
) -> None:
    config = Config(strategy="balanced", web=Web(access_log=False))
    tools = FakeTools([offered("now")])
    one = scripted_opener(call(), ["Noon."], config=config, tools=tools, file=tmp_path / "history.db")
    two = scripted_opener(["Hi."], config=config, tools=FakeTools([offered("now")]), file=tmp_path / "history.db")
    async with site(config, opener=one) as web, site(config, opener=two) as other:
        events = web.follow(prompt="What time is it?", tools=["fake"], askTools=True)
        conversation, ask = await asked_call(web, events)
        assert await decided(other, conversation, "call-none-0", decision="run") == 404
        assert await decided(other, conversation, ask["id"], **body) == 204
        rest = [event async for event in events]
        await until(lambda: not web.state.running())
        assert await decided(other, conversation, ask["id"], **body) == 404
        assert await web.engine.places.get(f"tool decision {conversation}") == ""
    assert rest[0]["state"] == state
    assert tools.calls == ([("now", {"zone": "CET"})] if state == "complete" else [])


async def test_a_pause_holds_the_answer_behind_a_call() -> None:
    gate = asyncio.Event()
    tools = FakeTools([offered("now")], now=gate)
    async with (
        tool_site(tools, call(), ["Noon. ", Pause(0.3), "Late."]) as web,
        connect(web.ws_url, additional_headers=BEARER) as socket,
    ):
        await socket.send('{"type": "generate", "requestId": 1, "prompt": "Hi", "tools": ["fake"]}')
        await until(lambda: len(tools.calls) == 1)
        await socket.send('{"type": "pause", "requestId": 1}')
        await asyncio.sleep(0.05)
        gate.set()
        await until(lambda: any(answer.paused for answer in web.engine.running()))
        await socket.send('{"type": "resume", "requestId": 1}')
        async with asyncio.timeout(10):
            while json.loads(await socket.recv())["type"] != "complete":
                pass


async def test_what_a_hostile_server_says_is_bounded_text() -> None:
    schema = {"type": "object", "properties": {f"p{number}": {"description": "x" * 200} for number in range(20)}}
    many = [
        OfferedTool(Tool(f"t{number}", "<img src=x onerror=alert(1)>" * 300, schema), "fake", f"t{number}")
        for number in range(300)
    ]
    tools = FakeTools(many, t0=ToolOutput("<script>\x1b[31m" + "x" * 20_000_000))
    async with tool_site(tools, call("t0"), ["Done."], allow=("fake.*",)) as web:
        events = await web.events(prompt="Hi", tools=["fake"])
        listed = await web.client.get("/api/tools")
    (result,) = [event for event in events if event["type"] == "tool_result"]
    assert len(result["text"]) < 210_000
    assert "\x1b" not in result["text"]
    assert len(listed.json()["servers"][0]["tools"]) == 300
