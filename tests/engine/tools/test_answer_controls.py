"""Controls of answers, as other processes see them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.answer_controls import PAUSED_PREFIX
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from tests.doubles.scripted_web import scripted_opener
from tests.support.scripted_router import Gate


async def noted(engine: Engine, expected: Mapping[str, str]) -> None:
    """Wait until just these pauses are noted."""
    async with asyncio.timeout(10):
        while await engine.places.all(PAUSED_PREFIX) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_pauses_are_noted_for_other_processes_but_not_those_of_private_conversations(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    engine = await scripted_opener(["The first ", Gate()], file=file)()
    private = await engine.conversations.begin_private()
    secret = await engine.ask(private.id, "A secret")
    answer = await engine.ask(None, "Hi")
    for id in (private.id, answer.conversation_id):
        assert await engine.controls.control(id, "pause")
    await noted(engine, {PAUSED_PREFIX + answer.conversation_id: answer.turn.id})
    assert await engine.controls.control(answer.conversation_id, "resume")
    await noted(engine, {})
    answer.pause()
    await noted(engine, {PAUSED_PREFIX + answer.conversation_id: answer.turn.id})
    await engine.close()
    assert (answer.turn.state, secret.turn.state) == ("cancelled", "cancelled")
    assert not await engine.controls.control(answer.conversation_id, "pause")
    store = await Store.open(file)
    assert await store.read(reads.places, PAUSED_PREFIX) == {}
    await store.close()
