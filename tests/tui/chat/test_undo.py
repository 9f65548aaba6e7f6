"""What can be undone, and what undoing it is called."""

from __future__ import annotations

import pytest

from chat_tui.core.errors import CommandError, ConversationNotFound
from chat_tui.tui.chat.conversation.undo import KEPT, Undo
from tests.doubles.scripted_chat import scripted_chat


async def test_the_last_thing_done_is_undone_first_and_each_once() -> None:
    undone: list[int] = []
    undo = Undo()
    for number in (1, 2):

        async def take_back(number: int = number) -> None:
            undone.append(number)

        undo.push(f"take back step {number}", f"step {number} was taken back", take_back)
    assert [await undo.take() for _ in range(3)] == ["step 2 was taken back", "step 1 was taken back", ""]
    assert undone == [2, 1]


async def test_it_names_what_it_would_undo_and_undoes_nothing_else() -> None:
    undo = Undo()
    assert undo.next_step == ""

    async def nothing() -> None:
        pass

    async def fail() -> None:
        raise ConversationNotFound("No conversation has this id.")

    undo.push("restore the title “old”", "Title restored: “old”", nothing)
    undo.push("restore “gone”", "“gone” was restored", fail)
    assert undo.next_step == "restore “gone”"
    with pytest.raises(ConversationNotFound):
        await undo.take()
    assert undo.next_step == "restore the title “old”"


async def test_only_so_many_steps_are_kept() -> None:
    undo = Undo()

    async def nothing() -> None:
        pass

    for number in range(KEPT + 5):
        undo.push(str(number), str(number), nothing)
    taken = [await undo.take() for _ in range(KEPT + 1)]
    assert (taken[0], taken[-2], taken[-1]) == (str(KEPT + 4), "5", "")


async def test_what_cannot_be_undone_now_can_be_later() -> None:
    undo, busy = Undo(), True

    async def step() -> None:
        if busy:
            raise CommandError("An answer is still running")

    undo.push("go back", "back", step)
    with pytest.raises(CommandError):
        await undo.take()
    busy = False
    assert await undo.take() == "back"


async def test_with_nothing_to_undo_it_says_so() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/undo")
        await chat.until(lambda: "nothing to undo" in chat.notices())


async def test_the_command_says_before_what_it_will_undo() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.ask("/rename Other words")
        await chat.until(lambda: chat.chat.undo.next_step == "restore the title “first”")
        await chat.ask("/delete")
        await chat.until(lambda: chat.chat.undo.next_step == "restore “Other words”")
        await chat.pilot.press(*"/und")
        await chat.shows("/undo", "restore “Other words”")
