"""What can be undone, and for how long."""

from __future__ import annotations

from chat_tui.tui.undo import KEPT, Undo


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
