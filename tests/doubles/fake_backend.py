"""What is behind an engine's router, and the built-in model's weights, without servers and files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import SCRIPTED_MODEL, DownloadProgress, Model, ModelStatus


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

    async def warm(self, name: str) -> None:
        self.calls.append(f"warm {name}")

    async def close(self) -> None:
        self.calls.append("close")
