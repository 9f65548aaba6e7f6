"""A short answer at once and the detailed one in its place: two replies in one stream, and what either owes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from chat_tui.config.schema import Adaptive, Config
from chat_tui.core.chunks import Chunk, Metadata, Timings, Token
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.engine.answers.answer import Answer
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Scripted
from tests.support.scripted_engine import Stage, chunks_of, stage
from tests.support.scripted_router import Gate, end_of, endless, error_of, owed, slowly, until

ADAPTIVE = Request(adaptive=True)
BEST = Model("one/a", 8_000, 10.0, 20.0, quality=0.9)
FAST = Model("two/b", 8_000, 1.0, 2.0, quality=0.2)
AWAY: Script = [Fault(Rejected("It is away.", "Ask another."))]


@asynccontextmanager
async def two(
    best: Script, fast: Script, config: Config | None = None, history: Store | None = None
) -> AsyncIterator[Stage]:
    """The first by quality is `one/a`; the first by speed, as was learned, `two/b`."""
    async with stage(best, models=(BEST, FAST), config=config, history=history) as on:
        on.rig.played["b"] = Scripted(fast)
        for model, seconds in ((BEST, 5.0), (FAST, 0.1)):
            for _ in range(5):
                on.router.health.note_answer(model.name, Timings(seconds, seconds * 2, 10 / seconds), "")
        yield on


async def asked(on: Stage, **fields: object) -> Answer:
    return await on.engine.ask(None, "Why not?", ADAPTIVE.replace(**fields))


def said(chunks: Sequence[Chunk], phase: str) -> str:
    return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.phase == phase)


async def grown(answer: Answer, *phases: str) -> None:
    """Until each of these has said something."""
    wanted = set(phases)
    async with asyncio.timeout(20):
        async for chunk in answer.follow():
            if isinstance(chunk, Token):
                wanted.discard(str(chunk.phase))
            if not wanted:
                return


async def test_both_start_together_and_the_detailed_one_is_kept_with_the_quick_one_beside_it() -> None:
    quick, detailed = Gate(), Gate()
    async with two([detailed, "All ", "of ", "it."], [quick, "In ", "short."]) as on:
        answer = await asked(on)
        # Neither has said anything, and both are asked.
        await until(lambda: on.rig.open == 2)
        quick.open()
        await grown(answer, "quick")
        detailed.open()
        chunks = owed(await chunks_of(answer))
        assert said(chunks, "quick") == "In short."
        assert said(chunks, "detailed") == "All of it."
        first = next(chunk for chunk in chunks if isinstance(chunk, Token))
        assert first.phase == "quick"
        assert (answer.turn.text, answer.turn.state, answer.turn.model) == ("All of it.", "complete", "one/a")
        assert answer.turn.quick is not None
        assert (answer.turn.quick.text, answer.turn.quick.model) == ("In short.", "two/b")
        assert answer.turn.quick.ttft_seconds is not None
        assert answer.turn.timings is not None
        assert answer.turn.quick.ttft_seconds < (answer.turn.timings.ttft_seconds or 0)
        assert answer.figures().quick_ttft_seconds == answer.turn.quick.ttft_seconds
        end = end_of(chunks)
        assert end.route is not None
        assert [(one.model, one.strategy) for one in end.route.tries] == [("two/b", "speed-priority"), ("one/a", "")]
        await answer.saved.wait()
        on.engine.conversations.cache._open.clear()
        kept = (await on.engine.conversations.conversation(answer.conversation_id)).path[-1]
        assert (kept.text, kept.quick) == ("All of it.", answer.turn.quick)


async def test_each_model_is_asked_as_the_settings_say() -> None:
    told = Adaptive(first_max_tokens=7, first_temperature=0.25, instruction="At length, please.")
    async with two(["All."], ["Short."], Config(adaptive=told, model="one/a")) as on:
        await chunks_of(await asked(on))
        best, fast = on.player.requests[0], on.rig.played["b"].requests[0]
        assert (fast.max_tokens, fast.temperature, fast.turns[-1].text) == (7, 0.25, "Why not?")
        assert (best.max_tokens, best.temperature) == (None, None)
        assert best.turns[-1].text == "Why not?\n\nAt length, please."
    default = Adaptive()
    assert (default.first_strategy, default.first_max_tokens, default.first_temperature) == ("speed-priority", 50, 0.5)
    assert default.second_strategy == "quality-first"


async def test_what_both_cost_is_told_before_and_summed_after() -> None:
    async with two(["All ", "of ", "it."], ["Short."]) as on:
        alone = await on.engine.estimates.estimate(None, "Why not?", Request(model=BEST.name))
        both = await on.engine.estimates.estimate(None, "Why not?", ADAPTIVE)
        assert alone.price is not None
        assert both.price is not None
        assert alone.price < both.price < alone.price * 1.2
        chunks = await chunks_of(await asked(on))
        prices = {chunk.phase: chunk.price for chunk in chunks if isinstance(chunk, Metadata) and chunk.price}
        assert prices["detailed"] == pytest.approx(both.price)
        usages = [player.requests[0] for player in (on.player, on.rig.played["b"])]
        assert len(usages) == 2
        end = end_of(chunks)
        assert end.usage is not None
        assert end.usage.completion_tokens == 4
        assert end.cost is not None
        assert end.cost > (3 * 20 + 1 * 2) / 1e6


async def test_the_same_model_is_asked_once() -> None:
    async with two(["All."], ["Short."], Config(adaptive=Adaptive(first_strategy="quality-first"))) as on:
        answer = await asked(on)
        chunks = owed(await chunks_of(answer))
        assert on.rig.asked == ["one/a"]
        assert not any(chunk.phase for chunk in chunks if isinstance(chunk, Token))
        assert (answer.turn.text, answer.turn.quick) == ("All.", None)
        assert "detailed" in on.player.requests[0].turns[-1].text


async def test_where_the_detailed_one_fails_the_quick_one_stands() -> None:
    async with two(AWAY, ["In ", "short."], Config(fallback=False)) as on:
        answer = await asked(on)
        chunks = owed(await chunks_of(answer))
        assert (answer.turn.text, answer.turn.state, answer.turn.model) == ("In short.", "complete", "two/b")
        assert answer.turn.error is None
        assert answer.turn.quick is not None
        assert (answer.turn.quick.text, answer.turn.quick.alone) == ("", "It is away.")
        told = [chunk for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "phase"]
        assert [(chunk.phase, chunk.reason) for chunk in told] == [("detailed", "It is away."), ("quick", "")]


async def test_where_the_quick_one_fails_the_detailed_one_stands() -> None:
    async with two(slowly("All ", "of it."), AWAY) as on:
        answer = await asked(on)
        chunks = owed(await chunks_of(answer))
        assert (answer.turn.text, answer.turn.state, answer.turn.quick) == ("All of it.", "complete", None)
        assert error_of(chunks) == ""
        assert on.rig.asked.count("two/b") == 1


async def test_where_both_fail_the_error_is_the_detailed_ones() -> None:
    async with two(AWAY, AWAY, Config(fallback=False)) as on:
        answer = await asked(on)
        owed(await chunks_of(answer))
        assert answer.turn.state == "failed"
        assert answer.turn.error is not None
        assert answer.turn.error.title == "It is away."


async def test_a_part_of_the_detailed_one_is_broken_with_the_quick_one_beside_it() -> None:
    gate = Gate()
    async with two([gate, "All ", *AWAY], ["Short."], Config(fallback=False)) as on:
        answer = await asked(on)
        await grown(answer, "quick")
        gate.open()
        chunks = owed(await chunks_of(answer))
        assert (answer.turn.text, answer.turn.state) == ("All ", "broken")
        assert error_of(chunks) == "Rejected"
        assert answer.turn.quick is not None


async def test_a_cancel_ends_both_and_keeps_what_came() -> None:
    async with two(endless(), endless()) as on:
        answer = await asked(on)
        await grown(answer, "quick", "detailed")
        assert on.rig.open == 2
        await answer.cancel()
        assert on.rig.open == 0
        owed(await chunks_of(answer))
        assert answer.turn.state == "cancelled"
        assert answer.turn.text.startswith("w0 ")
        assert answer.turn.quick is not None


async def test_a_cancel_before_the_detailed_one_has_spoken_keeps_the_quick_one() -> None:
    async with two([Pause(60)], ["In ", "short."]) as on:
        answer = await asked(on)
        await grown(answer, "quick")
        await answer.cancel()
        assert on.rig.open == 0
        assert answer.turn.state == "cancelled"
        assert "In " in answer.turn.text
        assert answer.turn.model == "two/b"
        assert answer.turn.quick is not None
        assert (answer.turn.quick.text, answer.turn.quick.alone) == ("", "")


async def test_the_quick_one_is_saved_while_the_detailed_one_has_said_nothing() -> None:
    history = await Store.open(None)
    async with two([Pause(60)], ["In ", "short."], history=history) as on:
        answer = await asked(on)
        for _ in range(250):
            turn = (await history.read(reads.conversation, answer.conversation_id)).path[-1]
            if turn.quick is not None and turn.quick.text.endswith("short."):
                break
            await asyncio.sleep(0.02)
        assert turn.quick is not None
        assert (turn.text, turn.state) == ("", "streaming")
        assert (turn.quick.text, turn.quick.model) == ("In short.", "two/b")
        await answer.cancel()


async def test_the_quick_one_ends_when_nobody_needs_it_any_more() -> None:
    async with two(["All."], [Pause(60), "late"]) as on:
        answer = await asked(on)
        owed(await chunks_of(answer))
        assert (answer.turn.text, answer.turn.state, answer.turn.quick) == ("All.", "complete", None)


async def test_a_pause_holds_both_and_loses_nothing() -> None:
    async with two(endless(0.001), endless(0.001), Config(adaptive=Adaptive(first_max_tokens=2000))) as on:
        answer = await asked(on)
        await grown(answer, "quick", "detailed")
        answer.pause()
        await asyncio.sleep(0.05)
        held = len(answer)
        await asyncio.sleep(0.1)
        assert len(answer) == held
        answer.resume()
        async with asyncio.timeout(20):
            going_on = answer.follow(held + 20)
            await anext(going_on)
        await answer.cancel()
        chunks = owed(await chunks_of(answer))
        for phase in ("quick", "detailed"):
            words = said(chunks, phase).split()
            assert words == [f"w{number}" for number in range(len(words))]


async def test_a_slow_reader_holds_both() -> None:
    async with two(endless(0.0), endless(0.0), Config(adaptive=Adaptive(first_max_tokens=2000))) as on:
        answer = await asked(on)
        batches = answer.batches(tokens=4, hold_bytes=200)
        phases = set[object]()
        async with asyncio.timeout(20), aclosing(batches):
            while len(phases) < 2:
                phases |= {chunk.phase for chunk in await anext(batches) if isinstance(chunk, Token)}
            # Nobody reads on: 200 bytes are held, and what was under way.
            for _ in range(500):
                await asyncio.sleep(0)
            held = len(answer)
            for _ in range(500):
                await asyncio.sleep(0)
            assert len(answer) == held
            assert answer.text or answer.quick
            assert len(answer.text + answer.quick) < 1000
        await answer.cancel()
        owed(await chunks_of(answer))


async def test_a_limit_of_price_holds_for_both() -> None:
    async with two(["word "] * 900, ["Short."]) as on:
        answer = await asked(on, max_price=0.005)
        await chunks_of(answer)
        assert answer.turn.cost is not None
        assert answer.turn.cost <= 0.005
        assert answer.turn.quick is not None or answer.turn.text
