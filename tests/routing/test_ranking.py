"""Health, strategies and the plan: who is asked first, who is out, and why."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Timings
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ContextTooLong, KeyRefused, Overloaded, RateLimited, Rejected
from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Scripted
from chat_tui.routing.ranking.health import REST_AFTER_FAILURES, REST_LIMIT_SECONDS, REST_SECONDS, Health
from chat_tui.routing.ranking.strategies import names, strategies
from tests.support.scripted_router import BUSY, A, B, C, Gate, Rig, all_of, ask, end_of, text_of, until


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def health(clock: Hand) -> Health:
    return Health(clock)


# -- health -----------------------------------------------------------------------------------------------------------


def test_means_move_towards_what_is_measured(health: Health) -> None:
    health.note_answer("m", Timings(ttft_seconds=1.0, tokens_per_second=10))
    assert health.vitals("m").ttft_seconds == 1.0
    for _ in range(20):
        health.note_answer("m", Timings(ttft_seconds=3.0, tokens_per_second=None))
    assert health.vitals("m").ttft_seconds == pytest.approx(3.0, abs=0.01)
    assert health.vitals("m").tokens_per_second == 10
    assert health.vitals("m").answers == 21


def test_a_rate_limit_rests_the_model_at_once_for_as_long_as_it_wishes(health: Health, clock: Hand) -> None:
    health.note_failure("m", RateLimited("x", retry_after=12))
    assert health.resting_seconds("m") == 12
    clock.at += 13
    assert health.resting_seconds("m") == 0
    health.note_failure("n", RateLimited("x"))
    assert health.resting_seconds("n") == REST_SECONDS
    health.note_failure("o", RateLimited("x", retry_after=1e9))
    assert health.resting_seconds("o") == REST_LIMIT_SECONDS


def test_other_failures_rest_it_when_they_repeat_and_longer_each_time(health: Health, clock: Hand) -> None:
    rests = []
    for _ in range(2000):
        health.note_failure("m", Overloaded("x"))
        rests.append(health.resting_seconds("m"))
        clock.at += 2 * REST_LIMIT_SECONDS
    assert rests[: REST_AFTER_FAILURES + 2] == [0, 0, REST_SECONDS, 2 * REST_SECONDS, 4 * REST_SECONDS]
    assert max(rests) == rests[-1] == REST_LIMIT_SECONDS


def test_after_the_rest_one_failure_rests_it_again_and_one_answer_heals_it(health: Health, clock: Hand) -> None:
    for _ in range(REST_AFTER_FAILURES):
        health.note_failure("m", Overloaded("x"))
    clock.at += REST_SECONDS + 1
    assert health.resting_seconds("m") == 0
    health.note_failure("m", Overloaded("x"))
    assert health.resting_seconds("m") > REST_SECONDS
    health.note_answer("m", Timings())
    assert health.resting_seconds("m") == 0
    health.note_failure("m", Overloaded("x"))
    assert health.resting_seconds("m") == 0


@pytest.mark.parametrize("error", [Rejected("x"), ContextTooLong("x")])
def test_a_bad_request_is_not_the_models_fault(health: Health, error: Rejected) -> None:
    for _ in range(10):
        health.note_failure("m", error)
    assert health.vitals("m").failures_in_a_row == 0


def test_what_waiting_does_not_mend_brings_no_rest(health: Health) -> None:
    for _ in range(10):
        health.note_failure("m", KeyRefused("x"))
    assert health.resting_seconds("m") == 0


def test_running_streams_are_counted_and_never_below_none(health: Health) -> None:
    health.note_start("m")
    health.note_start("m")
    health.note_end("m")
    assert health.vitals("m").running == 1
    health.note_end("m")
    health.note_end("m")
    assert health.vitals("m").running == 0


# -- strategies -------------------------------------------------------------------------------------------------------

SMART = Model("x/smart", price_in=10, price_out=30, quality=0.95)
CHEAP = Model("x/cheap", price_in=0.1, price_out=0.2, quality=0.5)
QUICK = Model("x/quick", price_in=5, price_out=5, quality=0.6)


@pytest.mark.parametrize(("name", "best"), [("quality-first", "x/smart"), ("speed-priority", "x/quick")])
def test_each_strategy_likes_what_its_name_says(health: Health, name: str, best: str) -> None:
    health.note_answer("x/smart", Timings(1.0, 5, 20))
    health.note_answer("x/cheap", Timings(1.0, 5, 30))
    health.note_answer("x/quick", Timings(0.2, 1, 200))
    ranked = strategies()[name](Request(), [SMART, CHEAP, QUICK], health)
    assert ranked[0].model == best


def test_an_unmeasured_model_gets_tried(health: Health) -> None:
    health.note_answer("x/cheap", Timings(2.0, 5, 10))
    for name in ("speed-priority", "balanced"):
        twins = [CHEAP, Model("x/new", price_in=0.1, price_out=0.2, quality=0.5)]
        assert strategies()[name](Request(), twins, health)[0].model in {"x/new", "x/cheap"}
    fast, slow = Model("x/fast", quality=0.5), Model("x/slow", quality=0.5)
    health.note_answer("x/fast", Timings(0.1, 1, 100))
    health.note_answer("x/slow", Timings(5.0, 1, 2))
    ranked = strategies()["speed-priority"](Request(), [fast, slow, Model("x/new", quality=0.5)], health)
    assert [candidate.model for candidate in ranked] == ["x/fast", "x/new", "x/slow"]
    measured = {candidate.model: candidate.seconds for candidate in ranked}
    assert measured["x/new"] == 11.0


@given(some.permutations([SMART, CHEAP, QUICK, A, B, C]))
def test_strategies_are_pure_and_do_not_look_at_the_order(models: list[Model]) -> None:
    health = Health(lambda: 0.0)
    health.note_answer("x/cheap", Timings(2.0, 5, 10))
    for rank in strategies().values():
        first, second = rank(Request(), models, health), rank(Request(), models, health)
        assert first == second
        assert {candidate.model for candidate in first} == {model.name for model in models}
        scores = {candidate.model: candidate.score for candidate in rank(Request(), [*reversed(models)], health)}
        assert scores == {candidate.model: candidate.score for candidate in first}


def test_scripted_and_resting_models_are_out_with_the_reason(health: Health) -> None:
    health.note_failure("one/a", RateLimited("x", retry_after=30))
    for rank in strategies().values():
        ranked = rank(Request(), [A, B, Model(SCRIPTED_MODEL, quality=1.0, selectable=False)], health)
        assert ranked[0].model == "two/b"
        assert {c.model: c.out for c in ranked[1:]} == {
            "one/a": "is in cooldown for 30 s after failures",
            SCRIPTED_MODEL: "chosen only by name",
        }


def test_there_are_no_models_and_no_crash(health: Health) -> None:
    assert [list(rank(Request(), [], health)) for rank in strategies().values()] == [[]] * len(names())


def test_choosing_among_500_models_is_quick(health: Health, capsys: pytest.CaptureFixture[str]) -> None:
    models = [Model(f"p{n % 20}/m{n}", price_in=n, price_out=n, quality=n % 100 / 100) for n in range(500)]
    for model in models[::2]:
        health.note_answer(model.name, Timings(0.5, 2, 50))
    rank = strategies()["balanced"]
    begun = time.process_time()
    for _ in range(20):
        rank(Request(prompt="x"), models, health)
    milliseconds = (time.process_time() - begun) / 20 * 1000
    with capsys.disabled():
        print(f" [choosing among 500 models: {milliseconds:.2f} ms]", end="")  # noqa: T201
    assert milliseconds < 50


# -- the plan ---------------------------------------------------------------------------------------------------------


async def test_a_model_that_rests_is_passed_over_and_comes_back() -> None:
    rig = Rig(a=[BUSY], b=["from b"])
    router = rig.router(A, B)
    assert end_of(await all_of(router.process_stream(ask()))).model == "two/b"
    rig.asked.clear()
    assert end_of(await all_of(router.process_stream(ask()))).model == "two/b"
    assert rig.asked == ["two/b"]


async def test_when_all_rest_they_are_asked_all_the_same_and_the_route_tells() -> None:
    rig = Rig(a=Scripted([BUSY], [BUSY], [BUSY], ["back again"]))
    router = rig.router(A)
    await all_of(router.process_stream(ask()))
    assert router.health.resting_seconds("one/a") > 0
    chunks = await all_of(router.process_stream(ask()))
    assert text_of(chunks) == "back again"
    route = end_of(chunks).route
    assert route is not None
    assert route.candidates[0].note == "is in cooldown for 30 s after failures"
    assert router.health.resting_seconds("one/a") == 0


async def test_a_model_that_was_named_is_asked_though_it_rests() -> None:
    router = Rig(a=["from a"], b=["from b"]).router(A, B, fallbacks=["two/b"])
    router.health.note_failure("one/a", RateLimited("x", retry_after=30))
    chunks = await all_of(router.process_stream(ask(model="one/a")))
    assert text_of(chunks) == "from a"
    route = end_of(chunks).route
    assert route is not None
    assert route.candidates[0].note.startswith("is in cooldown for")


async def test_a_model_that_rests_by_now_gives_way_and_comes_last() -> None:
    rig = Rig(a=[Fault(Rejected("No."))], b=["from b"], c=[Fault(Rejected("No."))])
    router = rig.router(A, B, C)
    stream = router.process_stream(ask())
    router.health.note_failure("two/b", RateLimited("x", retry_after=30))
    chunks = await all_of(stream)
    assert text_of(chunks) == "from b"
    assert rig.asked == ["one/a", "three/c", "two/b"]


async def test_of_many_at_once_after_a_rest_one_tries_the_model_and_the_others_go_elsewhere() -> None:
    gate = Gate()
    rig = Rig(a=[gate, "a"], b=["b"])
    router = rig.router(A, B, streams=10)
    router.health.note_failure("one/a", RateLimited("x", retry_after=0.0001))
    await asyncio.sleep(0.005)
    reading = [asyncio.create_task(all_of(router.process_stream(ask()))) for _ in range(6)]
    await until(lambda: sum(task.done() for task in reading) == 5)
    gate.open()
    answers = await asyncio.gather(*reading)
    assert sorted(map(text_of, answers)) == ["a", "b", "b", "b", "b", "b"]


def test_where_none_can_take_the_question_it_is_told_why() -> None:
    photo = Attachment("a.png", "image/png", b"x")
    router = Rig().router(Model("one/a", images=False))
    error = router.plan(Request(turns=(Turn("user", "?", attachments=(photo,)),))).error
    assert error is not None
    assert "does not accept images" in error.hint


def test_the_scripted_model_is_taken_by_name_only() -> None:
    scripted = Model(SCRIPTED_MODEL, selectable=False, quality=1.0)
    router = Rig().router(scripted, Model(LOCAL_MODEL, local=True))
    for name in names():
        assert [model.name for model in router.plan(ask(strategy=name)).models] == [LOCAL_MODEL]
    assert [model.name for model in router.plan(ask(model=SCRIPTED_MODEL)).models] == [SCRIPTED_MODEL]


def test_models_may_be_replaced_while_it_runs() -> None:
    router = Rig().router(A)
    router.models = (B,)
    assert [model.name for model in router.plan(ask()).models] == ["two/b"]


async def test_what_others_would_have_picked_is_among_the_models_of_the_plan() -> None:
    router = Rig(a=["from a"]).router(A)
    plan = router.plan(ask())
    router.models = (B,)
    route = end_of(await all_of(router.process_stream(ask(), plan))).route
    assert route is not None
    assert {other.model for other in route.others} == {"one/a"}
