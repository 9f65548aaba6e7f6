"""Questions that wait for the end of an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from chat_tui.core.conversation import STEERED
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from chat_tui.web.presence.private_conversations import PrivateConversations
from chat_tui.web.presence.question_queues import ITEMS_LIMIT, QuestionQueue, QuestionQueues, QueuedQuestion
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, until
from tests.web.test_live import Feed, begun, feed, scripted_site, slow, two_workers


async def queued(web: Site, id: str, prompt: str, **body: Any) -> list[str]:
    """Queue a question; returns the ids of all that wait."""
    reply = await web.post(f"/api/conversations/{id}/queue", prompt=prompt, **body)
    assert reply.status_code == 202, reply.text
    return [item["id"] for item in reply.json()["items"]]


async def questions(web: Site, id: str) -> list[str]:
    path = (await web.engine.conversations.conversation(id)).path
    return [turn.text for turn in path if turn.role == "user"]


def waiting(page: Feed) -> list[str]:
    """The questions that wait, as a page shows them."""
    told = [event for event in page.heard if event["type"] == "queue"]
    return [item["prompt"] for item in told[-1]["items"]] if told else []


def is_held(page: Feed) -> bool:
    return any(event["type"] == "queue" and event["held"] for event in page.heard)


async def test_files_wait_with_their_question() -> None:
    gate = Gate()
    async with scripted_site(slow(gate), ["Two."]) as web:
        id = (await begun(web, "One"))["conversation"]
        queue = f"/api/conversations/{id}/queue"
        file = (await web.client.post("/api/uploads", params={"name": "a.txt"}, content=b"text")).json()
        async with feed(web, id) as page:
            await queued(web, id, "Two", attachments=[file["id"]])
            await until(lambda: waiting(page) == ["Two"])
            told = [event for event in page.heard if event["type"] == "queue"][-1]
            assert told["items"][0]["attachments"] == [file]
            taken = (await web.client.delete(queue)).json()
            assert taken["items"][0]["attachments"] == [file]
            gone = await web.post(queue, prompt="Two", attachments=[file["id"], "0" * 48])
            assert gone.status_code == 410
            await queued(web, id, "Two", attachments=[file["id"]])
            gate.open()
            await until(lambda: waiting(page) == [] and page.running() == [])
        turns = (await web.client.get(f"/api/conversations/{id}")).json()["turns"]
        assert [turn["files"] for turn in turns if turn["role"] == "user"] == [[], ["a.txt"]]
        assert (await web.client.get(f"/api/uploads/{file['id']}")).status_code == 404


async def test_what_is_sent_while_an_answer_grows_is_asked_after_it_in_its_order() -> None:
    gate = Gate()
    async with scripted_site(slow(gate), ["Two."], ["Three."]) as web:
        id = (await begun(web, "One"))["conversation"]
        queue = f"/api/conversations/{id}/queue"
        async with feed(web, id) as page:
            ids = [(await queued(web, id, prompt))[-1] for prompt in ("Two", "Away", "Third")]
            await until(lambda: waiting(page) == ["Two", "Away", "Third"])
            assert (await web.client.put(queue, json={"order": [ids[2]]})).status_code == 204
            assert (await web.client.patch(f"{queue}/items/{ids[2]}", json={"prompt": "Three"})).status_code == 204
            assert (await web.client.delete(f"{queue}/items/{ids[1]}")).status_code == 204
            await until(lambda: waiting(page) == ["Three", "Two"])
            async with feed(web, id) as late:
                assert waiting(late) == ["Three", "Two"]
            gate.open()
            await until(lambda: waiting(page) == [] and page.running() == [])
        assert await questions(web, id) == ["One", "Three", "Two"]
        assert (await web.client.delete(f"{queue}/items/{ids[0]}")).status_code == 404
        assert (await web.client.get(queue)).json()["items"] == []
        # Where no answer runs, it is asked at once.
        await queued(web, id, "Four")
        await until(lambda: not web.state.running() and len(web.state.queues.served) == 0)
        assert (await questions(web, id))[-1] == "Four"


async def test_what_waits_for_an_answer_that_is_stopped_goes_back_to_one_page() -> None:
    async with scripted_site(slow(Gate())) as web:
        id = (await begun(web, "One"))["conversation"]
        queue = f"/api/conversations/{id}/queue"
        async with feed(web, id) as page:
            for prompt in ("Two " * 200, "Three"):
                await queued(web, id, prompt)
            await web.post(f"/api/conversations/{id}/stop")
            await until(lambda: is_held(page))
            taken = [(await web.client.delete(queue)).json() for _ in range(2)]
            await until(lambda: waiting(page) == [])
        assert await questions(web, id) == ["One"]
    assert [item["prompt"] for item in taken[0]["items"]] == ["Two " * 200, "Three"]
    assert (taken[0]["held"], taken[0]["problem"]) == (True, "The answer before it did not end well.")
    assert taken[1]["items"] == []


async def test_what_waits_is_sent_at_once_as_one_when_one_steers() -> None:
    async with scripted_site(slow(Gate()), ["Two."]) as web:
        id = (await begun(web, "One"))["conversation"]
        await queued(web, id, "Shorter")
        await queued(web, id, "and in French")
        assert (await web.post(f"/api/conversations/{id}/queue/steer")).status_code == 204
        await until(lambda: not web.state.queues.served and not web.state.running())
        path = (await web.engine.conversations.conversation(id)).path
        again = await web.post(f"/api/conversations/{id}/queue/steer")
    assert [turn.text for turn in path] == ["One", "The first ", "Shorter\n\nand in French", "Two."]
    assert (path[1].state, path[1].finish_reason) == ("cancelled", STEERED)
    assert again.status_code == 409


async def test_any_worker_queues_and_steers_and_the_store_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with two_workers(file, slow(Gate())) as (one, other):
        id = (await begun(one, "One"))["conversation"]
        async with feed(one, id) as page:
            await queued(other, id, "Two")
            await until(lambda: waiting(page) == ["Two"])
            await queued(one, id, "Three")
            assert (await one.post(f"/api/conversations/{id}/queue/steer")).status_code == 204
            await until(lambda: waiting(page) == [] and page.running() == [])
            await until(lambda: not other.state.queues.served and not other.state.running())
        assert await questions(one, id) == ["One", "Two\n\nThree"]
    store = await Store.open(file)
    assert await store.read(reads.places, "web queue") == {}
    await store.close()


async def test_what_waits_in_a_private_conversation_is_written_nowhere(tmp_path: Path) -> None:
    gate, file = Gate(), tmp_path / "history.db"
    async with scripted_site(slow(gate), ["Two."], file=file) as web:
        id = (await begun(web, "One", private=True))["conversation"]
        async with feed(web, id) as page:
            await queued(web, id, "A secret")
            await until(lambda: waiting(page) == ["A secret"])
            assert await web.engine.places.all("web queue") == {}
            gate.open()
            await until(lambda: waiting(page) == [] and page.running() == [])
            assert await questions(web, id) == ["One", "A secret"]


async def test_what_queues_refuse() -> None:
    async with scripted_site(slow(Gate())) as web:
        id = (await begun(web, "One"))["conversation"]
        queue = f"/api/conversations/{id}/queue"
        for wrong in ({"prompt": " "}, {"prompt": "x", "settings": {}}, {"prompt": "x", "model": "none/such"}, {}):
            assert (await web.post(queue, **wrong)).status_code in (400, 404), wrong
        assert (await web.post("/api/conversations/none/queue", prompt="x")).status_code == 404
        for number in range(ITEMS_LIMIT):
            ids = await queued(web, id, f"{number}")
        assert (await web.post(queue, prompt="x")).status_code == 409
        assert (await web.client.patch(f"{queue}/items/{ids[0]}", json={"prompt": ""})).status_code == 400
        assert (await web.client.patch(f"{queue}/items/none", json={"prompt": "x"})).status_code == 404
        assert (await web.client.put(queue, json={"order": 1})).status_code == 400
        assert (await web.client.delete(f"{queue}/items/none")).status_code == 404


async def test_a_queue_is_held_when_its_worker_is_gone_and_not_after_a_sleep_of_it() -> None:
    queues = QuestionQueues(PrivateConversations(0))
    silent = QuestionQueue((QueuedQuestion("item", "Two", ""),), "worker", until=0.0)
    assert queues.is_held("id", silent)
    asking = asyncio.Event()

    async def ask() -> None:
        await asking.wait()

    queues.serve("id", ask)
    assert not queues.is_held("id", silent)
    assert queues.is_held("id", replace(silent, problem="It failed."))
    asking.set()
    await until(lambda: queues.is_held("id", silent))
