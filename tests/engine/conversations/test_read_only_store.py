"""The engine over a history that cannot be written: what is there is read, and nothing is saved."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.schema import Config
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ChatTuiError, HistoryError
from chat_tui.core.models import SCRIPTED_MODEL
from chat_tui.core.request import Request
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from tests.support.isolated_engine import ended


async def test_a_history_that_cannot_be_written_is_listed_opened_and_searched(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    path = (Turn("user", "Why is the sky blue?", id="q"), Turn("assistant", "It scatters.", id="a", parent="q"))
    await store.write(writes.add_conversation, Conversation("c1", "The sky", path=path))
    await store.close()
    # As on a full disk, or in a folder that is only to be read: nothing can be made beside the file.
    owners = tmp_path / "history.db.owners"
    shutil.rmtree(owners)
    owners.write_text("in the way")
    before = file.read_bytes()
    told: list[ChatTuiError] = []
    engine = await open_engine(Config(), tell=told.append, store_file=file, environ={}, known={})
    try:
        memory = engine.conversations
        assert [row.id for row in await memory.summaries()] == ["c1"]
        assert [turn.text for turn in (await memory.conversation("c1")).path] == [turn.text for turn in path]
        assert [hit.turn for hit in await memory.search("scatters")] == ["a"]
        assert await engine.drafts.prompts() == ["Why is the sky blue?"]
        with pytest.raises(HistoryError, match="open read-only"):
            await memory.rename("c1", "Another")
        # There is room again: what others read is still not written.
        owners.unlink()
        answer = await engine.ask("c1", "And at night?", Request(model=SCRIPTED_MODEL))
        await ended(answer)
        await answer.saved.wait()
        assert len((await memory.conversation("c1")).path) == 4
        # What begins now is listed all the same, once.
        begun = await engine.ask(None, "And the sea?", Request(model=SCRIPTED_MODEL))
        await ended(begun)
        await begun.saved.wait()
        assert [row.title for row in await memory.summaries()] == ["And the sea?", "The sky"]
        assert [row.turns for row in await memory.summaries()] == [2, 4]
        assert not await memory.summaries(offset=2)
    finally:
        await engine.close()
    assert len(told) == 1
    assert "The history is open read-only." in told[0].title
    assert "Nothing is saved." in told[0].hint
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["history.db"]
