"""The old completions and the embeddings of the OpenAI-compatible API, used by OpenAI's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config, ErrorHandling, ModelRow, ProviderRow, Web
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.openai_client import openai
from tests.support.web_site import TOKEN, Site, box, site

TEXT = "".join(Script(tokens=5).pieces())


@asynccontextmanager
async def openai_site(config: Config) -> AsyncIterator[tuple[Site, openai.AsyncOpenAI]]:
    """The web server over this config, and OpenAI's client for it."""
    async with (
        site(replace(config, error_handling=ErrorHandling(retry_attempts=1))) as web,
        openai.AsyncOpenAI(base_url=f"{web.url}/v1", api_key=TOKEN, max_retries=0, timeout=10) as client,
    ):
        yield web, client


# -- completions ------------------------------------------------------------------------------------------------------


async def test_each_prompt_is_answered_like_a_question(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5-think3")) as (_, client):
        told = await client.completions.create(
            model="auto", prompt=["One", "Two"], n=2, echo=True, max_tokens=9, stop="END", presence_penalty=1
        )
    assert [(choice.index, choice.text, choice.finish_reason) for choice in told.choices] == [
        (index, prompt + TEXT, "stop") for index, prompt in enumerate(["One", "One", "Two", "Two"])
    ]
    assert (told.object, told.model) == ("text_completion", "box/t5-think3")
    assert told.usage is not None
    assert told.usage.completion_tokens >= 20
    # The prompts are sent at the same time.
    bodies = sorted((exchange.body for exchange in server.exchanges), key=lambda body: body["messages"][0]["content"])
    assert [body["messages"] for body in bodies] == [
        [{"role": "user", "content": prompt}] for prompt in ["One", "One", "Two", "Two"]
    ]
    assert {(body["max_tokens"], *body["stop"], body["presence_penalty"]) for body in bodies} == {(9, "END", 1)}


async def test_a_stream_says_the_same(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5")) as (_, client):
        stream = await client.completions.create(
            model="auto", prompt="One", n=2, echo=True, stream=True, stream_options={"include_usage": True}
        )
        events = [event async for event in stream]
    texts = ["", ""]
    for event in events[:-1]:
        texts[event.choices[0].index] += event.choices[0].text
    assert texts == [f"One{TEXT}"] * 2
    assert events[-1].usage is not None
    assert events[-1].usage.completion_tokens == 10


async def test_what_is_wrong_with_a_prompt_is_told(server: ModelServer) -> None:
    wrong: list[dict[str, Any]] = [
        {"prompt": []},
        {"prompt": [1, 2]},
        {"prompt": None},
        {"prompt": "x", "suffix": "y"},
        {"prompt": "x", "logprobs": 3},
        {"prompt": ["x"] * 5, "n": 5},
        {"prompt": "x", "n": 0},
    ]
    async with openai_site(box(server.base_url, "t50-r500-cut9", "error429")) as (web, client):
        for fields in wrong:
            reply = await web.client.post("/v1/completions", json={"model": "auto", **fields})
            assert reply.status_code == 400, fields
        assert not server.exchanges
        text = (await web.post("/v1/completions", prompt="x", stream=True)).text
        with pytest.raises(openai.RateLimitError):
            await client.completions.create(model="box/error429", prompt="x")
    assert '"error":{' in text
    assert "[DONE]" not in text


# -- embeddings -------------------------------------------------------------------------------------------------------


async def test_embeddings_come_from_the_models_provider(server: ModelServer) -> None:
    config = replace(
        box(server.base_url, "text-embed", "t5"), web=Web(aliases={"text-embedding-3-small": "text-embed"})
    )
    async with openai_site(config) as (_, client):
        told = await client.embeddings.create(model="box/text-embed", input=["a", "b"], dimensions=2)
        await client.embeddings.create(model="text-embedding-3-small", input="a", encoding_format="float")
    assert [(row.index, row.embedding) for row in told.data] == [(0, [0.5, 0.0]), (1, [0.5, 1.0])]
    assert (told.model, told.usage.total_tokens) == ("box/text-embed", 3)
    first, second = (exchange.body for exchange in server.exchanges)
    assert (first["model"], first["input"], first["dimensions"]) == ("text-embed", ["a", "b"], 2)
    assert second == {"model": "text-embed", "input": "a", "encoding_format": "float"}


async def test_auto_is_the_first_model_that_makes_embeddings() -> None:
    async with ModelServer(models=("t5", "text-embedding-3-small")) as server:
        config = Config(providers=(ProviderRow("box", server.base_url),))
        async with openai_site(config) as (_, client):
            told = await client.embeddings.create(model="auto", input="a")
    assert told.model == "box/text-embedding-3-small"


async def test_ollama_has_embeddings_at_a_path_of_its_own(server: ModelServer) -> None:
    address = server.base_url.removesuffix("/v1")
    row = ProviderRow("ollama", base_url=address, dialect="ollama", models=("nomic",))
    async with openai_site(Config(providers=(row,))) as (_, client):
        await client.embeddings.create(model="ollama/nomic", input="a")
    assert server.exchanges[0].path == "/v1/embeddings"


async def test_what_is_wrong_with_embeddings_is_told(server: ModelServer) -> None:
    rows = (
        ProviderRow("box", base_url=server.base_url, models=("error429", "error400", "json", "t5")),
        ProviderRow("claude", base_url="http://127.0.0.1:9", dialect="anthropic", models=("x",)),
    )
    async with openai_site(Config(providers=rows)) as (web, client):

        async def status(model: str, given: Any = "a") -> int:
            with pytest.raises(openai.APIStatusError) as raised:
                await client.embeddings.create(model=model, input=given)
            return raised.value.status_code

        assert await status("box/error429") == 429
        assert await status("box/error400") == 400
        assert await status("box/json") == 502
        assert await status("claude/x") == 400
        assert await status("auto") == 400
        assert await status("nothing") == 404
        assert await status("box/t5", []) == 400
        assert await status("box/t5", ["a"] * 5000) == 400
        assert (await web.post("/v1/embeddings", model="box/t5", input={"a": 1})).status_code == 400


async def test_a_client_that_leaves_ends_its_request_for_embeddings(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "connect5000")) as (_, client):
        asking = asyncio.create_task(client.embeddings.create(model="box/connect5000", input="a"))
        await server.until(lambda: server.active_streams == 1)
        asking.cancel()
        await server.until(lambda: not server.active_streams)
        await asyncio.wait([asking])
    assert server.exchanges[0].closed_by_client is not None


def priced(server: ModelServer, **settings: Any) -> Config:
    """A model for embeddings with a price of a dollar for each token."""
    rows = (ModelRow("box/text-embed", price_in=1_000_000.0),)
    return replace(box(server.base_url, "text-embed"), models=rows, **settings)


async def test_embeddings_count_towards_the_budget_and_in_the_metrics(server: ModelServer) -> None:
    async with openai_site(priced(server, daily_budget=5.0)) as (web, client):
        await client.embeddings.create(model="box/text-embed", input="a")
        spent = (await web.engine.spending(None)).today
        lines = (await web.client.get("/metrics")).text.splitlines()
        with pytest.raises(openai.InternalServerError, match=r"The daily budget of \$5 has \$2 left"):
            await client.embeddings.create(model="box/text-embed", input="word " * 10)
    assert spent == 3
    assert 'chat_tui_tokens_total{kind="prompt",model="box/text-embed"} 3.0' in lines
    assert 'chat_tui_cost_dollars_total{model="box/text-embed"} 3.0' in lines
    assert len(server.exchanges) == 1
