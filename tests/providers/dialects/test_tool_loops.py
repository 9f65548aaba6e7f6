"""A question with three tool calls, from the engine to the bytes of each dialect and back."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import partial

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import ToolOutput, ToolUse
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import last_of
from chat_tui.history.store import Store
from chat_tui.providers.http.transport import Transport
from chat_tui.routing.router import Router
from tests.doubles.fake_backend import FakeBackend, FakeSetup, FakeWeights
from tests.doubles.fake_tools import FakeTools, offered
from tests.providers.dialects.test_tool_streams import CALLS, RETURNED, TEXT, THINKING, TOOLS, WIRES, objects_in
from tests.wire.asking import line
from tests.wire.dialects import base_of, good
from tests.wire.raw_server import RawServer, chunked, saying

SERVED = {"anthropic": "claude-x", "gemini": "gemini-x"}


@pytest.mark.parametrize("name", WIRES)
async def test_a_question_with_calls_goes_on_with_their_results(name: str) -> None:
    spoken = name.partition(" ")[0]
    model = Model(f"box/{SERVED.get(spoken, 'm')}", images=True)
    tools = FakeTools([offered(tool) for tool in TOOLS], add=ToolOutput("3"), now=ToolOutput("no clock", is_error=True))
    transport, told = Transport(connection_seconds=2), list[ChatTuiError]()
    async with RawServer(saying(chunked(WIRES[name]()), good(spoken))) as server:
        provider = line(base_of(server, spoken), dialect=spoken)
        router = Router([model], lambda model, request: aclosing(transport.stream(provider, model, request)))
        engine = Engine(
            Config(),
            router,
            await Store.open(None),
            weights=FakeWeights(ready=True),
            backend=FakeBackend((model,)),
            setup=FakeSetup(),
            open_private=partial(Store.open, None),
            tell=told.append,
            tools=tools,
        )
        try:
            use = ToolUse(servers=("fake",), allow=("fake.*",))
            first = await engine.ask(None, "Los!", Request(model=model.name, tool_use=use))
            async with asyncio.timeout(60):
                last = await last_of(first)
            path = (await engine.conversations.conversation(first.conversation_id)).path
        finally:
            await engine.close()
            await transport.close()
    assert last.turn.text == "Hello"
    assert tools.calls == CALLS
    assert [turn.role for turn in path] == ["user", "assistant", "tool", "tool", "tool", "assistant"]
    assert (path[1].text, path[1].thinking) == (TEXT, THINKING)
    body = server.asked[1].json
    for wanted in RETURNED[name]:
        assert any(wanted.items() <= each.items() for each in objects_in(body)), wanted
    sent = json.dumps(body, ensure_ascii=False)
    assert sent.count("no clock") == sent.count("result of get_weather") == 1
    assert all(tool in sent for tool in TOOLS)
    assert not told
