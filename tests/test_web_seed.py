"""The seed's ways to ask over HTTP: `/stream` and `/generate`."""

from __future__ import annotations

import pytest

from tests.model_server import ModelServer
from tests.web_rig import box, site


async def test_a_stream_tells_start_tokens_and_end_in_the_seeds_words(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20")) as web:
        events = await web.events(prompt="Hi")
    start, *tokens, end = events
    assert start["type"] == "start"
    assert start["message"] == "Stream started"
    assert start["metadata"]["model"] == "box/t20"
    assert [set(token) for token in tokens] == [{"type", "token"}] * 20
    assert end["type"] == "end"
    assert end["metadata"]["model"] == "box/t20"
    assert end["metadata"]["usage"]["totalTokens"] > 20
    assert end["metadata"]["requestId"] == start["metadata"]["requestId"]


async def test_a_whole_reply_has_the_text_that_the_stream_has(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20")) as web:
        streamed = "".join(event.get("token", "") for event in await web.events(prompt="Hi"))
        reply = (await web.post("/generate", prompt="Hi")).json()
    assert reply["success"] is True
    assert reply["response"] == streamed != ""
    assert reply["metadata"]["usage"]["totalTokens"] > 20


@pytest.mark.parametrize("path", ["/stream", "/generate"])
async def test_nobody_asks_without_the_token(server: ModelServer, path: str) -> None:
    async with site(box(server.base_url, "t20")) as web:
        replies = [
            await web.client.post(path, json={"prompt": "Hi"}, headers={"Authorization": given})
            for given in ("", "Bearer wrong", "Basic let-me-in")
        ]
    assert [reply.status_code for reply in replies] == [401, 401, 401]
    assert {reply.headers["www-authenticate"] for reply in replies} == {"Bearer"}
    assert not server.exchanges
