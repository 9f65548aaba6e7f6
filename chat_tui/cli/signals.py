"""Ctrl-C and its like, as something to be waited for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine


def interrupts() -> asyncio.Event:
    """Set by the first signal that asks the program to end."""
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # One that is ignored stays so: `nohup` and jobs in the background mean it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    return interrupted


async def unless(interrupted: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do it to its end, or up to the interruption."""
    doing, stop = asyncio.ensure_future(work), asyncio.ensure_future(interrupted.wait())
    await asyncio.wait([doing, stop], return_when=asyncio.FIRST_COMPLETED)
    doing.cancel()
    stop.cancel()
    await asyncio.wait([doing, stop])
    if not doing.cancelled():
        doing.result()
