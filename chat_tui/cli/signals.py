"""Signals that ask the program to end, as an event."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine


def watch_interrupts() -> asyncio.Event:
    """Return an event that SIGINT, SIGTERM and SIGHUP set from now on instead of ending the program."""
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A signal that is ignored stays ignored: `nohup` and background jobs rely on that.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    return interrupted


async def run_until_interrupted(interrupted: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Await `work`; cancel it as soon as the event is set. Raises what `work` raises."""
    doing, stop = asyncio.ensure_future(work), asyncio.ensure_future(interrupted.wait())
    await asyncio.wait([doing, stop], return_when=asyncio.FIRST_COMPLETED)
    doing.cancel()
    stop.cancel()
    await asyncio.wait([doing, stop])
    if not doing.cancelled():
        doing.result()
