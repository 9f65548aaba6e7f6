"""Builds an engine from a config; the only module that knows all parts."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec

import msgspec

from chat_tui.bootstrap.backend import Backend, LocalModels, WeightsStatus
from chat_tui.bootstrap.provider_setup import ProviderSetup, own_local_model
from chat_tui.bootstrap.tool_servers import LateToolServers
from chat_tui.bootstrap.unusable_providers import UnusableProviders
from chat_tui.bootstrap.web_pages import LatePages
from chat_tui.config import paths
from chat_tui.config.known_providers import KnownProvider, known_providers
from chat_tui.config.memory.folder_notes import FolderMemory
from chat_tui.config.memory.user_memory import UserMemory
from chat_tui.config.schema import Config
from chat_tui.config.watched_file import watched_config
from chat_tui.core.errors import ChatTuiError, ConfigError, HistoryError
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.spending import PAID_APART, EarlierSpending, midnight, paid_apart
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.engine import Engine
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import costs, reads
from chat_tui.history.store import Store
from chat_tui.local.library import Library
from chat_tui.local.runtime import Runtime
from chat_tui.local.server import LocalServer
from chat_tui.local.server_pool import ServerPool
from chat_tui.local.weights import Weights
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.credentials.keys import key_warnings
from chat_tui.providers.discovery.found_servers import FoundServers
from chat_tui.providers.discovery.socket_owners import OwnerLookup, listening_owner
from chat_tui.providers.registry import ProviderRegistry, with_dialects
from chat_tui.routing.ranking.strategies import DEFAULT, names, plug_ins

P = ParamSpec("P")


def _local_models(config: Config, runtime: Runtime, tell: Callable[[ChatTuiError], None]) -> LocalModels:
    """Return the built-in model and the user's own, with the metadata of their files. Blocks."""
    weights = Weights(paths.cache_folder() / "weights", own_file=paths.expand(config.local.weights))
    runtime.ready()  # It inspects the machine once, which is better done in this thread.
    threads, idle = config.local.threads, config.local.idle_minutes
    window = config.local.context_window
    servers = {LOCAL_MODEL: LocalServer(weights, runtime=runtime, context_window=window, threads=threads)}
    models = []
    for own in Library(paths.library_file(), tell).models(config.models):
        model, servers[own.name] = own_local_model(own, config, runtime)
        models.append(model)
    children = ServerPool(servers, idle * 60 if idle is not None else None)
    return LocalModels(runtime, weights, children, tuple(models))


def _read_catalogue(config: Config) -> Catalogue:
    """Return the catalogue of prices, and read what else is known about models. Blocks."""
    catalogue = Catalogue(paths.catalogue_file())
    catalogue.load()
    # The first model takes some milliseconds: a table is read, and the patterns of names are compiled.
    ModelInfoResolver(config, catalogue).of(Model("unknown/unnamed-model"))
    return catalogue


def _with_a_strategy(config: Config, known: Set[str], tell: Callable[[ChatTuiError], None]) -> Config:
    """Return the config with a known strategy; an unknown one is reported and replaced."""
    if config.strategy in known:
        return config
    told = f"Unknown strategy `{shorten(config.strategy, 60)}` in config; using `{DEFAULT}`."
    tell(ConfigError(told, f"Known: {', '.join(sorted(known))}.", key="strategy"))
    return msgspec.structs.replace(config, strategy=DEFAULT)


def _in_loop(call: Callable[P, object]) -> Callable[P, None]:
    """Return a function that schedules `call` in this event loop from any thread, or does nothing once the loop is
    closed."""
    loop = asyncio.get_running_loop()

    def called(*args: P.args, **named: P.kwargs) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(partial(call, *args, **named))

    return called


async def _opened_history(file: Path | None, settings: StoreSettings, tell: Callable[[ChatTuiError], None]) -> Store:
    """Open the store; if it cannot be used, report that and return one in memory."""
    garbled = HistoryError(
        "Some text in the history is damaged: unreadable characters are shown as \ufffd.",
        "Run `chat-tui history check` to find the conversation. All other text is intact.",
    )
    try:
        return await Store.open_or_read(
            file, msgspec.structs.replace(settings, when_garbled=_in_loop(partial(tell, garbled)))
        )
    except HistoryError as error:
        tell(error)
        return await Store.open(None)


