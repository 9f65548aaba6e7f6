"""Everything that answers: remote servers, models on this machine, and the scripted model.

What takes long to import (the HTTP client, the server of local models) is imported when a question needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec

from chat_tui.bootstrap.unusable_providers import UnusableProviders
from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk, Metadata
from chat_tui.core.errors import Rejected
from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, DownloadProgress, Model, ModelStatus, Provider
from chat_tui.core.request import Request
from chat_tui.local.local_files import LocalFiles
from chat_tui.local.runtime import Runtime
from chat_tui.local.server import LocalServer
from chat_tui.local.server_pool import ServerPool
from chat_tui.local.weights import Weights
from chat_tui.providers.catalogue.model_info import ModelInfoResolver, merge, with_named
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.catalogue.purposes import EMBEDDINGS
from chat_tui.providers.client import ProviderClient
from chat_tui.providers.credentials.keys import KeyLookup
from chat_tui.providers.discovery.found_servers import FoundServers
from chat_tui.providers.embeddings import EmbeddingClient
from chat_tui.providers.registry import ProviderRegistry
from chat_tui.routing.policy import policy_of
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.router import Router

if TYPE_CHECKING:
    from chat_tui.providers.endpoint import Endpoint

PROGRESS_SECONDS = 0.25
"""Time between two `fetching` chunks."""
STILL_SECONDS = 5.0
"""Time between two `fetching` chunks if the download makes no progress."""
PRICING_SECONDS = 5.0
"""Time limit for a running price update at the end of an answer or of the program; it takes a second, once a week."""
LOCAL_QUALITY = 0.02
LOCAL_STREAMS = 2
"""Concurrent answers of the server of local models."""


class LocalModels(msgspec.Struct, frozen=True):
    """The models that run on this machine."""

    runtime: Runtime
    """llama.cpp, which all of them use."""
    weights: Weights
    """Weights of the built-in model."""
    children: ServerPool
    """The servers of all local models."""
    own: tuple[Model, ...]
    """The user's own models."""


