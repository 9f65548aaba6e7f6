"""The servers behind the router: which there are, what models they have, and how a question gets to one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chat_tui.config.known_providers import KnownProvider
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.errors import ChatTuiError, KeyRefused, ProviderError, Rejected
from chat_tui.core.models import Model, ModelStatus, Provider
from chat_tui.core.request import Request
from chat_tui.core.text.addresses import host_of
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.credentials.keys import KeyLookup
from chat_tui.providers.discovery.found_servers import FoundServers, identity_of, place_of
from chat_tui.providers.registry import ProviderRegistry
from chat_tui.providers.replicas import Replicas

if TYPE_CHECKING:
    from chat_tui.providers.discovery.port_scan import ProbeAnswer
    from chat_tui.providers.discovery.socket_owners import ServerOwner
    from chat_tui.providers.http.transport import Transport

LOOK_UP_SECONDS = 2.0
"""For what a server tells of its models one by one."""
WAITED_FOR_SECONDS = 0.3
"""For the same where a question waits for it."""
CUT_OFF_SECONDS = 1.0
"""For the window in use, where an answer's end waits for it."""
OFFERED = "found, not used"
"""The state of a model whose provider was found, and which no strategy takes before it was chosen once. The list of
models has 16 cells for it."""
OFFERED_BY_OTHERS = "found, not yours"
"""The same of a server on this machine that somebody else runs."""


