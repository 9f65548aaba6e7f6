"""What each strategy likes, what a prompt asks for, and strategies that others bring."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint

import msgspec
import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Error, Timings
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import KeyRefused, Overloaded, RateLimited
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.providers.scripted_provider import Fault
from chat_tui.routing.execution.messages import LISTED
from chat_tui.routing.ranking.health import DISCOUNT, HALF_LIFE_SECONDS, Health
from chat_tui.routing.ranking.prompt_features import LOOKED_AT, features_of, with_features
from chat_tui.routing.ranking.strategies import guard, names, strategies
from tests.support.scripted_router import A, B, Rig, all_of, ask, end_of

GOOD = Model("x/good", 128_000, 10.0, 30.0, 0.9, {"code": 0.95, "zh": 0.3})
CODER = Model("x/coder", 32_000, 1.0, 2.0, 0.5, {"code": 0.9, "math": 0.4})
CHEAP = Model("x/cheap", 8_000, 0.0, 0.0, 0.3, images=False)
ALL = [GOOD, CODER, CHEAP]


def best(name: str, health: Health | None = None, models: Sequence[Model] = ALL, **fields: object) -> str:
    return strategies()[name](ask(**fields), models, health or Health(lambda: 0.0))[0].model


@pytest.mark.parametrize(
    ("prompt", "kind", "language"),
    [
        ("Write a python function that reverses a list", "code", ""),
        ("Why does `foo(bar)` raise?\n```\nTraceback (most recent call last)\n```", "code", ""),
        ("Solve for x: 3x + 4 = 10", "math", ""),
        ("What is 17 * 23 = ?", "math", ""),
        ("Write a short poem about autumn", "writing", ""),
        ("Hello, how are you?", "", ""),
        ("今天天气怎么样？", "", "zh"),
        ("今日の天気はどうですか", "", "ja"),
        ("오늘 날씨 어때요?", "", "ko"),
        ("Как дела?", "", "ru"),
    ],
)
def test_what_a_prompt_asks_for_is_told(prompt: str, kind: str, language: str) -> None:
    found = features_of(Request(prompt=prompt))
    assert (found.kind, found.language) == (kind, language)


def test_hard_and_long_prompts_are_known() -> None:
    assert features_of(Request(prompt="Hi")).hard < 0.25
    assert features_of(Request(prompt="Prove step by step that √2 is irrational")).hard >= 0.6
    assert features_of(Request(prompt="word " * 20_000)).long


PROMPT_SHAPES = {
    "prose": "Please explain why the def f(x): return x in this text is slow? ",
    **{
        text: text
        for text in ("_", "1 + 1 + ", "1 ", "=1+1 ", "1+1\n", "漢字", "かな", "é", "😀", "(", "a(", "[", "?", "::")
    },
    **{text: text for text in ("</a", "$a", "\"'", "class ", "class. (", "var ", "write ", "compose story ", "trade-")},
}


@pytest.mark.parametrize("shape", PROMPT_SHAPES)
def test_looking_at_a_prompt_costs_well_under_a_millisecond_whatever_it_holds(shape: str) -> None:
    request = Request(prompt=(PROMPT_SHAPES[shape] * LOOKED_AT)[: LOOKED_AT * 30])
    features_of(request)
    spent = []
    for _ in range(20):
        begun = time.thread_time()
        features_of(request)
        spent.append(time.thread_time() - begun)
    assert min(spent) < (0.001 if shape == "prose" else 0.002)


def test_a_prompt_is_looked_at_once_and_every_strategy_gets_the_same_look() -> None:
    seen: list[object] = []

    def own(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        seen.append(request.features)
        return [Candidate(model.name, 1.0) for model in models]

    request = with_features(ask(prompt="Prove that 17 is prime", strategy="own"))
    strategy = guard(own)
    for _ in range(2):
        strategy(request, ALL, Health(lambda: 0.0))
    assert with_features(request) is request
    assert seen == [request.features] * 2
    assert all(look is request.features for look in seen)


def test_a_changed_prompt_is_looked_at_anew() -> None:
    request = with_features(Request(prompt="Prove that 17 is prime"))
    assert request.replace(max_tokens=5).features is request.features
    assert features_of(request.replace(prompt="Hi")).kind == ""
    assert features_of(request.replace(turns=(Turn("user", "Write a poem"),), prompt="")).kind == "writing"


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("What does std::vector do?", "code"),
        ("Is c++ older than C?", "code"),
        ("#include <stdio.h> is missing", "code"),
        ("SELECT name FROM users;", "code"),
        ("Select one of them: red or blue", ""),
        ("Why is 3 x 4 = 12?\n1 + 1", ""),
        ("Write me, please, a long and very sad letter to my landlord", "writing"),
        ("Let $x^2 + y^2$ be given", "math"),
    ],
)
def test_kinds_are_told_by_signs_and_words(prompt: str, kind: str) -> None:
    assert features_of(Request(prompt=prompt)).kind == kind


def test_each_strategy_is_true_to_its_name() -> None:
    assert best("quality-first", prompt="Prove that there are infinitely many primes") == "x/good"
    assert best("cost-optimized") == "x/cheap"
    assert best("capability-match", prompt="Refactor this python class step by step: def f(x): ...") == "x/coder"
    assert best("balanced", prompt="Refactor this python class step by step: def f(x): ...") == "x/coder"
    assert best("quality-first", prompt="今天天气怎么样？") == "x/coder"


def test_a_model_that_was_never_measured_is_as_fast_as_its_family() -> None:
    pair = [
        Model("x/large", quality=0.9, usual_ttft_seconds=3.0, usual_tokens_per_second=40),
        Model("x/small", quality=0.8, usual_ttft_seconds=0.5, usual_tokens_per_second=80),
    ]
    health = Health(lambda: 0.0)
    assert best("speed-priority", health, pair) == "x/small"
    for _ in range(3):
        health.note_answer("x/large", Timings(0.2, 2.0, 200.0), "chat")
    assert best("speed-priority", health, pair) == "x/large"
    health.note_answer("x/small", Timings(0.4, 4.0, 50.0), "chat")
    assert best("speed-priority", health, pair) == "x/large"


def test_round_robin_asks_each_in_turn_and_least_loaded_whoever_is_free() -> None:
    health = Health(lambda: 0.0)
    twins = [Model(f"x/{name}", quality=0.5) for name in "abc"]
    asked = []
    for _ in range(6):
        asked.append(best("round-robin", health, twins))
        health.note_start(asked[-1])
        health.note_end(asked[-1])
    assert sorted(asked[:3]) == sorted(asked[3:]) == ["x/a", "x/b", "x/c"]
    assert asked[:3] == asked[3:]
    health.note_start("x/a")
    health.note_start("x/b")
    assert best("least-loaded", health, twins) == "x/c"
    health.note_start("x/c")
    assert best("least-loaded", health, [*twins, Model("x/d", quality=0.5, replicas=2)]) == "x/d"
    for _ in range(2):
        health.note_start("x/d")
    assert best("least-loaded", health, [*twins, Model("x/d", quality=0.9, replicas=2)]) == "x/d"


def test_learned_moves_to_what_is_liked_tries_what_is_new_and_forgets() -> None:
    health = Health(lambda: 0.0)
    twins = [Model("x/a", quality=0.5), Model("x/b", quality=0.5)]
    for _ in range(20):
        health.note_answer("x/a", Timings())
        health.note_verdict("x/a", 1.0)
        health.note_answer("x/b", Timings())
        health.note_verdict("x/b", 0.0)
    assert best("learned", health, twins) == "x/a"
    assert best("learned", health, [*twins, Model("x/new", quality=0.5)]) == "x/new"
    for _ in range(60):
        health.note_failure("x/a", Overloaded("x"))
        health.note_verdict("x/b", 1.0)
    health._change("x/a", resting_until=0.0)
    assert best("learned", health, twins) == "x/b"
    assert sum(health.vitals("x/a").outcomes[""]) < 1 / (1 - DISCOUNT) + 1


def test_learned_keeps_kinds_of_task_apart() -> None:
    health = Health(lambda: 0.0)
    twins = [Model("x/a", quality=0.5), Model("x/b", quality=0.5)]
    for _ in range(15):
        health.note_verdict("x/a", 1.0, "code")
        health.note_verdict("x/b", 0.0, "code")
        health.note_verdict("x/a", 0.0, "writing")
        health.note_verdict("x/b", 1.0, "writing")
    assert best("learned", health, twins, prompt="Write a python function") == "x/a"
    assert best("learned", health, twins, prompt="Write a poem") == "x/b"


def test_a_model_that_cannot_take_the_request_is_out_with_the_reason() -> None:
    long = "word " * 12_000
    ranked = strategies()["cost-optimized"](ask(prompt=long), ALL, Health(lambda: 0.0))
    assert {c.model: c.out for c in ranked if c.out} == {
        "x/cheap": "its window of 8,000 tokens is too small for the question"
    }
    ranked = strategies()["balanced"](ask(max_price=0.001), ALL, Health(lambda: 0.0))
    assert {c.model for c in ranked if not c.out} == {"x/cheap", "x/coder"}
    assert "x/good" in {c.model for c in ranked if c.out.startswith("would cost about")}
    unknown = strategies()["balanced"](ask(max_price=0.001), [Model("y/z"), CHEAP], Health(lambda: 0.0))
    assert unknown[-1].out == "its price is unknown, and your limit is $0.001"


# -- what others bring -------------------------------------------------------------------------------------------------


def last_first(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
    return [Candidate(model.name, 1.0) for model in reversed(models)]


def broken(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
    raise ZeroDivisionError


async def test_a_strategy_of_another_package_is_one_more_name() -> None:
    point = EntryPoint("last-first", "tests.routing.test_strategies:last_first", "chat_tui.strategies")
    router = Rig(a=["a"], b=["b"]).router(A, B)
    router._strategies["last-first"] = guard(point.load())
    assert end_of(await all_of(router.process_stream(ask(strategy="last-first")))).model == "two/b"
    assert router.strategies()[-1] == "last-first"


def test_one_that_ranks_no_model_is_named_as_the_reason() -> None:
    for junk in ([], [1, "x"], [Candidate("nobody/nothing", 1.0)]):
        router = Rig(a=["a"]).router(A)
        router._strategies["junk"] = guard(lambda *_, junk=junk: junk)
        error = router.plan(ask(strategy="junk")).error
        assert error is not None
        assert error.title == "The strategy failed: it ranked none of the models."


async def test_one_that_fails_has_its_ending_too() -> None:
    router = Rig(a=["a"], b=["b"]).router(A, B)
    router._strategies["broken"] = guard(broken)
    chunks = await all_of(router.process_stream(ask(strategy="broken")))
    assert [chunk.error.title for chunk in chunks if isinstance(chunk, Error)] == [
        "The strategy failed: ZeroDivisionError."
    ]
    end = end_of(chunks)
    assert end.state == "failed"
    assert end.route is not None
    assert end.route.candidates[0].out == "the strategy failed: ZeroDivisionError"


# -- why --------------------------------------------------------------------------------------------------------------


async def test_the_route_says_what_every_other_strategy_would_have_picked() -> None:
    router = Rig(good=["x"]).router(*ALL)
    route = end_of(await all_of(router.process_stream(ask(prompt="Write python", strategy="quality-first")))).route
    assert route is not None
    assert [other.strategy for other in route.others] == [name for name in names() if name != "quality-first"]
    picked = {other.strategy: (other.model, other.price) for other in route.others}
    assert picked["cost-optimized"] == ("x/cheap", 0.0)
    assert route.needs == "code, easy"


async def test_of_many_candidates_the_route_lists_the_first() -> None:
    models = [Model(f"x/m{number}", quality=number / 1000) for number in range(300)]
    router = Rig(m299=["x"]).router(*models)
    route = end_of(await all_of(router.process_stream(ask()))).route
    assert route is not None
    assert (len(route.candidates), route.left_out, route.left_out_for) == (LISTED, 300 - LISTED, {})


async def test_the_tried_and_the_best_are_listed_and_those_out_are_counted_by_reason() -> None:
    able = [Model(f"x/m{number}", quality=number / 1000, price_in=1.0, price_out=1.0) for number in range(300)]
    dear = [Model(f"y/m{number}", price_in=1e6, price_out=1e5 + number) for number in range(200)]
    rig = Rig(m299=[Fault(KeyRefused("No."))], m7=["fine"])
    router = rig.router(*able, *dear, fallbacks=["x/m7"])
    route = end_of(await all_of(router.process_stream(ask(max_price=0.01, strategy="quality-first")))).route
    assert route is not None
    assert [candidate.model for candidate in route.candidates][:2] == ["x/m299", "x/m298"]
    assert "x/m7" in [candidate.model for candidate in route.candidates]
    assert sum(bool(candidate.out) for candidate in route.candidates) >= 5
    assert route.left_out == 500 - len(route.candidates)
    assert sum(route.left_out_for.values()) > 150
    assert len(route.left_out_for) <= 2
    assert len(msgspec.json.encode(route)) < 6000


def image(question: str = "What is this?") -> Request:
    photo = Attachment("a.png", "image/png", b"\x89PNG")
    return Request(turns=(Turn("user", question, attachments=(photo,)),))


@pytest.mark.parametrize("name", names())
def test_an_image_goes_to_who_takes_images_and_to_who_may_only_then(name: str) -> None:
    blind = Model("x/blind", quality=1.0, price_in=0.0, price_out=0.0, images=False)
    unsure = Model("x/unsure", quality=0.9, price_in=0.0, price_out=0.0)
    seeing = Model("x/seeing", quality=0.8, price_in=0.0, price_out=0.0, images=True)
    ranked = strategies()[name](image(), [blind, unsure, seeing], Health(lambda: 0.0))
    assert [(candidate.model, candidate.out) for candidate in ranked][1:] == [
        ("x/unsure", ""),
        ("x/blind", "does not accept images"),
    ]


def test_files_that_go_along_are_looked_at_and_count() -> None:
    code = Attachment("a.py", "text/plain", b"def f(x):\n    return x\n" * 2000)
    found = features_of(Request(turns=(Turn("user", "Any faults in it?", attachments=(code,)),)))
    assert (found.kind, found.long, found.images) == ("code", True, False)
    assert found.last_tokens > 6000
    assert features_of(image()).images
    kept_out = msgspec.structs.replace(image().turns[0], kept=False)
    assert not features_of(Request(prompt="And now?", turns=(kept_out, Turn("assistant", "A cat.")))).images


# -- across restarts --------------------------------------------------------------------------------------------------


def test_what_was_learned_fades_and_is_forgotten() -> None:
    health = Health(lambda: 100.0)
    for _ in range(8):
        health.note_answer("x/a", Timings(0.5, 2, 40), "code")
    health.note_failure("x/b", RateLimited("x", retry_after=60))
    text = health.to_json(1000.0)
    soon, later, late = (Health(lambda: 5.0) for _ in range(3))
    soon.load_json(text, 1010.0)
    assert soon.vitals("x/a").ttft_seconds == 0.5
    assert soon.vitals("x/a").answers == 8
    assert soon.resting_seconds("x/b") == pytest.approx(50)
    later.load_json(text, 1000.0 + HALF_LIFE_SECONDS)
    assert later.vitals("x/a").answers == 4
    assert later.resting_seconds("x/b") == 0
    late.load_json(text, 1000.0 + 20 * HALF_LIFE_SECONDS)
    assert late.vitals("x/a").ttft_seconds is None
    assert late.vitals("x/a").outcomes == {}


@pytest.mark.parametrize("text", ["", "{", '{"at": 1}', '{"at": 1, "vitals": {"a": 3}}'])
def test_what_cannot_be_read_is_nothing_learned(text: str) -> None:
    health = Health(lambda: 0.0)
    health.load_json(text, 5.0)
    assert health.vitals("a").answers == 0
