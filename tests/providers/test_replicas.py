"""Several addresses of one model are one model to the user, and a dead one is not noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.chunks import Metadata
from chat_tui.core.request import Request
from chat_tui.engine.engine import Engine
from chat_tui.providers.replicas import REST_SECONDS, Replicas
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with
from tests.wire.asking import free_port


def test_the_least_busy_address_is_first_then_they_take_turns() -> None:
    now = 0.0
    replicas = Replicas(("a", "b", "c"), lambda: now)
    assert replicas.order() == ["a", "b", "c"]
    with replicas.count_stream("a"):
        assert replicas.order() == ["b", "c", "a"]
        with replicas.count_stream("b"):
            assert replicas.order()[0] == "c"
    assert replicas.order()[0] == "c"


def test_an_address_that_failed_is_last_until_it_has_rested() -> None:
    now = 100.0
    replicas = Replicas(("a", "b"), lambda: now)
    replicas.note_failure("a")
    assert replicas.order() == ["b", "a"]
    with replicas.count_stream("b"):
        assert replicas.order() == ["b", "a"]
    now += REST_SECONDS + 1
    assert replicas.order()[0] == "a"
    replicas.note_failure("b")
    replicas.note_success("b")
    assert replicas.order()[0] == "a"


@asynccontextmanager
async def two(first: Script, second: Script) -> AsyncIterator[tuple[Engine, ModelServer, ModelServer]]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(ModelServer(first))
        other = await stack.enter_async_context(ModelServer(second))
        row = ProviderRow("box", base_urls=(one.base_url, other.base_url), models=("m",))
        engine = await stack.enter_async_context(engine_with(Config(providers=(row,))))
        yield engine, one, other


async def test_two_questions_at_once_go_to_two_addresses() -> None:
    slow = Script(tokens=40, rate=200)
    async with two(slow, slow) as (engine, one, other):
        answers = [await engine.ask(None, "hello", Request(model="box/m")) for _ in range(2)]
        await asyncio.gather(*map(ended, answers))
        assert [len(one.exchanges), len(other.exchanges)] == [1, 1]
        assert sum(row.model.provider == "box" for row in engine.models.status()) == 1


async def test_an_address_that_fails_before_any_word_is_passed_over_within_the_same_try() -> None:
    async with two(Script(error=503), Script(tokens=5)) as (engine, one, other):
        for _ in range(3):
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            chunks = [chunk async for chunk in answer.follow()]
            assert answer.turn.state == "complete"
            events = [chunk.event for chunk in chunks if isinstance(chunk, Metadata)]
            assert "retry" not in events
        assert [len(one.exchanges), len(other.exchanges)] == [1, 3]


async def test_the_address_stands_where_it_is_waited_for() -> None:
    async with ModelServer(Script(tokens=5)) as server:
        dead = f"http://127.0.0.1:{free_port()}/v1"
        row = ProviderRow("box", base_urls=(dead, server.base_url), models=("m",))
        async with engine_with(Config(providers=(row,))) as engine:
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            told = [chunk async for chunk in answer.follow() if isinstance(chunk, Metadata)]
        assert answer.turn.state == "complete"
        assert server.base_url.split("/")[2] in [chunk.reason for chunk in told if chunk.event == "waiting"]
        assert any(dead.split("/")[2] in chunk.reason for chunk in told if chunk.event == "failover")
        assert answer.route is not None
        assert [entry.address for entry in answer.route.tries] == [server.base_url.split("/")[2]]


async def test_a_line_that_is_cut_after_words_is_broken_and_the_next_question_goes_elsewhere() -> None:
    async with two(Script(tokens=20, cut=5), Script(tokens=5)) as (engine, one, other):
        answer = await engine.ask(None, "hello", Request(model="box/m"))
        await ended(answer)
        assert answer.turn.state == "broken"
        assert answer.turn.text
        answer = await engine.ask(None, "again", Request(model="box/m"))
        await ended(answer)
        assert answer.turn.state == "complete"
        assert [len(one.exchanges), len(other.exchanges)] == [1, 1]
