"""Picks by strategy, opens, retries, fails over; usable without the rest of chat-tui.

router = Router(models, open_stream, Health(time.monotonic), Settings())
async with router.process_stream(Request(prompt="Hello")) as stream:
    async for chunk in stream:
        ...
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

import msgspec

from chat_tui.chunks import End, Error, Token
from chat_tui.conversation import new_id
from chat_tui.errors import ChatTuiError, NoModel
from chat_tui.models import Model
from chat_tui.request import Request
from chat_tui.route import Candidate
from chat_tui.routing.health import Health
from chat_tui.routing.resilience import Control
from chat_tui.routing.run import OpenStream, Plan, Run, Settings
from chat_tui.routing.strategies import DEFAULT, strategies
from chat_tui.routing.stream import Stream
from chat_tui.text_safety import clean_line


class Reply(msgspec.Struct, frozen=True):
    """A whole reply."""

    text: str
    thinking: str
    end: End


class Router:
    """Chooses among `models` and speaks to them through `open_stream`."""

    def __init__(
        self,
        models: Sequence[Model],
        open_stream: OpenStream,
        health: Health | None = None,
        settings: Settings | None = None,
        *,
        default_strategy: str = DEFAULT,
        fallbacks: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.models = tuple(models)
        """May be replaced while streams run: they keep what they began with."""
        self.health = health or Health(clock)
        self._open = open_stream
        self._settings = settings or Settings()
        self._default = default_strategy
        self._fallbacks = tuple(fallbacks)
        self._strategies = strategies()
        self._clock, self._jitter = clock, jitter
        self._slots: dict[str, asyncio.Semaphore] = {}

    def process_stream(self, request: Request) -> Stream:
        """The reply as a stream, to be used as `async with`. What goes wrong comes as an `Error` chunk."""
        run, control = self._run(request)
        return Stream(run.bursts(), control)

    async def process(self, request: Request) -> Reply:
        """The whole reply. Raises `ChatTuiError` where nothing of an answer came."""
        run, control = self._run(request.changed(include_metadata=False))
        texts: dict[str, list[str]] = {"text": [], "thinking": []}
        end = End()
        async with Stream(run.bursts(), control) as stream:
            async for chunk in stream:
                if isinstance(chunk, Token):
                    texts[chunk.kind].append(chunk.token)
                elif isinstance(chunk, End):
                    end = chunk
                elif isinstance(chunk, Error) and run.error is not None and not any(texts.values()):
                    raise run.error
        return Reply("".join(texts["text"]), "".join(texts["thinking"]), end)

    def _run(self, request: Request) -> tuple[Run, Control]:
        control = Control()
        if not request.id:
            request = request.changed(id=new_id())
        run = Run(
            request,
            self.plan(request),
            open_stream=self._open,
            health=self.health,
            settings=self._settings,
            control=control,
            slots=self._slot,
            clock=self._clock,
            jitter=self._jitter,
        )
        return run, control

    def _slot(self, provider: str) -> asyncio.Semaphore:
        if provider not in self._slots:
            self._slots[provider] = asyncio.Semaphore(
                self._settings.streams.get(provider, self._settings.streams_default)
            )
        return self._slots[provider]

    def plan(self, request: Request) -> Plan:
        """Which models would be tried, in which order, and why; the plan's `error` says why none."""
        if request.model:
            return self._fixed(request, request.model)
        name = request.strategy or self._default
        strategy = self._strategies.get(name)
        if strategy is None:
            return Plan(name, (), error=_unknown_strategy(name, tuple(self._strategies)))
        ranked = strategy(request, self.models, self.health)
        by_name = {model.name: model for model in self.models}
        models = tuple(by_name[candidate.model] for candidate in ranked if not candidate.out)
        if not models:
            return Plan(name, (), tuple(ranked), _nothing_to_choose(ranked))
        return Plan(name, models if request.fallback else models[:1], tuple(ranked))

    def _fixed(self, request: Request, name: str) -> Plan:
        """A chosen model; it falls back only to what the config names."""
        by_name = {model.name: model for model in self.models}
        model = by_name.get(name)
        if model is None:
            return Plan("fixed", (), error=unknown_model(name, tuple(by_name)))
        others = [by_name[other] for other in self._fallbacks if other in by_name and other != name]
        models = (model, *others) if request.fallback else (model,)
        return Plan("fixed", models, tuple(Candidate(m.name, 1.0 if m is model else None) for m in models))


def unknown_model(name: str, known: Sequence[str]) -> NoModel:
    """The error for a model that is not there, with near names."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "See the list with Ctrl+O or /model."
    return NoModel(f"There is no model {clean_line(name, 80)}.", hint)


def _unknown_strategy(name: str, known: Sequence[str]) -> ChatTuiError:
    return NoModel(f"There is no strategy {clean_line(name, 60)}.", f"Known: {', '.join(known)}.")


def _nothing_to_choose(ranked: Sequence[Candidate]) -> ChatTuiError:
    resting = [candidate for candidate in ranked if candidate.out.startswith("rests")]
    if resting:
        told = "; ".join(f"{candidate.model} {candidate.out}" for candidate in resting[:4])
        return NoModel("Every model rests after failures.", f"{told}. Ask again then, or name a model.")
    return NoModel(
        "There is no model to choose from.",
        "Fetch the built-in one, set a key, or add a server under [[providers]] in the config.",
    )
