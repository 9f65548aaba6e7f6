"""Random faults by the hundred: every stream ends in a named state, and nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from chat_tui.core.chunks import End, Token
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Scripted
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.router import Router
from tests.support.soak_run import soak


@pytest.mark.parametrize("on_break", [False, True])
async def test_every_stream_of_a_soak_ends_in_a_named_state_and_leaves_nothing(on_break: bool) -> None:
    soaked = await soak(160, on_break=on_break)
    assert soaked.wrong == []
    assert sum(soaked.states.values()) == 160
    assert soaked.states["complete"] > 40
    assert {"Garbled", "Overloaded", "TooSlow"} <= set(soaked.outcomes)
    assert (soaked.sockets, soaked.running, soaked.tasks) == (0, 0, 0)
    assert soaked.healed


async def test_a_hundred_streams_at_once_lose_no_token() -> None:
    played = Scripted([str(number % 10) for number in range(50)])
    model = Model("one/a")

    class Opened:
        async def __aenter__(self):  # type: ignore[no-untyped-def]
            self.stream = played.stream(model, Request(prompt="?"))
            return self.stream

        async def __aexit__(self, *_: object) -> None:
            await self.stream.aclose()

    router = Router([model], lambda _model, _request: Opened(), settings=RoutingPolicy(streams_default=100))

    async def text() -> str:
        async with router.process_stream(Request(prompt="?")) as stream:
            chunks = [chunk async for chunk in stream]
        assert isinstance(chunks[-1], End)
        return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token))

    before = asyncio.all_tasks()
    assert set(await asyncio.gather(*(text() for _ in range(100)))) == {"0123456789" * 5}
    assert asyncio.all_tasks() == before
    assert router.health.vitals("one/a").running == 0
