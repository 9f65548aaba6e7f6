"""Waits that fail and show what every task was doing, where they would wait for ever."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

LONGEST_SECONDS = 60.0
AFTER_SECONDS = 0.5
"""Between the stacks being read and the end of the wait, which changes them."""


@asynccontextmanager
async def guard_time(what: str, seconds: float = LONGEST_SECONDS) -> AsyncIterator[None]:
    """Let what is done within take `seconds` at most. Raises AssertionError with the stacks of tasks and threads."""
    stacks: list[str] = []
    timer = asyncio.get_running_loop().call_later(seconds, lambda: stacks.append(read_stacks()))
    try:
        async with asyncio.timeout(seconds + AFTER_SECONDS):
            yield
    except TimeoutError:
        if not stacks:
            raise
    except BaseException as error:
        if stacks:
            error.add_note(stacks[0])
        raise
    finally:
        timer.cancel()
    if stacks:
        raise AssertionError(f"{what} took longer than {seconds:g} s:\n{stacks[0]}")


@asynccontextmanager
async def guard_ends(
    what: str, running: AbstractAsyncContextManager[object], seconds: float = LONGEST_SECONDS
) -> AsyncIterator[None]:
    """Enter and leave a context, each in `seconds` at most; what is done within may take longer."""
    async with guard_time(f"opening {what}", seconds):
        await running.__aenter__()
    try:
        yield
    except BaseException:
        async with guard_time(f"closing {what}", seconds):
            if not await running.__aexit__(*sys.exc_info()):
                raise
    else:
        async with guard_time(f"closing {what}", seconds):
            await running.__aexit__(None, None, None)


def read_stacks() -> str:
    """Return where each task of this event loop waits, outermost first, and where each thread is."""
    parts = [f"{task.get_name()}:\n{_waits_of(task)}" for task in asyncio.all_tasks()]
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        text = io.StringIO()
        traceback.print_stack(frame, file=text)
        parts.append(f"thread {names.get(ident, ident)}:\n{text.getvalue()}")
    return "\n".join(parts)


def _waits_of(task: asyncio.Task[object]) -> str:
    """The places in which the coroutines of a task wait for each other; `Task.get_stack` knows the outermost only."""
    places: list[str] = []
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame = _first(waiting, "cr_frame", "gi_frame", "ag_frame")
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in " if frame is not None else ""
        places.append(f"  {place}{getattr(waiting, '__qualname__', repr(waiting))}")
        waiting = _first(waiting, "cr_await", "gi_yieldfrom", "ag_await")
    return "\n".join(places)


def _first(owner: object, *names: str) -> Any:
    """The first of these attributes that is there and not None."""
    return next((found for name in names if (found := getattr(owner, name, None)) is not None), None)
