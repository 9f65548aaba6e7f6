"""Pausing and stopping answers through the API, also those of other processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chat_tui.core.conversation import Turn
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store
from chat_tui.web.presence.page_answers import PageAnswers
from tests.doubles.scripted_web import scripted_opener
from tests.support.scripted_router import Gate
from tests.support.web_site import until
from tests.web.test_live import begun, feed, last_turn, scripted_site, slow, two_workers


async def test_an_answer_of_the_terminal_is_paused_and_stopped_by_a_page(tmp_path: Path) -> None:
    async with two_workers(tmp_path / "history.db", slow(Gate())) as (one, other):
        answer = await one.engine.ask(None, "Asked in the terminal")
        id = answer.conversation_id
        async with feed(other, id) as page:
            assert (await other.post(f"/api/conversations/{id}/pause")).status_code == 204
            assert answer.paused
            await until(lambda: [row["state"] for row in page.running()] == ["paused"])
            assert (await other.post(f"/api/conversations/{id}/resume")).status_code == 204
            await until(lambda: [row["state"] for row in page.running()] == ["answering"])
            answer.pause()
            await until(lambda: [row["state"] for row in page.running()] == ["paused"])
            assert (await other.post(f"/api/conversations/{id}/stop")).status_code == 204
            await until(lambda: page.running() == [])
        await answer.saved.wait()
    # The note of the pause is gone, at the latest when the program has ended.
    store = await Store.open(tmp_path / "history.db")
    assert await store.read(reads.places, "paused answer ") == {}
    await store.close()
    assert answer.turn.state == "cancelled"


async def test_what_a_program_of_an_earlier_version_writes_is_not_paused(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_site(["Hi."], file=file) as web:
        id = (await begun(web, "Hi"))["conversation"]
        await until(lambda: not web.state.running())
        assert (await web.post(f"/api/conversations/{id}/pause")).status_code == 409
        earlier = await Store.open(file)
        turn = Turn("assistant", "", id="grows", parent=(await last_turn(web, id)).id, state="streaming")
        await earlier.write(writes.add_turn, id, turn)
        reply = await web.post(f"/api/conversations/{id}/pause")
        await earlier.close()
    assert (reply.status_code, "Pause it there." in reply.text) == (409, True)


async def test_a_paused_answer_waits_is_shown_so_and_goes_on() -> None:
    gate = Gate()
    async with scripted_site(slow(gate)) as web:
        id = (await begun(web, "Hi"))["conversation"]
        async with feed(web, id) as page:
            await until(lambda: page.text(id) == "The first ")
            for _ in range(2):
                assert (await web.post(f"/api/conversations/{id}/pause")).status_code == 204
            await until(lambda: [row["state"] for row in page.running()] == ["paused"])
            gate.open()
            async with feed(web, id) as late:
                await until(lambda: late.phases(id)[-1:] == ["paused"])
                assert late.running()[0]["state"] == "paused"
                assert page.text(id) == late.text(id) == "The first "
                assert (await web.post(f"/api/conversations/{id}/resume")).status_code == 204
                await until(lambda: page.has_ended(id) and late.has_ended(id))
        assert page.answer(id)[-1]["metadata"]["state"] == "complete"
        assert (await web.post(f"/api/conversations/{id}/resume")).status_code == 409
        assert (await web.post("/api/conversations/none/pause")).status_code == 404


async def test_an_answer_that_is_paused_for_too_long_ends_and_is_kept() -> None:
    engine = await scripted_opener(["The first ", Gate()])()
    answer = await engine.ask(None, "Hi")
    answer.pause()
    await asyncio.wait_for(PageAnswers(600, pause_seconds=0.01).watch(engine, answer), 10)
    await answer.saved.wait()
    await engine.close()
    assert answer.turn.state == "cancelled"
