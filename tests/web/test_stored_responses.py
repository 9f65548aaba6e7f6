"""Stored responses are returned, listed and deleted, by OpenAI's own client."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.doubles.model_server import ModelServer
from tests.support.openai_client import openai
from tests.support.web_site import box, site, until
from tests.web.test_responses import WEATHER, openai_site

DOT = "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()


async def test_a_stored_response_is_returned_as_it_was(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls", "t5-length", "error400")) as (_, client):
        first = await client.responses.create(
            model="auto", input="Weather?", instructions="One.", tools=[WEATHER], store=True
        )
        results: Any = [{"type": "function_call_output", "call_id": "call_0", "output": "sunny"}]
        second = await client.responses.create(
            model="auto", input=results, tools=[WEATHER], previous_response_id=first.id, store=True
        )
        cut = await client.responses.create(model="box/t5-length", input="Hi", store=True)
        alone = await client.responses.create(model="auto", input="Hi", instructions="Two.", store=True)
        told = [await client.responses.retrieve(each.id) for each in (first, second, cut, alone)]
    for made, kept in zip((first, second, cut, alone), told, strict=True):
        assert kept.id == made.id
        assert kept.output == made.output
        assert (kept.status, kept.model, kept.usage) == (made.status, made.model, made.usage)
        assert kept.incomplete_details == made.incomplete_details
        assert kept.previous_response_id == made.previous_response_id
    assert told[3].instructions == "Two."


async def test_the_items_of_the_input_are_listed_in_pages(server: ModelServer) -> None:
    question: Any = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Weather?"}, {"type": "input_image", "image_url": DOT}],
        }
    ]
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        first = await client.responses.create(model="auto", input=question, tools=[WEATHER], store=True)
        results: Any = [{"type": "function_call_output", "call_id": "call_0", "output": "sunny"}]
        second = await client.responses.create(
            model="auto", input=results, tools=[WEATHER], previous_response_id=first.id, store=True
        )
        listed: Any = [item async for item in client.responses.input_items.list(second.id, limit=1, order="asc")]
        newest: Any = await client.responses.input_items.list(second.id, limit=2)
        again = await client.responses.create(
            model="auto", input=[item.model_dump(exclude_none=True, warnings=False) for item in listed], tools=[WEATHER]
        )
    assert [item.type for item in listed] == ["message", "function_call", "function_call_output"]
    assert [part.type for part in listed[0].content] == ["input_text", "input_image"]
    assert listed[0].content[1].image_url == DOT
    assert listed[2].output == "sunny"
    assert [item.type for item in newest.data] == ["function_call_output", "function_call"]
    assert again.output_text == second.output_text


async def test_a_deleted_response_is_not_found_and_later_ones_go_on(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5")) as (web, client):
        first = await client.responses.create(model="auto", input="One.", store=True)
        second = await client.responses.create(model="auto", input="Two.", previous_response_id=first.id, store=True)
        await client.responses.delete(first.id)
        for use in (
            client.responses.retrieve(first.id),
            client.responses.delete(first.id),
            client.responses.input_items.list(first.id),
            client.responses.create(model="auto", input="Hi", previous_response_id=first.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await use
        third = await client.responses.create(model="auto", input="Three.", previous_response_id=second.id, store=True)
        assert len(await web.engine.conversations.summaries()) == 1
        await client.responses.delete(second.id)
        await client.responses.delete(third.id)
        assert not await web.engine.conversations.summaries()
    assert [message["content"] for message in server.exchanges[-1].body["messages"]][::2] == ["One.", "Two.", "Three."]


async def test_a_running_response_is_in_progress_until_it_is_deleted(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r100")) as (web, client):
        stream = await client.responses.create(model="auto", input="Hi", store=True, stream=True)
        events = aiter(stream)
        created: Any = await anext(events)
        async for event in events:
            if event.type == "response.output_text.delta":
                break
        told = await client.responses.retrieve(created.response.id)
        await client.responses.delete(created.response.id)
        await stream.close()
        await until(lambda: not web.state.running())
        assert not await web.engine.conversations.summaries()
    assert (told.status, told.output) == ("in_progress", [])


async def test_what_is_not_stored_is_told_in_the_format_of_the_api(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5")) as web:
        private = await web.engine.conversations.begin_private()
        kept = (await web.post("/v1/responses", input="Hi", store=True)).json()["id"]
        aside = (await web.post("/v1/responses", input="Hi")).json()["id"]
        for id in (aside, "nothing", "resp_a-b", f"resp_{private.id}-x", f"{kept}0"):
            for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
                reply = await web.client.request(method, f"/v1/responses/{id}{path}")
                assert reply.status_code == 404
                assert reply.json()["error"]["type"] == "invalid_request_error"
        for wrong in (f"{kept}?stream=true", f"{kept}/input_items?limit=0", f"{kept}/input_items?after=x"):
            reply = await web.client.get(f"/v1/responses/{wrong}")
            assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
        assert (await web.client.delete(f"/v1/responses/{kept}")).json() == {
            "id": kept,
            "object": "response",
            "deleted": True,
        }
