"""What can be undone, and what undoing it is called."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from chat_tui.core.errors import CommandError, ConversationNotFound, StoreBusy
from chat_tui.tui.chat.conversation.undo import KEPT, Undo
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat


def names(chat: ScriptedChat, step: str) -> bool:
    return chat.chat.undo.next_step == step


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


async def test_what_a_busy_store_refused_is_still_the_next_to_be_undone() -> None:
    undo, undone = Undo(), list[str]()

    async def refuse() -> None:
        undo.push("newest", "newest undone", nothing)
        raise StoreBusy("The history is locked.")

    async def nothing() -> None:
        undone.append("newest")

    undo.push("older", "older undone", refuse)
    with pytest.raises(StoreBusy):
        await undo.take()
    assert undo.next_step == "newest"
    assert await undo.take() == "newest undone"
    assert undo.next_step == "older"


async def test_two_at_once_undo_one_after_the_other() -> None:
    undo, gate, order = Undo(), asyncio.Event(), list[str]()

    async def first() -> None:
        await gate.wait()
        order.append("first")

    async def second() -> None:
        order.append("second")

    undo.push("second", "second undone", second)
    undo.push("first", "first undone", first)
    both = asyncio.gather(undo.take(), undo.take())
    await asyncio.sleep(0)
    assert undo.next_step == "first"
    gate.set()
    assert list(await both) == ["first undone", "second undone"]
    assert order == ["first", "second"]


async def test_what_was_taken_back_otherwise_is_neither_named_nor_undone() -> None:
    undo, due = Undo(), True

    async def nothing() -> None:
        pass

    undo.push("older", "older undone", nothing)
    undo.push("newer", "newer undone", nothing, is_due=lambda: due)
    assert undo.next_step == "newer"
    due = False
    assert undo.next_step == "older"
    assert await undo.take() == "older undone"
    assert await undo.take() == ""


async def test_a_conversation_that_was_restored_or_erased_otherwise_is_not_restored_by_undo() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        for question in ("first", "second"):
            await chat.ask(question)
            await chat.answered()
            await chat.ask("/delete")
            await chat.until(partial(names, chat, f"restore “{question}”"))
        first, second = reversed([row.summary.id for row in await chat.engine.conversations.deletion.list_deleted()])
        await chat.engine.conversations.deletion.restore(second)
        assert chat.chat.undo.next_step == "restore “first”"
        await chat.engine.conversations.deletion.erase_one(first)
        assert chat.chat.undo.next_step == ""


async def test_going_back_by_hand_leaves_nothing_to_go_back_to() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        left = chat.chat.session.conversation_id
        assert left
        await chat.ask("/clear")
        await chat.until(lambda: chat.chat.undo.next_step == "go back to the previous conversation")
        await chat.chat.open(left)
        assert chat.chat.undo.next_step == ""


async def test_a_long_title_is_restored_whole() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        id = chat.chat.session.conversation_id
        assert id
        title = await chat.engine.conversations.rename(id, "word " * 39 + "end", whole=True)
        assert len(title) > 120
        await chat.ask("/rename Other")
        await chat.until(lambda: chat.chat.undo.next_step.startswith("restore the title"))
        await chat.ask("/undo")
        await chat.until(lambda: "Title restored" in chat.notices())
        assert (await chat.engine.conversations.conversation(id)).title == title


async def test_pinning_is_undone() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        id = chat.chat.session.conversation_id
        assert id
        await chat.ask("/pin")
        await chat.until(lambda: chat.chat.undo.next_step == "unpin “first”")
        await chat.ask("/undo")
        await chat.until(lambda: "Unpinned" in chat.notices())
        assert not (await chat.engine.conversations.conversation(id)).pinned


async def test_the_notice_of_a_deletion_goes_when_it_is_undone() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.ask("/delete")
        await chat.until(lambda: "Deleted “first”" in chat.notices())
        await chat.ask("/undo")
        await chat.until(lambda: "“first” was restored" in chat.notices())
        assert "Deleted" not in chat.notices()


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
