"""How well the strategies choose: swept over public outcomes of models, beside choosing blindly and by length.

`python -m tests.benchmarks.routing_quality` prints the tables of docs/routing.md. Every choice is made by
`Router.plan`, with the models' shipped qualities; only what a good answer is worth is varied. `--outcomes FILE` judges
by other outcomes: lines of JSON with `prompt`, `src` (optional) and `scores` (by model, 0 to 1), also as `.gz`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec

from chat_tui.config.schema import Strategies, StrategySettings
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.catalogue.quality import prior_of
from chat_tui.providers.catalogue.speed import usual_speed
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.eligibility import estimated_price
from chat_tui.routing.ranking.prompt_features import features_of, with_features
from chat_tui.routing.router import Router

OUTCOMES = Path(__file__).parent.parent / "data" / "routing" / "zeroeval.jsonl.gz"
PRICES: Mapping[str, tuple[float, float]] = {
    # US dollars per million tokens of prompt and of answer, when these models were new.
    "o1-mini-2024-09-12": (3.0, 12.0),
    "claude-3-opus-20240229": (15.0, 75.0),
    "claude-3-5-sonnet-20241022": (3.0, 15.0),
    "gpt-4o-2024-08-06": (2.5, 10.0),
    "Mistral-Large-2": (2.0, 6.0),
    "gemini-1.5-pro": (1.25, 5.0),
    "Meta-Llama-3.1-70B-Instruct": (0.88, 0.88),
    "gpt-4o-mini-2024-07-18": (0.15, 0.6),
    "gemini-1.5-flash": (0.075, 0.3),
    "claude-3-haiku-20240307": (0.25, 1.25),
    "Meta-Llama-3.1-8B-Instruct": (0.18, 0.18),
    "gemma-2-2b-it": (0.1, 0.1),
}
"""The twelve models of the list."""
PAIRS = (
    ("gpt-4o-mini-2024-07-18", "o1-mini-2024-09-12"),
    ("Meta-Llama-3.1-8B-Instruct", "Meta-Llama-3.1-70B-Instruct"),
    ("gemini-1.5-flash", "claude-3-5-sonnet-20241022"),
    ("claude-3-haiku-20240307", "gpt-4o-2024-08-06"),
)
"""(weaker, stronger)."""
WORTHS = tuple(10 ** (step / 20 - 3) for step in range(81))
"""US dollars that a good answer is worth, from the least to the most."""
BARS = tuple(step / 100 for step in range(1, 100))
"""Probabilities of a good answer, for the strategies that have a bar."""
BUDGETS = (2.0, 4.0)
"""US dollars for a thousand questions."""
ROUNDS = 200
"""Bootstrap samples for an interval of 95 %."""


class Outcome(NamedTuple):
    """A prompt with what each model's answer was worth, 0 to 1."""

    source: str
    request: Request
    scores: Mapping[str, float]


class Curve(NamedTuple):
    """Quality over the share of calls that go to the stronger model."""

    apgr: float
    """Area under the recovered share of the gap between the models; 0.5 for choosing blindly, 1 at most."""
    calls_for_half: float
    """Share of calls to the stronger model that recovers half of the gap."""
    calls_for_most: float
    """Share that recovers four fifths of it."""


def read(file: Path) -> list[Outcome]:
    """Read outcomes; each prompt is looked at once."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    rows = [json.loads(line) for line in data.splitlines() if line.strip()]
    return [
        Outcome(row.get("src", ""), with_features(Request(prompt=row["prompt"], fallback=False)), row["scores"])
        for row in rows
    ]


def known_model(name: str, prices: tuple[float, float]) -> Model:
    """A model with the quality that the program ships for it, and with the thinking that its price includes."""
    prior = prior_of(name, prices[1])
    quality, kinds = (prior.quality, prior.qualities) if prior else (None, {})
    thinking = usual_speed("bench", name).thinking_tokens
    return Model(f"bench/{name}", None, *prices, quality, kinds, usual_thinking_tokens=thinking)


def choices(models: Sequence[Model], outcomes: Sequence[Outcome], strategy: str, **settings: float) -> Sequence[str]:
    """Return what the strategy chooses for each prompt with these settings, by the router's plan."""
    own = StrategySettings(good_answer_seconds=1e9, **settings)
    policy = RoutingPolicy(strategies=msgspec.structs.replace(Strategies(), **{strategy.replace("-", "_"): own}))
    router = Router(models, _ask_nobody, settings=policy)
    plans = [router.plan(each.request.replace(strategy=strategy)) for each in outcomes]
    return [plan.models[0].id for plan in plans]


def _ask_nobody(model: Model, request: Request) -> NoReturn:
    raise AssertionError("a plan asks nobody")


def curve(order: Sequence[int], weak: Sequence[float], strong: Sequence[float]) -> Curve:
    """Return the figures of sending prompts to the stronger model in this order, those first that need it most."""
    gap = sum(strong) - sum(weak)
    recovered, gained = [0.0], 0.0
    for place in order:
        gained += strong[place] - weak[place]
        recovered.append(gained / gap)
    number = len(order)
    area = sum(recovered[1:]) / number - recovered[-1] / (2 * number)
    return Curve(area, _first(recovered, 0.5) / number, _first(recovered, 0.8) / number)


def _first(values: Sequence[float], least: float) -> int:
    return next((place for place, value in enumerate(values) if value >= least), len(values) - 1)


