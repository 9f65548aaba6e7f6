"""Many requests to servers that break off, stall, refuse or send garbage; and a check for what they leave behind."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field

from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import Chunk, End, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.transport import Transport
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.health import REST_LIMIT_SECONDS, Health
from chat_tui.routing.router import Router
from tests.doubles.model_server import ModelServer

FAULTS = (
    *["t8"] * 8,
    "t8-r2000",
    "t8-cut3",
    "t8-stall2",
    "stall0",
    "error429-retry0",
    "error500",
    "error401",
    "garbage",
    "html",
    "empty",
    "reset",
    "t4-nodone",
    "t4-nousage-think3",
    "t4-hostile",
)
"""A server's behaviour for one try, in the words of `model_scripts`; half of the tries succeed."""
MODELS = tuple(Model(f"box{number}/m", quality=0.3 + number / 10) for number in range(5))
STRATEGIES = ("quality-first", "balanced", "round-robin", "least-loaded", "learned", "capability-match")
ENDINGS = {"complete", "length", "cancelled", "broken", "failed", "refused"}


class Clock:
    """A monotonic clock in seconds that a test can advance."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Soaked:
    """The result of a run."""

    states: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Streams without a correct end."""
    sockets: int = 0
    """Sockets that the server still holds open."""
    tasks: int = 0
    """Tasks more than before the run."""
    running: int = 0
    """Streams that the router still counts as running."""
    healed: bool = False
    """Whether all models answer again after their cooldown."""


class Wires:
    """Opens streams to one server under five names; `faulty` chooses how each try goes."""

    def __init__(self, base_url: str, transport: Transport, seed: int) -> None:
        self._base_url, self._transport = base_url, transport
        self._chance = random.Random(seed)
        self.faulty = True

    def open_stream(
        self, model: Model, request: Request
    ) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
        words = self._chance.choice(FAULTS) if self.faulty else "t8"
        # A continuation is a chat of three turns; the words stand in the question either way.
        turns = tuple(Turn("user", f"[{words}]") if turn.role == "user" else turn for turn in request.turns)
        line = Endpoint(Provider(model.provider, base_url=self._base_url))
        return aclosing(self._transport.stream(line, model, request.replace(turns=turns)))


async def soak(count: int, *, seed: int = 1, at_once: int = 24, on_break: bool = False) -> Soaked:
    """Send `count` requests; some are cancelled at a random moment."""
    soaked, clock, chance = Soaked(), Clock(), random.Random(seed)
    before = len(asyncio.all_tasks())
    async with ModelServer() as server:
        transport = Transport(connection_seconds=5)
        wires = Wires(server.base_url, transport, seed)
        settings = RoutingPolicy(
            timeouts=Timeouts(5, 0.3, working_seconds=0.3, token_seconds=0.3),
            error_handling=ErrorHandling(2, 0.002, True, 6),
            streams_default=at_once,
            on_break="continue" if on_break else "keep",
        )
        router = Router(MODELS, wires.open_stream, Health(clock), settings, clock=clock)
        slots = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with slots:
                # Rests would leave nobody to be asked: here time goes by quickly.
                clock.ahead += 5
                request = Request(prompt="?", strategy=STRATEGIES[number % len(STRATEGIES)])
                await _asked(router, request, soaked, chance.random() if chance.random() < 0.15 else None)

        await asyncio.gather(*(one(number) for number in range(count)))
        await server.until(lambda: server.active_streams == 0)
        soaked.sockets = server.active_streams
        soaked.running = sum(router.health.vitals(model.name).running for model in MODELS)
        wires.faulty = False
        clock.ahead += REST_LIMIT_SECONDS + 1
        ends = [(await router.process(Request(prompt="?", model=model.name))).end.state for model in MODELS]
        rests = [router.health.unavailable_reason(model.name) for model in MODELS]
        soaked.healed = set(ends) == {"complete"} and not any(rests)
        await transport.close()
    await asyncio.sleep(0.05)
    soaked.tasks = len(asyncio.all_tasks()) - before
    return soaked


async def _asked(router: Router, request: Request, soaked: Soaked, cancel_after: float | None) -> None:
    chunks: list[Chunk] = []
    async with asyncio.timeout(30), router.process_stream(request) as stream:
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after / 10, lambda: asyncio.ensure_future(stream.cancel()))
        chunks = [chunk async for chunk in stream]
    end = chunks[-1]
    numbers = [chunk.index for chunk in chunks if isinstance(chunk, Token)]
    if not isinstance(end, End) or end.state not in ENDINGS or numbers != list(range(len(numbers))):
        soaked.wrong.append(repr(end)[:300])
        return
    soaked.states[end.state] += 1
    soaked.outcomes.update(entry.outcome for entry in (end.route.tries if end.route else ()))
