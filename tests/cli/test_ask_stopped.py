"""`chat-tui ask` is stopped (SIGSTOP) while an answer comes, and goes on later: what arrived meanwhile is read before
any limit of silence counts."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.wire.home import QUICK, Home
from tests.wire.raw_server import DONE, Asked, RawServer, event, head

STOPPED_SECONDS = 2.5
"""Longer than each limit, and than the program's own watch for such stops."""

LIMITS = {
    "first token": ("first_token_seconds = 1.5", b""),
    "silence": ("token_seconds = 1.5", event("Here ")),
    "whole answer": ("stream_seconds = 2.0", event("Here ")),
}


class SlowServer:
    """Sends a first part, then waits to be told to send the rest."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self.began, self.go_on, self.sent = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head() + self._first)
        await writer.drain()
        self.began.set()
        await self.go_on.wait()
        writer.write(b"".join(event(f"word{number} ") for number in range(200)) + event(None, "stop") + DONE)
        await writer.drain()
        self.sent.set()
        writer.close()


async def stopped_ask(home: Home, limit: str, slow: SlowServer, *, answers: bool) -> tuple[int | None, str, str]:
    """Asks, stops the program for a while in which the rest arrives (or nothing does); code, stdout, stderr."""
    async with RawServer(slow.answer) as server, asyncio.timeout(60):
        home.serve(server.base_url, "m", more=f"{QUICK}[timeouts]\n{limit}\n")
        process = await home.start("ask", "hello")
        await slow.began.wait()
        # It has read what came so far, and waits.
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        if answers:
            slow.go_on.set()
            await slow.sent.wait()
        await asyncio.sleep(STOPPED_SECONDS)
        process.send_signal(signal.SIGCONT)
        out, err = await process.communicate()
        slow.go_on.set()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("kind", LIMITS)
async def test_an_answer_that_arrived_while_the_program_was_stopped_is_whole(home: Home, kind: str) -> None:
    limit, first = LIMITS[kind]
    code, out, err = await stopped_ask(home, limit, SlowServer(first), answers=True)
    assert (code, out.split()[-1]) == (0, "word199"), err


@pytest.mark.parametrize("kind", LIMITS)
async def test_a_server_that_stays_silent_is_given_up_after_a_stop(home: Home, kind: str) -> None:
    limit, first = LIMITS[kind]
    code, out, err = await stopped_ask(home, limit, SlowServer(first), answers=False)
    assert (code, out.strip()) == (1, "Here" if first else "")
    assert f"{limit.split()[-1].removesuffix('.0')} s" in err
