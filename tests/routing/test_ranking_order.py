"""A ranking sorts and describes only what is looked at: what it gives is that of sorting everything."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.chunks import Timings
from chat_tui.core.errors import RateLimited, ToolsRefused
from chat_tui.core.models import Model, PriceStep
from chat_tui.core.request import Request
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.core.tools import OutputFormat, Tool
from chat_tui.routing.execution.messages import list_candidates
from chat_tui.routing.ranking.eligibility import (
    BY_NAME_ONLY,
    NO_IMAGES,
    NO_SCHEMAS,
    REPLY_TOKENS,
    eligible,
    incapable_reason,
    over_limit_reason,
)
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.model_table import ModelTable, candidate_table
from chat_tui.routing.ranking.ranking import Ranking, best_places
from chat_tui.routing.ranking.strategies import BuiltInStrategy, names, objective, strategies
from chat_tui.routing.router import Router

numbers = some.sampled_from([-1.0, 0.0, 0.5, 0.5, 2.0])


@given(
    columns=some.integers(1, 12).flatmap(
        lambda size: some.lists(some.lists(numbers, min_size=size, max_size=size), min_size=1, max_size=3)
    ),
    most=some.integers(1, 15),
    left_out=some.sets(some.integers(0, 11)),
)
def test_the_best_places_are_the_first_of_all_when_sorted(
    columns: Sequence[Sequence[float]], most: int, left_out: set[int]
) -> None:
    places = [place for place in range(len(columns[0])) if place not in left_out]
    expected = sorted(places, key=lambda place: [column[place] for column in columns], reverse=True)
    assert list(best_places(places, columns, most)) == expected[:most]


MANY = [
    Model(
        f"x/{number}",
        (None, 2_000, 200_000)[number % 3],
        number % 7,
        number % 11,
        number % 13 / 13,
        {"code": number % 5 / 5} if number % 2 else {},
        images=(None, True, False)[number % 3],
        to_be_fetched=number == 14,
        selectable=number % 17 != 0,
    )
    for number in range(60)
]


@given(
    strategy=some.sampled_from(names()),
    difficulty=some.floats(-4, 4),
    images=some.booleans(),
    limit=some.sampled_from([None, 0.002]),
    tried=some.sets(some.sampled_from([model.name for model in MANY]), max_size=3),
)
def test_a_ranking_is_listed_as_all_of_its_candidates_are(
    strategy: str, difficulty: float, images: bool, limit: float | None, tried: set[str]
) -> None:
    health = Health(lambda: 0.0)
    health.note_start("x/7")
    health.note_answer("x/8", Timings(0.5, 2.0, 40.0), "code")
    needs = PromptFeatures(kind="code", tokens=50, last_tokens=50, difficulty=difficulty, images=images)
    request = Request(prompt="x", features=needs, max_price=limit)
    table, excluded = candidate_table(request, ModelTable(MANY), health, needs)
    ranked = BuiltInStrategy(objective(strategy)).rank(table, excluded)
    listed, left_out = list_candidates(ranked, tried)
    everything = list(ranked)
    assert len(ranked) == len(everything) == len(MANY)
    assert [model.name for model in ranked.models(8)] == [one.model for one in everything if not one.out][:8]
    plain, left_out_of_plain = list_candidates(everything, tried)
    assert [one.model for one in listed if one.model not in tried] == [
        one.model for one in plain if one.model not in tried
    ]
    assert {one.model for one in listed} == {one.model for one in plain}
    assert left_out == left_out_of_plain
    assert all(one.out or one.success is not None for one in listed)


@given(
    models=some.lists(
        some.builds(
            Model,
            name=some.integers(0, 99).map(lambda number: f"x/{number}"),
            context_window=some.sampled_from([None, 60, 900, 8_000, 200_000]),
            price_in=some.sampled_from([None, 0.0, 3.0]),
            price_out=some.sampled_from([None, 0.0, 15.0]),
            price_steps=some.sampled_from([(), (), (PriceStep(1_000, 90.0, 90.0),)]),
            local=some.booleans(),
            usual_thinking_tokens=some.sampled_from([0, 800]),
            images=some.sampled_from([None, True, False]),
            tools=some.sampled_from([None, True, False]),
            web_search=some.booleans(),
            logprobs=some.sampled_from([None, False]),
            image_addresses=some.sampled_from([None, False]),
            schemas=some.sampled_from([None, False]),
            selectable=some.sampled_from([True, True, True, False]),
        ),
        max_size=9,
        unique_by=lambda model: model.name,
    ),
    request=some.builds(
        Request,
        max_price=some.sampled_from([None, 0.0, 0.003, 0.02]),
        max_tokens=some.sampled_from([None, 50, 4_000]),
        thinking=some.sampled_from([None, "off"]),
        tools=some.sampled_from([(), (Tool("t", "", {}),)]),
        web_search=some.booleans(),
        output=some.sampled_from([None, OutputFormat(schema={"type": "object"})]),
    ),
    needs=some.builds(
        PromptFeatures,
        tokens=some.sampled_from([20, 3_000]),
        last_tokens=some.sampled_from([20, 3_000]),
        images=some.booleans(),
        image_addresses=some.booleans(),
    ),
    resting=some.sets(some.integers(0, 9), max_size=3),
)
def test_each_model_is_excluded_for_its_first_reason(
    models: list[Model], request: Request, needs: PromptFeatures, resting: set[int]
) -> None:
    health = Health(lambda: 0.0)
    for number in resting:
        error = RateLimited("x", retry_after=9) if number % 2 else ToolsRefused("x")
        health.note_failure(f"x/{number}", error)
    can, out = eligible(request, models, health, needs)
    reasons = {candidate.model: candidate.out for candidate in out}
    assert sorted([*reasons, *(models[place].name for place in can)]) == sorted(model.name for model in models)
    first_choices = []
    for place, model in enumerate(models):
        why = "" if model.selectable else BY_NAME_ONLY
        why = why or (NO_IMAGES if needs.images and model.images is False else "")
        why = why or incapable_reason(model, request, needs, health) or over_limit_reason(model, request, needs.tokens)
        if why:
            assert reasons[model.name] == why
            continue
        window = model.context_window
        is_narrow = window is not None and needs.last_tokens > window - min(REPLY_TOKENS, window // 8)
        is_loose = request.output is not None and model.schemas is False
        if not (is_narrow or is_loose or health.unavailable_reason(model.name)):
            first_choices.append(place)
        elif place not in can:
            assert any(words in reasons[model.name] for words in ("too small", "cooldown", NO_SCHEMAS))
    # Second choices only where there is no first.
    assert list(can) == first_choices or not first_choices


def test_a_model_to_be_downloaded_comes_after_those_that_are_there() -> None:
    best = Model("x/best", quality=0.99, price_in=0.0, price_out=0.0, to_be_fetched=True)
    poor = Model("x/poor", quality=0.2, price_in=9.0, price_out=9.0)
    for name in names():
        ranked = strategies()[name](Request(prompt="hello"), [best, poor], Health(lambda: 0.0))
        assert [one.model for one in ranked] == ["x/poor", "x/best"], name
        only = strategies()[name](Request(prompt="hello"), [best], Health(lambda: 0.0))
        assert [one.model for one in only] == ["x/best"], name


def test_a_plan_names_its_models_without_describing_the_others() -> None:
    def ask_nobody(model: Model, request: Request) -> object:
        raise AssertionError("a plan asks nobody")

    models = [msgspec.structs.replace(model, to_be_fetched=False) for model in MANY]
    plan = Router(models, ask_nobody).plan(Request(prompt="hello"))  # type: ignore[arg-type]
    assert isinstance(plan.candidates, Ranking)
    assert {"best", "_all"}.isdisjoint(vars(plan.candidates))
    assert [one.model for one in plan.candidates][: len(plan.models)] == [model.name for model in plan.models]
    assert plan.candidates[0].success is not None
