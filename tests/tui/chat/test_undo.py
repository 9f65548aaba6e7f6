"""What can be undone, and for how long."""

from __future__ import annotations

import pytest

from chat_tui.core.errors import CommandError
from chat_tui.tui.chat.conversation.undo import KEPT, Undo
from tests.doubles.scripted_chat import scripted_chat


async def test_the_last_thing_done_is_undone_first_and_each_once() -> None:
    undone: list[int] = []
    undo = Undo()
    for number in (1, 2):

        async def take_back(number: int = number) -> None:
            undone.append(number)

        undo.push(f"step {number} was taken back", take_back)
    assert [await undo.take() for _ in range(3)] == ["step 2 was taken back", "step 1 was taken back", ""]
    assert undone == [2, 1]


async def test_what_is_too_old_is_passed_by() -> None:
    now = 0.0
    undo = Undo(clock=lambda: now)

    async def nothing() -> None:
        pass

    undo.push("older", nothing)
    undo.push("deleted", nothing, seconds=10)
    now = 10.1
    assert await undo.take() == "older"


async def test_only_so_many_steps_are_kept() -> None:
    undo = Undo()

    async def nothing() -> None:
        pass

    for number in range(KEPT + 5):
        undo.push(str(number), nothing)
    taken = [await undo.take() for _ in range(KEPT + 1)]
    assert (taken[0], taken[-2], taken[-1]) == (str(KEPT + 4), "5", "")


async def test_what_cannot_be_undone_now_can_be_later() -> None:
    undo, busy = Undo(), True

    async def step() -> None:
        if busy:
            raise CommandError("An answer is still running")

    undo.push("back", step)
    with pytest.raises(CommandError):
        await undo.take()
    busy = False
    assert await undo.take() == "back"


async def test_with_nothing_to_undo_it_says_so() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/undo")
        await chat.until(lambda: "nothing to undo" in chat.notices())
