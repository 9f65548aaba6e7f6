"""How many function calls keys and tokens cost: what a clock would tell less surely on a busy machine."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from textual import events

from tests.doubles.scripted_chat import scripted_chat

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Calls:
    """Function calls of this thread; 0 until they have been counted."""

    total: int = 0


@contextmanager
def counted() -> Iterator[Calls]:
    """Count the calls of the block."""
    calls, profile = Calls(), cProfile.Profile()
    profile.enable()
    try:
        yield calls
    finally:
        profile.disable()
    calls.total = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]  # it has no type


async def test_a_letter_in_the_prompt_takes_few_calls() -> None:
    async with scripted_chat(size=(120, 40)) as chat:
        await chat.ask("First question")
        await chat.answered()
        await asyncio.sleep(0.5)
        with counted() as calls:
            for letter in LETTERS:
                chat.app.post_message(events.Key(letter, letter))
                await asyncio.sleep(0.04)
        assert chat.chat.prompt.text == LETTERS
        assert calls.total < 7_000 * len(LETTERS)
