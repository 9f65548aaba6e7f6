"""An answer: followed from any point, saved as it grows, and once at its end, whatever that is."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from chat_tui.core.chunks import End, Error, Start, Token
from chat_tui.core.errors import Overloaded
from chat_tui.core.request import Request
from chat_tui.engine.answers.answer import Answer
from chat_tui.providers.scripted_provider import Fault, Pause, Script
from tests.doubles.fake_store import FakeStore
from tests.support.scripted_engine import chunks_of, ended, stage
from tests.support.scripted_router import Gate, end_of, endless, owed, slowly, text_of, until
from tests.support.time_limits import in_time, within

BUSY: Script = [Fault(Overloaded("Too busy."))]


# -- following --------------------------------------------------------------------------------------------------------


async def test_it_can_be_followed_from_any_point_by_several_at_once() -> None:
    async with stage(slowly("a ", "b ", "c ", "d")) as on:
        answer = await on.engine.ask(None, "Go")
        early = [asyncio.create_task(chunks_of(answer, start)) for start in (0, 0, 2)]
        await asyncio.sleep(0.025)
        late = asyncio.create_task(chunks_of(answer, 1))
        first, second, third = [await task for task in early]
        assert text_of(owed(first)) == "a b c d"
        assert second == first
        assert third == first[2:]
        assert await late == first[1:]
        assert await chunks_of(answer) == first
        assert len(answer) == len(first)
        assert await chunks_of(answer, len(answer)) == []


async def test_leaving_a_follower_does_not_stop_the_answer() -> None:
    async with stage(slowly("a ", "b ", "c")) as on:
        answer = await on.engine.ask(None, "Go")
        async for chunk in answer.follow():
            if isinstance(chunk, Token):
                break
        impatient = asyncio.create_task(chunks_of(answer))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await ended(answer)).text == "a b c"


async def test_a_slow_follower_gets_it_all() -> None:
    async with stage([f"{number} " for number in range(50)]) as on:
        answer = await on.engine.ask(None, "Go")
        seen = []
        async for chunk in answer.follow():
            seen.append(chunk)
            await asyncio.sleep(0.001)
        assert text_of(owed(seen)) == answer.text == "".join(f"{number} " for number in range(50))


async def test_the_turn_is_whole_when_the_end_is_told() -> None:
    async with stage([Token("hm", "thinking"), "Yes."]) as on:
        answer = await on.engine.ask(None, "Go")
        async for chunk in answer.follow():
            if isinstance(chunk, End):
                assert answer.ended
                assert (answer.turn.text, answer.turn.thinking, answer.turn.state) == ("Yes.", "hm", "complete")
                assert (answer.turn.model, answer.turn.strategy) == ("one/a", "quality-first")
                assert answer.turn.usage is not None
                assert answer.route is not None
        assert answer.figures().phase == "complete"


# -- saving -----------------------------------------------------------------------------------------------------------


@in_time
async def test_a_growing_answer_is_saved_at_least_every_quarter_second() -> None:
    history = await FakeStore.open(None)
    history.seconds = 0.02
    async with stage(slowly(*(f"{n} " for n in range(60)), seconds=0.02), history=history) as on:
        answer = await ended(await on.engine.ask(None, "Go"))
    times = [at for at, _ in history.deltas]
    assert len(times) >= 5
    within(max(after - before for before, after in pairwise(times)), 0.25 + 0.1)
    saved = "".join(delta.text for _, delta in history.deltas)
    assert answer.text.startswith(saved)
    assert len(saved) > len(answer.text) / 2


async def test_thinking_is_saved_as_it_grows_too() -> None:
    history = await FakeStore.open(None)
    async with stage([Token("hm ", "thinking"), Pause(0.3), "Yes."], history=history) as on:
        await ended(await on.engine.ask(None, "Go"))
    assert [(delta.text, delta.thinking) for _, delta in history.deltas] == [("", "hm ")]


async def test_silence_is_not_saved() -> None:
    history = await FakeStore.open(None)
    async with stage([Pause(0.5), "x"], history=history) as on:
        await ended(await on.engine.ask(None, "Go"))
    assert history.deltas == []


@pytest.mark.parametrize(
    ("script", "state", "text"),
    [
        (["all"], "complete", "all"),
        (["cut", End(state="length", finish_reason="length")], "length", "cut"),
        (["no", End(state="refused")], "refused", "no"),
        (["part ", *BUSY], "broken", "part "),
        (BUSY, "failed", ""),
        ([], "empty", ""),
    ],
)
async def test_each_ending_is_saved_once_with_its_state(script: Script, state: str, text: str) -> None:
    history = await FakeStore.open(None)
    async with stage(script, history=history) as on:
        answer = await ended(await on.engine.ask(None, "Go", Request(fallback=False)))
    assert [(turn.state, turn.text, turn.id) for turn, _ in history.finished] == [(state, text, answer.turn.id)]
    turn, route = history.finished[0]
    assert route is not None
    assert (turn.error is not None) == (state in {"broken", "failed", "empty"})


@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_cancelled_answer_keeps_its_part_and_is_saved_once(cancels: int) -> None:
    history = await FakeStore.open(None)
    async with stage(endless(), history=history) as on:
        answer = await on.engine.ask(None, "Go")
        await until(lambda: answer.text)
        await asyncio.gather(*(answer.cancel() for _ in range(cancels)))
        chunks = await chunks_of(answer)
        await answer.cancel()
    assert end_of(chunks).state == "cancelled"
    assert [turn.state for turn, _ in history.finished] == ["cancelled"]
    assert history.finished[0][0].text == text_of(chunks) != ""


async def test_a_cancel_before_the_stream_was_opened() -> None:
    history = await FakeStore.open(None)
    history.seconds = 0.05
    async with stage(endless(), history=history) as on:
        answer = await on.engine.ask(None, "Go")
        await answer.cancel()
        assert end_of(await chunks_of(answer)).state == "cancelled"
    assert on.rig.asked == []
    assert [turn.state for turn, _ in history.finished] == ["cancelled"]


async def test_a_cancel_while_paused() -> None:
    async with stage(endless()) as on:
        answer = await on.engine.ask(None, "Go")
        answer.resume()
        await until(lambda: answer.text)
        answer.pause()
        assert answer.paused
        await asyncio.sleep(0.03)
        await answer.cancel()
        assert end_of(await chunks_of(answer)).state == "cancelled"
        answer.pause()
        assert not is_paused(answer)
        assert on.told == []


def is_paused(answer: Answer) -> bool:
    return answer.paused


async def test_a_paused_answer_goes_on_where_it_was() -> None:
    gate = Gate()
    async with stage([*(f"{n} " for n in range(8)), gate, *(f"{n} " for n in range(8, 20))]) as on:
        answer = await on.engine.ask(None, "Go")
        await until(lambda: answer.text.endswith("7 "))
        answer.pause()
        gate.open()
        await asyncio.sleep(0.03)
        held = len(answer)
        await asyncio.sleep(0.05)
        assert len(answer) == held
        figures = answer.figures()
        assert (figures.phase, figures.rate) == ("paused", None)
        assert 0.05 <= figures.phase_seconds < 2
        answer.resume()
        assert answer.figures().phase == "answering"
        assert (await ended(answer)).text == "".join(f"{n} " for n in range(20))


async def test_a_pause_before_the_stream_was_opened_holds_it() -> None:
    async with stage(slowly("a", "b", seconds=0.001)) as on:
        answer = await on.engine.ask(None, "Go")
        answer.pause()
        await asyncio.sleep(0.1)
        assert (answer.paused, answer.text, answer.figures().phase) == (True, "", "paused")
        answer.resume()
        assert (await ended(answer)).text == "ab"


async def test_closing_the_engine_keeps_the_part() -> None:
    history = await FakeStore.open(None)
    history.seconds = 0.01
    async with stage(endless(), history=history) as on:
        answer = await on.engine.ask(None, "Go")
        await until(lambda: answer.text)
    assert answer.turn.state == "cancelled"
    assert answer.text
    assert [(turn.state, turn.text) for turn, _ in history.finished] == [("cancelled", answer.text)]
    assert history.names()[-1] == "close"


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["add_assistant", "append_deltas", "finish"])
async def test_a_fault_of_our_own_is_told_and_the_answer_still_ends(call: str) -> None:
    history = await FakeStore.failing(call, error=RuntimeError("a bug"), late=True)
    gate = Gate()
    async with stage(["a ", gate, "b "], history=history) as on:
        answer = await on.engine.ask(None, "Go")
        if call == "append_deltas":
            # Only what grows for a while is saved before its end, which does not wait for the save that is running.
            await until(lambda: on.told)
        gate.open()
        chunks = await chunks_of(answer)
        await until(lambda: on.told)
        await asyncio.sleep(0.05)
        assert answer.ended
        assert [error.kind for error in on.told] == ["InternalError"]
        assert "a bug" in on.told[0].title
    assert isinstance(chunks[-1], End)
    if call == "add_assistant":
        assert [type(chunk) for chunk in chunks] == [Error, End]
        assert answer.turn.state == "failed"
    else:
        assert isinstance(chunks[0], Start)
        assert answer.turn.state == "complete"
    assert "finish" in history.names()
    assert not on.engine.running()
