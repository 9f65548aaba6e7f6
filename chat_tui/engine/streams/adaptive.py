"""Adaptive answers: a quick answer of a fast model, and a detailed one of the best model, as one stream.

Both start together, so the detailed answer comes no later than it would alone. If both strategies choose the same
model, only the detailed answer is requested.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from chat_tui.config.schema import Adaptive
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Phase, Token, sum_usages
from chat_tui.core.context import Context
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Route
from chat_tui.routing.execution.control import StreamControl
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.router import Router

AHEAD = 2
"""How many bursts of each reply may wait to be read before back-pressure stops it."""


async def stream(router: Router, request: Request, settings: Adaptive) -> Stream:
    """The stream of both replies; the `phase` of a chunk says to which it belongs."""
    first = quick_request(request, settings)
    quick = _first_choice(router, first)
    # A model that must be downloaded first is not fast.
    if quick is None or quick.to_be_fetched:
        return router.process_stream(detailed_request(request, settings))
    price = (await asyncio.to_thread(partial(router.context, first, listed=False))).price
    second = detailed_request(request, settings, price or 0.0)
    best = _first_choice(router, second)
    if best is not None and best.name == quick.name:
        return router.process_stream(detailed_request(request, settings))
    controls: dict[Phase, StreamControl] = {"detailed": StreamControl(), "quick": StreamControl()}
    bursts = DualStream(router, controls, price, settings).bursts(first, second)
    return Stream(bursts, StreamControl(controls.values()))


def quick_request(request: Request, settings: Adaptive) -> Request:
    """The request to the fast model, without a fallback."""
    most = min(settings.first_max_tokens, request.max_tokens or settings.first_max_tokens)
    return request.replace(
        model=None,
        strategy=settings.first_strategy,
        max_tokens=most,
        temperature=settings.first_temperature,
        thinking="off",
        fallback=False,
        id="",
    )


def detailed_request(request: Request, settings: Adaptive, spent: float = 0.0) -> Request:
    """The request to the best model; `spent` US dollars of the price limit are for the quick answer."""
    *turns, last = request.spoken()
    if settings.instruction:
        last = replace(last, text=f"{last.text}\n\n{settings.instruction}")
    left = None if request.max_price is None else max(0.0, request.max_price - spent)
    strategy = request.strategy or settings.second_strategy
    return request.replace(prompt="", turns=(*turns, last), strategy=strategy, max_price=left)


def context(router: Router, request: Request, settings: Adaptive) -> Context:
    """What would be sent for the detailed answer, with the price of both. Can be called in any thread."""
    second = router.context(detailed_request(request, settings), listed=False)
    first = quick_request(request, settings)
    quick = _first_choice(router, first)
    if quick is None or quick.to_be_fetched or quick.name == second.model or second.price is None:
        return second
    price = router.context(first, listed=False).price
    return replace(second, price=None if price is None else second.price + price, quick=quick.name)


def _is_needed(chunk: Chunk) -> bool:
    """Whether a reader without metadata needs the chunk: one that says which text was thinking is needed, too."""
    return not isinstance(chunk, Metadata) or chunk.event == "reclassified"


def _first_choice(router: Router, request: Request) -> Model | None:
    return next(iter(router.plan(request).models), None)


class DualStream:
    """Reads both replies, and merges them into one."""

    def __init__(
        self, router: Router, controls: Mapping[Phase, StreamControl], price: float | None, settings: Adaptive
    ) -> None:
        self._router, self._controls, self._price = router, controls, price
        self._first_strategy = settings.first_strategy
        self._index = 0
        self._spoke: set[Phase] = set()
        self._ends: dict[Phase, End] = {}
        self._errors: dict[Phase, ErrorInfo] = {}
        self._come: asyncio.Queue[tuple[Phase, Sequence[Chunk] | None]] = asyncio.Queue()
        self._room: dict[Phase, asyncio.Semaphore] = {phase: asyncio.Semaphore(AHEAD) for phase in controls}

    async def bursts(self, first: Request, second: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """The chunks of both replies, with one `Start` and one `End`."""
        with_metadata = second.include_metadata
        # The first chunk is the start of the detailed reply.
        reading = {asyncio.ensure_future(self._read("detailed", second)): "detailed"}
        reading[asyncio.ensure_future(self._read("quick", first))] = "quick"
        try:
            running = len(reading)
            while running:
                phase, burst = await self._come.get()
                if burst is None:
                    running -= 1
                    continue
                chunks = self._merge(phase, burst)
                if chunks:
                    yield chunks if with_metadata else [chunk for chunk in chunks if _is_needed(chunk)]
                self._room[phase].release()
            for task in reading:
                task.result()
        finally:
            for task in reading:
                task.cancel()
            await asyncio.wait(reading)
        yield self._last_burst()

    async def _read(self, phase: Phase, request: Request) -> None:
        try:
            async with aclosing(self._router.bursts(request, self._controls[phase])) as bursts:
                async for burst in bursts:
                    await self._room[phase].acquire()
                    self._come.put_nowait((phase, burst))
        finally:
            self._come.put_nowait((phase, None))

    def _merge(self, phase: Phase, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        chunks: list[Chunk] = []
        for chunk in burst:
            if isinstance(chunk, Token):
                if chunk.kind == "text":
                    self._spoke.add(phase)
                chunks.append(Token(chunk.token, chunk.kind, self._index, phase))
                self._index += 1
            elif isinstance(chunk, Metadata):
                price = chunk.price
                if phase == "detailed" and price is not None and self._price is not None:
                    price += self._price
                if chunk.event == "reclassified" and chunk.kind == "text":
                    self._spoke.add(phase)
                chunks.append(replace(chunk, phase=phase, price=price))
            elif isinstance(chunk, Error):
                self._errors[phase] = chunk.error
            elif isinstance(chunk, End):
                self._ends[phase] = chunk
                chunks.append(self._note_end(phase, chunk))
            elif phase == "detailed":
                chunks.append(chunk)
        return chunks

    def _note_end(self, phase: Phase, end: End) -> Metadata:
        """The chunk for the end of one reply; the end of the detailed one cancels the quick one."""
        if phase == "detailed" and phase in self._spoke:
            self._controls["quick"].cancel()
        reason = self._errors[phase].title if phase in self._errors else ""
        return Metadata("phase", model=end.model, phase=phase, reason=reason)

    def _last_burst(self) -> Sequence[Chunk]:
        """The end of the detailed reply, or of the quick one if nothing else came, with the cost of both."""
        detailed, quick = self._ends["detailed"], self._ends["quick"]
        alone = "quick" in self._spoke and "detailed" not in self._spoke and detailed.state != "cancelled"
        used = [end for end in (detailed, quick) if end.usage is not None]
        costs = [end.cost for end in used if end.cost is not None]
        end = replace(
            quick if alone else detailed,
            request_id=detailed.request_id,
            usage=sum_usages([end.usage for end in used if end.usage is not None]),
            cost=sum(costs) if costs and len(costs) == len(used) else None,
            route=self._route(detailed.route, quick.route),
        )
        if "detailed" in self._errors and not alone:
            return [Error(self._errors["detailed"]), end]
        return [end]

    def _route(self, detailed: Route | None, quick: Route | None) -> Route | None:
        if detailed is None or quick is None:
            return detailed or quick
        first = [replace(one, strategy=one.strategy or self._first_strategy) for one in quick.tries]
        return replace(detailed, tries=(*first, *detailed.tries))
