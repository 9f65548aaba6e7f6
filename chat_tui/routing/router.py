"""Chooses models by strategy, and carries requests out; usable without the rest of chat-tui.

router = Router(models, open_stream, Health(time.monotonic), Settings())
async with router.process_stream(Request(prompt="Hello")) as stream:
    async for chunk in stream:
        ...
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from itertools import islice

import msgspec

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Error, Metadata, Token
from chat_tui.core.context import Context
from chat_tui.core.conversation import new_id
from chat_tui.core.errors import ChatTuiError, NoModel, NotCapable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Alternative, Candidate, Route
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.routing.execution.accounting import PriceLookUp
from chat_tui.routing.execution.attempt import ExecutionDependencies, OpenStream
from chat_tui.routing.execution.context_window import fit
from chat_tui.routing.execution.control import StreamControl
from chat_tui.routing.execution.execution import Execution
from chat_tui.routing.execution.messages import route_of
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.policy import FIXED, Plan, RoutingPolicy
from chat_tui.routing.ranking.eligibility import (
    BY_NAME_ONLY,
    INCAPABLE,
    WITHOUT_TOOLS,
    eligible,
    estimated_price,
    incapable_reason,
    over_limit_reason,
)
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.model_table import CandidateTable, ModelTable, candidate_table
from chat_tui.routing.ranking.prompt_features import features_of, with_features
from chat_tui.routing.ranking.ranking import Ranking
from chat_tui.routing.ranking.strategies import DEFAULT, BuiltInStrategy, Strategy, plug_ins, rungs, strategies


class Reply(msgspec.Struct, frozen=True):
    """A whole reply."""

    text: str
    thinking: str
    end: End


class Router:
    """Chooses among `models` and asks them through `open_stream`."""

    def __init__(
        self,
        models: Sequence[Model],
        open_stream: OpenStream,
        health: Health | None = None,
        settings: RoutingPolicy | None = None,
        *,
        default_strategy: str = DEFAULT,
        fallbacks: Sequence[str] = (),
        look_up_price: PriceLookUp | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._models = ModelTable(models)
        self.health = health or Health(clock)
        self._open, self._look_up_price = open_stream, look_up_price
        self._settings = settings or RoutingPolicy()
        self._default = default_strategy
        self._fallbacks = tuple(fallbacks)
        self._strategies = dict(strategies(self._settings.strategies))
        self._clock, self._jitter = clock, jitter
        self._slots: dict[str, asyncio.Semaphore] = {}

    @property
    def models(self) -> Sequence[Model]:
        """May be replaced while streams run, which keep the models that they began with."""
        return self._models

    @models.setter
    def models(self, models: Sequence[Model]) -> None:
        self._models = ModelTable(models)

    def process_stream(self, request: Request, plan: Plan | None = None) -> Stream:
        """Return the reply as a stream, to be used with `async with`. Errors come as `Error` chunks.

        `plan` is what `plan()` has returned for this request; without it the request is planned now.
        """
        run, control = self._prepare(request, StreamControl(), plan)
        return Stream(run.bursts(), control)

    def bursts(self, request: Request, control: StreamControl) -> AsyncGenerator[Sequence[Chunk], None]:
        """Return the reply as bursts of chunks, to be merged with others; `control` cancels and pauses it."""
        run, control = self._prepare(request, control)
        return run.bursts()

    async def process(self, request: Request) -> Reply:
        """Return the whole reply. Raises `ChatTuiError` if no text has come."""
        run, control = self._prepare(request.replace(include_metadata=False), StreamControl())
        texts: dict[str, list[str]] = {"text": [], "thinking": []}
        end = End()
        async with Stream(run.bursts(), control) as stream:
            async for chunk in stream:
                if isinstance(chunk, Token):
                    texts[chunk.kind].append(chunk.token)
                elif isinstance(chunk, Metadata):
                    pair = reclassify("".join(texts["text"]), "".join(texts["thinking"]), chunk)
                    texts = {"text": [pair[0]], "thinking": [pair[1]]}
                elif isinstance(chunk, End):
                    end = chunk
                elif isinstance(chunk, Error) and run.error is not None and not "".join(texts["text"]).strip():
                    raise run.error
        return Reply("".join(texts["text"]), "".join(texts["thinking"]), end)

    def _prepare(
        self, request: Request, control: StreamControl, plan: Plan | None = None
    ) -> tuple[Execution, StreamControl]:
        if not request.id:
            request = request.replace(id=new_id())
        request = with_features(request)
        means = ExecutionDependencies(
            self._open,
            self._look_up_price,
            self.health,
            self._settings,
            slots=self._slot,
            next_rung=self._choose_on_rung,
            others=self._others,
            clock=self._clock,
            jitter=self._jitter,
        )
        return Execution(request, plan or self.plan(request), control, means), control

    def _slot(self, provider: str) -> asyncio.Semaphore:
        if provider not in self._slots:
            self._slots[provider] = asyncio.Semaphore(
                self._settings.streams.get(provider, self._settings.streams_default)
            )
        return self._slots[provider]

    def strategies(self) -> Sequence[str]:
        """Return the strategies' names, in the order of the key that switches them; plug-ins once they are loaded."""
        return tuple(self._strategies)

    def load_plug_ins(self) -> None:
        """Look for the strategies of other packages; takes some milliseconds, so call it in a thread."""
        self._strategies.update(plug_ins())

    def _strategy(self, name: str) -> Strategy | None:
        if name not in self._strategies:
            self.load_plug_ins()
        return self._strategies.get(name)

    def plan(self, request: Request) -> Plan:
        """Return which models would be tried, in which order, and why; the plan's `error` tells if there is none."""
        request = with_features(request)
        if request.model:
            return self._plan_for_model(request, request.model)
        name = request.strategy or self._default
        strategy = self._strategy(name)
        if strategy is None:
            return Plan(name, (), error=_unknown_strategy(name, tuple(self._strategies)))
        table, ranked = self._rank(strategy, request, self._models)
        models = self._first_of(ranked)
        if not models:
            return self._complete(request, Plan(name, (), ranked, _nothing_to_choose(ranked), table=table))
        named = self._named_fallbacks(request, models[0])
        on_ladder = request.fallback and not named
        if named or not request.fallback:
            models = (models[0], *named)
        ladder = tuple(rungs(name)) if on_ladder else ()
        return self._complete(request, Plan(name, models, ranked, rungs=ladder, table=table))

    def preview(self, request: Request) -> tuple[str, Route]:
        """Return the model that would be asked now, and why; nobody is asked. Raises `NoModel`."""
        request = with_features(request)
        plan = self.plan(request)
        if plan.error is not None:
            raise plan.error
        others = self._others(request, plan, features_of(request).tokens)
        return plan.models[0].name, route_of(plan, {plan.models[0].name}, others)

    def _rank(
        self, strategy: Strategy, request: Request, models: ModelTable
    ) -> tuple[CandidateTable | None, Sequence[Candidate]]:
        """Return the candidates in the strategy's order, with the estimates that a built-in one looked at."""
        if isinstance(strategy, BuiltInStrategy):
            table, excluded = candidate_table(request, models, self.health, features_of(request))
            return table, strategy.rank(table, excluded)
        return None, _downloads_last(strategy(request, models, self.health), models)

    def context(self, request: Request, *, listed: bool = True) -> Context:
        """Return what would be sent to the model that would be asked first now.

        With `listed`, it tells of each exchange whether it is sent, and why not. Takes some milliseconds for a long
        conversation, and may be called in a thread.
        """
        plan = self.plan(request)
        model = plan.models[0] if plan.models else Model("")
        context = fit(
            request.spoken(),
            window=model.context_window,
            reply_tokens=request.max_tokens,
            exchanges=self._settings.exchanges,
            step_tokens=model.trim_step_tokens,
            listed=listed,
            tool_tokens=tool_tokens(request.tools),
        )
        price = estimated_price(model, context.tokens, request) if plan.models else None
        return msgspec.structs.replace(context, model=model.name, price=price, images=model.images)

    def _first_of(self, ranked: Sequence[Candidate]) -> tuple[Model, ...]:
        """Return the best models, at most as many as may be tried."""
        most = self._settings.error_handling.max_tries
        if isinstance(ranked, Ranking):
            return ranked.models(most)
        return self._of_names([*islice((candidate.model for candidate in ranked if not candidate.out), most)])

    def _of_names(self, names: Sequence[str]) -> tuple[Model, ...]:
        by_name = self._models.by_name
        return tuple(by_name[name] for name in dict.fromkeys(names) if name in by_name)

    def _named_fallbacks(self, request: Request, model: Model) -> tuple[Model, ...]:
        """Return the fallbacks that the config names for this model and that can take the request."""
        names = self._settings.fallbacks_of.get(model.name) or self._fallbacks
        if not request.fallback or not names:
            return ()
        others = [other for other in self._of_names(names) if other.name != model.name]
        named = [msgspec.structs.replace(other, selectable=True) for other in others]
        can, _ = eligible(request, named, self.health, features_of(request))
        return tuple(named[place] for place in can)

    def _complete(self, request: Request, plan: Plan) -> Plan:
        wanted = features_of(request)
        return msgspec.structs.replace(
            plan, needs=wanted.summary(), kind=wanted.kind, difficulty=wanted.difficulty, health=self.health.snapshot()
        )

    def _choose_on_rung(self, request: Request, rung: str, exhausted: Collection[str]) -> Sequence[Model]:
        """Return what a strategy of the ladder chooses among the models that are left, by their health now."""
        left = ModelTable(model for model in self.models if model.name not in exhausted)
        _, ranked = self._rank(self._strategies[rung], request, left)
        return self._first_of(ranked)

    def _others(self, request: Request, plan: Plan, tokens: int) -> Sequence[Alternative]:
        """Return what each other strategy would have chosen, by the health at the time of the plan."""
        if plan.health is None:
            return ()
        # All of them look at the same estimates, which are made once.
        table = plan.table or candidate_table(request, self._models, plan.health, features_of(request))[0]
        found, prices = [], dict[str, float | None]()
        for name, strategy in self._strategies.items():
            if name == plan.strategy:
                continue
            if isinstance(strategy, BuiltInStrategy):
                model = strategy.choose(table)
            else:
                model = self._first_of_plug_in(strategy(request, self._models, plan.health))
            if model is not None and model.name not in prices:
                # Several choose the same one.
                price = estimated_price(model, tokens, request)
                prices[model.name] = None if price is None else round(price, 6)
            found.append(Alternative(name, model.name, prices[model.name]) if model else Alternative(name))
        return found

    def _first_of_plug_in(self, ranked: Sequence[Candidate]) -> Model | None:
        first = next(iter(_downloads_last(ranked, self._models)), None)
        return None if first is None or first.out else self._models.by_name.get(first.model)

    def _plan_for_model(self, request: Request, name: str) -> Plan:
        """Return the plan for a model chosen by name; it falls back only to models that the config names."""
        model = self._models.by_name.get(name)
        if model is None:
            return Plan(FIXED, (), error=unknown_model(name, tuple(self._models.by_name)))
        named = self._named_fallbacks(request, model)
        needs = features_of(request)
        incapable = incapable_reason(model, request, needs, self.health)
        out = incapable or over_limit_reason(model, request, needs.tokens)
        candidates = (
            Candidate(name, None if out else 1.0, out=out, note=self.health.unavailable_reason(name)),
            *(Candidate(other.name) for other in named),
        )
        if incapable and not named:
            hint = "Choose a model that can use tools, or switch the tools off." if incapable in WITHOUT_TOOLS else ""
            error: NoModel = NotCapable(f"{name} {incapable}.", hint or "Choose another model.")
            return self._complete(request, Plan(FIXED, (), candidates, error))
        if out and not named:
            error = NoModel(f"{name} {out}.", "Choose a cheaper model, or raise the limit in the config.")
            return self._complete(request, Plan(FIXED, (), candidates, error))
        models = named if out else (model, *named)
        return self._complete(request, Plan(FIXED, models, candidates))


