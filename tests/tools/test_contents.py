"""Prompts and resources of tool servers: listed, read, bounded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import PromptArgument, PromptMessage
from tests.doubles.tool_server import PAGE, PNG
from tests.tools.servers import named, needs_sdk, row, running, until

pytestmark = needs_sdk


async def test_prompts_and_resources_are_listed_and_read_and_errors_are_told(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with running(row("box", "--contents", "--note", str(note)), idle_seconds=0.0) as servers:
        tools = await servers.start(["box"])
        await servers.call(named(tools, "echo"), {"text": "x"})
        # Who uses only its tools does not make it list more.
        assert not note.exists()
        await servers.list_contents(["box"])
        [box] = servers.statuses()
        assert len(box.prompts) == PAGE + 2
        weather = box.prompts[0]
        assert (weather.name, weather.title, weather.description) == ("weather", "Weather", "Asks for the weather.")
        assert weather.arguments == (PromptArgument("city", "The city.", True),)
        notes, *_, day = box.resources
        assert (notes.uri, notes.name, notes.title, notes.media_type, notes.size_bytes) == (
            "memo://notes", "notes", "Notes", "text/plain", 16,
        )  # fmt: skip
        assert (day.uri, day.is_template) == ("memo://day/{day}", True)
        [message] = await servers.get_prompt("box", "weather", {"city": "Bonn"})
        assert message == PromptMessage("user", "How is the weather in Bonn?")
        values = await servers.complete_argument("box", "weather", "city", {"city": "B"})
        assert values == ("Bonn", "Berlin")
        talk = await servers.get_prompt("box", "talk", {})
        assert [(each.role, each.text) for each in talk] == [
            ("user", "Hello."),
            ("assistant", "Hello!"),
            ("user", "Go on."),
        ]
        read = {uri: await servers.read_resource("box", f"memo://{uri}") for uri in ("notes", "dot.png", "day/monday")}
        assert (read["notes"].name, read["notes"].content) == ("box:memo://notes", b"rivers and lakes")
        assert (read["dot.png"].media_type, read["dot.png"].content) == ("image/png", PNG)
        assert read["day/monday"].content == b"It rains."
        assert (await servers.read_resource("box", "memo://blob")).content.decode() == "größer"
        # The server knows it by a URI with a line break.
        assert (await servers.read_resource("box", "memo://a b c")).content == b"blanks"
        parts = await servers.read_resource("box", "memo://parts")
        assert parts.content == b"[memo://1]\none\n\n[memo://2]\ntwo"
        for uri, told in {
            "memo://large": "box:memo://large is larger than 2 MB, the limit for a text.",
            "memo://binary": "box:memo://binary is neither an image, a PDF nor UTF-8 text.",
            "memo://gone": "box did not give memo://gone: Resource not found.",
        }.items():
            with pytest.raises(ToolFailed) as raised:
                await servers.read_resource("box", uri)
            assert raised.value.title == told
        with pytest.raises(ToolFailed) as raised:
            await servers.get_prompt("box", "many1", {})
        assert raised.value.title == "box did not give many1: there is no such prompt."
        with pytest.raises(ToolFailed, match="There is no tool server other"):
            await servers.read_resource("other", "memo://notes")
        await servers.call(named(tools, "change"), {})
        await until(lambda: servers.statuses()[0].prompts[-1].name == "added later")
        assert servers.statuses()[0].state == "ready"
        await servers.release(["box"])
        await until(lambda: servers.statuses()[0].state == "stopped")
        # What is asked for besides a question starts it, but does not keep it.
        await servers.get_prompt("box", "talk", {})
        await until(lambda: servers.statuses()[0].state == "stopped")
        assert servers.statuses()[0].prompts[0] == weather


async def test_lists_of_a_hostile_server_are_harmless() -> None:
    async with running(row("box", "--contents", "--hostile", result_bytes=1000)) as servers:
        await servers.list_contents(["box"])
        [box] = servers.statuses()
        first, second, third, fourth = box.prompts[:4]
        assert (first.name, second.name, third.name, fourth.name) == ("/quit", "quit", "two lines", "prompt 0")
        assert first.description == "red line" + "d" * 291 + "…"
        assert [argument.name for argument in third.arguments] == [f"a{n}" for n in range(30)]
        assert len(box.prompts) == 498
        assert [resource.uri for resource in box.resources[:2]] == ["memo://notes", "memo://0"]
        assert box.resources[0].name == "seton"
        assert len(box.resources) == 1999 + 1
        # The server gets its own names.
        [message] = await servers.get_prompt("box", "two lines", {"a1": "x"})
        assert message.text == '{"a\\u001b[1m1": "x"}'
        request, *more = await servers.complete_argument("box", "two lines", "a1", {"a1": "x", "a2": "y"})
        assert json.loads(request) == [
            {"name": "a\x1b[1m1", "value": "x"},
            {"arguments": {"a\x1b[2m2": "y"}},
        ]
        assert more == [f"value {n}" for n in range(99)]
        [message] = await servers.get_prompt("box", "quit", {})
        assert message.text == "x" * 1000 + "\n[the prompt was cut: these are the first 1 kB of 1.0 MB]"
