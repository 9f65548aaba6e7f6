"""A router over scripted models, and checks that hold for every stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

import msgspec

from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import Chunk, End, Error, Metadata, Start, Token, ToolCallDelta
from chat_tui.core.errors import ChatTuiError, Overloaded
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Scripted
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.router import Router

A, B, C = Model("one/a", quality=0.9), Model("two/b", quality=0.6), Model("three/c", quality=0.3)
QUICK = ErrorHandling(retry_delay_seconds=0.0)
SOON = 60.0
"""Timeout in seconds of every wait in a test."""
BUSY = Fault(Overloaded("Too busy.", provider="one", model="one/a"))


class Rig:
    """Plays `scripts` by model name; counts open streams."""

    def __init__(self, **scripts: Script | Scripted) -> None:
        self.played = {
            name: script if isinstance(script, Scripted) else Scripted(script) for name, script in scripts.items()
        }
        self.asked: list[str] = []
        self.open = 0

    def open_stream(
        self, model: Model, request: Request
    ) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
        return aclosing(self._played(model, request))

    async def _played(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        self.asked.append(model.name)
        self.open += 1
        try:
            async with aclosing(self.played[model.id].stream(model, request)) as bursts:
                async for burst in bursts:
                    yield burst
        finally:
            # A socket takes a moment to be closed.
            await asyncio.sleep(0.005)
            self.open -= 1

    def router(
        self,
        *models: Model,
        handling: ErrorHandling = QUICK,
        timeouts: Timeouts | None = None,
        streams: int = 3,
        streaming: bool = True,
        fallbacks: Sequence[str] = (),
    ) -> Router:
        settings = RoutingPolicy(
            timeouts or Timeouts(), handling, streams_default=streams, streaming=streaming, exchanges=None
        )
        return Router(
            models or (A,),
            self.open_stream,
            Health(time.monotonic),
            settings,
            default_strategy="quality-first",
            fallbacks=fallbacks,
            jitter=lambda low, high: high,
        )


def ask(**fields: object) -> Request:
    """A request for the model that the strategy prefers."""
    return Request(prompt="Hello?").replace(**fields)


class Gate(Pause, frozen=True):
    """A step at which a script waits until the test opens it, however long the test needs."""

    seconds: float = 0.0
    opened: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    reached: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Set when the script has reached this step."""

    def open(self) -> None:
        """Let the script continue."""
        self.opened.set()

    async def wait(self) -> None:
        """Wait until the test opens the gate."""
        self.reached.set()
        await self.opened.wait()


def slowly(*words: str, seconds: float = 0.01) -> Script:
    """Words with a pause before each."""
    return [step for word in words for step in (Pause(seconds), word)]


def endless(seconds: float = 0.005) -> Script:
    """More words than any test reads; the script does not end by itself."""
    return [*slowly(*(f"w{number} " for number in range(2000)), seconds=seconds), Pause(3600)]


async def until(true: Callable[[], object]) -> None:
    """Wait until `true` returns a true value, at most `SOON` seconds. Raises TimeoutError."""
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def all_of(stream: Stream) -> list[Chunk]:
    """All chunks of a stream. Raises TimeoutError after `SOON` seconds."""
    async with asyncio.timeout(SOON), stream:
        return owed([chunk async for chunk in stream])


def owed(chunks: list[Chunk]) -> list[Chunk]:
    """Check what holds for every stream: Start first, one End last, an Error only right before it, counted tokens."""
    kinds = [type(chunk) for chunk in chunks]
    assert kinds[0] is Start
    assert kinds[-1] is End
    assert kinds.count(Start) == kinds.count(End) == 1
    end = end_of(chunks)
    if Error in kinds:
        assert kinds.index(Error) == len(kinds) - 2
        assert end.state in {"failed", "broken", "empty"}
    else:
        assert end.state not in {"failed", "broken", "empty", "streaming"}
    tokens = [chunk for chunk in chunks if isinstance(chunk, Token)]
    assert [token.index for token in tokens] == list(range(len(tokens)))
    called = any(isinstance(chunk, ToolCallDelta) for chunk in chunks)
    assert (end.state == "broken") <= (bool(tokens) or called)
    assert end.route is not None
    return chunks


def end_of(chunks: Sequence[Chunk]) -> End:
    assert isinstance(chunks[-1], End)
    return chunks[-1]


def text_of(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.kind == "text")


def error_of(chunks: Sequence[Chunk]) -> str:
    """The kind of the stream's error; empty if there is none."""
    return next((chunk.error.kind for chunk in chunks if isinstance(chunk, Error)), "")


def events(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.event for chunk in chunks if isinstance(chunk, Metadata)]


def tries(chunks: Sequence[Chunk]) -> list[tuple[str, str]]:
    """Model and outcome of each try."""
    route = end_of(chunks).route
    assert route is not None
    return [(entry.model, entry.outcome) for entry in route.tries]


def broken_with(error: ChatTuiError, *words: str) -> Script:
    """Some words, then the error."""
    return [*words, Fault(error)]
