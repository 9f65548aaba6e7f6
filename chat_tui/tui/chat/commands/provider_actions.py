"""`/provider`: adds providers, servers and local models step by step, and forgets keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chat_tui.core.errors import CommandError, KeyRefused
from chat_tui.core.models import DownloadProgress, KeyPlace, LocalOffer, ServerCheck
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.download_pace import DownloadPace
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.dialogs.choice import ChoiceScreen
from chat_tui.tui.dialogs.entry import EntryDialog
from chat_tui.tui.panels.model_sources import WAYS
from chat_tui.tui.widgets.host import ListChoice

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_WORDS_OF_PLACES: dict[KeyPlace, str] = {
    "keyring": "the system's keyring",
    "file": "the key file",
    "session": "this run",
}


class ProviderActions:
    """The steps of one `/provider`; runs in a worker, since it waits for dialogs."""

    def __init__(self, context: CommandContext, engine: Engine) -> None:
        self._context, self._engine, self._setup = context, engine, engine.setup
        self._app = context.chat.app

    async def carry_out(self, typed: str) -> None:
        """Follow the typed argument, or let the user choose. Raises `ChatTuiError`."""
        # Anything after the name is ignored and not repeated: it may be a key.
        way, name = [*typed.split(), "", ""][:2]
        if not way:
            rows = [ListChoice(each.title, partial(str, each.name), help=each.help) for each in WAYS]
            way = await self._choose("More models", rows) or ""
        steps = {
            "add": self._add_provider,
            "server": self._add_server,
            "local": self._get_model,
            "remove": self._remove,
        }
        if way and way not in steps:
            raise CommandError(
                "/provider does not know this.", f"Type /provider {', '.join(steps)}, or only /provider."
            )
        if way:
            await steps[way](name)

    async def _choose(self, title: str, rows: list[ListChoice]) -> str | None:
        """Return the value of the chosen row; None if the list was closed."""
        chosen = await self._app.push_screen_wait(ChoiceScreen(title, rows))
        return str(chosen.act()) if chosen is not None else None

    async def _enter_key(self, whose: str, check: Callable[[str], Awaitable[object]], page: str = "") -> str | None:
        what = f"Create an API key at {page} and paste it here." if page else "Paste the API key."
        lead = f"{what} It is not shown, and it is checked before it is stored."

        async def accept(key: str) -> None:
            await check(key)

        return await self._app.push_screen_wait(EntryDialog(f"{whose}: API key", lead, accept, hidden=True))

    async def _choose_place(self, whose: str, looking: asyncio.Task[str]) -> KeyPlace | None:
        """Let the user choose where to keep a key; None if the list was closed."""
        problem = await looking
        rows = [
            ListChoice("Private file", partial(str, "file"), help=_short(self._setup.key_file)),
            ListChoice("Only now", partial(str, "session"), help="forgotten when chat-tui ends"),
        ]
        group = f"There is no keyring: {problem}" if problem else ""
        if not problem:
            rows.insert(0, ListChoice("Keyring", partial(str, "keyring"), help="the system's store of passwords"))
        chosen = await self._choose(
            f"Where to store the key of {shorten(whose, 30)}", [row._replace(group=group) for row in rows]
        )
        return next((place for place in _WORDS_OF_PLACES if place == chosen), None)

    async def _keep(self, whose: str, save: Callable[[KeyPlace], Awaitable[int]]) -> int | None:
        """Choose where to keep a key and save it there; returns the number of models, None if the list was closed."""
        looking = asyncio.ensure_future(self._setup.keyring_problem())
        try:
            place = await self._choose_place(whose, looking)
        finally:
            looking.cancel()
        return await save(place) if place is not None else None

    # -- providers ------------------------------------------------------------------------------------------------

    async def _add_provider(self, name: str) -> None:
        known = {each.name: each for each in await self._setup.hosted_providers()}
        if name.casefold() not in known:
            rows = [
                ListChoice(
                    each.title,
                    partial(str, each.name),
                    help="in use" if each.in_use else f"key found: {each.key_source}" if each.key_source else "",
                )
                for each in known.values()
            ]
            name = await self._choose("Add a provider", rows) or ""
        if name.casefold() not in known:
            return
        chosen = known[name.casefold()]
        variable = chosen.key_source if chosen.key_source.startswith("$") else ""
        count: int | None = None
        if variable and not chosen.in_use:
            try:
                count = await self._setup.use_found_key(chosen.name)
            except KeyRefused as error:
                self._context.host.tell(error)
        if count is None:
            key = await self._enter_key(chosen.title, partial(self._setup.check_key, chosen.name), page=chosen.key_page)
            if key is None:
                return
            count = await self._keep(chosen.title, partial(self._setup.save_key, chosen.name, key))
            if count is None:
                self._context.host.say("The key was not stored", "Nothing was added.")
                return
            if variable and chosen.name in {
                each.name for each in await self._setup.hosted_providers() if each.key_source == variable
            }:
                self._context.host.say(f"{variable} takes precedence over the stored key", "Unset it to use the other.")
        self._show_added(chosen.title, count)

    async def _remove(self, name: str) -> None:
        known = [each for each in await self._setup.hosted_providers() if each.key_source in _WORDS_OF_PLACES]
        if not name:
            rows = [
                ListChoice(each.title, partial(str, each.name), help=where)
                for each in known
                for place, where in _WORDS_OF_PLACES.items()
                if place == each.key_source
            ]
            if not rows:
                self._context.host.say("No key is stored", "Keys in variables or in the config are removed there.")
                return
            name = await self._choose("Remove a key", rows) or ""
        if not name:
            return
        places = await self._setup.forget_key(name)
        shown = shorten(name, 40)
        if not places:
            raise CommandError(f"There is no stored key for {shown}.", "/provider remove lists those that are stored.")
        where = " and ".join(_WORDS_OF_PLACES[place] for place in places)
        self._refresh()
        self._context.host.say(f"The key of {shown} was removed", f"It was kept in {where}.")

    # -- servers --------------------------------------------------------------------------------------------------

    async def _add_server(self, address: str) -> None:
        found: list[ServerCheck] = []
        wants_key = False

        async def check(typed: str) -> None:
            nonlocal wants_key
            try:
                found.append(await self._setup.check_server(typed))
            except KeyRefused:
                wants_key = True

        lead = "The address of an OpenAI-compatible server, Ollama, llama.cpp, vLLM, LM Studio …"
        example = "192.168.1.20:8000 or https://host/v1"
        dialog = EntryDialog("Add a server", lead, check, example=example, value=address)
        entered = await self._app.push_screen_wait(dialog)
        if entered is None:
            return
        if not wants_key:
            self._show_added(found[-1].name, await self._setup.add_server(found[-1]))
            return

        async def check_with_key(key: str) -> None:
            found.append(await self._setup.check_server(entered, key))

        key = await self._enter_key(shorten(entered, 40), check_with_key)
        if key is not None:
            count = await self._keep(found[-1].name, partial(self._setup.add_server, found[-1], key))
            if count is not None:
                self._show_added(found[-1].name, count)

    # -- local models ---------------------------------------------------------------------------------------------

    async def _get_model(self, name: str) -> None:
        offers = {offer.name: offer for offer in await self._setup.local_offers()}
        if name.casefold() not in offers:
            rows = [
                ListChoice(offer.title, partial(str, offer.name), help=_sizes(offer), note=_note(offer))
                for offer in offers.values()
            ]
            name = await self._choose("Better local models", rows) or ""
        offer = offers.get(name.casefold())
        if offer is None:
            return
        if offer.model:
            self._context.models.choose(offer.model, self._context.models.strategy)
            self._context.host.say(f"{offer.title} is in use", "It was downloaded before.")
            return
        line = self._context.chat.fetch_line
        if line.running:
            raise CommandError("A download is already running.", "Wait for its end, or stop it with Esc.")
        download = _ModelDownload(self._engine, offer)
        line.begin(download, offer.title, f"/provider local {offer.name}")
        await download.ended.wait()
        if download.model:
            self._refresh()
            self._context.models.choose(download.model, self._context.models.strategy)
            self._context.host.say(f"{offer.title} is in use", "Your next question goes to it. Ctrl+O: other models.")

    def _show_added(self, whose: str, count: int) -> None:
        self._refresh()
        if not count:
            self._context.host.say(f"{shorten(whose, 40)} was added", "It does not list its models now.")
            return
        models = f"{count} model{'s' * (count != 1)}"
        self._context.host.say(f"{shorten(whose, 40)} was added: {models}", "Ctrl+O chooses one.")

    def _refresh(self) -> None:
        # With another model, a failed download of the built-in one no longer matters.
        self._context.chat.fetch_line.hide()
        self._context.models.refresh_list()
        self._context.models.show()
        self._context.first_steps.show_found(self._engine.models.status())


class _ModelDownload:
    """The download of a model, in the form that the download bar shows."""

    ready = False

    def __init__(self, engine: Engine, offer: LocalOffer) -> None:
        self._engine, self._offer = engine, offer
        self.fetching: DownloadProgress | None = DownloadProgress(0, offer.download_bytes)
        self._pace = DownloadPace()
        self.model = ""
        """Its name; empty until it is downloaded."""
        self.ended = asyncio.Event()

    async def fetch(self) -> None:
        """Download it. Raises `LocalModelError`."""
        try:
            self.model = await self._engine.setup.pull(self._offer, self._note)
        finally:
            self.ended.set()

    def _note(self, received: int, total: int) -> None:
        self.fetching = self._pace.progress(received, total)


def _short(file: Path) -> str:
    """Return a path with `~` for the home folder."""
    home = Path.home()
    return f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)


def _sizes(offer: LocalOffer) -> str:
    return f"{offer.download_bytes / 1e9:.1f} GB download, {offer.memory_bytes / 1e9:.1f} GB memory"


def _note(offer: LocalOffer) -> str:
    return "downloaded" if offer.model else "" if offer.fits else "too large for this machine"
