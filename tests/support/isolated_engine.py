"""An engine with its own home, environment and known providers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from chat_tui.bootstrap.backend import Backend
from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.known_providers import KnownProvider
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import ModelStatus
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.local.runtime import Runtime
from chat_tui.providers.discovery.socket_owners import OwnerLookup, ServerOwner


def _own(host: str, port: int) -> ServerOwner:
    return ServerOwner(os.getuid(), True, "you")


@asynccontextmanager
async def engine_with(
    config: Config | None = None,
    *,
    known: Mapping[str, KnownProvider] | None = None,
    environ: Mapping[str, str] | None = None,
    told: list[ChatTuiError] | None = None,
    runtime: Runtime | None = None,
    owner_of: OwnerLookup = _own,
    saves: bool = False,
) -> AsyncIterator[Engine]:
    """An engine that finds only the servers given here, and saves nothing unless `saves`."""
    heard = told if told is not None else []
    engine = await open_engine(
        config or Config(),
        save=saves,
        tell=heard.append,
        environ=environ or {},
        known=known or {},
        owner_of=owner_of,
        runtime=runtime,
    )
    try:
        yield engine
    finally:
        await engine.close()


def backend_of(engine: Engine) -> Backend:
    """The backend behind the engine, for tests of its background work."""
    backend = engine._backend
    assert isinstance(backend, Backend)
    return backend


def standing(engine: Engine, name: str) -> ModelStatus | None:
    """The model's status; None if it is not listed."""
    return next((standing for standing in engine.models.status() if standing.model.name == name), None)


async def ended(answer: Answer) -> None:
    """Wait until an answer has ended."""
    async for _ in answer.follow():
        pass