class ProviderClient:
    """Speaks to the providers in use, finds others, and knows their models."""

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
        found_servers: FoundServers,
    ) -> None:
        self._registry, self._keys, self._model_info = registry, keys, model_info
        self._connection_seconds, self._clock = connection_seconds, clock
        self._found_servers = found_servers
        self._lost = lost
        """Is told of a provider whose models nobody may choose any more."""
        self._found = found
        """Is told of models that strategies may choose from now on."""
        self._transport: Transport | None = None
        self._loading = asyncio.Lock()
        self._replicas: dict[str, Replicas] = {}
        self._silent: dict[str, str] = {}
        self._listed: dict[str, tuple[Model, ...]] = {}
        """What offered servers have told of themselves."""
        self._offers: list[ModelStatus] = []
        self._strangers: set[str] = set()
        """Offered servers of other accounts."""
        self._owners: dict[str, ServerOwner] = {}
        """Who runs the servers that were found on this machine, as far as it was last seen."""
        self._agreed: dict[str, str] = {}
        """The servers that were named or chosen: their addresses and owners then, by provider."""
        self._seen_loaded: set[str] = set()
        """Models that were asked about while they were loaded."""
        self._looking: set[asyncio.Task[None]] = set()

    def offers(self, provider: str) -> bool:
        """This provider was found, and is not in use before somebody has said so."""
        return provider in self._registry.offered

    def forget(self, provider: str) -> None:
        """It is no more than found: nobody names it now."""
        self._registry.forget(provider)
        self._agreed.pop(provider, None)

    def identity(self, name: str) -> str:
        """Which server a provider's name means now: its address and, where it was found on this machine, its owner."""
        provider = self._registry.offered.get(name) or self._registry.usable(name)
        return identity_of(provider, self._owners.get(name)) if provider is not None else ""

    def agree(self, name: str, server: str) -> bool:
        """Whether somebody has agreed to the server that a model's provider means now; `server` is what they agreed to,
        empty where that was not kept: then the provider's usual one, but no server of another account."""
        provider = name.partition("/")[0]
        now, offer, owner = self.identity(provider), self._registry.offered.get(provider), self._owners.get(provider)
        is_usual = not (offer and offer.address_source) and not (owner and self._registry.is_stranger(owner))
        if server != now and (server or not is_usual):
            return False
        self._agreed[provider] = now
        return True

    def speaks_to(self, provider: str) -> bool:
        """This provider is in use."""
        return provider in self._registry.in_use

    def position(self, model: Model) -> int:
        """Where its provider stands in the line: first those of the config in its order, last what runs in a child."""
        return self._registry.position(model.provider)

    def has_hosted(self) -> bool:
        """There is a provider, in use or offered, whose prices one would want to know."""
        return bool(self._registry.offered) or any(not provider.local for provider in self._registry.all_usable)

    def with_model_info(self, models: Sequence[Model]) -> list[Model]:
        """The models of providers, with what has become known of them since."""
        known = [(model, self._registry.usable(model.provider)) for model in models]
        return [self._model_info.of(model, provider) for model, provider in known if provider is not None]

    def named_models(self) -> list[Model]:
        """The models that providers in use have without being asked."""
        return [
            self._model_info.of(Model(f"{provider.name}/{name}", local=provider.local), provider)
            for provider in self._registry.in_use.values()
            for name in provider.models
        ]

    # -- speaking -------------------------------------------------------------------------------------------------

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """What the model's provider answers, in bursts. Raises `ProviderError`."""
        provider = self._registry.usable(model.provider)
        if provider is None:
            raise Rejected(
                f"No provider is configured for {model.name}.", "Add it under [[providers]].", model=model.name
            )
        place = await self._unconfigured_address(provider)
        try:
            key = await self._keys.of(provider)
            transport = await self.transport()
            from chat_tui.providers.endpoint import Endpoint

            replicas = self._replicas_of(provider)
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
                                    if told := await self._truncation_note(provider, model, request, burst[-1]):
                                        yield [told]
                                has_spoken = has_spoken or any(isinstance(chunk, Token) for chunk in burst)
                                yield [_with_address(chunk, address) for chunk in burst] if several else burst
                    replicas.note_success(address)
                    return
                except ProviderError as error:
                    if not error.retryable:
                        raise
                    replicas.note_failure(address)
                    # Text cannot be taken back: then it is the router that continues it.
                    if has_spoken or address == addresses[-1]:
                        raise
                    yield [Metadata("failover", model=model.name, reason=f"{error.title} ({host_of(address)})")]
        except KeyRefused:
            self._keys.forget(provider.name)
            raise

    def _replicas_of(self, provider: Provider) -> Replicas:
        """The provider's addresses; those of one address alone are not kept, since it may be found elsewhere later."""
        if len(provider.base_urls) < 2:
            return Replicas((provider.base_url,), self._clock)
        if provider.name not in self._replicas:
            self._replicas[provider.name] = Replicas(provider.base_urls, self._clock)
        return self._replicas[provider.name]

    async def _truncation_note(self, provider: Provider, model: Model, request: Request, end: End) -> Metadata | None:
        """Word of it where the server has read only a part of the request; Ollama says nothing itself."""
        counted = end.usage.prompt_tokens if end.usage else 0
        if provider.dialect != "ollama" or not counted:
            return None
        from chat_tui.providers.http.truncation import is_suspicious, is_truncated, sent_tokens

        # A long conversation takes milliseconds, which the loop has not got.
        sent, fresh = await asyncio.to_thread(sent_tokens, request.spoken())
        if not is_suspicious(sent, counted):
            return None
        window = await self._window_in_use(provider, model)
        if not is_truncated(sent, fresh, counted, window):
            return None
        of_window = f" of {window:,} tokens" if window else ""
        told = (
            f"{provider.name} read only {counted:,} of about {sent:,} tokens; the rest did not fit the context window"
            f"{of_window} and was left out. Set `context_window` for `{model.name}` under [[models]]."
        )
        return Metadata("note", model=model.name, reason=told, attempt=1)

    async def _window_in_use(self, provider: Provider, model: Model) -> int | None:
        """The window with which the server has the model loaded now; None where it does not tell."""
        from chat_tui.providers.discovery.model_list import look_up_models

        transport, key = await self.transport(), await self._keys.of(provider)
        unknown = msgspec.structs.replace(model, context_window=None)
        told = await look_up_models(
            lambda each: transport.probe(provider, key, each), provider, [unknown], CUT_OFF_SECONDS
        )
        known = told[0].context_window if told else None
        return known or model.asked_window or model.context_window

    async def _unconfigured_address(self, provider: Provider) -> str:
        """Where a question goes, where that does not stand in the config; empty where it does. Raises `Rejected`."""
        if provider.address_source:
            return f"{host_of(provider.base_url)} (${provider.address_source})"
        owner = await self._check_owner(provider)
        if owner is None:
            return ""
        await self._found_servers.notify_use(provider, owner)
        return place_of(provider, owner)

    async def _check_owner(self, provider: Provider) -> ServerOwner | None:
        """Who runs a server that was found on this machine, None for all others.

        Raises `Rejected` where it is used because its owner was trusted, and where that is not so any more.
        """
        if not self._registry.is_found_here(provider):
            return None
        owner = self._owners[provider.name] = await self._found_servers.owner(provider)
        is_used = provider.name in self._registry.in_use
        agreed = identity_of(provider, owner) if is_used else self._agreed.get(provider.name)
        if agreed is None:
            # Naming one of its models is agreeing to whoever runs it now.
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
        """The HTTP side, imported in a thread: it costs a tenth of a second."""
        async with self._loading:
            if self._transport is None:
                module = await asyncio.to_thread(_transport_module)
                self._transport = module(connection_seconds=self._connection_seconds)
        return self._transport

    async def close(self) -> None:
        """Let go of the connections."""
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
            *(self._look_up(provider, self._configured_models(provider)) for provider in named),
        )
        await self.list_offers()

    async def list_offers(self) -> None:
        """Look up what is offered; in a thread, since a provider may have a thousand models."""
        self._offers = await asyncio.to_thread(lambda: list(self._offered_statuses()))

    async def _look_here(self) -> None:
        from chat_tui.providers.dialects import dialect
        from chat_tui.providers.discovery.port_scan import PortCandidate, scan
        from chat_tui.providers.endpoint import base_url_of
        from chat_tui.providers.registry import at_its_port

        rows = {row.name: row for row in self._registry.expected_servers()}
        places = {}
        for name, row in rows.items():
            path = urlsplit(base_url_of(at_its_port(row, {})) + dialect(row.dialect).model_list.path).path
            # No key goes along: whoever listens there has not shown yet who it is.
            places[name] = PortCandidate(row.port, path)
        answers = await scan(places)
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

    async def _ask_for_models(self, provider: Provider) -> None:
        try:
            await self._check_owner(provider)
            key = await self._keys.of(provider)
            transport = await self.transport()
            from chat_tui.providers.discovery.model_list import models_of

            listing = await transport.list_models(provider, key)
        except ChatTuiError as error:
            self._silent[provider.name] = error.title
            return
        self._silent.pop(provider.name, None)
        await self._report_models(provider, await asyncio.to_thread(models_of, provider, listing), key)

    async def _report_models(self, provider: Provider, models: Sequence[Model], key: str) -> None:
        known = await asyncio.to_thread(lambda: [self._model_info.of(model, provider) for model in models])
        self._found(known)
        await self._look_up(provider, known, key)

    def _configured_models(self, provider: Provider) -> Sequence[Model]:
        return [model for model in self.named_models() if model.provider == provider.name]

    async def _look_up(self, provider: Provider, models: Sequence[Model], key: str | None = None) -> None:
        """Ask the server about each of its models, where it tells more so than in its list."""
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
        """Ask the model's server about it; a question waits for that, so not for long."""
        provider = self._registry.usable(model.provider)
        if provider is None:
            return
        # What takes most of the time at the first question is not the server's to be blamed for.
        await self.transport()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAITED_FOR_SECONDS):
                await self._look_up(provider, [model])

    def _look_up_loaded(self, provider: Provider, model: Model) -> None:
        """A server that loads a model when it is asked tells only then what window it has."""
        if provider.dialect == "ollama" and model.asked_window is None and model.name not in self._seen_loaded:
            self._seen_loaded.add(model.name)
            looking = asyncio.ensure_future(self._look_up(provider, [model]))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)

    def admit(self, name: str) -> Model | None:
        """The model that somebody names, which alone of its provider's is in use then; None where that is not known."""
        owner, _, id = name.partition("/")
        provider = self._registry.name_provider(owner) if id.strip() else None
        if provider is None:
            return None
        told = {model.name: model for model in self._listed.get(provider.name, ())}
        return self._model_info.of(told.get(name) or Model(name, local=provider.local), provider)

    def statuses(self, known: Collection[str]) -> Iterator[ModelStatus]:
        """What stands beside the models that the router knows: what is offered, and who was silent."""
        yield from (standing for standing in self._offers if standing.model.name not in known)
        for name, why in self._silent.items():
            yield ModelStatus(Model(f"{name}/?", selectable=False), state=why, usable=False)

    def _offered_statuses(self) -> Iterator[ModelStatus]:
        for provider in tuple(self._registry.offered.values()):
            models = self._listed.get(provider.name) or self._model_info.models_of(provider)
            state = OFFERED_BY_OTHERS if provider.name in self._strangers else OFFERED
            for model in models:
                yield ModelStatus(self._model_info.of(model, provider), state=state)
            if not models:
                nameless = Model(f"{provider.name}/?", selectable=False)
                yield ModelStatus(nameless, state=f"found: /model {provider.name}/NAME", usable=False)


def _with_address(chunk: Chunk, address: str) -> Chunk:
    """Which of the addresses it is stands where it is waited for."""
    if isinstance(chunk, Metadata) and chunk.event == "waiting":
        return msgspec.structs.replace(chunk, reason=host_of(address))
    return chunk


def _transport_module() -> type[Transport]:
    import anyio

    # httpx's own first use of anyio loads its event loop side, which would hold the first question.
    anyio.run(anyio.sleep, 0)
    from chat_tui.providers.http.transport import Transport

    return Transport
