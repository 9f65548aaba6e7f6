"""Cancel, pause and leave a running stream, from wherever that may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import Chunk, Token
from chat_tui.providers.scripted_provider import Pause, Scripted
from chat_tui.routing.execution.stream import Stream
from tests.support.scripted_router import (
    BUSY,
    SOON,
    A,
    B,
    Gate,
    Rig,
    all_of,
    ask,
    end_of,
    endless,
    events,
    owed,
    slowly,
    text_of,
    tries,
    until,
)
from tests.support.time_limits import in_time, within

PROMPT = 0.25
"""Seconds within which a cancel must have closed everything (far more than it takes, for a busy machine)."""


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    here = {task for task in [asyncio.current_task()] if task}
    assert asyncio.all_tasks() - here <= before


async def timed_cancel(stream: Stream, ready: Callable[[], object] = lambda: True) -> float:
    """Cancels from this task, when it is ready; returns how long that took."""
    await until(ready)
    begun = time.monotonic()
    await stream.cancel()
    return time.monotonic() - begun


def speaks(chunks: Sequence[Chunk]) -> bool:
    """Whether two words have come."""
    return len(text_of(chunks).split()) >= 2


async def read_and_cancel(rig: Rig, stream: Stream, ready: Callable[[list[Chunk]], object] = speaks) -> list[Chunk]:
    """All chunks, with a cancel from another task as soon as what has come is ready for it."""
    chunks: list[Chunk] = []
    async with stream:
        cancelling = asyncio.create_task(timed_cancel(stream, lambda: ready(chunks)))
        await take_all(stream, chunks)
        owed(chunks)
        within(await cancelling, PROMPT)
        assert rig.open == 0
    assert end_of(chunks).state == end_of(chunks).finish_reason == "cancelled"
    return chunks


async def test_a_reply_is_read_to_its_end() -> None:
    rig = Rig(a=slowly("Good ", "day."))
    chunks = await all_of(rig.router().process_stream(ask()))
    assert text_of(chunks) == "Good day."
    assert end_of(chunks).state == "complete"
    assert (end_of(chunks).model, end_of(chunks).provider) == ("one/a", "one")
    assert tries(chunks) == [("one/a", "answered")]
    assert rig.open == 0


async def test_a_whole_reply_is_the_same_text() -> None:
    reply = await Rig(a=slowly("Good ", "day.")).router().process(ask())
    assert reply.text == "Good day."
    assert reply.end.state == "complete"


@in_time
async def test_cancel_from_another_task_keeps_what_came() -> None:
    rig = Rig(a=endless())
    chunks = await read_and_cancel(rig, rig.router().process_stream(ask()))
    assert text_of(chunks).startswith("w0 w1 ")
    assert tries(chunks) == [("one/a", "cancelled")]


async def test_cancel_from_inside_the_loop_ends_it() -> None:
    rig = Rig(a=endless())
    chunks: list[Chunk] = []
    async with rig.router().process_stream(ask()) as stream:
        async for chunk in stream:
            chunks.append(chunk)
            if isinstance(chunk, Token) and chunk.index == 3:
                await stream.cancel()
                assert rig.open == 0
    owed(chunks)
    assert text_of(chunks) == "w0 w1 w2 w3 "
    assert end_of(chunks).state == "cancelled"


@in_time
async def test_cancel_before_the_first_token() -> None:
    rig = Rig(a=[Pause(30), "late"])
    chunks = await read_and_cancel(rig, rig.router().process_stream(ask()), lambda _: rig.open)
    assert text_of(chunks) == ""


async def test_cancel_before_anything_was_read() -> None:
    rig = Rig(a=endless())
    async with rig.router().process_stream(ask()) as stream:
        await stream.cancel()
        chunks = owed([chunk async for chunk in stream])
    assert end_of(chunks).state == "cancelled"
    assert rig.asked == []


@in_time
async def test_cancel_in_a_back_off() -> None:
    rig = Rig(a=[BUSY])
    router = rig.router(handling=ErrorHandling(retry_delay_seconds=30))
    chunks = await read_and_cancel(rig, router.process_stream(ask()), lambda chunks: events(chunks)[-1:] == ["retry"])
    assert events(chunks)[-1] == "retry"
    assert tries(chunks) == [("one/a", "Overloaded")]


@in_time
async def test_cancel_in_the_line_leaves_the_others_alone() -> None:
    gate = Gate()
    rig = Rig(a=["long ", gate, "answer"])
    router = rig.router(streams=1)
    first = asyncio.create_task(all_of(router.process_stream(ask())))
    await until(lambda: rig.open)
    chunks = await read_and_cancel_in_line(router.process_stream(ask()))
    gate.open()
    assert events(chunks) == ["queued"]
    assert rig.asked == ["one/a"]
    assert text_of(await first) == "long answer"
    assert text_of(await all_of(router.process_stream(ask()))) == "long answer"


async def read_and_cancel_in_line(stream: Stream) -> list[Chunk]:
    chunks: list[Chunk] = []
    async with stream:
        cancelling = asyncio.create_task(timed_cancel(stream, lambda: events(chunks)))
        await take_all(stream, chunks)
        owed(chunks)
        within(await cancelling, PROMPT)
    assert end_of(chunks).state == "cancelled"
    return chunks


@in_time
async def test_cancel_while_paused() -> None:
    rig = Rig(a=endless())
    stream = rig.router().process_stream(ask())

    def held(chunks: list[Chunk]) -> bool:
        if speaks(chunks):
            stream.pause()
        return stream.paused

    chunks = await read_and_cancel(rig, stream, held)
    assert not stream.paused
    assert text_of(chunks).startswith("w0 ")


@pytest.mark.parametrize("paused", [False, True])
@in_time
async def test_cancel_from_many_sides_at_once(paused: bool) -> None:
    rig = Rig(a=endless())
    async with rig.router().process_stream(ask()) as stream:
        reading = asyncio.create_task(read(stream))
        await until(lambda: rig.open)
        if paused:
            stream.pause()
            await asyncio.sleep(0.02)
        took = await asyncio.gather(*(timed_cancel(stream) for _ in range(5)))
        within(max(took), PROMPT)
        assert rig.open == 0
        assert end_of(await reading).state == "cancelled"


async def read(stream: Stream) -> list[Chunk]:
    return owed([chunk async for chunk in stream])


async def test_cancel_while_the_reader_is_busy_elsewhere() -> None:
    rig = Rig(a=endless())
    async with rig.router().process_stream(ask()) as stream:
        reading = asyncio.create_task(read_slowly(stream))
        await until(lambda: rig.open)
        await asyncio.sleep(0.02)
        await stream.cancel()
        assert rig.open == 0
        assert end_of(await reading).state == "cancelled"


async def read_slowly(stream: Stream) -> list[Chunk]:
    chunks = []
    async for chunk in stream:
        chunks.append(chunk)
        await asyncio.sleep(0.003)
    return owed(chunks)


@in_time
async def test_a_second_cancel_and_one_after_the_end_do_no_harm() -> None:
    rig = Rig(a=endless())
    stream = rig.router().process_stream(ask())
    chunks = await read_and_cancel(rig, stream)
    await stream.cancel()
    stream.pause()
    stream.resume()
    assert end_of(chunks).state == "cancelled"
    done = rig.router().process_stream(ask())
    async with done:
        await done.cancel()
        await done.cancel()


async def test_a_cancel_that_comes_after_the_last_word_leaves_it_complete() -> None:
    rig = Rig(a=["all"])
    async with rig.router().process_stream(ask()) as stream:
        chunks = []
        async for chunk in stream:
            chunks.append(chunk)
            if isinstance(chunk, Token):
                # The dialect's ending is one read away.
                await asyncio.sleep(0.02)
    assert end_of(owed(chunks)).state == "complete"
    await stream.cancel()


async def test_leaving_early_closes_the_source() -> None:
    rig = Rig(a=endless())
    router = rig.router(streams=1)
    for _ in range(3):
        async with asyncio.timeout(SOON), router.process_stream(ask()) as stream:
            async for chunk in stream:
                if isinstance(chunk, Token):
                    break
        assert rig.open == 0
    assert rig.played["a"].closed == 3
    assert router.health.vitals("one/a").running == 0


async def test_an_error_of_the_readers_own_closes_the_source() -> None:
    rig = Rig(a=endless())
    with pytest.raises(KeyError):
        await stumble(rig.router().process_stream(ask()))
    assert rig.open == 0


async def stumble(stream: Stream) -> None:
    async with stream:
        async for chunk in stream:
            if isinstance(chunk, Token):
                raise KeyError("mine")


async def test_a_cancelled_task_closes_the_source() -> None:
    rig = Rig(a=endless())
    reading = asyncio.create_task(all_of(rig.router().process_stream(ask())))
    await until(lambda: rig.open)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert rig.open == 0


async def test_leaving_while_another_task_reads_closes_the_source() -> None:
    rig = Rig(a=[Pause(30)])
    async with asyncio.timeout(SOON):
        async with rig.router().process_stream(ask()) as stream:
            reading = asyncio.create_task(anext_of(stream, 3))
            await until(lambda: rig.open)
        assert rig.open == 0
        await reading


async def anext_of(stream: Stream, count: int) -> None:
    for _ in range(count):
        try:
            await anext(stream)
        except StopAsyncIteration:
            return


async def test_a_pause_holds_the_source_and_loses_nothing() -> None:
    words = [f"w{number} " for number in range(40)]
    gate = Gate()
    rig = Rig(a=[*words[:10], gate, *words[10:]])
    chunks: list[Chunk] = []
    async with asyncio.timeout(SOON), rig.router().process_stream(ask()) as stream:
        reading = asyncio.create_task(take_all(stream, chunks))
        await until(lambda: text_of(chunks).endswith("w9 "))
        stream.pause()
        assert stream.paused
        gate.open()
        await asyncio.sleep(0.02)
        held = len(chunks)
        await asyncio.sleep(0.05)
        assert 0 < len(chunks) == held < 30
        stream.resume()
        await reading
    assert text_of(owed(chunks)) == "".join(words)


async def take_all(stream: Stream, chunks: list[Chunk]) -> None:
    async for chunk in stream:
        chunks.append(chunk)


async def test_nothing_is_read_ahead_of_a_slow_reader() -> None:
    drawn: list[int] = []

    class Counting(Scripted):
        async def stream(self, model, request):  # type: ignore[no-untyped-def]
            for number in range(50):
                drawn.append(number)
                yield [Token(f"{number} ")]

    rig = Rig(a=Counting())
    async with rig.router().process_stream(ask()) as stream:
        async for chunk in stream:
            if isinstance(chunk, Token):
                await asyncio.sleep(0)
                assert len(drawn) <= chunk.index + 1
            if isinstance(chunk, Token) and chunk.index == 10:
                break
    assert len(drawn) == 11


@pytest.mark.parametrize(
    "timeouts", [Timeouts(token_seconds=0.5), Timeouts(first_token_seconds=0.5), Timeouts(stream_seconds=0.5)]
)
async def test_a_pause_is_not_counted_as_silence(timeouts: Timeouts) -> None:
    first, gate = timeouts.first_token_seconds == 0.5, Gate()
    rig = Rig(a=[gate, "late"] if first else ["first ", gate, "late"])
    stream = rig.router(timeouts=timeouts).process_stream(ask())
    reading = asyncio.create_task(all_of(stream))
    await gate.reached.wait()
    stream.pause()
    await asyncio.sleep(0.6)
    gate.open()
    stream.resume()
    chunks = await reading
    assert text_of(chunks).endswith("late")
    assert end_of(chunks).state == "complete"


@in_time
async def test_silence_before_a_pause_counts_on_after_it() -> None:
    rig = Rig(a=["first", Pause(30)])
    stream = rig.router(timeouts=Timeouts(token_seconds=0.2)).process_stream(ask())
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for at in (0.1, 0.2, 0.3):
        loop.call_later(at, stream.pause)
        loop.call_later(at + 0.05, stream.resume)
    chunks = await all_of(stream)
    assert end_of(chunks).state == "broken"
    took = loop.time() - begun
    assert took >= 0.25
    within(took, 1.0)


async def test_a_pause_in_a_back_off_and_in_the_line_is_no_trouble() -> None:
    rig = Rig(a=Scripted([BUSY], ["done"]))
    stream = rig.router(handling=ErrorHandling(retry_delay_seconds=0.05)).process_stream(ask())
    loop = asyncio.get_running_loop()
    loop.call_later(0.02, stream.pause)
    loop.call_later(0.15, stream.resume)
    assert text_of(await all_of(stream)) == "done"


async def test_more_streams_than_allowed_wait_in_line_one_provider_beside_the_other() -> None:
    gate = Gate()
    rig = Rig(a=[gate, "x"], b=[gate, "y"])
    router = rig.router(A, B, streams=2)
    asked = [router.process_stream(ask(model=name)) for name in ["one/a"] * 4 + ["two/b"] * 2]
    reading = [asyncio.create_task(all_of(stream)) for stream in asked]
    await until(lambda: rig.open == 4)
    gate.open()
    answers = await asyncio.gather(*reading)
    assert ["queued" in events(chunks) for chunks in answers] == [False, False, True, True, False, False]
    assert all(end_of(chunks).state == "complete" for chunks in answers)


@in_time
async def test_slots_come_back_after_every_ending() -> None:
    rig = Rig(a=Scripted(["ok"], [BUSY], ["part", BUSY], endless(), endless(), ["ok"]))
    router = rig.router(streams=1, handling=ErrorHandling(retry_attempts=1))
    states = [end_of(await all_of(router.process_stream(ask()))).state for _ in range(3)]
    stream = router.process_stream(ask())
    states.append(end_of(await read_and_cancel(rig, stream)).state)
    async with router.process_stream(ask()) as left:
        await anext_of(left, 4)
    states.append(end_of(await all_of(router.process_stream(ask()))).state)
    assert states == ["complete", "failed", "broken", "cancelled", "complete"]
    assert router.health.vitals("one/a").running == 0
