"""What verdicts and outcomes do to the choice: the better model is found, by kind of task, and found again."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from chat_tui.core.chunks import Timings
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.routing.ranking.health import HALF_LIFE_SECONDS, Health
from chat_tui.routing.ranking.strategies import strategies

PROMPTS = {"code": "Write a python function", "writing": "Write a poem"}
TWINS = [Model("x/a", quality=0.5), Model("x/b", quality=0.5)]
GOOD, BAD = 0.85, 0.35
"""How often an answer of the better and of the worse model is liked."""


def best(strategy: str, health: Health, models: Sequence[Model] = TWINS, prompt: str = "Hi") -> str:
    return strategies()[strategy](Request(prompt=prompt), models, health)[0].model


def chosen_rightly(seed: int, exchanges: int, *, judged: float, turned_after: int | None = None) -> list[bool]:
    """Whether the better model was asked, for two kinds of task in turn that have different ones; `judged` is the share
    of answers that get a verdict, and after so many exchanges of each kind the better becomes the worse."""
    chance, health = random.Random(seed), Health(lambda: 0.0)
    better = {"code": "x/a", "writing": "x/b"}
    rightly = []
    for number in range(2 * exchanges):
        if turned_after is not None and number == 2 * turned_after:
            better = {"code": "x/b", "writing": "x/a"}
        kind = ("code", "writing")[number % 2]
        model = best("learned", health, prompt=PROMPTS[kind])
        health.note_answer(model, Timings(0.5, 2, 50), kind)
        if chance.random() < judged:
            health.note_verdict(model, float(chance.random() < (GOOD if model == better[kind] else BAD)), kind)
        rightly.append(model == better[kind])
    return rightly


def share(rows: Sequence[Sequence[bool]]) -> float:
    return sum(map(sum, rows)) / sum(map(len, rows))


@pytest.mark.parametrize(("judged", "least"), [(1.0, 0.9), (0.5, 0.8)])
def test_the_better_model_of_each_kind_is_found_within_60_exchanges(judged: float, least: float) -> None:
    runs = [chosen_rightly(seed, 60, judged=judged) for seed in range(20)]
    assert share([run[80:] for run in runs]) > least
    assert share([run[:6] for run in runs]) < least


def test_a_model_that_becomes_the_worse_one_is_left_within_60_exchanges() -> None:
    runs = [chosen_rightly(seed, 120, judged=1.0, turned_after=60) for seed in range(20)]
    assert share([run[120:130] for run in runs]) < 0.3
    assert share([run[220:] for run in runs]) > 0.75


@pytest.mark.parametrize("strategy", ["quality-first", "balanced"])
def test_verdicts_move_the_prior_quality_for_every_strategy(strategy: str) -> None:
    health = Health(lambda: 0.0)
    models = [
        Model("x/a", quality=0.8, price_in=1.0, price_out=1.0),
        Model("x/b", quality=0.6, price_in=1, price_out=1),
    ]
    assert best(strategy, health, models) == "x/a"
    health.note_verdict("x/a", 0.0)
    assert best(strategy, health, models) == "x/a"
    for _ in range(4):
        health.note_verdict("x/a", 0.0)
    assert best(strategy, health, models) == "x/b"
    for _ in range(5):
        health.withdraw_verdict("x/a", 0.0)
    assert best(strategy, health, models) == "x/a"


def test_that_a_model_failed_or_answered_is_no_verdict_on_its_quality() -> None:
    health = Health(lambda: 0.0)
    models = [Model("x/a", quality=0.8), Model("x/b", quality=0.7)]
    for _ in range(30):
        health.note_answer("x/b", Timings())
    assert best("quality-first", health, models) == "x/a"


def test_verdicts_survive_a_restart_and_fade() -> None:
    health = Health(lambda: 0.0)
    for _ in range(4):
        health.note_verdict("x/a", 1.0, "code")
    soon, later = Health(lambda: 0.0), Health(lambda: 0.0)
    soon.load_json(health.to_json(1000.0), 1000.0)
    assert soon.vitals("x/a").verdicts == health.vitals("x/a").verdicts
    later.load_json(health.to_json(1000.0), 1000.0 + HALF_LIFE_SECONDS)
    assert later.vitals("x/a").verdicts["code"][0] == pytest.approx(health.vitals("x/a").verdicts["code"][0] / 2, 0.01)


def test_models_are_tried_until_one_is_faster_than_the_others_usually_are() -> None:
    health = Health(lambda: 0.0)
    models = [Model(f"x/{name}", quality=0.5) for name in "abcde"]
    asked = []
    for _ in range(100):
        asked.append(best("speed-priority", health, models))
        seconds = 0.2 if asked[-1] == "x/d" else 4.0
        health.note_answer(asked[-1], Timings(seconds, 2, 50))
    assert {"x/a", "x/b", "x/c", "x/d"} <= set(asked)
    assert asked[10:].count("x/d") == 90


def test_hundreds_of_models_that_were_never_asked_do_not_drown_the_fastest() -> None:
    health = Health(lambda: 0.0)
    models = [Model(f"x/{number}", quality=0.5) for number in range(300)]
    health.note_answer("x/7", Timings(0.1, 2, 200))
    for _ in range(20):
        assert best("speed-priority", health, models) == "x/7"
