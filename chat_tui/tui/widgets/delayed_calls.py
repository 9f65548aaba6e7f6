"""Calls that are made later and are not lost, however busy the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message_pump import MessagePump


def call_after(pump: MessagePump, seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    """Call a function from the message queue of a widget or app in `seconds`, unless that is closed by then.

    Textual's `set_timer` never calls it if the process gets no processor time for that long just as the timer starts:
    it takes the call for one of a series that is late, and waits for the next, which does not exist.
    """
    return asyncio.get_running_loop().call_later(seconds, pump.call_later, call)
