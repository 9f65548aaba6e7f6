"""The door into a wait: it ends with the limit or the cancel, and never takes somebody else's cancel for its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from chat_tui.routing.execution.control import Cancelled, Expired, StreamControl


async def test_what_is_awaited_comes_through() -> None:
    control = StreamControl()
    assert await control.wait(asyncio.sleep(0.01, "there"), 5) == "there"
    assert await control.wait(asyncio.sleep(0, "at once")) == "at once"
    assert 0.005 < control.waited_seconds < 1
    control.close()


@pytest.mark.parametrize("seconds", [0.0, 0.03])
async def test_a_limit_ends_the_wait_and_not_the_task(seconds: float) -> None:
    control = StreamControl()
    with pytest.raises(Expired):
        await control.wait(asyncio.sleep(30), seconds)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)
    assert await control.wait(asyncio.sleep(0, "on"), 1) == "on"


async def test_each_wait_has_the_whole_of_its_limit() -> None:
    control = StreamControl()
    for _ in range(4):
        await control.wait(asyncio.sleep(0.2), 0.6)
    with pytest.raises(Expired):
        await control.wait(asyncio.sleep(60), 0.6)


async def test_a_shorter_limit_after_a_longer_one_is_kept() -> None:
    control = StreamControl()
    await control.wait(asyncio.sleep(0), 30)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(Expired):
        await control.wait(asyncio.sleep(30), 0.03)
    assert asyncio.get_running_loop().time() - begun < 20


async def test_no_limit_after_a_limit_is_none() -> None:
    control = StreamControl()
    await control.wait(asyncio.sleep(0), 0.02)
    assert await control.wait(asyncio.sleep(0.06, "late")) == "late"


async def test_a_cancel_ends_this_wait_and_all_that_follow() -> None:
    control = StreamControl()
    asyncio.get_running_loop().call_later(0.02, control.cancel)
    with pytest.raises(Cancelled):
        await control.wait(asyncio.sleep(30), 30)
    with pytest.raises(Cancelled):
        await control.wait(asyncio.sleep(30))
    control.cancel()
    await asyncio.sleep(0.01)


async def test_what_came_in_the_very_moment_of_the_cancel_is_taken() -> None:
    control = StreamControl()
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def both() -> None:
        future.set_result("just in time")
        control.cancel()

    asyncio.get_running_loop().call_later(0.01, both)
    assert await control.wait(future, 5) == "just in time"


async def test_the_tasks_own_cancel_goes_on() -> None:
    control = StreamControl()
    task = asyncio.create_task(one_wait(control))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = asyncio.create_task(one_wait(control))
    await asyncio.sleep(0.01)
    control.cancel()
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again


async def one_wait(control: StreamControl) -> None:
    await control.wait(asyncio.sleep(30), 30)


async def test_it_stands_within_other_time_limits() -> None:
    control = StreamControl()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await one_wait(control)
    async with asyncio.timeout(20):
        with pytest.raises(Expired):
            await control.wait(asyncio.sleep(30), 0.02)


async def test_errors_come_through_as_they_are() -> None:
    control = StreamControl()
    for error in (ValueError("x"), TimeoutError("its own")):
        with pytest.raises(type(error)) as raised:
            await control.wait(failing(error), 5)
        assert raised.value is error


async def failing(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def test_pauses_are_left_out_of_every_count() -> None:
    control, loop = StreamControl(), asyncio.get_running_loop()
    times: list[float] = []

    def act(pauses_or_resumes: Callable[[], None]) -> None:
        times.append(loop.time())
        pauses_or_resumes()

    for seconds, action in (
        (0.05, control.pause),
        (0.06, control.pause),
        (0.85, control.resume),
        (0.86, control.resume),
    ):
        loop.call_later(seconds, act, action)
    assert await control.wait(asyncio.sleep(1, "slow"), 0.7) == "slow"
    assert control.waited_seconds < 0.7
    assert control.paused_seconds == pytest.approx(times[2] - times[0], abs=0.1)
    control.pause()
    assert await control.wait(asyncio.sleep(0.05, "held"), 0.01) == "held"
    control.resume()
    assert not control.paused
    control.close()


async def test_a_wait_that_begins_in_a_pause_has_its_limit_after_it() -> None:
    control, loop = StreamControl(), asyncio.get_running_loop()
    control.pause()
    loop.call_later(0.1, control.resume)
    begun = loop.time()
    with pytest.raises(Expired):
        await control.wait(asyncio.sleep(30), 0.05)
    assert 0.13 < loop.time() - begun < 20
