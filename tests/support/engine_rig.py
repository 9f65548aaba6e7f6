"""An engine over scripted models and a store in memory, and stand-ins for what stands behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import cast

from chat_tui.config.load import Config
from chat_tui.core.chunks import Chunk
from chat_tui.core.conversation import Conversation, ConversationSummary, Turn, TurnDelta
from chat_tui.core.errors import ChatTuiError, ConversationNotFound, HistoryError
from chat_tui.core.models import DownloadProgress, Model, ModelStatus
from chat_tui.core.route import Route
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import ConversationStore, Engine
from chat_tui.history.store import Store
from chat_tui.history.transfer.ingest import ImportOutcome
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn
from chat_tui.providers.scripted import Script, Scripted
from chat_tui.routing.router import Router
from tests.support.routing_rig import A, B, Rig


class Weights:
    """The built-in model's weights, as they are said to be."""

    def __init__(self, ready: bool = True) -> None:
        self.ready = ready
        self.fetching: DownloadProgress | None = None

    async def fetch(self) -> None:
        self.ready = True


class Supply:
    """Notes what it was asked for."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def standings(self) -> Sequence[ModelStatus]:
        return [ModelStatus(A)]

    def offers(self, name: str) -> bool:
        return name.startswith("offered/")

    def server_of(self, name: str) -> str:
        return "host"

    def take(self, agreed: Mapping[str, str]) -> None:
        self.told += [f"take {name}" for name in agreed]

    def drop(self, names: Sequence[str]) -> None:
        self.told += [f"drop {name}" for name in names]

    def admit(self, name: str) -> None:
        self.told.append(f"admit {name}")

    async def look_up_prices(self) -> None:
        self.told.append("look up prices")

    async def prepare(self) -> None:
        self.told.append("prepare")

    async def discover(self) -> None:
        self.told.append("discover")

    async def look_up(self, name: str) -> None:
        self.told.append(f"look up {name}")

    async def warm(self, name: str) -> None:
        self.told.append(f"warm {name}")

    async def close(self) -> None:
        self.told.append("close")


class Noted:
    """A history that keeps conversations in memory and notes each call in its order; `fails` names calls that fail."""

    def __init__(self, *fails: str, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        self.finished: list[tuple[Turn, Route | None]] = []
        self.pieces: list[tuple[float, str, str]] = []
        self.kept: dict[str, Conversation] = {}
        self.dollars = 0.0
        self.seconds = 0.0
        """How long each call takes."""
        self._fails, self._error = fails, error or HistoryError("The disk is full.")

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    async def _note(self, name: str, what: str = "") -> None:
        self.calls.append((name, what))
        await asyncio.sleep(self.seconds)
        if name in self._fails or "all" in self._fails:
            raise self._error

    async def add_conversation(self, conversation: Conversation) -> None:
        await self._note("add_conversation", conversation.id)
        self.kept[conversation.id] = conversation

    async def add_turn(self, conversation_id: str, turn: Turn) -> None:
        await self._note(f"add_{turn.role}", turn.text)

    async def mend(self, conversation: Conversation, others: Sequence[Turn] = (), *, begins: bool = True) -> None:
        await self._note("mend", conversation.title)

    async def grow(self, pieces: Sequence[TurnDelta]) -> Sequence[HistoryError | None]:
        try:
            for piece in pieces:
                self.pieces.append((asyncio.get_running_loop().time(), piece.text, piece.thinking))
                await self._note("append", piece.text)
        except HistoryError as error:
            return [error] * len(pieces)
        return [None] * len(pieces)

    async def finish(self, turn: Turn, route: Route | None) -> None:
        self.finished.append((turn, route))
        await self._note("finish", turn.state)

    async def conversations(self, *, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        await self._note("conversations")
        return []

    async def version(self) -> int:
        return 0

    async def conversation(self, conversation_id: str) -> Conversation:
        await self._note("conversation", conversation_id)
        if conversation_id not in self.kept:
            raise ConversationNotFound("There is no such conversation.")
        return self.kept[conversation_id]

    async def route(self, turn_id: str) -> Route | None:
        await self._note("route")
        return None

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        await self._note("set_system_prompt")

    async def prompts(self, limit: int = 200) -> list[str]:
        await self._note("prompts")
        return ["old"]

    async def save_draft(self, conversation_id: str, text: str) -> None:
        await self._note("save_draft", conversation_id)

    async def draft(self, conversation_id: str) -> str:
        await self._note("draft", conversation_id)
        return "kept"

    async def set_place(self, key: str, value: str) -> None:
        await self._note("set_place", key)

    async def place(self, key: str) -> str:
        await self._note("place", key)
        return "there"

    async def judge(self, turn_id: str, verdict: bool | None) -> None:
        await self._note("judge", turn_id)

    async def purge(self, before: datetime) -> None:
        await self._note("purge")

    async def spent(self, since: datetime) -> float:
        await self._note("spent")
        return self.dollars

    async def cost(self, conversation_id: str) -> float | None:
        await self._note("cost", conversation_id)
        return self.dollars

    async def take_in(self, head: ConversationHeader, arrivals: Sequence[ImportedTurn]) -> ImportOutcome:
        await self._note("take_in", head.title)
        return ImportOutcome(True, len(arrivals))

    async def settled(self) -> None:
        pass

    async def close(self) -> None:
        await self._note("close")


class Stage:
    """An engine, and what stands around it."""

    def __init__(self, engine: Engine, rig: Rig, router: Router, supply: Supply, told: list[ChatTuiError]) -> None:
        self.engine, self.rig, self.router, self.supply, self.told = engine, rig, router, supply, told

    @property
    def player(self) -> Scripted:
        return self.rig.played["a"]


@asynccontextmanager
async def stage(
    *scripts: Script,
    history: ConversationStore | Noted | None = None,
    config: Config | None = None,
    weights: bool = True,
    models: Sequence[Model] = (A, B),
) -> AsyncIterator[Stage]:
    """An engine whose model `one/a` plays the scripts in turn; closed at the end, and no task is left."""
    if isinstance(history, Noted):
        # It has only those methods of a store that the tests need.
        history = cast("ConversationStore", history)
    before = asyncio.all_tasks()
    rig = Rig(a=Scripted(*(scripts or (["Hello."],))), b=["from b"])
    router, supply, told = rig.router(*models), Supply(), list[ChatTuiError]()
    engine = Engine(
        config or Config(strategy="quality-first"),
        router,
        history or await Store.open(None),
        weights=Weights(weights),
        supply=supply,
        open_private=partial(Store.open, None),
        tell=told.append,
    )
    try:
        yield Stage(engine, rig, router, supply, told)
    finally:
        await engine.close()
    left = asyncio.all_tasks() - before
    assert not left, left
    assert rig.open == 0
    assert supply.told[-1] == "close"


def in_loop(call: Callable[[HistoryError, bool], None]) -> Callable[[HistoryError, bool], None]:
    """The same for the store's threads."""
    loop = asyncio.get_running_loop()

    def called(why: HistoryError, replaced: bool) -> None:
        loop.call_soon_threadsafe(call, why, replaced)

    return called


async def chunks_of(answer: Answer, start: int = 0) -> list[Chunk]:
    """Everything the answer says, from this position to its end."""
    async with asyncio.timeout(60):
        return [chunk async for chunk in answer.follow(start)]


async def ended(answer: Answer) -> Answer:
    await chunks_of(answer)
    return answer
