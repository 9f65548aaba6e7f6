"""Slow typing: which chunks are delayed, and how the delay is ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from chat_tui.config.schema import Display
from chat_tui.core.chunks import Chunk, Metadata, Token
from chat_tui.engine.answers.pacing import TypingPace

SLOW = Display(typing_delay_seconds=10.0)
TOKENS = [Token("a"), Token("b"), Token("c")]


async def stream(chunks: Sequence[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


class Shown:
    """What has been shown so far of paced chunks."""

    def __init__(self, pace: TypingPace, chunks: Sequence[Chunk], known: int = 0) -> None:
        self.chunks: list[Chunk] = []
        self.task = asyncio.ensure_future(self._follow(pace, chunks, known))

    async def _follow(self, pace: TypingPace, chunks: Sequence[Chunk], known: int) -> None:
        async for chunk in pace.follow(stream(chunks), known):
            self.chunks.append(chunk)


async def turn_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_a_delay_nothing_is_typed_and_nothing_waits() -> None:
    pace = TypingPace(Display())
    shown = Shown(pace, TOKENS)
    await turn_the_loop()
    assert shown.chunks == TOKENS
    assert shown.task.done()
    assert not pace.is_slow
    assert not pace.skip()


async def test_each_token_waits_until_the_rest_is_wanted_at_once() -> None:
    pace = TypingPace(SLOW)
    shown = Shown(pace, TOKENS)
    await turn_the_loop()
    assert shown.chunks == TOKENS[:1]
    assert pace.is_typing
    assert pace.skip()
    await asyncio.wait_for(shown.task, 5)
    assert shown.chunks == TOKENS
    assert not pace.is_typing


async def test_what_was_there_before_and_what_is_no_token_comes_at_once() -> None:
    note = Metadata("note")
    shown = Shown(TypingPace(SLOW), [*TOKENS[:2], note, *TOKENS], known=2)
    await turn_the_loop()
    assert shown.chunks == [*TOKENS[:2], note, TOKENS[0]]
    shown.task.cancel()


async def test_an_event_from_outside_ends_the_delays() -> None:
    interrupted = asyncio.Event()
    shown = Shown(TypingPace(SLOW, interrupted), TOKENS)
    await turn_the_loop()
    interrupted.set()
    await asyncio.wait_for(shown.task, 5)
    assert shown.chunks == TOKENS
