"""An engine over scripted models and a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk
from chat_tui.core.errors import ChatTuiError, HistoryError
from chat_tui.core.models import Model
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.engine import Engine
from chat_tui.engine.protocols import ToolBackend
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Script, Scripted
from chat_tui.routing.router import Router
from tests.doubles.fake_backend import FakeBackend, FakeSetup, FakeWeights
from tests.support.scripted_router import A, B, Rig


class Stage:
    """An engine with its parts, for a test to look at."""

    def __init__(
        self, engine: Engine, rig: Rig, router: Router, backend: FakeBackend, told: list[ChatTuiError]
    ) -> None:
        self.engine, self.rig, self.router, self.backend, self.told = engine, rig, router, backend, told

    @property
    def player(self) -> Scripted:
        return self.rig.played["a"]


_open_stages: list[Engine] = []


@asynccontextmanager
async def stage(
    *scripts: Script,
    history: Store | None = None,
    config: Config | None = None,
    weights: bool = True,
    models: Sequence[Model] = (A, B),
    tools: ToolBackend | None = None,
    memory: Memory | None = None,
) -> AsyncIterator[Stage]:
    """An engine whose model `one/a` plays the scripts in turn; closed at the end, and no task is left.

    Where several stages are open, the last one to close looks for tasks that are left: the others' engines still work.
    """
    before = asyncio.all_tasks()
    rig = Rig(a=Scripted(*(scripts or (["Hello."],))), b=["from b"])
    router, backend, told = rig.router(*models), FakeBackend((A,)), list[ChatTuiError]()
    engine = Engine(
        config or Config(strategy="quality-first"),
        router,
        history or await Store.open(None),
        weights=FakeWeights(ready=weights),
        backend=backend,
        setup=FakeSetup(),
        open_private=partial(Store.open, None),
        tell=told.append,
        tools=tools,
        memory=memory,
    )
    _open_stages.append(engine)
    try:
        yield Stage(engine, rig, router, backend, told)
    finally:
        _open_stages.remove(engine)
        await engine.close()
    left = asyncio.all_tasks() - before
    assert _open_stages or not left, left
    assert rig.open == 0
    assert backend.calls[-1] == "close"


def in_loop(call: Callable[[HistoryError, bool], None]) -> Callable[[HistoryError, bool], None]:
    """The callback, made callable from the store's threads."""
    loop = asyncio.get_running_loop()

    def called(why: HistoryError, replaced: bool) -> None:
        loop.call_soon_threadsafe(call, why, replaced)

    return called


async def chunks_of(answer: Answer, start: int = 0) -> list[Chunk]:
    """All chunks of the answer from this position on."""
    async with asyncio.timeout(60):
        return [chunk async for chunk in answer.follow(start)]


async def ended(answer: Answer) -> Answer:
    await chunks_of(answer)
    return answer
