"""A server that refuses tools: the request is not sent without them, and the error says so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import ToolCallDelta
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import ask, text_of
from tests.wire.dialects import SPOKEN, base_of, good
from tests.wire.raw_server import DONE, RawServer, chunked, event, saying, whole

TOOLS = Request("hello", tools=(Tool("add", "Adds."),))


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"message": "acme does not support tools"}),
        (404, {"message": "No endpoints found that support tool use."}),
        (405, {"message": "Tool calling is not supported for model: acme"}),
        (400, {"message": "Unsupported parameter.", "param": "tools", "code": "unsupported_parameter"}),
    ],
)
async def test_a_refusal_of_tools_is_an_error_of_its_own(
    spoken: str, status: int, said: dict[str, str], transport: Transport
) -> None:
    refusal = whole(json.dumps({"error": said}).encode(), f"{status} No")
    async with RawServer(saying(*[refusal] * 3)) as server:
        _, error = await ask(transport, base_of(server, spoken), TOOLS, spoken)
    assert all("tools" in asked.json for asked in server.asked)
    if "param" in said:
        assert isinstance(error, errors.Rejected)
    else:
        assert isinstance(error, errors.ToolsRefused)
        assert "switch the tools off" in error.hint
        assert len(server.asked) == 1


async def test_a_refusal_within_a_stream_is_the_same(transport: Transport) -> None:
    refusal = b'data: {"error": {"message": "This model does not support tools.", "code": 400}}\n\n'
    async with RawServer(saying(chunked(refusal))) as server:
        _, error = await ask(transport, server.base_url, TOOLS)
    assert isinstance(error, errors.ToolsRefused)


async def test_the_same_words_without_tools_are_an_ordinary_refusal(transport: Transport) -> None:
    refusal = whole(b'{"error": {"message": "acme does not support tools"}}', "400 No")
    async with RawServer(saying(refusal)) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Rejected)
    assert not isinstance(error, errors.ToolsRefused)


async def test_calls_in_the_text_are_read_from_models_whose_servers_may_not_read_them(transport: Transport) -> None:
    text = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
    async with RawServer(saying(*[chunked(event(text), event(None, "stop"), DONE)] * 3)) as server:
        chunks, error = await ask(transport, server.base_url, TOOLS)
        assert error is None
        ends = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
        assert [(end.name, end.arguments) for end in ends] == [("add", '{"a": 1}')]
        assert text_of(chunks) == ""
        for model, request in ((Model("box/gpt-5.5"), TOOLS), (Model("box/tiny"), Request("hello"))):
            chunks, _ = await ask(transport, server.base_url, request, model=model)
            assert text_of(chunks) == text


async def test_a_model_that_cannot_stream_calls_answers_as_a_whole(transport: Transport) -> None:
    refusal = whole(b'{"error": {"message": "This model doesn\'t support tool use in streaming mode."}}', "400 No")
    async with RawServer(saying(refusal, good("openai"))) as server:
        _, error = await ask(transport, server.base_url, TOOLS)
    assert error is None
    assert [asked.json["stream"] for asked in server.asked] == [True, False]
