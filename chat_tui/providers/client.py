"""The providers behind the router: finds them, lists their models, and sends questions to them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import msgspec

from chat_tui.config.known_providers import KnownProvider
from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.errors import ChatTuiError, KeyRefused, Notice, ProviderError, QuotaUsedUp, Rejected
from chat_tui.core.models import Model, ModelStatus, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.addresses import host_of
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.credentials.keys import KeyLookup, missing_key
from chat_tui.providers.discovery.found_servers import FoundServers, identity_of, place_of
from chat_tui.providers.registry import ProviderRegistry
from chat_tui.providers.replicas import ReplicasByProvider

if TYPE_CHECKING:
    from chat_tui.providers.discovery.port_scan import ProbeAnswer
    from chat_tui.providers.discovery.socket_owners import ServerOwner
    from chat_tui.providers.http.transport import Transport

LOOK_UP_SECONDS = 2.0
"""For asking a server about each of its models."""
WAITED_FOR_SECONDS = 0.3
"""For the same if a question waits for it."""
CUT_OFF_SECONDS = 1.0
"""For the window in use, if the end of an answer waits for it."""
_OUTPUT = Token, ToolCallDelta
OFFERED = "found, not used"
"""The state of a model whose provider was found, and which no strategy chooses before a person has. The list of models
has 16 cells for it."""
OFFERED_BY_OTHERS = "found, not yours"
"""The same for a server on this machine that runs under another account."""


class ProviderClient:
    """Asks the providers in use, finds others, and knows their models."""

    def __init__(
        self,
        registry: ProviderRegistry,
        keys: KeyLookup,
        model_info: ModelInfoResolver,
        *,
        connection_seconds: float | None,
        clock: Callable[[], float],
        found: Callable[[Sequence[Model]], None],
        lost: Callable[[str], None],
        unusable: Callable[[str, ChatTuiError | None], None],
        answered: Callable[[str, ProviderError | None], None],
        found_servers: FoundServers,
    ) -> None:
        self._registry, self._keys, self._model_info = registry, keys, model_info
        self._connection_seconds = connection_seconds
        self._found_servers = found_servers
        self._lost = lost
        """Called with a provider whose models may not be chosen any more."""
        self._unusable = unusable
        """Called with a provider in use and why no model of it can be chosen; None if one can."""
        self._answered = answered
        """Called with a provider that has answered a question; or with the error if it refuses all of them: the key is
        wrong, or there is no credit."""
        self._found = found
        """Called with models that strategies may choose from now on."""
        self._transport: Transport | None = None
        self._loading = asyncio.Lock()
        self._replicas = ReplicasByProvider(clock)
        self._silent: dict[str, str] = {}
        self._listed: dict[str, tuple[Model, ...]] = {}
        """The models that offered servers list."""
        self._offers: list[ModelStatus] = []
        self._strangers: set[str] = set()
        """Offered servers of other accounts, by name."""
        self._owners: dict[str, ServerOwner] = {}
        """The owners of the servers that were found on this machine, as last seen."""
        self._agreed: dict[str, str] = {}
        """By provider: the address and owner of the server at the time it was named or chosen."""
        self._seen_loaded: set[str] = set()
        """Models that were looked up while they were loaded."""
        self._looking: set[asyncio.Task[None]] = set()

    def offers(self, provider: str) -> bool:
        """Return whether the provider was found, but is not in use before a person chooses one of its models."""
        return provider in self._registry.offered

    def forget(self, provider: str) -> None:
        """Let a provider be merely found again."""
        self._registry.forget(provider)
        self._agreed.pop(provider, None)

    async def add(self, provider: Provider) -> int:
        """Put a provider to use and list its models; returns how many there are, 0 if it does not answer."""
        self._registry.add(provider)
        self._keys.forget(provider.name)
        await self.list_offers()
        if not provider.models:
            return await self._ask_for_models(provider)
        models = self._configured_models(provider)
        self._found(models)
        await self._check_key(provider)
        return len(models)

    async def remove(self, name: str) -> None:
        """Use a provider no longer."""
        self._registry.remove(name)
        self._keys.forget(name)
        self._agreed.pop(name, None)
        self._silent.pop(name, None)
        self._unusable(name, None)
        self._lost(name)
        await self.list_offers()

    def identity(self, name: str) -> str:
        """Return which server a provider's name means now: its address and, if found on this machine, its owner."""
        provider = self._registry.offered.get(name) or self._registry.usable(name)
        return identity_of(provider, self._owners.get(name)) if provider is not None else ""

    def agree(self, name: str, server: str) -> bool:
        """Return whether a person has agreed to the server that a model's provider means now.

        `server` is the identity they agreed to. If it is empty, which means that it was not stored, they have agreed to
        the provider's usual server, but to none of another account.
        """
        provider = name.partition("/")[0]
        now, offer, owner = self.identity(provider), self._registry.offered.get(provider), self._owners.get(provider)
        is_usual = not (offer and offer.address_source) and not (owner and self._registry.is_stranger(owner))
        if server != now and (server or not is_usual):
            return False
        self._agreed[provider] = now
        return True

    def speaks_to(self, provider: str) -> bool:
        """Return whether the provider is in use."""
        return provider in self._registry.in_use

    def position(self, model: Model) -> int:
        """Return the position of the model's provider: those of the config in its order first, local models last."""
        return self._registry.position(model.provider)

    def has_hosted(self) -> bool:
        """Return whether a provider in use or offered may have prices."""
        return bool(self._registry.offered) or any(not provider.local for provider in self._registry.all_usable)

    def with_model_info(self, models: Sequence[Model]) -> list[Model]:
        """Return the providers' models among these, with what is newly known about them."""
        known = [(model, self._registry.usable(model.provider)) for model in models]
        return [self._model_info.of(model, provider) for model, provider in known if provider is not None]

    def named_models(self) -> list[Model]:
        """Return the models that providers in use are configured with."""
        return [
            self._model_info.of(Model(f"{provider.name}/{name}", local=provider.local), provider)
            for provider in self._registry.in_use.values()
            for name in provider.models
        ]

    # -- speaking -------------------------------------------------------------------------------------------------

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yield the reply of the model's provider, in bursts; other replicas are tried. Raises `ProviderError`."""
        provider = self._registry.usable(model.provider)
        if provider is None:
            raise Rejected(
                f"No provider is configured for {model.name}.", "Add it under [[providers]].", model=model.name
            )
        place = await self.unconfigured_address(provider)
        try:
            key = await self._keys.of(provider)
            transport = await self.transport()
            from chat_tui.providers.endpoint import Endpoint

            replicas = self._replicas.of(provider)
            addresses = replicas.order()
            several = len(addresses) > 1
            for address in addresses:
                asked = msgspec.structs.replace(provider, base_url=address) if several else provider
                if shown := host_of(address) if several else place:
                    yield [Metadata("connecting", model=model.name, address=shown)]
                has_spoken = False
                try:
                    with replicas.count_stream(address):
                        async with aclosing(transport.stream(Endpoint(asked, key), model, request)) as bursts:
                            async for burst in bursts:
                                if burst and isinstance(burst[-1], End):
                                    self._look_up_loaded(provider, model)
                                    if told := await self._find_truncation(provider, model, request, burst[-1]):
                                        yield [told]
                                has_spoken = has_spoken or any(isinstance(chunk, _OUTPUT) for chunk in burst)
                                yield [_with_address(chunk, address) for chunk in burst] if several else burst
                    replicas.note_success(address)
                    self._answered(provider.name, None)
                    return
                except ProviderError as error:
                    if not error.retryable:
                        raise
                    replicas.note_failure(address)
                    # Text and calls cannot be taken back: then it is the router that continues it.
                    if has_spoken or address == addresses[-1]:
                        raise
                    yield [Metadata("failover", model=model.name, reason=f"{error.title} ({host_of(address)})")]
        except (KeyRefused, QuotaUsedUp) as error:
            if isinstance(error, KeyRefused):
                self._keys.forget(provider.name)
            self._answered(provider.name, error)
            raise

    async def _find_truncation(self, provider: Provider, model: Model, request: Request, end: End) -> Metadata | None:
        """Return a note if the server has read only a part of the request; Ollama does not report that."""
        counted = end.usage.prompt_tokens if end.usage else 0
        if provider.dialect != "ollama" or not counted:
            return None
        from chat_tui.providers.http.truncation import is_suspicious, is_truncated, sent_tokens

        # A long conversation takes milliseconds, which the loop has not got.
        sent, fresh = await asyncio.to_thread(sent_tokens, request.spoken())
        if not is_suspicious(sent, counted):
            return None
        window = await _window_in_use(await self.transport(), provider, await self._keys.of(provider), model)
        if not is_truncated(sent, fresh, counted, window):
            return None
        return _truncation_note(model, counted, sent, window)

    async def unconfigured_address(self, provider: Provider) -> str:
        """Return the address that a question goes to, if it is not from the config; else empty. Raises `Rejected`."""
        if provider.address_source:
            return f"{host_of(provider.base_url)} (${provider.address_source})"
        owner = await self._check_owner(provider)
        if owner is None:
            return ""
        await self._found_servers.notify_use(provider, owner)
        return place_of(provider, owner)

    async def _check_owner(self, provider: Provider) -> ServerOwner | None:
        """Return the owner of a server that was found on this machine, None for all others.

        Raises `Rejected` if it is used because its owner was trusted, and now has another owner.
        """
        if not self._registry.is_found_here(provider):
            return None
        owner = self._owners[provider.name] = await self._found_servers.owner(provider)
        is_used = provider.name in self._registry.in_use
        agreed = identity_of(provider, owner) if is_used else self._agreed.get(provider.name)
        if agreed is None:
            # Naming one of its models means agreeing to its current owner.
            agreed = self._agreed[provider.name] = identity_of(provider, owner)
        has_changed = agreed != identity_of(provider, owner)
        if self._registry.is_stranger(owner) and (is_used or has_changed):
            self._registry.distrust(provider)
            self.forget(provider.name)
            self._lost(provider.name)
            await self.list_offers()
            raise Rejected(
                f"The server at {host_of(provider.base_url)} now runs under another account; nothing was sent to it.",
                f"To use it anyway, choose one of its models with `/model {provider.name}/NAME`.",
                provider=provider.name,
            )
        return owner

    async def transport(self) -> Transport:
        """Return the transport, imported in a thread: that takes a tenth of a second."""
        async with self._loading:
            if self._transport is None:
                module = await asyncio.to_thread(load_transport)
                self._transport = module(connection_seconds=self._connection_seconds)
        return self._transport

    async def close(self) -> None:
        """Close the connections."""
        for looking in self._looking:
            looking.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()

    # -- what there is --------------------------------------------------------------------------------------------

    async def discover(self) -> None:
        """Look for servers on this machine, and ask those in use that name no models, all at once."""
        asked = [provider for provider in self._registry.in_use.values() if not provider.models]
        named = [provider for provider in self._registry.in_use.values() if provider.models]
        await asyncio.gather(
            self._look_here(),
            *(self._ask_for_models(provider) for provider in asked),
            *(self._check_key(provider) for provider in named),
            *(self._look_up(provider, self._configured_models(provider)) for provider in named),
        )
        await self.list_offers()

    async def list_offers(self) -> None:
        """Update what is offered, in a thread: a provider may have a thousand models."""
        self._offers = await asyncio.to_thread(lambda: list(self._offered_statuses()))

    async def _look_here(self) -> None:
        from chat_tui.providers.discovery.port_scan import scan
        from chat_tui.providers.registry import port_candidates

        rows = {row.name: row for row in self._registry.expected_servers()}
        answers = await scan(port_candidates(rows.values()))
        await asyncio.gather(*(self._take_probe_answer(rows[name], told) for name, told in answers.items()))

    async def _take_probe_answer(self, row: KnownProvider, told: ProbeAnswer) -> None:
        from chat_tui.providers.discovery.model_list import models_of
        from chat_tui.providers.registry import at_its_port

        if told.status in {401, 403} and row.keys:
            self._silent[row.name] = "found, wants key"
            return
        if told.status != 200 or not told.listing:
            return
        owner = self._owners[row.name] = await self._found_servers.owner(at_its_port(row, {}, told.host))
        provider = self._registry.add_found(row, told.host, owner)
        models = await asyncio.to_thread(models_of, provider, told.listing)
        if not models:
            return
        if self._registry.is_stranger(owner):
            if owner.uid is not None:
                self._strangers.add(row.name)
            if self._registry.usable(row.name) is None:
                await self._found_servers.notify_offer(provider, owner)
        self._silent.pop(row.name, None)
        if row.name in self._registry.in_use:
            # Still without a key: nobody has chosen it yet.
            await self._report_models(provider, models, "")
        else:
            self._listed[row.name] = models

    async def _ask_for_models(self, provider: Provider) -> int:
        try:
            await self._check_owner(provider)
            key = await self._keys.of(provider)
            transport = await self.transport()
            from chat_tui.providers.discovery.model_list import models_of

            listing = await transport.list_models(provider, key)
        except ChatTuiError as error:
            self._silent[provider.name] = error.title
            self._report_use(provider, error)
            return 0
        models = await asyncio.to_thread(models_of, provider, listing)
        self._silent.pop(provider.name, None)
        chats = any(not self._model_info.of(model, provider).not_for_chat for model in models)
        self._report_use(provider, None if chats else Notice(f"It lists no model{' for chat' if models else 's'}."))
        await self._report_models(provider, models, key)
        return len(models)

    def _report_use(self, provider: Provider, error: ChatTuiError | None) -> None:
        """Report whether a provider can be used; that a server which was found here is gone is no news."""
        if not self._registry.is_found_here(provider):
            self._unusable(provider.name, error)

    async def _check_key(self, provider: Provider) -> None:
        """Report whether a provider whose models are configured, so that it is not asked for them, lacks its key."""
        is_missing = await self._keys.is_missing(provider)
        self._report_use(provider, missing_key(provider) if is_missing else None)

    async def _report_models(self, provider: Provider, models: Sequence[Model], key: str) -> None:
        known = await asyncio.to_thread(lambda: [self._model_info.of(model, provider) for model in models])
        self._found(known)
        await self._look_up(provider, known, key)

    def _configured_models(self, provider: Provider) -> Sequence[Model]:
        return [model for model in self.named_models() if model.provider == provider.name]

    async def _look_up(self, provider: Provider, models: Sequence[Model], key: str | None = None) -> None:
        """Ask the server about each of these models, if its dialect has more to say about one than its list."""
        from chat_tui.providers.dialects import dialect
        from chat_tui.providers.discovery.model_list import look_up_models

        if not any(map(dialect(provider.dialect).look_up.questions, models)):
            return
        try:
            await self._check_owner(provider)
            key = await self._keys.of(provider) if key is None else key
        except ChatTuiError:
            # The question will say so.
            return
        transport, its_key = await self.transport(), key
        told = await look_up_models(
            lambda each: transport.probe(provider, its_key, each), provider, models, LOOK_UP_SECONDS
        )
        self._found([self._model_info.of(model, provider) for model in told])

    async def look_up(self, model: Model) -> None:
        """Ask the model's server about it, for `WAITED_FOR_SECONDS`: a question waits for that."""
        provider = self._registry.usable(model.provider)
        if provider is None:
            return
        # What takes most of the time at the first question is not the server's to be blamed for.
        await self.transport()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAITED_FOR_SECONDS):
                await self._look_up(provider, [model])

    def _look_up_loaded(self, provider: Provider, model: Model) -> None:
        """Look up a model that the server loads when it is asked, since only then its window is known."""
        if provider.dialect == "ollama" and model.asked_window is None and model.name not in self._seen_loaded:
            self._seen_loaded.add(model.name)
            looking = asyncio.ensure_future(self._look_up(provider, [model]))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    def admit(self, name: str) -> Model | None:
        """Return a model by its name and let it be used, but no other of its provider; None if that is not known."""
        owner, _, id = name.partition("/")
        provider = self._registry.name_provider(owner) if id.strip() else None
        if provider is None:
            return None
        told = {model.name: model for model in self._listed.get(provider.name, ())}
        return self._model_info.of(told.get(name) or Model(name, local=provider.local), provider)

    def statuses(self, known: Collection[str]) -> Iterator[ModelStatus]:
        """Yield the statuses of offered models, and a row for each server that did not answer."""
        yield from (standing for standing in self._offers if standing.model.name not in known)
        for name, why in self._silent.items():
            yield _nameless_status(name, why)

    def _offered_statuses(self) -> Iterator[ModelStatus]:
        for provider in tuple(self._registry.offered.values()):
            models = self._listed.get(provider.name) or self._model_info.models_of(provider)
            state = OFFERED_BY_OTHERS if provider.name in self._strangers else OFFERED
            yield from (ModelStatus(self._model_info.of(model, provider), state=state) for model in models)
            if not models:
                yield _nameless_status(provider.name, f"found: /model {provider.name}/NAME")


