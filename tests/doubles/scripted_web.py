"""An engine for the web face whose two models play scripts, with its history in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from pathlib import Path

from chat_tui.config.schema import Config
from chat_tui.core.models import SCRIPTED_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.engine import Engine
from chat_tui.engine.protocols import ToolBackend
from chat_tui.history.opening import StoreSettings
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Script, Scripted
from chat_tui.routing.router import Router
from tests.doubles.fake_backend import FakeBackend, FakeSetup, FakeWeights
from tests.doubles.scripted_chat import DEEP, FAST

USUAL = StoreSettings()


def scripted_opener(
    *scripts: Script,
    config: Config | None = None,
    file: Path | None = None,
    settings: StoreSettings = USUAL,
    tools: ToolBackend | None = None,
    memory: Memory | None = None,
    models: Sequence[Model] = (FAST, DEEP),
) -> Callable[[], Awaitable[Engine]]:
    """Opens the engine; the scripts are played in turn, the last one again and again."""
    provider, given = Scripted(*scripts), config or Config(strategy="balanced")
    backend = FakeBackend((*models, Model(SCRIPTED_MODEL, 32_000, 0.0, 0.0, selectable=False)))

    def open_stream(model: Model, request: Request) -> AbstractAsyncContextManager[object]:
        return aclosing(provider.stream(model, request))

    async def opener() -> Engine:
        models = [standing.model for standing in backend.statuses()]
        return Engine(
            given,
            Router(models, open_stream),  # type: ignore[arg-type]
            await Store.open(file, settings),
            weights=FakeWeights(),
            backend=backend,
            setup=FakeSetup(),
            open_private=partial(Store.open, None),
            tell=lambda error: None,
            tools=tools,
            memory=memory,
        )

    return opener
