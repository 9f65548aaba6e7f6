"""Builds an engine from a config: the one place that knows everybody.

What costs time to load (the HTTP client, the child's server) is loaded when a question needs it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from chat_tui import paths
from chat_tui.chunks import Chunk, Metadata
from chat_tui.config import Config, ModelRow
from chat_tui.engine import Engine
from chat_tui.errors import ChatTuiError, HistoryError
from chat_tui.history.store import Store
from chat_tui.local.server import LocalServer
from chat_tui.local.weights import Weights
from chat_tui.models import LOCAL_MODEL, SCRIPTED_MODEL, Fetching, Model, Provider, Standing
from chat_tui.request import Request
from chat_tui.routing.health import Health
from chat_tui.routing.router import Router
from chat_tui.routing.run import Settings

if TYPE_CHECKING:
    from chat_tui.providers.transport import Transport

PROGRESS_SECONDS = 0.25
"""Between two words about a fetch."""
LOCAL_QUALITY = 0.1
LOCAL_STREAMS = 2
"""The child's slots."""
LOCAL_HOSTS = ("http://127.", "http://localhost", "http://[::1]")


class _Weights:
    """The local room's weights, as the engine shows them."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def ready(self) -> bool:
        return self._weights.ready() is not None

    @property
    def fetching(self) -> Fetching | None:
        if not self._weights.fetching:
            return None
        progress = self._weights.progress
        return msgspec.convert(progress, Fetching, from_attributes=True) if progress else Fetching()

    async def fetch(self) -> None:
        await self._weights.fetch()


class Parts:
    """What answers: the providers of the config, the built-in model, the script."""

    def __init__(self, config: Config, weights: Weights, server: LocalServer, clock: Callable[[], float]) -> None:
        self._config = config
        self._weights, self._server = weights, server
        self._transport: Transport | None = None
        self._loading = asyncio.Lock()
        self._providers = {row.name: _provider(row) for row in config.providers}
        self._silent: dict[str, str] = {}
        rows = {row.name: row for row in config.models}
        named = [
            Model(f"{provider.name}/{name}", local=provider.local)
            for provider in self._providers.values()
            for name in provider.models
        ]
        built_in = Model(
            LOCAL_MODEL,
            context_window=config.local.context_window,
            price_in=0.0,
            price_out=0.0,
            quality=LOCAL_QUALITY,
            local=True,
            trim_step_tokens=config.local.context_window // 4,
        )
        scripted = Model(SCRIPTED_MODEL, 32_000, 0.0, 0.0, 0.0, selectable=False, local=True)
        known = {model.name: model for model in (*named, *(Model(name) for name in rows), built_in, scripted)}
        models = [_with_row(model, rows.get(name)) for name, model in known.items() if self._answers(model)]
        self.router = Router(
            models,
            self.open_stream,
            Health(clock),
            _settings(config),
            default_strategy=config.strategy,
            fallbacks=config.fallbacks,
            clock=clock,
        )

    def _answers(self, model: Model) -> bool:
        return model.provider in self._providers or model.name in {LOCAL_MODEL, SCRIPTED_MODEL}

    # -- speaking -------------------------------------------------------------------------------------------------

    def open_stream(
        self, model: Model, request: Request
    ) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
        """The seam that the router speaks through."""
        if model.name == SCRIPTED_MODEL:
            from chat_tui.providers.scripted import Scripted

            return aclosing(Scripted().stream(model, request))
        if model.name == LOCAL_MODEL:
            return aclosing(self._built_in(model, request))
        return aclosing(self._served(model, request))

    async def _served(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        from_provider = self._providers[model.provider]
        transport = await self.transport()
        from chat_tui.providers.transport import Line, key_of

        line = Line(from_provider, key_of(from_provider))
        async with aclosing(transport.stream(line, model, request)) as bursts:
            async for burst in bursts:
                yield burst

    async def _built_in(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        async with aclosing(self._fetched(model)) as told:
            async for word in told:
                yield [word]
        if not self._server.alive:
            yield [Metadata("loading", model=model.name)]
        transport = await self.transport()
        from chat_tui.providers.transport import Line

        address = await self._server.address()
        provider = Provider("local", base_url=address.base_url, local=True)
        line = Line(provider, address.api_key, address.socket_path or "")
        async with aclosing(transport.stream(line, model, request)) as bursts:
            async for burst in bursts:
                yield burst

    async def _fetched(self, model: Model) -> AsyncGenerator[Metadata, None]:
        """Fetches the weights where they are missing, and tells how far it is."""
        if self._weights.ready() is not None:
            return
        fetch = asyncio.ensure_future(self._weights.fetch())
        try:
            while not fetch.done():
                progress = self._weights.progress
                received, total = (progress.received_bytes, progress.total_bytes) if progress else (0, 0)
                yield Metadata("fetching", model=model.name, received_bytes=received, total_bytes=total)
                await asyncio.wait([fetch], timeout=PROGRESS_SECONDS)
            await fetch
        finally:
            if not fetch.done():
                fetch.cancel()
                await asyncio.wait([fetch])

    async def transport(self) -> Transport:
        """The HTTP side, imported in a thread: it costs a tenth of a second."""
        async with self._loading:
            if self._transport is None:
                module = await asyncio.to_thread(_transport_module)
                self._transport = module(connection_seconds=self._config.timeouts.connection_seconds)
        return self._transport

    async def prepare(self) -> None:
        """Load what a question to any server needs."""
        await self.transport()

    async def warm(self, name: str) -> None:
        """Load what this model needs."""
        if name == SCRIPTED_MODEL:
            return
        await self.transport()
        if name == LOCAL_MODEL and self._weights.ready() is not None:
            await self._server.address()

    # -- what there is --------------------------------------------------------------------------------------------

    async def discover(self) -> None:
        """Ask the servers that name no models for their lists, all at once."""
        asked = [provider for provider in self._providers.values() if not provider.models]
        if asked:
            await asyncio.gather(*(self._ask_for_models(provider) for provider in asked))

    async def _ask_for_models(self, provider: Provider) -> None:
        transport = await self.transport()
        from chat_tui.providers.discovery import models_of

        try:
            found = models_of(provider, await transport.models(provider))
        except ChatTuiError as error:
            self._silent[provider.name] = error.title
            return
        self._silent.pop(provider.name, None)
        rows = {row.name: row for row in self._config.models}
        fresh = {model.name: _with_row(model, rows.get(model.name)) for model in found}
        kept = [model for model in self.router.models if model.name not in fresh]
        self.router.models = (*fresh.values(), *kept)

    def admit(self, name: str) -> None:
        """Take a model that was named but not listed, where its provider is known."""
        if name.partition("/")[0] in self._providers and all(model.name != name for model in self.router.models):
            rows = {row.name: row for row in self._config.models}
            local = self._providers[name.partition("/")[0]].local
            self.router.models = (*self.router.models, _with_row(Model(name, local=local), rows.get(name)))

    def standings(self) -> Sequence[Standing]:
        """Every model and how it fares; a server that did not answer stands as a row of its own."""
        standings = []
        for model in self.router.models:
            vitals = self.router.health.vitals(model.name)
            state, usable = self._state(model)
            standings.append(Standing(model, vitals.ttft_seconds, vitals.tokens_per_second, state, usable))
        for name, why in self._silent.items():
            standings.append(Standing(Model(f"{name}/?", selectable=False), state=why, usable=False))
        return standings

    def _state(self, model: Model) -> tuple[str, bool]:
        rest = self.router.health.resting_seconds(model.name)
        if rest:
            return f"rests {rest:.0f} s", True
        if model.name == LOCAL_MODEL:
            if self._weights.ready() is None:
                return ("fetching" if self._weights.fetching else "not fetched"), True
            return ("loaded" if self._server.alive else "ready"), True
        if model.name == SCRIPTED_MODEL:
            return "demo", True
        return "ready", True

    async def close(self) -> None:
        """Let go of the child and the connections."""
        if self._transport is not None:
            await self._transport.close()
        await self._server.stop()


def _transport_module() -> type[Transport]:
    import anyio

    # httpx's own first use of anyio loads its event loop side, which would hold the first question.
    anyio.run(anyio.sleep, 0)
    from chat_tui.providers.transport import Transport

    return Transport


def _provider(row: object) -> Provider:
    provider = msgspec.convert(row, Provider, from_attributes=True)
    return msgspec.structs.replace(provider, local=provider.base_url.startswith(LOCAL_HOSTS))


def _with_row(model: Model, row: ModelRow | None) -> Model:
    """The model with what the config says of it; what runs on this machine is free unless it says otherwise."""
    price = 0.0 if model.local else None
    if row is None:
        row = ModelRow(model.name)
    return msgspec.structs.replace(
        model,
        context_window=row.context_window or model.context_window,
        price_in=row.price_in
        if row.price_in is not None
        else (model.price_in if model.price_in is not None else price),
        price_out=row.price_out
        if row.price_out is not None
        else (model.price_out if model.price_out is not None else price),
        quality=row.quality if row.quality is not None else model.quality,
    )


def _settings(config: Config) -> Settings:
    return Settings(
        timeouts=config.timeouts,
        error_handling=config.error_handling,
        exchanges=config.memory.exchanges,
        streams={"local": LOCAL_STREAMS},
        streams_default=config.performance.max_concurrent_streams,
        streaming=config.performance.enable_streaming,
        on_break=config.on_break,
        fallbacks_of={row.name: row.fallbacks for row in config.models if row.fallbacks},
        weights=config.strategies,
    )


async def open_engine(
    config: Config,
    *,
    save: bool = True,
    tell: Callable[[ChatTuiError], None],
    store_file: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Engine:
    """An engine over the user's store. A store that cannot be used is told, and nothing is saved then."""
    weights = Weights(paths.cache_folder() / "weights", own_file=paths.named(config.local.weights))
    server = LocalServer(weights, context_window=config.local.context_window, threads=config.local.threads)
    parts = Parts(config, weights, server, clock)
    try:
        history = await Store.open((store_file or paths.store_file()) if save else None)
    except HistoryError as error:
        tell(error)
        history = await Store.open(None)
    if history.notice:
        tell(HistoryError(history.notice))
    engine = Engine(
        config,
        parts.router,
        history,
        weights=_Weights(weights),
        supply=parts,
        tell=tell,
    )
    await engine.recall()
    return engine
