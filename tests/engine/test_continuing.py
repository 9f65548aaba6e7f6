"""Going on with an answer that was cut, what a day may cost, and what is remembered of the models."""

from __future__ import annotations

import asyncio

import pytest

from chat_tui.config import paths
from chat_tui.config.schema import Config
from chat_tui.core.chunks import End, Error, Metadata, Token
from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.core.errors import CommandError, KeyRefused, Unreachable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import Preset
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.price_limit import over_budget
from chat_tui.engine.models import LEARNED
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Fault, Pause
from tests.support.scripted_engine import chunks_of, ended, stage
from tests.support.scripted_router import Gate, until

CUT = Fault(Unreachable("Connection lost."))


async def test_a_broken_answer_goes_on_beside_the_one_that_broke() -> None:
    async with stage(["one ", "two ", CUT], ["three"]) as on:
        broken = await ended(await on.engine.ask(None, "Count."))
        assert broken.turn.state == "broken"
        whole = await on.engine.go_on(broken.conversation_id)
        chunks = await chunks_of(whole)
        assert (whole.turn.text, whole.turn.state) == ("one two three", "complete")
        assert whole.turn.parent == broken.question.id
        assert [chunk.token for chunk in chunks if isinstance(chunk, Token)] == ["one two ", "three"]
        assert sum(isinstance(chunk, Metadata) and chunk.event == "seam" for chunk in chunks) == 1
        assert whole.figures().seams == 1
        await whole.saved.wait()
        on.engine.conversations.cache._open.clear()
        path = (await on.engine.conversations.conversation(broken.conversation_id)).path
        assert [turn.text for turn in path] == ["Count.", "one two three"]
        route = await on.engine.conversations.route(whole.turn.id)
        assert route is not None
        assert [seam.at_characters for seam in route.seams] == [8]


async def test_the_turn_names_every_place_where_it_was_cut() -> None:
    async with stage(["one ", CUT], ["two ", CUT], ["three"]) as on:
        answer = await ended(await on.engine.ask(None, "Count.", Request(model="one/a")))
        assert answer.turn.seams == ()
        for _ in range(2):
            answer = await ended(await on.engine.go_on(answer.conversation_id, Request(model="one/a")))
        assert answer.turn.text == "one two three"
        assert [(seam.at_characters, seam.model) for seam in answer.turn.seams] == [(4, "one/a"), (8, "one/a")]


async def test_where_nothing_had_come_it_is_asked_anew() -> None:
    async with stage([Fault(KeyRefused("No."))], ["fine"]) as on:
        failed = await ended(await on.engine.ask(None, "Hello?", Request(model="one/a")))
        assert failed.turn.state == "failed"
        again = await ended(await on.engine.go_on(failed.conversation_id))
        assert (again.turn.text, again.figures().seams) == ("fine", 0)


async def test_only_the_last_answer_that_was_cut_goes_on() -> None:
    async with stage(["done"]) as on:
        answer = await ended(await on.engine.ask(None, "Hello?"))
        with pytest.raises(CommandError):
            await on.engine.go_on(answer.conversation_id)


async def test_what_goes_on_and_fails_keeps_its_part() -> None:
    async with stage(["one ", CUT], [CUT]) as on:
        broken = await ended(await on.engine.ask(None, "Count."))
        again = await ended(await on.engine.go_on(broken.conversation_id, Request(model="one/a")))
        assert (again.turn.state, again.turn.text) == ("broken", "one ")


# -- money --------------------------------------------------------------------------------------------------------

DEAR = Model("one/a", quality=0.9, price_in=100.0, price_out=1000.0)
FREE = Model("two/b", quality=0.1, price_in=0.0, price_out=0.0)


async def test_when_the_days_budget_is_used_up_only_free_models_are_asked_and_it_is_said() -> None:
    history = await Store.open(None)
    paid = Turn("assistant", "Yes.", id="a", cost=0.999)
    await history.write(writes.add_conversation, Conversation("earlier", path=(paid,)))
    async with stage(["dear"], history=history, config=Config(strategy="quality-first", daily_budget=1.0)) as on:
        on.router.models = (DEAR, FREE)
        chunks = await chunks_of(await on.engine.ask(None, "Hello?"))
        end = chunks[-1]
        assert isinstance(end, End)
        assert end.model == "two/b"
        told = next(chunk for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "budget")
        assert "one/a would cost about $0.5" in told.reason
        assert on.rig.asked == ["two/b"]


