"""`chat-tui ask` with tools: what is offered, what runs, and what is told where a server cannot be used."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools.servers import SCRIPT, needs_sdk
from tests.wire.home import QUICK, Home, send_signal
from tests.wire.raw_server import DONE, RawServer, chunked, event, saying

ARGUMENTS = '{"text": "5"}'


def call(name: str, arguments: str = "{}", reason: str = "tool_calls") -> bytes:
    delta = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": name, "arguments": arguments}}]}
    value = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    return chunked(b"data: " + json.dumps(value).encode() + b"\n\n", DONE)


def configure(home: Home, server: RawServer, command: str = sys.executable, *options: str) -> None:
    arguments = json.dumps(["-I", str(SCRIPT), *options])
    home.serve(
        f"http://127.0.0.1:{server.port}/v1",
        "m",
        more=f'{QUICK}[[tools]]\nname = "box"\ncommand = {json.dumps(command)}\nargs = {arguments}\n',
    )


def offered(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", [])]


@needs_sdk
async def test_a_named_server_is_offered_and_its_call_runs(home: Home) -> None:
    async with RawServer(saying(call("echo", ARGUMENTS), chunked(event("Five."), event(None, "stop")))) as server:
        configure(home, server)
        ran = await home.run("ask", "--json", "--tool", "box.echo", "What is 2 + 3?")
    assert (ran.code, ran.told()) == (0, "")
    assert offered(server.asked[0].json) == ["echo"]
    kinds = [chunk["type"] for chunk in ran.chunks if chunk["type"] != "metadata"]
    assert kinds == ["start", "tool_call", "tool_call", "tool_call", "tool_result", "token", "end"]
    result = next(chunk for chunk in ran.chunks if chunk["type"] == "tool_result")
    assert (result["id"], result["name"], result["state"], result["server"]) == ("c1", "echo", "complete", "box")
    assert "5" in result["text"]
    assert sum(chunk.get("event") == "first_token" for chunk in ran.chunks) <= 1
    assert server.asked[1].json["messages"][-1]["role"] == "tool"


@needs_sdk
async def test_a_call_and_its_result_are_told_on_stderr(home: Home) -> None:
    async with RawServer(saying(call("echo", ARGUMENTS), chunked(event("Five."), event(None, "stop")))) as server:
        configure(home, server)
        ran = await home.run("ask", "--tools-allow", "box.e*", "What is 2 + 3?")
    assert (ran.code, ran.text) == (0, "Five.\n")
    assert '[calls echo {"text": "5"}]' in ran.told()
    assert "[echo: 5]" in ran.told()


@needs_sdk
async def test_calls_are_told_where_the_answer_is_json_of_a_schema(home: Home) -> None:
    async with RawServer(saying(call("echo", ARGUMENTS), chunked(event('{"sum": 5}'), event(None, "stop")))) as server:
        configure(home, server)
        ran = await home.run("ask", "--tool", "box.echo", "--schema", "sum int", "What is 2 + 3?")
    assert (ran.code, ran.text) == (0, '{"sum": 5}\n')
    assert '[calls echo {"text": "5"}]' in ran.told()
    assert "[echo: 5]" in ran.told()


@needs_sdk
@pytest.mark.parametrize("schema", [(), ("--schema", "sum int")])
async def test_a_call_that_the_token_limit_cuts_is_no_answer_and_is_told(home: Home, schema: tuple[str, ...]) -> None:
    async with RawServer(saying(call("echo", ARGUMENTS[:5], "length"))) as server:
        configure(home, server)
        ran = await home.run("ask", "--tool", "box.echo", *schema, "What is 2 + 3?")
    assert (ran.code, ran.text) == (1, "")
    assert "[The token limit cut a tool call, so it was not run: raise --max-tokens.]" in ran.told()
    assert len(server.asked) == 1


async def test_no_tool_is_offered_without_being_named(home: Home) -> None:
    async with RawServer(saying(chunked(event("Hi"), event(None, "stop")))) as server:
        configure(home, server)
        ran = await home.run("ask", "Hello")
    assert ran.code == 0
    assert offered(server.asked[0].json) == []


@pytest.mark.parametrize("option", [("--tool", "bx"), ("--tools-allow", "bx.*")])
async def test_a_server_that_is_not_configured_is_wrong_usage(home: Home, option: tuple[str, str]) -> None:
    async with RawServer(saying(b"")) as server:
        configure(home, server)
        ran = await home.run("ask", *option, "Hello")
    assert (ran.code, ran.text) == (2, "")
    assert "unknown tool server 'bx'" in ran.told()
    assert "box" in ran.told()
    assert server.asked == []


async def test_a_server_that_cannot_start_is_told_and_nothing_is_asked(home: Home) -> None:
    async with RawServer(saying(b"")) as server:
        configure(home, server, command="/nowhere/none")
        ran = await home.run("ask", "--tool", "box", "Hello")
    assert (ran.code, ran.text) == (1, "")
    assert ran.told().count("The tool server box cannot be") == 1
    assert ran.told().splitlines()[-1] == "          Nothing was asked."
    assert server.asked == []


@needs_sdk
@pytest.mark.parametrize("option", [("--tool", "box.eco"), ("--tools-allow", "box.eco*")])
async def test_a_tool_that_does_not_exist_is_wrong_usage(home: Home, option: tuple[str, str]) -> None:
    async with RawServer(saying(b"")) as server:
        configure(home, server)
        ran = await home.run("ask", *option, "Hello")
    assert (ran.code, ran.text) == (2, "")
    assert f"no tool is called {option[1]!r}" in ran.told()
    assert "box.echo" in ran.told()
    assert server.asked == []


@needs_sdk
async def test_an_interrupt_ends_the_wait_for_a_server_that_does_not_start(home: Home, tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with RawServer(saying(b"")) as server:
        configure(home, server, sys.executable, "--silent", "--note", str(note))
        process = await home.start("ask", "--tool", "box", "Hello")
        async with asyncio.timeout(20):
            while not note.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        send_signal(process)
        async with asyncio.timeout(10):
            out, _ = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert server.asked == []


@needs_sdk
async def test_a_model_that_only_calls_is_no_answer_and_is_told(home: Home) -> None:
    async with RawServer(saying(call("echo", ARGUMENTS))) as server:
        configure(home, server)
        home.config.write_text(home.config.read_text() + "[tool_use]\nmax_calls = 2\n")
        ran = await home.run("ask", "--tool", "box", "Hello")
    assert (ran.code, len(server.asked)) == (1, 3)
    assert "The limit of 2 tool calls for one question is reached. The model calls tools instead" in ran.told()
    assert ran.told().count("[The limit of 2 tool calls") == 1
