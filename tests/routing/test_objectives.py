"""Strategies in absolute units: what a good answer is worth, and that a model that does not win changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.config.load import parse
from chat_tui.core.chunks import Timings
from chat_tui.core.models import Model, PriceStep
from chat_tui.core.request import Request
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.estimates import logit, quality_for
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.model_table import CandidateTable, ModelTable, candidate_table
from chat_tui.routing.ranking.strategies import TOY_ABILITY, BuiltInStrategy, names, objective, strategies

BEST = Model("x/best", 200_000, 5.0, 25.0, 0.96, usual_ttft_seconds=2.0, usual_tokens_per_second=60)
GOOD = Model("x/good", 200_000, 0.3, 2.0, 0.88, usual_ttft_seconds=1.0, usual_tokens_per_second=100)
FAST = Model("x/fast", 128_000, 0.1, 0.4, 0.75, usual_ttft_seconds=0.3, usual_tokens_per_second=250)
FREE = Model("x/free", 32_000, quality=0.6, local=True, usual_ttft_seconds=1.0, usual_tokens_per_second=20)
TOY = Model("x/toy", 2_000, quality=0.02, local=True, usual_ttft_seconds=0.3, usual_tokens_per_second=80)
ALL = (BEST, GOOD, FAST, FREE, TOY)


def prompt(difficulty: float) -> Request:
    return Request(prompt="x", features=PromptFeatures(tokens=50, last_tokens=50, difficulty=difficulty))


def chosen(strategy: str, difficulty: float, models: tuple[Model, ...] = ALL) -> str:
    return strategies()[strategy](prompt(difficulty), models, Health(lambda: 0.0))[0].model


EXPECTED: Mapping[str, tuple[str, str, str]] = {
    # strategy: small talk (-3), an ordinary task (-0.5), a hard one (1.5)
    "quality-first": ("x/good", "x/best", "x/best"),
    "cost-optimized": ("x/free", "x/free", "x/good"),
    "balanced": ("x/fast", "x/good", "x/good"),
    "speed-priority": ("x/fast", "x/fast", "x/good"),
    "capability-match": ("x/free", "x/fast", "x/best"),
}


@pytest.mark.parametrize("strategy", EXPECTED)
def test_the_harder_the_prompt_the_better_the_model(strategy: str) -> None:
    assert tuple(chosen(strategy, difficulty) for difficulty in (-3.0, -0.5, 1.5)) == EXPECTED[strategy]


@pytest.mark.parametrize("strategy", names())
@pytest.mark.parametrize("difficulty", [-4.0, -2.0, 0.0, 2.0, 4.0])
def test_a_toy_never_answers_while_another_is_there(strategy: str, difficulty: float) -> None:
    for other in (BEST, GOOD, FAST, FREE):
        assert chosen(strategy, difficulty, (TOY, other)) == other.name


model_lists = some.lists(
    some.builds(
        Model,
        name=some.sampled_from([f"x/{letter}" for letter in "abcdefgh"]),
        context_window=some.sampled_from([None, 2_000, 8_000, 200_000]),
        price_in=some.sampled_from([None, 0.0, 0.1, 3.0, 20.0]),
        price_out=some.sampled_from([None, 0.0, 0.4, 15.0, 80.0]),
        quality=some.sampled_from([None, 0.02, 0.5, 0.7, 0.9, 0.97]),
        qualities=some.sampled_from([{}, {"code": 0.8}, {"math": 0.3}]),
        images=some.sampled_from([None, True, False]),
        local=some.booleans(),
        usual_tokens_per_second=some.sampled_from([None, 10.0, 200.0]),
        price_steps=some.sampled_from([(), (), (PriceStep(3_000, 5.0, 30.0),)]),
    ),
    min_size=2,
    max_size=8,
    unique_by=lambda model: model.name,
)


@given(
    models=model_lists,
    difficulty=some.floats(-4, 4),
    kind=some.sampled_from(["", "code", "math"]),
    tokens=some.sampled_from([20, 3_000, 20_000]),
    measured=some.lists(some.sampled_from("abcdefgh"), max_size=12),
    liked=some.lists(some.tuples(some.sampled_from("abcdefgh"), some.booleans()), max_size=12),
)
def test_taking_away_a_model_that_does_not_win_never_changes_who_wins(
    models: list[Model],
    difficulty: float,
    kind: str,
    tokens: int,
    measured: list[str],
    liked: list[tuple[str, bool]],
) -> None:
    health = Health(lambda: 0.0)
    for number, letter in enumerate(measured):
        health.note_answer(f"x/{letter}", Timings(0.1 * number, 1.0, 10.0 + number))
    for letter, good in liked:
        health.note_verdict(f"x/{letter}", float(good), kind)
    request = Request(
        prompt="x", features=PromptFeatures(kind=kind, tokens=tokens, last_tokens=20, difficulty=difficulty)
    )
    for name, rank in strategies().items():
        if name in {"round-robin", "least-loaded"}:
            continue
        first = rank(request, models, health)[0]
        for other in models:
            if not first.out and other.name != first.model:
                left = [model for model in models if model is not other]
                assert rank(request, left, health)[0].model == first.model, name


def key_of(strategy: BuiltInStrategy, table: CandidateTable, place: int) -> list[float]:
    """What models are sorted by, the greatest first."""
    wanted, known = strategy.wanted, table.stats[place]
    success, bonus = table.success[place], 0.0
    if wanted.learns:
        success, bonus = (column[place] for column in table.learned_success())
    value = success - wanted.per_dollar * table.dollars[place] - wanted.per_second * table.seconds[place] + bonus
    first = {"turn": [-known.asked], "load": [-known.running], "value": []}[wanted.order]
    sees = [float(bool(table.models[place].images))] if table.needs.images else []
    is_toy = table.abilities[place] <= TOY_ABILITY
    if success >= wanted.min_success and not is_toy:
        return [*sees, 2.0, *first, value]
    return [*sees, float(not is_toy), success, *first, value]


@given(
    rows=some.lists(
        some.tuples(
            some.sampled_from([0.02, 0.3, 0.6, 0.6, 0.88, 0.96]),
            some.sampled_from([None, 0.0, 0.3, 5.0]),
            some.sampled_from([None, True]),
            some.integers(0, 3),
        ),
        max_size=12,
    ),
    difficulty=some.sampled_from([-3.0, -0.5, 1.5, 4.0]),
    images=some.booleans(),
)
def test_the_first_choice_among_estimates_is_the_first_of_their_ranking(
    rows: list[tuple[float, float | None, bool | None, int]], difficulty: float, images: bool
) -> None:
    models, health = [], Health(lambda: 0.0)
    for number, (quality, price, takes_images, asked) in enumerate(rows):
        models.append(Model(f"x/{number}", 8_000, price, price, quality, images=takes_images))
        for _ in range(asked):
            health.note_start(f"x/{number}")
        if asked > 1:
            health.note_end(f"x/{number}")
            health.note_answer(f"x/{number}", Timings(0.5, 2.0, 40.0 * asked), "code")
    needs = PromptFeatures(tokens=50, last_tokens=50, difficulty=difficulty, images=images)
    table, out = candidate_table(Request(prompt="x"), models, health, needs)
    for strategy in (BuiltInStrategy(objective(name)) for name in names()):
        ranked = [candidate.model for candidate in strategy.rank(table, out) if not candidate.out]
        order = sorted(range(len(models)), key=partial(key_of, strategy, table), reverse=True)
        assert ranked == [table.models[place].name for place in order]
        choice = strategy.choose(table)
        assert (choice.name if choice else None) == (ranked[0] if ranked else None)


@given(
    some.lists(
        some.tuples(
            some.sampled_from(["answer", "good", "bad", "start", "plan"]),
            some.sampled_from(ALL),
            some.sampled_from(["", "code"]),
            some.sampled_from([None, 100]),
        ),
        max_size=20,
    )
)
def test_estimates_are_those_of_the_health_now(steps: list[tuple[str, Model, str, int | None]]) -> None:
    kept, health = ModelTable(ALL), Health(lambda: 0.0)
    for step, model, kind, most in [*steps, ("plan", BEST, "code", None)]:
        if step == "answer":
            health.note_answer(model.name, Timings(0.5, 2.0, 40.0), kind)
        elif step == "start":
            health.note_start(model.name)
        elif step == "plan":
            needs = PromptFeatures(kind=kind, tokens=50, last_tokens=50, difficulty=0.5)
            request = Request(prompt="x", max_tokens=most)
            table, _ = candidate_table(request, kept, health, needs)
            fresh, _ = candidate_table(request, ModelTable(ALL), health, needs)
            for column in ("stats", "abilities", "success", "dollars", "seconds", "least_ability", "least_success"):
                assert getattr(table, column) == getattr(fresh, column), column
            assert table.learned_success() == fresh.learned_success()
        else:
            health.note_verdict(model.name, float(step == "good"), kind)


def test_a_model_with_a_price_for_long_prompts_does_not_change_what_the_others_cost() -> None:
    request = Request(prompt="x", features=PromptFeatures(tokens=5_000, last_tokens=20, difficulty=-4.0))
    narrow = Model("x/narrow", 2_000, 10.0, 1.0, 0.9)
    steps = Model("x/steps", 200_000, 90.0, 90.0, 0.9, price_steps=(PriceStep(200_000, 99.0, 99.0),))
    alone, beside = (
        {one.model: one.price for one in strategies()["balanced"](request, models, Health(lambda: 0.0))}
        for models in ((narrow,), (narrow, steps))
    )
    assert alone["x/narrow"] == beside["x/narrow"] == pytest.approx((2_000 * 10 + 500 * 1) / 1e6)


@pytest.mark.parametrize("strategy", names())
def test_a_question_that_leaves_no_room_for_an_answer_goes_to_a_wider_window(strategy: str) -> None:
    narrow, wide = Model("x/narrow", 8_192, 0.0, 0.0, 0.9), Model("x/wide", 200_000, 3.0, 15.0, 0.9)
    request = Request(prompt="x", features=PromptFeatures(tokens=8_000, last_tokens=8_000))
    rank = strategies()[strategy]
    assert rank(request, (narrow, wide), Health(lambda: 0.0))[0].model == "x/wide"
    assert not rank(request, (narrow,), Health(lambda: 0.0))[0].out
    tiny = Model("x/tiny", 60, 0.0, 0.0, 0.9)
    assert not any(one.out for one in rank(prompt(0.0), (tiny, wide), Health(lambda: 0.0)))


@pytest.mark.parametrize("strategy", ["round-robin", "least-loaded"])
def test_where_no_model_is_good_enough_the_best_is_asked_again_and_again(strategy: str) -> None:
    health = Health(lambda: 0.0)
    for _ in range(3):
        assert strategies()[strategy](prompt(4.0), ALL, health)[0].model == "x/best"
        health.note_start("x/best")


@pytest.mark.parametrize("strategy", ["capability-match", "cost-optimized"])
def test_of_two_providers_of_a_model_that_is_hardly_good_enough_the_cheaper_one_is_asked(strategy: str) -> None:
    dear, cheap = Model("dear/m", 200_000, 5.0, 20.0, 0.9), Model("cheap/m", 200_000, 0.5, 2.0, 0.9)
    assert chosen(strategy, 4.0, (dear, cheap)) == chosen(strategy, 4.0, (cheap, dear)) == "cheap/m"


@pytest.mark.parametrize("strategy", ["quality-first", "balanced", "cost-optimized", "capability-match"])
def test_one_of_the_best_models_is_not_taken_for_cheap_because_its_price_is_unknown(strategy: str) -> None:
    unknown = Model("x/unknown", 200_000, quality=0.95)
    known = Model("x/known", 200_000, 2.0, 10.0, 0.95)
    for difficulty in (-3.0, 0.0, 2.0):
        assert chosen(strategy, difficulty, (unknown, known)) == "x/known"


def test_a_good_answer_is_worth_what_the_config_says() -> None:
    text = "[strategies.balanced]\ngood_answer_dollars = 0.0001\ngood_answer_seconds = 1000000\nmin_success = 0"
    cheap = strategies(parse(text.encode(), "x").strategies)["balanced"]
    assert cheap(prompt(1.5), ALL, Health(lambda: 0.0))[0].model == "x/free"
    dear = strategies(parse(text.replace("0.0001", "1000").encode(), "x").strategies)["balanced"]
    assert dear(prompt(1.5), ALL, Health(lambda: 0.0))[0].model == "x/best"
    strict = strategies(parse(b"[strategies.cost-optimized]\nmin_success = 0.95", "x").strategies)["cost-optimized"]
    assert strict(prompt(-0.5), ALL, Health(lambda: 0.0))[0].model == "x/best"


def test_weights_of_former_versions_scale_price_and_time() -> None:
    known = objective("balanced")
    for text, dollars, seconds in (
        ("cost = 0.6", 2.0, 1.0),
        ("cost = 0", 0.0, 1.0),
        ("speed = 0.15", 1.0, 0.5),
        ("quality = 0.8", 0.5, 0.5),
        ("fit = 3\nload = 1\nlearned = 0", 1.0, 1.0),
    ):
        own = objective("balanced", parse(f"[strategies.balanced]\n{text}".encode(), "x").strategies.balanced)
        assert own.per_dollar == pytest.approx(known.per_dollar * dollars)
        assert own.per_second == pytest.approx(known.per_second * seconds)


def test_estimates_are_told_in_absolute_units() -> None:
    ranked = strategies()["quality-first"](prompt(1.5), ALL, Health(lambda: 0.0))
    best = next(candidate for candidate in ranked if candidate.model == "x/best")
    assert best.success == pytest.approx(1 / (1 + 2.71828 ** (1.5 - logit(0.96))), abs=0.001)
    assert best.price == pytest.approx((50 * 5 + 500 * 25) / 1e6)
    assert best.seconds == pytest.approx(2 + 500 / 60, abs=0.01)


def test_a_window_that_holds_a_part_of_the_conversation_costs_ability() -> None:
    narrow, wide = Model("x/narrow", 8_000, quality=0.9), Model("x/wide", 200_000, quality=0.85)
    short, long = prompt(0.0), Request(prompt="x", features=PromptFeatures(tokens=40_000, last_tokens=50))
    rank = strategies()["quality-first"]
    assert rank(short, [narrow, wide], Health(lambda: 0.0))[0].model == "x/narrow"
    assert rank(long, [narrow, wide], Health(lambda: 0.0))[0].model == "x/wide"


def test_quality_is_that_of_the_kind_of_task() -> None:
    model = Model("x/m", quality=0.5, qualities={"code": 0.9, "zh": 0.3})
    assert quality_for(model, PromptFeatures(kind="code")) == 0.9
    assert quality_for(model, PromptFeatures(kind="code", language="zh")) == pytest.approx(0.6)
    assert quality_for(model, PromptFeatures(kind="math")) == 0.5


THINKER = Model(
    *("x/thinker", 200_000, 1.0, 10.0, 0.9),
    thinking=True,
    usual_ttft_seconds=9.0,
    usual_tokens_per_second=100,
    usual_thinking_tokens=800,
)
"""One second to the first token, and eight for its thinking."""


def estimated(model: Model, health: Health | None = None, **settings: Any) -> tuple[float, float]:
    """The price and the time that a strategy expects of the model."""
    request = prompt(0.0).replace(**settings)
    (told,) = strategies()["balanced"](request, [model], health or Health(lambda: 0.0))
    assert told.price is not None
    assert told.seconds is not None
    return told.price, told.seconds


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ({}, 1300),
        ({"thinking": "off"}, 500),
        ({"thinking": "low"}, 900),
        ({"thinking": "high"}, 2100),
        ({"max_tokens": 600}, 600),
        ({"max_tokens": 5000}, 1300),
    ],
)
def test_thinking_counts_in_the_price_as_in_the_time(settings: dict[str, Any], written: int) -> None:
    price, seconds = estimated(THINKER, **settings)
    assert price == pytest.approx((50 * 1.0 + written * 10.0) / 1e6)
    assert seconds == pytest.approx(1 + written / 100)
    step = msgspec.structs.replace(THINKER, price_steps=(PriceStep(100_000, 9.0, 90.0),))
    assert estimated(step, **settings)[0] == price


def test_a_price_limit_must_pay_for_the_thinking_too() -> None:
    def excluded(limit: float, **settings: Any) -> str:
        request = prompt(0.0).replace(max_price=limit, **settings)
        return strategies()["balanced"](request, [THINKER], Health(lambda: 0.0))[0].out

    assert excluded(0.005) == "would cost about $0.01305, more than your limit of $0.005"
    assert excluded(0.0095) == ""
    assert excluded(0.005, thinking="off") == ""


def test_thinking_that_was_measured_counts_whether_it_was_shown_or_not() -> None:
    shown, hidden = Health(lambda: 0.0), Health(lambda: 0.0)
    for _ in range(50):
        shown.note_answer("x/thinker", Timings(1.0, 20.0, 50.0, thinking_seconds=9.0))
        hidden.note_answer("x/thinker", Timings(10.0, 20.0, 50.0))
    times = [estimated(THINKER, health)[1] for health in (shown, hidden)]
    assert times == pytest.approx([20.0, 20.0], abs=0.2)
    late = Health(lambda: 0.0)
    late.load_json(shown.to_json(0.0), 0.0)
    assert estimated(THINKER, late)[1] == pytest.approx(20.0, abs=0.2)