def _nameless_status(provider: str, state: str) -> ModelStatus:
    """Return the status of a provider whose models are not known."""
    return ModelStatus(Model(f"{provider}/?", selectable=False), state=state, usable=False)


async def _window_in_use(transport: Transport, provider: Provider, key: str, model: Model) -> int | None:
    """Return the context window with which the server has loaded the model; None if it does not say."""
    from chat_tui.providers.discovery.model_list import look_up_models

    unknown = msgspec.structs.replace(model, context_window=None)
    told = await look_up_models(lambda each: transport.probe(provider, key, each), provider, [unknown], CUT_OFF_SECONDS)
    known = told[0].context_window if told else None
    return known or model.asked_window or model.context_window


def _truncation_note(model: Model, read: int, sent: int, window: int | None) -> Metadata:
    """Return the note that the server has read only so many of about so many tokens."""
    of_window = f" of {window:,} tokens" if window else ""
    told = (
        f"{model.provider} read only {read:,} of about {sent:,} tokens; the rest did not fit the context window"
        f"{of_window} and was left out. Set `context_window` for `{model.name}` under [[models]]."
    )
    return Metadata("note", model=model.name, reason=told, attempt=1)


def _with_address(chunk: Chunk, address: str) -> Chunk:
    """Return the chunk with the address, if it says what is waited for."""
    if isinstance(chunk, Metadata) and chunk.event == "waiting":
        return msgspec.structs.replace(chunk, reason=host_of(address))
    return chunk


def load_transport() -> type[Transport]:
    """Import the transport; takes a twentieth of a second."""
    import anyio

    # httpx's own first use of anyio loads its event loop side, which would hold the first question.
    anyio.run(anyio.sleep, 0)
    # httpx imports its own command line if it can, which brings click and half of rich: more than all the rest of it.
    # A module that is None cannot be imported.
    left_out = {} if "httpx" in sys.modules else {"httpx._main": None}
    sys.modules.update(left_out)  # type: ignore[arg-type]  # as the import system itself allows
    try:
        from chat_tui.providers.http.transport import Transport
    finally:
        for name in left_out:
            sys.modules.pop(name, None)
    return Transport