class Backend:
    """The router's backend: remote servers, local models and the scripted model."""

    def __init__(
        self,
        config: Config,
        local: LocalModels,
        registry: ProviderRegistry,
        keys: KeyLookup,
        catalogue: Catalogue,
        clock: Callable[[], float],
        found_servers: FoundServers,
        unusable: UnusableProviders,
    ) -> None:
        self._config, self._unusable = config, unusable
        self._children, self._runtime = local.children, local.runtime
        self.built_in_files = LocalFiles((local.runtime, local.weights))
        """Files that the built-in model needs; the user's own models need only llama.cpp."""
        self._own_files = LocalFiles((local.runtime,))
        self._catalogue = catalogue
        self._pricing: asyncio.Task[None] | None = None
        self._chosen: dict[str, str] = {}
        self._model_info = ModelInfoResolver(config, catalogue)
        self._providers = ProviderClient(
            registry,
            keys,
            self._model_info,
            connection_seconds=config.timeouts.connection_seconds,
            clock=clock,
            found=self._add_models,
            lost=self._remove_models,
            unusable=unusable.note,
            answered=unusable.note_question,
            found_servers=found_servers,
        )
        self._embeddings = EmbeddingClient(registry, keys, self._providers)
        self.router = Router(
            self._initial_models(local.own),
            self.open_stream,
            Health(clock),
            policy_of(config, local_streams=LOCAL_STREAMS),
            default_strategy=config.strategy,
            fallbacks=config.fallbacks,
            look_up_price=self._look_up_price,
            clock=clock,
        )
        self._clock = clock

    def _initial_models(self, own: Sequence[Model]) -> Sequence[Model]:
        """Return the models that are known before any server is asked; `own` are the user's local ones."""
        config = self._config
        built_in = Model(
            LOCAL_MODEL,
            context_window=config.local.context_window,
            price_in=0.0,
            price_out=0.0,
            quality=LOCAL_QUALITY,
            local=True,
            to_be_fetched=not self.built_in_files.ready,
            trim_step_tokens=config.local.context_window // 4,
            images=False,
            tools=False,
            server="llama.cpp",
        )
        own_models = [msgspec.structs.replace(model, to_be_fetched=not self._own_files.ready) for model in own]
        scripted = Model(SCRIPTED_MODEL, 32_000, 0.0, 0.0, 0.0, selectable=False, local=True)
        rows = [model for row in config.models if (model := self._configured_model(row.name))]
        # Naming one to fall back to is saying so, for that and no more.
        fallbacks = [*config.fallbacks, *(name for row in config.models for name in row.fallbacks)]
        named = [model for name in fallbacks if (model := self._providers.admit(name))]
        reserve = [msgspec.structs.replace(model, selectable=False) for model in named]
        known = {model.name: model for model in (*reserve, *rows, *self._providers.named_models())}
        on_this_machine = list(map(self._model_info.of, (*own_models, built_in, scripted)))
        return merge(on_this_machine, list(known.values()), self._providers.position)

    def _configured_model(self, name: str) -> Model | None:
        return self._providers.admit(name) if self._providers.speaks_to(name.partition("/")[0]) else None

    def _add_models(self, models: Sequence[Model]) -> None:
        self.router.models = merge(self.router.models, models, self._providers.position)

    def _remove_models(self, provider: str) -> None:
        self.router.models = tuple(model for model in self.router.models if model.provider != provider)

    def uses(self, provider: str) -> bool:
        """Return whether strategies may choose the provider's models."""
        return self._providers.speaks_to(provider)

    async def add_provider(self, provider: Provider) -> int:
        """Put a provider to use; returns how many models it lists."""
        count = await self._providers.add(provider)
        self._begin_pricing()
        return count

    async def remove_provider(self, name: str) -> None:
        """Use a provider no longer."""
        await self._providers.remove(name)

    def add_own_model(self, model: Model, server: LocalServer) -> None:
        """Add one of the user's local models."""
        self._children.add(model.name, server)
        known = msgspec.structs.replace(model, to_be_fetched=not self._own_files.ready)
        self._add_models([self._model_info.of(known)])

    def update_downloads(self) -> None:
        """Update which local models must still be downloaded; called after a download."""
        self._add_models(
            [
                msgspec.structs.replace(model, to_be_fetched=not self._files_of(model.name).ready)
                for model in self.router.models
                if model.name in self._children
            ]
        )

    # -- speaking -------------------------------------------------------------------------------------------------

    def open_stream(
        self, model: Model, request: Request
    ) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
        """Open a stream for the router."""
        if model.name == SCRIPTED_MODEL:
            from chat_tui.providers.scripted_provider import Scripted

            return aclosing(Scripted().stream(model, request))
        if model.name in self._children:
            stream = self._stream_local(model, request)
        else:
            # A program that only ever asks models it knows by name would never learn what they cost.
            self._begin_pricing()
            stream = self._providers.stream(model, request)
        remarks = self.remarks(model, request)
        return aclosing(_stream_after(remarks, stream) if remarks else stream)

    async def _stream_local(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """Answer with a local model, which is loaded first if needed."""
        async with aclosing(self._download(model)) as told:
            async for word in told:
                yield [word]
        if not self._children.alive(model.name):
            yield [Metadata("loading", model=model.name)]
        transport = await self._providers.transport()
        async with self._local_endpoint(model.name) as line, aclosing(transport.stream(line, model, request)) as bursts:
            async for burst in bursts:
                yield burst

    @asynccontextmanager
    async def _local_endpoint(self, name: str) -> AsyncIterator[Endpoint]:
        """Return where a local model's server listens; it is started if needed, and not stopped meanwhile."""
        from chat_tui.providers.endpoint import Endpoint

        async with self._children.lease(name) as address:
            provider = Provider("local", base_url=address.base_url, local=True)
            yield Endpoint(provider, address.api_key, address.socket_path or "")

    async def _download(self, model: Model) -> AsyncGenerator[Metadata, None]:
        """Download the missing files of the model, and yield the progress."""
        needed = self._files_of(model.name)
        if needed.ready:
            return
        fetch = asyncio.ensure_future(needed.fetch())
        await asyncio.sleep(0)  # It knows how much there is as soon as it has begun.
        told, told_at = (-1, 0), 0.0
        try:
            while not fetch.done():
                progress = needed.progress
                now = (progress.received_bytes, progress.total_bytes) if progress else (0, 0)
                # Unchanged progress is repeated from time to time, to show that the download still runs.
                if now != told or self._clock() - told_at > STILL_SECONDS:
                    told, told_at = now, self._clock()
                    yield Metadata("fetching", model=model.name, received_bytes=now[0], total_bytes=now[1])
                await asyncio.wait([fetch], timeout=PROGRESS_SECONDS)
            await fetch
            self.update_downloads()
        finally:
            if not fetch.done():
                fetch.cancel()
                await asyncio.wait([fetch])

    def _files_of(self, name: str) -> LocalFiles:
        return self.built_in_files if name == LOCAL_MODEL else self._own_files

    async def list_offers(self) -> None:
        """List the providers that are offered before anything is asked."""
        await self._providers.list_offers()

    async def prepare(self) -> None:
        """Import what a question to any server needs."""
        await self._providers.transport()

    async def warm(self, name: str) -> None:
        """Import and start what this model needs."""
        if name == SCRIPTED_MODEL:
            return
        await self._providers.transport()
        if name in self._children and self._files_of(name).ready:
            async with self._children.lease(name):
                pass

    # -- what there is --------------------------------------------------------------------------------------------

    async def discover(self) -> None:
        """Look for servers on this machine, and request the lists of models of servers in use that have none
        configured."""
        self._begin_pricing()
        await self._providers.discover()
        self._take_chosen()

    def _begin_pricing(self) -> None:
        if self._pricing is None and self._providers.has_hosted():
            self._pricing = asyncio.ensure_future(self._price())

    async def _price(self) -> None:
        """Update the prices if they are old."""
        if await self._catalogue.refresh():
            self._add_models(await asyncio.to_thread(self._providers.with_model_info, self.router.models))
            await self._providers.list_offers()

    async def _look_up_price(self, model: Model) -> Model:
        """Return the model with its price, if known; waits for a running update."""
        await self._pricing_done()
        return next((known for known in self.router.models if known.name == model.name), model)

    async def look_up_prices(self) -> None:
        """Wait for the prices of hosted models if none are known at all."""
        if not self._catalogue.is_loaded:
            self._begin_pricing()
            await self._pricing_done()

    async def _pricing_done(self) -> None:
        if self._pricing is not None and not self._pricing.done():
            await asyncio.wait([self._pricing], timeout=PRICING_SECONDS)

    def offers(self, name: str) -> bool:
        """Return whether this model's provider was found but is not enabled."""
        return self._providers.offers(name.partition("/")[0])

    def server_of(self, name: str) -> str:
        """Return the server to which choosing this model gives consent: its address and, on this machine, its owner."""
        return self._providers.identity(name.partition("/")[0])

    def take(self, agreed: Mapping[str, str]) -> None:
        """Enable these models, now or as soon as they are found, each at the server that the user has agreed to;
        empty if that is unknown."""
        self._chosen |= agreed
        self._take_chosen()

    def drop(self, names: Sequence[str]) -> None:
        """Disable these models if they were enabled by `take`."""
        dropped = set(filter(self.offers, names))
        self._chosen = {name: server for name, server in self._chosen.items() if name not in dropped}
        self.router.models = tuple(model for model in self.router.models if model.name not in dropped)
        for provider in {name.partition("/")[0] for name in dropped} - {model.provider for model in self.router.models}:
            self._providers.forget(provider)

    def _take_chosen(self) -> None:
        offered = [(name, server) for name, server in self._chosen.items() if self.offers(name)]
        agreed = [name for name, server in offered if self._providers.agree(name, server)]
        taken = [model for name in agreed if (model := self._providers.admit(name))]
        if taken:
            self._add_models(taken)
            self._begin_pricing()

    def admit(self, name: str) -> None:
        """Register a model that was named but is not listed, if its provider is known. Strategies may choose it only
        if the config names it."""
        if all(model.name != name for model in self.router.models) and (model := self._providers.admit(name)):
            if name == self._config.model:
                self._add_models([model])
            else:
                self.router.models = with_named(self.router.models, model, self._providers.position)
            self._begin_pricing()

    async def look_up(self, name: str) -> None:
        """Ask the server for the model's context window if it is unknown; waits at most a third of a second."""
        self.admit(name)
        model = next((model for model in self.router.models if model.name == name), None)
        if model is not None and model.context_window is None:
            await self._providers.look_up(model)

    async def embed(self, name: str, body: Mapping[str, Any]) -> Any:
        """Return what a model's provider, or a local model, sends for a request for embeddings.

        Raises `ProviderError`.
        """
        if name not in self._children:
            return await self._embeddings.embed(name, body)
        if not any(model.name == name and model.not_for_chat == EMBEDDINGS for model in self.router.models):
            raise Rejected(f"{name} does not make embeddings.", "Choose a GGUF file of a model that does.", model=name)
        transport = await self._providers.transport()
        async with self._local_endpoint(name) as endpoint:
            return await transport.embed(endpoint, name, body)

    def remarks(self, model: Model, request: Request) -> Sequence[Metadata]:
        """Return what the route of this model's answer tells of providers that cannot be used."""
        return self._unusable.remarks(model, request)

    def statuses(self) -> Sequence[ModelStatus]:
        """Return the status of all models; a server that does not reply has a row of its own."""
        statuses = []
        for model in self.router.models:
            vitals = self.router.health.vitals(model.name)
            state, usable = self._state(model)
            statuses.append(ModelStatus(model, vitals.ttft_seconds, vitals.tokens_per_second, state, usable))
        return [*statuses, *self._providers.statuses({model.name for model in self.router.models})]

    def _state(self, model: Model) -> tuple[str, bool]:
        rest = self.router.health.resting_seconds(model.name)
        if rest:
            return f"cooldown {ceil(rest)} s", True
        if model.not_for_chat:
            return "not for chat", True
        if model.name in self._children and not self._runtime.available:
            return "no build", False
        if model.name == LOCAL_MODEL:
            if not self.built_in_files.ready:
                return ("fetching" if self.built_in_files.fetching else "not fetched"), True
            return ("loaded" if self._children.alive(LOCAL_MODEL) else "ready"), True
        if model.name in self._children and self._children.alive(model.name):
            return "loaded", True
        if model.name == SCRIPTED_MODEL:
            return "demo", True
        return "ready", True

    async def close(self) -> None:
        """Stop the child process and close the connections."""
        if self._pricing is not None:
            # It is nearly done, and the next start has its snapshot.
            await asyncio.wait([self._pricing], timeout=PRICING_SECONDS)
            self._pricing.cancel()
            await asyncio.wait([self._pricing])
        await self._providers.close()
        await self._children.close()


async def _stream_after(
    remarks: Sequence[Chunk], stream: AsyncGenerator[Sequence[Chunk], None]
) -> AsyncGenerator[Sequence[Chunk], None]:
    """Yield the remarks, then the stream."""
    async with aclosing(stream):
        yield remarks
        async for burst in stream:
            yield burst


class WeightsStatus:
    """The files of the built-in model, as the engine shows them."""

    def __init__(self, needed: LocalFiles, fetched: Callable[[], None]) -> None:
        self._needed, self._fetched = needed, fetched

    @property
    def ready(self) -> bool:
        return self._needed.ready

    @property
    def fetching(self) -> DownloadProgress | None:
        progress = self._needed.progress
        return msgspec.convert(progress, DownloadProgress, from_attributes=True) if progress else None

    async def fetch(self) -> None:
        await self._needed.fetch()
        self._fetched()