def switch_order(
    pair: Sequence[Model], outcomes: Sequence[Outcome], strategy: str, settings: Sequence[dict[str, float]]
) -> list[int]:
    """Return the prompts in the order in which they go to the stronger model while the settings change.

    Prompts that go there with the same setting are told apart by nothing: their order is random.
    """
    since = [len(settings)] * len(outcomes)
    for number, setting in enumerate(settings):
        for place, model in enumerate(choices(pair, outcomes, strategy, **setting)):
            if model == pair[1].id:
                since[place] = min(since[place], number)
    chance = random.Random(1)
    return sorted(range(len(outcomes)), key=lambda place: (since[place], chance.random()))


def interval(value: Callable[[Sequence[int]], float], number: int) -> tuple[float, float]:
    """Return the bootstrap interval of 95 % of a figure of a sample of prompts."""
    chance = random.Random(2)
    found = sorted(value(sorted(chance.choices(range(number), k=number))) for _ in range(ROUNDS))
    return found[int(0.025 * ROUNDS)], found[int(0.975 * ROUNDS) - 1]


def resampled(order: Sequence[int], sample: Sequence[int]) -> list[int]:
    """Return a sample's prompts, with repeats, in the order of the whole."""
    rank = {place: number for number, place in enumerate(order)}
    return sorted(sample, key=rank.__getitem__)


def dollars(model: Model, request: Request) -> float:
    """The price of an answer of the usual length, thinking included."""
    return estimated_price(model, features_of(request).tokens, request) or 0.0


def blind_mix(points: Sequence[tuple[float, float]], budget: float) -> float:
    """Return the most right answers that a random mix of two models gives for this price of one question.

    `points` are (price, share of right answers) of each model.
    """
    best = max((right for price, right in points if price <= budget), default=0.0)
    for cheap, low in points:
        for dear, high in points:
            if cheap <= budget < dear:
                best = max(best, low + (high - low) * (budget - cheap) / (dear - cheap))
    return best


def at_budget(points: Sequence[tuple[float, float]], budget: float) -> float:
    """Return the share of right answers at this price, between the two settings next to it."""
    known = sorted(points)
    place = bisect_left(known, (budget, 2.0))
    if place == 0 or place == len(known):
        return known[max(0, place - 1)][1]
    (cheap, low), (dear, high) = known[place - 1], known[place]
    return low + (high - low) * (budget - cheap) / (dear - cheap) if dear > cheap else high


SWEEPS: Mapping[str, Sequence[dict[str, float]]] = {
    "balanced": [{"good_answer_dollars": worth, "min_success": 0.0} for worth in WORTHS],
    "quality-first": [{"good_answer_dollars": worth} for worth in WORTHS],
    "capability-match": [{"min_success": bar} for bar in BARS],
}
"""What is varied of each strategy."""


def pairs_table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Lines about lists of two models, each strategy beside length and chance."""
    for weak, strong in PAIRS:
        rated = [each for each in outcomes if weak in each.scores and strong in each.scores]
        if not rated:
            continue
        low, high = ([each.scores[name] for each in rated] for name in (weak, strong))
        yield f"{weak} or {strong}: {len(rated):,} prompts, right {_mean(low):.3f} and {_mean(high):.3f}"
        pair = [known_model(weak, (0.15, 0.6)), known_model(strong, (3.0, 12.0))]
        orders = {
            "chance": random.Random(3).sample(range(len(rated)), len(rated)),
            "length": sorted(range(len(rated)), key=lambda place: -len(rated[place].request.prompt)),
            **{name: switch_order(pair, rated, name, settings) for name, settings in SWEEPS.items()},
        }
        for name, order in orders.items():
            yield f"  {name:<18} {_told(order, low, high)}"


def _told(order: Sequence[int], low: Sequence[float], high: Sequence[float]) -> str:
    found = curve(order, low, high)
    least, most = interval(lambda sample: curve(resampled(order, sample), low, high).apgr, len(low))
    return (
        f"APGR {found.apgr:.3f} ({least:.3f} to {most:.3f}); "
        f"half of the gap with {found.calls_for_half:.0%} of the calls, four fifths with {found.calls_for_most:.0%}"
    )


def list_table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Lines about the list of twelve: right answers for a price, beside the best blind mix."""
    rated = [each for each in outcomes if PRICES.keys() <= each.scores.keys()]
    if not rated:
        return
    models = {name: known_model(name, prices) for name, prices in PRICES.items()}
    spent = [{name: dollars(model, each.request) for name, model in models.items()} for each in rated]
    whole = range(len(rated))

    def point(chosen: Sequence[str], sample: Sequence[int]) -> tuple[float, float]:
        return (
            _mean([spent[place][chosen[place]] for place in sample]) * 1000,
            _mean([rated[place].scores[chosen[place]] for place in sample]),
        )

    yield f"Twelve models, {len(rated):,} prompts:"
    runs = {
        name: [choices(list(models.values()), rated, name, **setting) for setting in settings]
        for name, settings in SWEEPS.items()
    }
    for budget in BUDGETS:

        def blind(sample: Sequence[int], budget: float = budget) -> float:
            return blind_mix([point([name] * len(rated), sample) for name in models], budget)

        yield f"  ${budget:.0f} for 1,000 questions: the best blind mix {blind(whole):.3f}"
        for name, chosen in runs.items():

            def more(sample: Sequence[int], chosen: Sequence[Sequence[str]] = chosen, budget: float = budget) -> float:
                return at_budget([point(each, sample) for each in chosen], budget) - blind(sample, budget)

            right = at_budget([point(each, whole) for each in chosen], budget)
            yield f"    {name:<18} {right:.3f} ({more(whole):+.3f})"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def main() -> None:
    """Read the options and print the tables."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.routing_quality", description=__doc__)
    options.add_argument("--outcomes", type=Path, default=OUTCOMES, help="judge by this file")
    outcomes = read(options.parse_args().outcomes)
    for table in (pairs_table, list_table):
        for line in table(outcomes):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