async def _spent_today(config: Config, file: Path, tell: Callable[[ChatTuiError], None]) -> EarlierSpending | None:
    """Return today's cost of saved conversations if there is a budget; None if unknown.

    Reports a store that cannot be read.
    """
    if config.daily_budget is None or not await asyncio.to_thread(file.exists):
        return None
    today = midnight()
    try:
        store = await Store.open_or_read(file)
        try:
            dollars = await store.read(costs.total_since, today) + paid_apart(await store.read(reads.place, PAID_APART))
            return EarlierSpending(today, dollars)
        finally:
            await store.close()
    except HistoryError as error:
        tell(error)
        return None


def _memory(folder: Path | None, tell: Callable[[ChatTuiError], None]) -> Memory:
    """Return the user's memory, with the notes of a folder if there is one."""
    # Errors come from the threads that read the files.
    tell = _in_loop(tell)
    notes = FolderMemory(folder, paths.folder_memory_file(), tell) if folder is not None else None
    return Memory(tell, user=UserMemory(paths.memory_file()), folder=notes)


async def open_engine(
    config: Config,
    *,
    save: bool = True,
    tell: Callable[[ChatTuiError], None],
    store_file: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
    environ: Mapping[str, str] = os.environ,
    known: Mapping[str, KnownProvider] | None = None,
    owner_of: OwnerLookup = listening_owner,
    runtime: Runtime | None = None,
    folder: Path | None = None,
    when_slow: Callable[[], None] = lambda: None,
    when_recovering: Callable[[float], None] = lambda part: None,
) -> Engine:
    """Open an engine over the user's store. If the store cannot be used, that is reported and nothing is saved.

    `environ` and `known` are searched for keys and servers, `owner_of` returns the owner of a server that was found,
    `runtime` is llama.cpp (None: the user's), `folder` the one whose notes may be part of the memory. `when_slow` is
    called in another thread if updating the store takes longer than a second, `when_recovering` every few seconds while
    a damaged store is recovered, with the part that is done, 0 to 1.
    """
    config = await asyncio.to_thread(with_dialects, config, tell)
    config = _with_a_strategy(config, {*names(), *await asyncio.to_thread(plug_ins)}, tell)
    runtime = runtime or Runtime(paths.cache_folder() / "runtime")
    local = await asyncio.to_thread(_local_models, config, runtime, tell)
    if known is None:
        known = await asyncio.to_thread(known_providers)
    setup = ProviderSetup(config, environ=environ, known=known, runtime=runtime, tell=tell, watched=watched_config())
    registry = ProviderRegistry(config, known, environ, await asyncio.to_thread(setup.key_store.places))
    catalogue = await asyncio.to_thread(_read_catalogue, config)
    told_file = paths.found_servers_file() if save else None
    found_servers = FoundServers(tell, told_file=told_file, owner_of=owner_of)
    parts = Backend(config, local, registry, setup.keys, catalogue, clock, found_servers, UnusableProviders(tell))
    setup.attach(parts)
    await parts.list_offers()
    for warning in key_warnings([row.name for row in config.providers if row.api_key], paths.config_file()):
        tell(warning)
    file = store_file or paths.store_file()
    stored = StoreSettings(when_slow=when_slow, when_recovering=when_recovering, recovers=True)
    history = await _opened_history(file if save else None, stored, tell)
    engine = Engine(
        config,
        parts.router,
        history,
        weights=WeightsStatus(parts.built_in_files, parts.update_downloads),
        backend=parts,
        setup=setup,
        open_private=partial(Store.open, None),
        tell=tell,
        tools=LateToolServers(config, environ=environ, file=watched_config()),
        pages=LatePages(),
        memory=_memory(folder, tell) if save else None,
        spent_elsewhere=None if save else await _spent_today(config, file, tell),
    )
    history.when_displaced = _in_loop(engine.conversations.note_displaced)
    if history.notice:
        engine.errors.report_once(history.read_only or history.warning or HistoryError(history.notice))
    await engine.models.recall()
    return engine
