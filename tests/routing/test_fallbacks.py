"""What comes when a strategy's own models are exhausted, what `fallbacks` names, and who is never asked."""

from __future__ import annotations

import asyncio

from chat_tui.config.schema import ErrorHandling
from chat_tui.core.errors import RateLimited, Unreachable
from chat_tui.core.models import Model
from chat_tui.providers.scripted_provider import Fault
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.ranking.strategies import rungs
from tests.support.scripted_router import BUSY, QUICK, A, B, C, Rig, all_of, ask, end_of, text_of, tries


def test_the_ladder_goes_on_from_where_the_strategy_stands_and_others_enter_in_the_middle() -> None:
    assert list(rungs("quality-first")) == ["balanced", "speed-priority"]
    assert list(rungs("balanced")) == ["speed-priority"]
    assert list(rungs("speed-priority")) == []
    assert list(rungs("round-robin")) == list(rungs("cost-optimized")) == ["balanced", "speed-priority"]


async def test_a_model_that_was_out_and_is_back_is_chosen_by_the_next_rung() -> None:
    rig = Rig(a=[BUSY], b=["from b"])
    router = rig.router(A, B)
    router.health.note_failure("two/b", RateLimited("x", retry_after=0.05))
    router._jitter = lambda low, high: 0.08
    router._settings = RoutingPolicy(error_handling=ErrorHandling(retry_attempts=2))
    chunks = await all_of(router.process_stream(ask(strategy="capability-match")))
    assert text_of(chunks) == "from b"
    route = end_of(chunks).route
    assert route is not None
    assert [(entry.model, entry.strategy) for entry in route.tries] == [
        ("one/a", ""),
        ("one/a", ""),
        ("two/b", "balanced"),
    ]


async def test_no_model_is_asked_again_once_it_is_exhausted() -> None:
    rig = Rig(a=[Fault(Unreachable("x"))], b=[Fault(Unreachable("y"))])
    router = rig.router(A, B, handling=ErrorHandling(retry_attempts=1, retry_delay_seconds=0))
    chunks = await all_of(router.process_stream(ask()))
    assert rig.asked == ["one/a", "two/b"]
    assert end_of(chunks).state == "failed"


async def test_at_most_eight_tries_are_made_in_all() -> None:
    rig = Rig(**{name: [BUSY] for name in "abcdef"})
    models = [Model(f"p/{name}", quality=0.5) for name in "abcdef"]
    await all_of(rig.router(*models).process_stream(ask()))
    assert len(rig.asked) == 8


async def test_fallbacks_name_the_order_in_place_of_the_strategys() -> None:
    rig = Rig(a=[BUSY], b=["from b"], c=["from c"])
    chunks = await all_of(rig.router(A, B, C, fallbacks=["three/c"]).process_stream(ask()))
    assert text_of(chunks) == "from c"
    own = rig.router(A, B, C, fallbacks=["three/c"])
    own._settings = RoutingPolicy(error_handling=QUICK, fallbacks_of={"one/a": ("two/b",)})
    assert text_of(await all_of(own.process_stream(ask(model="one/a")))) == "from b"
    rig.asked.clear()
    alone = await all_of(rig.router(A, B, C, fallbacks=["three/c"]).process_stream(ask(fallback=False)))
    assert set(rig.asked) == {"one/a"}
    assert end_of(alone).state == "failed"


async def test_a_fallback_that_rests_or_is_too_dear_is_passed_over() -> None:
    rig = Rig(a=[BUSY], b=["from b"], c=["from c"])
    dear = Model("two/b", price_in=1000.0, price_out=1000.0)
    free_a, free_c = (Model(model.name, price_in=0.0, price_out=0.0) for model in (A, C))
    router = rig.router(free_a, dear, free_c, fallbacks=["two/b", "three/c"])
    chunks = await all_of(router.process_stream(ask(model="one/a", max_price=0.01)))
    assert [model for model, _ in tries(chunks)] == ["one/a"] * 3 + ["three/c"]


async def test_after_a_rest_one_stream_tries_and_the_others_wait_for_its_outcome() -> None:
    router = Rig(a=["x"], b=["y"]).router(A, B)
    router.health.note_failure("one/a", RateLimited("x", retry_after=0.0001))
    await asyncio.sleep(0.005)
    assert [model.name for model in router.plan(ask()).models] == ["one/a", "two/b"]
    router.health.note_start("one/a")
    plan = router.plan(ask())
    assert [model.name for model in plan.models] == ["two/b"]
    assert plan.candidates[-1].out == "is being retried after its cooldown"
    router.health.note_end("one/a")
    assert [model.name for model in router.plan(ask()).models] == ["one/a", "two/b"]