@pytest.mark.parametrize("model", [None, "one/a"])
async def test_the_error_of_the_days_budget_says_what_was_spent_and_where_to_raise_it(model: str | None) -> None:
    history = await Store.open(None)
    paid = Turn("assistant", "Yes.", id="a", created=now(), cost=0.999)
    await history.write(writes.add_conversation, Conversation("earlier", path=(paid,)))
    async with stage(["dear"], history=history, config=Config(model=model, daily_budget=1.0)) as on:
        on.router.models = (DEAR,)
        for _ in range(2):
            chunks = await chunks_of(await on.engine.ask(None, "Hello?"))
            error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
            assert error.kind == "NoModel"
            assert error.title == "The daily budget of $1 has $0.001 left: $0.999 was spent today."
            assert f"Raise `daily_budget` in {paths.config_file()}" in error.hint
            assert "one/a would cost about" in error.hint
            assert "your limit" not in error.hint
        assert on.rig.asked == []


def test_amounts_of_the_budget_have_two_decimals_or_what_counts() -> None:
    assert over_budget(0.5, 0.8) == "The daily budget of $0.50 is used up: $0.80 was spent today."
    assert over_budget(2.0, 0.1234) == "The daily budget of $2 has $1.877 left: $0.1234 was spent today."


@pytest.mark.parametrize("kind", ["adaptive", "document"])
async def test_the_error_of_the_days_budget_is_the_same_for_an_answer_of_several_requests(kind: str) -> None:
    history = await Store.open(None)
    paid = Turn("assistant", "Yes.", id="a", created=now(), cost=0.999)
    await history.write(writes.add_conversation, Conversation("earlier", path=(paid,)))
    preset = Preset("reader", document=True, system_prompt="Read.") if kind == "document" else None
    async with stage(["dear"], history=history, config=Config(daily_budget=1.0)) as on:
        on.router.models = (DEAR,)
        asked = NewConversation(preset=preset)
        settings = Request(adaptive=kind == "adaptive")
        chunks = await chunks_of(await on.engine.ask(asked, "Hello? " * 20_000, settings))
        error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
        assert error.kind == "NoModel"
        assert error.title == "The daily budget of $1 has $0.001 left: $0.999 was spent today."
        assert f"Raise `daily_budget` in {paths.config_file()}" in error.hint
        assert on.rig.asked == []


async def test_an_estimate_of_an_edited_question_leaves_out_what_it_replaces() -> None:
    async with stage(["word " * 400], ["more"]) as on:
        first = await ended(await on.engine.ask(None, "First question?"))
        second = await ended(await on.engine.ask(first.conversation_id, "Second question?"))
        fresh = await on.engine.estimates.estimate(None, "Changed?")
        edited = await on.engine.estimates.estimate(first.conversation_id, "Changed?", edited=first.question.id)
        later = await on.engine.estimates.estimate(first.conversation_id, "Changed?", edited=second.question.id)
        follow = await on.engine.estimates.estimate(first.conversation_id, "Changed?")
        assert edited.tokens == fresh.tokens < later.tokens < follow.tokens


async def test_a_chosen_model_that_is_too_dear_is_not_asked_silently() -> None:
    config = Config(model="one/a", max_price_per_answer=0.01)
    async with stage(["dear"], config=config) as on:
        on.router.models = (DEAR, FREE)
        chunks = await chunks_of(await on.engine.ask(None, "Hello?"))
        error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
        assert error.kind == "NoModel"
        assert "more than your limit of $0.01" in error.title
        assert on.rig.asked == []


