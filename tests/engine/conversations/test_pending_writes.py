"""What waits to be saved, and what does not."""

from __future__ import annotations

from functools import partial

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.pending_writes import PendingWrites
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from tests.doubles.fake_store import FakeStore
from tests.support.scripted_engine import stage


async def test_deltas_that_could_not_be_saved_together_leave_each_conversation_waiting() -> None:
    store = await FakeStore.failing("append_deltas")
    told: list[ChatTuiError] = []
    pending = PendingWrites(
        ConversationStores(store, partial(Store.open, None)), ErrorReports(told.append), lambda id: ()
    )
    for id in ("c", "d"):
        await pending.begin(Conversation(id))
        await store.write(writes.add_turn, id, Turn("assistant", "", id=f"{id}1", state="streaming"))
    await pending.grow(store, [("c", TurnDelta("c1", "one")), ("d", TurnDelta("d1", "two"))])
    assert pending.unsaved == {"c", "d"}
    assert [error.title for error in told] == ["The disk is full."]
    await store.close()


async def test_a_store_that_fails_while_a_conversation_is_read_again_leaves_it_as_it_is_in_memory() -> None:
    store = await FakeStore.open(None)
    async with stage(["Yes."], history=store) as on:
        answer = await on.engine.ask(None, "One?")
        await answer.saved.wait()
        store.fails = ("changed_conversation",)
        for _ in range(2):
            conversation = await on.engine.conversations.conversation(answer.conversation_id)
            assert [turn.text for turn in conversation.path] == ["One?", "Yes."]
        assert [error.title for error in on.told] == ["The disk is full."]
