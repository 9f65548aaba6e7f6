"""An app that does not open or close fails its test, and shows what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from textual.worker import WorkerFailed

from tests.doubles.scripted_chat import scripted_chat
from tests.support.time_guard import guard_ends, guard_time


async def wait_for_nothing() -> None:
    await asyncio.Event().wait()


async def wait_and_swallow_the_cancel() -> None:
    async with guard_time("closing it", 0.05):
        with suppress(asyncio.CancelledError):
            await wait_for_nothing()


async def test_an_app_that_fails_while_it_opens_is_not_waited_for() -> None:
    no_path = cast("Path", 3)
    with pytest.raises(WorkerFailed, match="Error"):
        async with asyncio.timeout(30), scripted_chat(file=no_path):
            pass


async def test_what_takes_too_long_fails_with_the_place_in_which_each_task_waits() -> None:
    other = asyncio.create_task(wait_for_nothing(), name="another task")
    with pytest.raises(AssertionError, match=r"opening it took longer than 0\.05 s") as raised:
        async with guard_time("opening it", 0.05):
            await wait_for_nothing()
    other.cancel()
    told = str(raised.value)
    assert "another task:" in told
    assert told.count("in wait_for_nothing") == 2
    assert "in Event.wait" in told
    assert "thread MainThread:" in told


async def test_a_cancel_that_is_swallowed_does_not_hide_that_it_took_too_long() -> None:
    with pytest.raises(AssertionError, match="closing it took longer"):
        await wait_and_swallow_the_cancel()


async def test_a_context_that_does_not_end_fails() -> None:
    @asynccontextmanager
    async def endless() -> AsyncIterator[None]:
        yield
        await wait_for_nothing()

    with pytest.raises(AssertionError, match="closing it took longer"):
        async with guard_ends("it", endless(), 0.05):
            pass


async def test_what_fails_in_a_context_is_what_its_end_sees() -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def watching() -> AsyncIterator[None]:
        try:
            yield
        except KeyError as error:
            seen.append(error)
            raise

    with pytest.raises(KeyError):
        async with guard_ends("it", watching(), 1):
            raise KeyError
    assert len(seen) == 1