async def test_the_least_of_all_price_limits_holds() -> None:
    config = Config(strategy="quality-first", max_price_per_answer=5.0, daily_budget=9.0)
    async with stage(["dear"], config=config) as on:
        on.router.models = (Model("one/a", quality=0.9, price_in=10.0, price_out=20.0), FREE)
        question = "Prove that there are infinitely many primes."
        cheap = await ended(await on.engine.ask(None, question, Request(max_price=0.001)))
        dear = await ended(await on.engine.ask(None, question))
        assert (cheap.turn.model, dear.turn.model) == ("two/b", "one/a")


async def test_a_limit_of_price_limits_the_tokens() -> None:
    async with stage(["w "] * 500, config=Config(strategy="quality-first", max_price_per_answer=0.2)) as on:
        on.router.models = (DEAR,)
        answer = await ended(await on.engine.ask(None, "Hello?"))
        assert answer.turn.state == "length"
        assert 0 < (answer.turn.cost or 0) <= 0.2


async def test_the_price_is_told_before_the_answer_comes() -> None:
    gate = Gate()
    async with stage([gate, "x"]) as on:
        on.router.models = (DEAR,)
        answer = await on.engine.ask(None, "Hello?")
        await until(lambda: answer.figures().price is not None)
        assert answer.figures().price == pytest.approx(0.5, rel=0.1)
        gate.open()
        await ended(answer)
        assert answer.figures().price is None
        assert answer.figures().cost is not None


# -- what is remembered -------------------------------------------------------------------------------------------


async def test_what_was_learned_of_the_models_is_there_after_a_restart() -> None:
    async with stage(["x"] * 5) as on:
        answer = await ended(await on.engine.ask(None, "Hello?"))
        await answer.saved.wait()
        async with asyncio.timeout(10):
            while '"one/a"' not in (kept := await on.engine.places.get(LEARNED)):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    assert '"one/a"' in kept
    async with stage() as later:
        await later.engine.places.set(LEARNED, kept)
        await later.engine.models.recall()
        assert later.router.health.vitals("one/a").answers == 1


# -- batches ------------------------------------------------------------------------------------------------------


async def batches(answer: Answer, tokens: int, seconds: float = 0.0, hold_bytes: int = 8192) -> list[list[str]]:
    found = []
    async for chunks in answer.batches(tokens=tokens, hold_bytes=hold_bytes):
        found.append([chunk.token for chunk in chunks if isinstance(chunk, Token)])
        await asyncio.sleep(seconds)
    return [batch for batch in found if batch]


async def test_the_first_token_is_shown_at_once_and_later_ones_together() -> None:
    async with stage([step for word in "abcdefghi" for step in (Pause(0.004), word)]) as on:
        found = await batches(await on.engine.ask(None, "Hello?"), 4)
        # A frame of a busy machine may end before four have come.
        assert found[0] == ["a"]
        assert all(len(batch) <= 4 for batch in found)
        assert len(found) < 9
        assert [word for batch in found for word in batch] == list("abcdefghi")


async def test_no_token_is_held_longer_than_a_frame() -> None:
    async with stage([step for word in "abc" for step in (Pause(0.15), word)]) as on:
        assert await batches(await on.engine.ask(None, "Hello?"), 100) == [["a"], ["b"], ["c"]]


async def test_a_slow_reader_holds_the_answer_and_loses_nothing() -> None:
    async with stage(["x" * 100] * 60) as on:
        answer = await on.engine.ask(None, "Hello?")
        most = 0
        total = 0
        async for chunks in answer.batches(tokens=4, hold_bytes=500):
            total += sum(len(chunk.token) for chunk in chunks if isinstance(chunk, Token))
            await asyncio.sleep(0.01)
            most = max(most, len(answer.text) - total)
        assert total == 6000
        assert 0 < most <= 700
        assert answer.turn.state == "complete"


async def test_a_reader_that_leaves_lets_the_answer_run_on() -> None:
    async with stage(["x" * 100] * 60) as on:
        answer = await on.engine.ask(None, "Hello?")
        reading = answer.batches(tokens=4, hold_bytes=500)
        async for _ in reading:
            await asyncio.sleep(0.02)
            if len(answer.text) > 400:
                break
        await reading.aclose()
        await ended(answer)
        assert len(answer.text) == 6000
