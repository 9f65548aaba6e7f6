"""What is behind an engine's router, and the built-in model's weights, without servers and files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chat_tui.core.chunks import Metadata
from chat_tui.core.errors import ChatTuiError, KeyRefused, Unreachable
from chat_tui.core.models import (
    SCRIPTED_MODEL,
    DownloadProgress,
    HostedProvider,
    KeyCheck,
    KeyPlace,
    LocalOffer,
    Model,
    ModelStatus,
    ServerCheck,
)
from chat_tui.core.request import Request


class FakeWeights:
    """Weights that are there, or whose download ends when the test sets `arrive`."""

    def __init__(self, *, ready: bool = True, failing: ChatTuiError | None = None) -> None:
        self.ready = ready
        self.fetching: DownloadProgress | None = None
        self.failing = failing
        self.started = self.stopped = 0
        """How many downloads were started, and how many of them were cancelled."""
        self.arrive = asyncio.Event()

    async def fetch(self) -> None:
        self.started += 1
        self.fetching = DownloadProgress(12_300_000, 92_871_040, 5_700_000.0, 14.1)
        try:
            if self.failing is not None:
                raise self.failing
            await self.arrive.wait()
            self.ready = True
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        finally:
            self.fetching = None


class FakeBackend:
    """Notes its calls. Each model is ready, unless `states` says otherwise by its name."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models
        self.states = {SCRIPTED_MODEL: "demo"}
        self.calls: list[str] = []

    @property
    def warmed(self) -> list[str]:
        """The models that were told to load, in order."""
        return [call.removeprefix("warm ") for call in self.calls if call.startswith("warm ")]

    def statuses(self) -> Sequence[ModelStatus]:
        return [ModelStatus(model, state=self.states.get(model.name, "ready")) for model in self._models]

    def remarks(self, model: Model, request: Request) -> Sequence[Metadata]:
        return ()

    def offers(self, name: str) -> bool:
        return name.startswith("offered/")

    def server_of(self, name: str) -> str:
        return "host"

    def take(self, agreed: Mapping[str, str]) -> None:
        self.calls += [f"take {name}" for name in agreed]

    def drop(self, names: Sequence[str]) -> None:
        self.calls += [f"drop {name}" for name in names]

    def admit(self, name: str) -> None:
        self.calls.append(f"admit {name}")

    async def look_up_prices(self) -> None:
        self.calls.append("look up prices")

    async def prepare(self) -> None:
        self.calls.append("prepare")

    async def discover(self) -> None:
        self.calls.append("discover")

    async def look_up(self, name: str) -> None:
        self.calls.append(f"look up {name}")

    async def embed(self, name: str, body: Mapping[str, Any]) -> Any:
        self.calls.append(f"embed {name}")

    async def warm(self, name: str) -> None:
        self.calls.append(f"warm {name}")

    async def close(self) -> None:
        self.calls.append("close")


class FakeSetup:
    """Accepts every key that begins with `sk-`, and every server; keeps nothing but a note of what it was asked."""

    key_file = Path("/home/me/.local/share/chat-tui/credentials.json")

    def __init__(self) -> None:
        self.problem = ""
        """Why there is no keyring."""
        self.wants_key = False
        """Whether servers want a key."""
        self.absent = ""
        """An address at which no server is."""
        self.sources = {"groq": "$GROQ_API_KEY"}
        self.refused: set[str] = set()
        """Providers whose found keys are refused."""
        self.saved: dict[str, tuple[str, KeyPlace]] = {}
        self.servers: list[ServerCheck] = []
        self.pulled: list[str] = []
        self.arrive = asyncio.Event()
        """Ends a download."""

    async def reload(self) -> None:
        """Nothing changes."""

    async def keyring_problem(self) -> str:
        return self.problem

    async def hosted_providers(self) -> Sequence[HostedProvider]:
        known = {"openai": "OpenAI", "anthropic": "Anthropic", "groq": "Groq"}
        pages = {"openai": "platform.openai.com/api-keys"}
        return [
            HostedProvider(name, title, self.sources.get(name, ""), key_page=pages.get(name, ""))
            for name, title in known.items()
        ]

    async def check_key(self, name: str, key: str) -> KeyCheck:
        if not key.startswith("sk-"):
            raise KeyRefused(f"{name} refused the API key: Incorrect API key provided.", "Check it.", provider=name)
        return KeyCheck(3)

    async def save_key(self, name: str, key: str, place: KeyPlace) -> int:
        self.saved[name] = (key, place)
        return 3

    async def use_found_key(self, name: str) -> int:
        if name in self.refused:
            raise KeyRefused(f"{name} refused the API key.", "Check it.", provider=name)
        self.sources[name] = "in use"
        return 5

    async def forget_key(self, name: str) -> Sequence[KeyPlace]:
        return [place] if (place := self.saved.pop(name, ("", "file"))[1]) else []

    async def check_server(self, address: str, key: str = "") -> ServerCheck:
        if address == self.absent:
            raise Unreachable(f"{address} could not be reached.", "Check the address.", provider="box")
        if self.wants_key and not key:
            raise KeyRefused("box wants a key.", "Enter it.", provider="box")
        return ServerCheck("box", address, "openai", 2)

    async def add_server(self, server: ServerCheck, key: str = "", place: KeyPlace = "session") -> int:
        self.servers.append(server)
        if key:
            self.saved[server.name] = (key, place)
        return server.models

    async def local_offers(self) -> Sequence[LocalOffer]:
        return [
            LocalOffer("qwen3-0.6b", "Qwen3 0.6B", "org/small:a.gguf", 397_000_000, 1_200_000_000),
            LocalOffer("qwen3-8b", "Qwen3 8B", "org/large:b.gguf", 5_000_000_000, 6_100_000_000, fits=False),
        ]

    async def pull(self, offer: LocalOffer, received: Callable[[int, int], None]) -> str:
        received(100_000_000, offer.download_bytes)
        await self.arrive.wait()
        self.pulled.append(offer.name)
        return f"local/{offer.name}"
