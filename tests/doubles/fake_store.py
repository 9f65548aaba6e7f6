"""A store in memory that notes what the engine asks of it, and can be slow or fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from chat_tui.core.conversation import Turn, TurnDelta
from chat_tui.core.errors import HistoryError
from chat_tui.core.route import Route
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.opening import StoreSettings
from chat_tui.history.store import Store

P = ParamSpec("P")
R = TypeVar("R")


class FakeStore(Store):
    """A real store whose queries and commands are noted in order by their names, and fail if `fails` has the name.

    The name of `add_turn` is `add_user` or `add_assistant`; "all" makes every call fail.
    """

    def __init__(self, file: Path | None, settings: StoreSettings) -> None:
        super().__init__(file, settings)
        self.calls: list[tuple[str, str]] = []
        """Each call, with the question or answer that `add_turn` adds."""
        self.finished: list[tuple[Turn, Route | None]] = []
        self.deltas: list[tuple[float, TurnDelta]] = []
        """What growing answers were given, and when by the loop's clock."""
        self.seconds = 0.0
        """How long each call takes before it begins."""
        self.fails: Collection[str] = ()
        self.error: Exception = HistoryError("The disk is full.")
        self.fails_late = False
        """Whether a call fails after it was carried out, not before."""

    @classmethod
    async def failing(cls, *names: str, error: Exception | None = None, late: bool = False) -> FakeStore:
        """A store in memory in which these calls fail."""
        store = await cls.open(None)
        store.fails, store.error, store.fails_late = names, error or store.error, late
        return store

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    async def note(self, name: str, what: str = "") -> None:
        """Called before each call is carried out."""
        self.calls.append((name, what))
        await asyncio.sleep(self.seconds)
        if not self.fails_late:
            self.fail(name)

    def fail(self, name: str) -> None:
        """Raise the error if this call fails."""
        if name in self.fails or "all" in self.fails:
            raise self.error

    async def read(self, query: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        await self.note(_name_of(query))
        return await super().read(query, *args, **kwargs)

    async def write(
        self, command: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        given: tuple[Any, ...] = args
        name, what = _name_of(command), ""
        match name, given:
            case "add_turn", (_, Turn() as turn, *_):
                name, what = f"add_{turn.role}", turn.text
            case "append_deltas", (deltas,):
                self.deltas += [(asyncio.get_running_loop().time(), delta) for delta in deltas]
            case "finish", (turn, route):
                self.finished.append((turn, route))
                what = turn.state
        await self.note(name, what)
        result = await super().write(command, *args, **kwargs)
        self.fail(name)
        return result

    async def close(self) -> None:
        await self.note("close")
        await super().close()


def _name_of(work: Callable[..., object]) -> str:
    return str(getattr(work, "__name__", ""))
