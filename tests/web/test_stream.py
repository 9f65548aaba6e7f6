"""Asking over HTTP: `/stream` and `/generate`."""

from __future__ import annotations

import pytest

from tests.doubles.model_server import ModelServer
from tests.support.web_site import box, site


async def test_a_stream_tells_start_tokens_and_end_in_camel_case(server: ModelServer) -> None:
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


@pytest.mark.parametrize("wanted", ["box/t20", "t20", "balanced", "auto"])
async def test_a_model_is_named_in_full_by_its_bare_name_or_left_to_a_strategy(
    server: ModelServer, wanted: str
) -> None:
    async with site(box(server.base_url, "t20")) as web:
        reply = (await web.post("/generate", prompt="Hi", model=wanted)).json()
        unknown = await web.post("/generate", prompt="Hi", model="nobody")
    assert reply["metadata"]["model"] == "box/t20"
    assert unknown.status_code == 404
    assert "`nobody`" in unknown.json()["error"]


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


async def test_a_failure_is_told_as_an_error_and_still_ends_once(server: ModelServer) -> None:
    async with site(box(server.base_url, "error400")) as web:
        events = await web.events(prompt="Hi")
        reply = await web.post("/generate", prompt="Hi")
    assert [event["type"] for event in events] == ["start", "error", "end"]
    assert isinstance(events[1]["error"], str)
    assert events[2]["metadata"]["state"] == "failed"
    assert reply.status_code == 400
    assert reply.json()["success"] is False
    assert reply.json()["error"] == events[1]["error"] != ""


async def test_what_came_of_a_cut_answer_is_kept_and_told(server: ModelServer) -> None:
    async with site(box(server.base_url, "t50-cut10")) as web:
        reply = await web.post("/generate", prompt="Hi")
        told = reply.json()
        kept = await web.engine.conversations.conversation(told["metadata"]["conversationId"])
    assert reply.status_code == 502
    assert told["success"] is False
    assert told["response"] == kept.path[-1].text != ""
    assert kept.path[-1].state == told["metadata"]["state"] == "broken"


async def test_metadata_comes_only_when_it_is_asked_for(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        plain = await web.events(prompt="Hi")
        asked = await web.events(prompt="Hi", includeMetadata=True)
    assert not [event for event in plain if event["type"] == "metadata"]
    told = [event["data"] for event in asked if event["type"] == "metadata"]
    usage = [data["usage"] for data in told if "usage" in data]
    assert "connecting" in {data["event"] for data in told}
    assert usage == [] or usage[-1]["totalTokens"] > 0


async def test_thinking_is_told_apart_from_text(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3-think2")) as web:
        events = await web.events(prompt="Hi")
    kinds = [event.get("kind", "text") for event in events if event["type"] == "token"]
    assert kinds == ["thinking", "thinking", "text", "text", "text"]


async def test_a_conversation_goes_on_where_it_is_named(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        first = (await web.post("/generate", prompt="One", system="Be brief.")).json()
        conversation = first["metadata"]["conversationId"]
        second = (await web.events(prompt="Two", conversation=conversation))[-1]
        kept = await web.engine.conversations.conversation(conversation)
    assert second["metadata"]["conversationId"] == conversation
    assert [turn.text for turn in kept.path if turn.role == "user"] == ["One", "Two"]
    sent = [message["content"] for message in server.exchanges[1].body["messages"]]
    assert sent[0] == "Be brief."
    assert len(sent) == 4


async def test_settings_go_to_the_model(server: ModelServer) -> None:
    async with site(box(server.base_url, "t3")) as web:
        await web.post("/generate", prompt="Hi", maxTokens=7, temperature=0.5, topP=0.9, stop=["x"], seed=3)
    body = server.exchanges[0].body
    assert (body["temperature"], body["top_p"], body["stop"], body["seed"]) == (0.5, 0.9, ["x"], 3)
    assert 7 in (body.get("max_tokens"), body.get("max_completion_tokens"))


async def test_a_model_that_limits_the_rate_is_told_with_when_to_ask_again(server: ModelServer) -> None:
    async with site(box(server.base_url, "error429-retry600")) as web:
        reply = await web.post("/generate", prompt="Hi")
    assert reply.status_code == 429
    assert 0 < int(reply.headers["retry-after"]) <= 600