def _downloads_last(ranked: Sequence[Candidate], models: ModelTable) -> Sequence[Candidate]:
    """Return the candidates with the models that must be downloaded first behind the others."""
    late = models.needs_download
    return sorted(ranked, key=lambda one: 2 if one.out else int(one.model in late)) if late else ranked


def unknown_model(name: str, known: Sequence[str]) -> NoModel:
    """Return the error for an unknown model, with similar names."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Ctrl+O or `chat-tui models` lists them."
    return NoModel(f"Unknown model: {shorten(name, 80)}.", hint)


def _unknown_strategy(name: str, known: Sequence[str]) -> ChatTuiError:
    return NoModel(f"Unknown strategy: {shorten(name, 60)}.", f"Known: {', '.join(known)}.")


def _nothing_to_choose(ranked: Sequence[Candidate]) -> ChatTuiError:
    out = [candidate for candidate in ranked if candidate.out and candidate.out != BY_NAME_ONLY]
    dear = [candidate for candidate in out if candidate.out.startswith(("would cost", "its price"))]
    told = "; ".join(f"{candidate.model} {candidate.out}" for candidate in (dear or out)[:4])
    if dear:
        return NoModel(
            "Every model exceeds your price limit.", f"{told}. Raise the limit in the config, or add a free model."
        )
    failed = next((candidate.out for candidate in out if candidate.out.startswith("the strategy failed")), "")
    if failed:
        return NoModel(f"T{failed[1:]}.", "Choose another with Ctrl+T or `--strategy`.")
    if out:
        if all(candidate.out in WITHOUT_TOOLS for candidate in out):
            return NotCapable(
                "No model can use tools.",
                f"{told}. Add a model that can, or switch the tools off. If one can, set `tools = true` for it under "
                "[[models]].",
            )
        kind = NotCapable if all(candidate.out in INCAPABLE for candidate in out) else NoModel
        return kind("No model can handle this question.", f"{told}. Add a model that can, or choose one by name.")
    return NoModel(
        "No model is available.",
        "Download the built-in model, or add a provider or a server: /provider on the screen, `chat-tui auth add`.",
    )
