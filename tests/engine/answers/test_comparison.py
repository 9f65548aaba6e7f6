"""Several models asked the same: answers side by side that do not disturb one another, and a choice among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk, Error, Token
from chat_tui.core.errors import CommandError, Unreachable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.engine.answers.comparison import Comparison, best_of, family_of
from chat_tui.providers.scripted_provider import Fault, Script, Scripted
from tests.support.scripted_engine import Stage, chunks_of, stage
from tests.support.scripted_router import A, B, C, Gate, endless, events, slowly, text_of

NAMES = (A.name, B.name, C.name)


@asynccontextmanager
async def three(a: Script, b: Script, c: Script, config: Config | None = None) -> AsyncIterator[Stage]:
    async with stage(a, models=(A, B, C), config=config) as on:
        on.rig.played |= {"b": Scripted(b), "c": Scripted(c)}
        yield on


async def whole(comparison: Comparison) -> list[list[Chunk]]:
    """What each of them said to its end, when all is saved."""
    said = await asyncio.gather(*map(chunks_of, comparison.answers))
    async with asyncio.timeout(20):
        for answer in comparison.answers:
            await answer.saved.wait()
    return said


async def grown(comparison: Comparison) -> None:
    """Until each of them has said something."""
    async with asyncio.timeout(20):
        for answer in comparison.answers:
            async for chunk in answer.follow():
                if isinstance(chunk, Token):
                    break


async def test_each_model_gets_the_question_once_and_its_words_stay_its_own() -> None:
    words = {name: [f"{name}{number} " for number in range(200)] for name in "abc"}
    a, b, c = (slowly(*words[name], seconds=0.0) for name in "abc")
    async with three(a, b, c) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        said = await whole(comparison)
        assert [text_of(chunks) for chunks in said] == ["".join(words[name]) for name in "abc"]
        assert sorted(on.rig.asked) == sorted(NAMES)
        for name in "abc":
            asked = on.rig.played[name].requests[0]
            assert [turn.text for turn in asked.turns if turn.role == "user"] == ["Which?"]
            assert not any(turn.role == "assistant" for turn in asked.turns)


async def test_all_run_at_once() -> None:
    async with three(endless(), endless(), endless()) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await grown(comparison)
        assert on.rig.open == 3
        await comparison.cancel_all()
        await whole(comparison)
        assert {result.state for result in comparison.summary()} == {"cancelled"}
        assert all(result.characters for result in comparison.summary())


async def test_cancel_of_one_closes_exactly_one() -> None:
    async with three(endless(), endless(), endless()) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await grown(comparison)
        await comparison.answers[1].cancel()
        assert on.rig.open == 2
        assert [answer.ended for answer in comparison.answers] == [False, True, False]


async def test_one_that_fails_disturbs_no_other_and_nobody_takes_its_place() -> None:
    broken: Script = ["some ", Fault(Unreachable("The line is gone.", provider="two", model="two/b"))]
    async with three(slowly(*"abcdef"), broken, slowly(*"uvwxyz")) as on:
        comparison = await on.engine.compare(None, "Which?", (*NAMES, "four/unknown"))
        said = await whole(comparison)
        results = comparison.summary()
        assert [result.state for result in results] == ["complete", "broken", "complete", "failed"]
        assert [result.model for result in results] == [*NAMES, "four/unknown"]
        assert text_of(said[0]) == "abcdef"
        assert text_of(said[2]) == "uvwxyz"
        assert results[1].error == "The line is gone."
        assert "Unknown model: four/unknown" in results[3].error
        assert any(isinstance(chunk, Error) for chunk in said[3])
        assert not {"failover"} & {event for chunks in said for event in events(chunks)}


async def test_all_are_kept_beside_one_another_and_the_first_whole_one_stands() -> None:
    fault: Script = [Fault(Unreachable("Away.", provider="one", model="one/a"))]
    async with three(fault, ["from b"], ["from c"]) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await whole(comparison)
        await on.engine._answers.wait()
        for fresh in (False, True):
            if fresh:
                on.engine.conversations.cache._open.clear()
            conversation = await on.engine.conversations.conversation(comparison.conversation_id)
            assert [turn.text for turn in conversation.path] == ["Which?", "from b"]
            assert conversation.forks == {
                comparison.answers[1].turn.id: tuple(answer.turn.id for answer in comparison.answers)
            }
        siblings = await on.engine.conversations.siblings(conversation.id, conversation.path[-1].id)
        assert [turn.state for turn in siblings] == ["failed", "complete", "complete"]


async def test_where_none_is_whole_the_first_of_which_a_part_came_stands() -> None:
    fault: Script = [Fault(Unreachable("Away.", provider="one", model="one/a"))]
    async with three(fault, ["a part of b", *fault], fault) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await whole(comparison)
        await on.engine._answers.wait()
        conversation = await on.engine.conversations.conversation(comparison.conversation_id)
        assert [turn.text for turn in conversation.path] == ["Which?", "a part of b"]


def liked(on: Stage) -> list[str]:
    """The models of which somebody has said that they are good."""
    verdicts = {name: on.router.health.vitals(name).verdicts.values() for name in NAMES}
    assert not any(bad for told in verdicts.values() for _, bad in told)
    return [name for name, told in verdicts.items() if any(good > 0.5 for good, _ in told)]


@pytest.mark.parametrize("private", [False, True])
async def test_the_kept_one_is_the_answer_and_the_choice_a_verdict(private: bool) -> None:
    async with three(["from a"], ["from b"], ["from c"]) as on:
        begun = (await on.engine.conversations.begin_private()).id if private else None
        comparison = await on.engine.compare(begun, "Which?", NAMES)
        await whole(comparison)
        await comparison.keep(3)
        await on.engine._answers.wait()
        assert liked(on) == ["three/c"]
        path = (await on.engine.conversations.conversation(comparison.conversation_id)).path
        assert [(turn.text, turn.verdict) for turn in path] == [("Which?", None), ("from c", True)]

        await comparison.keep(2)
        await on.engine._answers.wait()
        siblings = await on.engine.conversations.siblings(comparison.conversation_id, comparison.answers[0].turn.id)
        assert [turn.verdict for turn in siblings] == [None, True, None]
        assert liked(on) == ["two/b"]

        follow = await on.engine.ask(comparison.conversation_id, "And then?", Request(model="one/a"))
        await chunks_of(follow)
        asked = [turn.text for turn in on.player.requests[-1].turns if turn.role != "system"]
        assert asked == ["Which?", "from b", "And then?"]


async def test_a_choice_in_the_moment_of_the_last_end_holds() -> None:
    async with three(["from a"], ["from b"], ["from c"]) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await whole(comparison)
        await on.engine._answers.wait()
        await on.engine.conversations.select(comparison.conversation_id, comparison.answers[1].turn.id)
        await asyncio.gather(comparison.keep(3), comparison.settle())
        path = (await on.engine.conversations.conversation(comparison.conversation_id)).path
        assert [turn.text for turn in path] == ["Which?", "from c"]


async def test_what_runs_or_said_nothing_cannot_be_kept() -> None:
    fault: Script = [Fault(Unreachable("Away.", provider="two", model="two/b"))]
    async with three(endless(), fault, ["from c"]) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await chunks_of(comparison.answers[1])
        for number in (0, 1, 2, 4):
            with pytest.raises(CommandError):
                await comparison.keep(number)
        assert comparison.kept is None


async def test_quitting_keeps_every_part() -> None:
    async with three(endless(), endless(), ["done"]) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await grown(comparison)
        await chunks_of(comparison.answers[2])
        await on.engine._answers.close()
        siblings = await on.engine.conversations.siblings(comparison.conversation_id, comparison.answers[0].turn.id)
        assert [turn.state for turn in siblings] == ["cancelled", "cancelled", "complete"]
        assert all(turn.text for turn in siblings)


async def test_a_pause_holds_one_and_lets_the_others_run() -> None:
    gate = Gate()
    async with three(slowly(*"ab"), [*"uv", gate, *"wx"], slowly(*"cd")) as on:
        comparison = await on.engine.compare(None, "Which?", NAMES)
        held = comparison.answers[1]
        async for chunk in held.follow():
            if isinstance(chunk, Token):
                held.pause()
                break
        gate.open()
        await chunks_of(comparison.answers[0])
        await chunks_of(comparison.answers[2])
        assert not held.ended
        held.resume()
        assert text_of(await chunks_of(held)) == "uvwx"


async def test_the_days_budget_is_shared() -> None:
    dear = [Model(name, None, 0.0, 1000.0, 0.5) for name in NAMES]
    async with three(["a"] * 200, ["b"] * 200, ["c"] * 200, Config(daily_budget=0.36)) as on:
        on.router.models = dear
        comparison = await on.engine.compare(None, "Which?", NAMES)
        await whole(comparison)
        assert [result.tokens for result in comparison.summary()] == [120, 120, 120]
        assert sum(result.cost or 0.0 for result in comparison.summary()) == pytest.approx(0.36)


@pytest.mark.parametrize("models", [["one/a"], ["one/a", "one/a"], ["a/b", "a/c", "a/d", "a/e", "a/f"], ["one/a", "b"]])
async def test_too_few_too_many_or_wrong_names_are_told_and_nothing_is_stored(models: list[str]) -> None:
    async with three(["a"], ["b"], ["c"]) as on:
        with pytest.raises(CommandError):
            await on.engine.compare(None, "Which?", models)
        assert await on.engine.conversations.summaries() == []


async def test_without_names_the_best_two_of_different_families_are_asked() -> None:
    async with three(["a"], ["b"], ["c"]) as on:
        on.router.models = [Model("one/a-large", quality=0.9), Model("two/a-small", quality=0.8), C]
        assert await on.engine.estimates.best_two(None, "Which?", Request()) == ("one/a-large", "three/c")
        on.router.models = [A]
        with pytest.raises(CommandError):
            await on.engine.compare(None, "Which?")


def test_families_are_told_by_name() -> None:
    assert family_of("openai/gpt-4o-mini") == family_of("openrouter/openai/gpt-5") == "gpt"
    assert family_of("local/smollm2-135m") == "smollm"
    ranked = [Candidate("a/x-1"), Candidate("a/x-2"), Candidate("a/y", out="resting"), Candidate("a/x-3")]
    assert best_of(ranked) == ("a/x-1", "a/x-2")
