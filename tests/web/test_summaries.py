"""Summaries of earlier messages on the web: offered, written, kept and taken back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from chat_tui.providers.scripted_provider import Script
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, until
from tests.web.test_live import begun, feed, last_turn, scripted_site, two_workers


async def talk(web: Site, *questions: str) -> str:
    """A conversation of these questions, each with its answer; returns its id."""
    id: dict[str, Any] = {}
    for question in questions:
        place = await begun(web, question, **id)
        id = {"conversation": place["conversation"]}
        await until(lambda: not web.state.running())
    return str(id["conversation"])


async def written(web: Site, id: str, **body: Any) -> list[dict[str, Any]]:
    return await web.events(f"/api/conversations/{id}/summary/write", **body)


async def test_a_summary_is_offered_written_changed_kept_and_taken_back(tmp_path: Path) -> None:
    scripts: list[Script] = [["One."], ["Two."], ["They ", "talked."], ["Three."]]
    async with two_workers(tmp_path / "history.db", *scripts) as (one, other):
        id = await talk(one, "First", "Second")
        summary = f"/api/conversations/{id}/summary"
        plan = (await one.post(f"{summary}/plan", kept=2)).json()
        assert (plan["model"], plan["messages"], plan["requests"]) == ((await last_turn(one, id)).model, 2, 1)
        assert plan["tokens"] > 0
        assert plan["price"] > 0
        fits = (await one.post(f"{summary}/plan", orKept=2)).json()
        assert {**fits, "kept": 2} == fits == plan
        events = await written(one, id, kept=2, model=plan["model"], leaf=plan["leaf"])
        assert [event["type"] for event in events[-2:]] == ["text", "written"]
        end = events[-1]
        assert (end["text"], end["isCut"]) == ("They talked.", False)
        assert (await last_turn(one, id)).role == "assistant"
        # Another worker may get it back, changed.
        async with feed(one, id) as page:
            kept = await other.post(f"{summary}/keep", text="They talked a lot.", seal=end["seal"])
            await until(lambda: "changed" in page.kinds())
        assert kept.status_code == 201, kept.text
        turn = await last_turn(one, id)
        assert (turn.role, turn.text, turn.id) == ("summary", "They talked a lot.", kept.json()["turn"])
        assert turn.cost == end["cost"]
        again = await other.post(f"{summary}/keep", text="They talked.", seal=end["seal"])
        assert again.status_code == 409
        assert (await one.client.delete(f"{summary}/turns/{turn.id}")).status_code == 204
        assert (await last_turn(one, id)).role == "assistant"
        assert (await one.client.delete(f"{summary}/turns/{turn.id}")).status_code == 404


async def test_a_summary_ends_with_its_client_and_nothing_is_kept() -> None:
    async with scripted_site(["One."], ["Two."], ["They ", Gate()]) as web:
        id = await talk(web, "First", "Second")
        path = f"/api/conversations/{id}/summary/write"
        async with web.client.stream("POST", path, json={"kept": 2}) as response:
            lines = response.aiter_lines()
            async for line in lines:
                if line.startswith("data: "):
                    assert json.loads(line.removeprefix("data: ")) == {"type": "text", "text": "They ", "request": 1}
                    break
        async with asyncio.timeout(10):
            while await web.engine.places.get("paid apart") == "":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await last_turn(web, id)).role == "assistant"


async def test_what_summaries_refuse() -> None:
    async with scripted_site(["One."], ["Two."], ["They talked."], ["Hi."], ["Th", Gate()]) as web:
        id = await talk(web, "First", "Second")
        summary = f"/api/conversations/{id}/summary"
        for path, body, status in (
            ("plan", {}, 400),
            ("plan", {"kept": 50}, 400),
            ("plan", {"kept": -1}, 400),
            ("plan", {"kept": 2, "model": "none/such"}, 404),
            ("write", {"kept": 2, "leaf": "another"}, 409),
            ("keep", {"text": "x", "seal": "eHg="}, 400),
            ("keep", {"text": "x", "seal": "ü"}, 400),
            ("keep", {"text": "", "seal": ""}, 400),
        ):
            assert (await web.post(f"{summary}/{path}", **body)).status_code == status, (path, body)
        assert "/compact" not in (await web.post(f"{summary}/plan")).text
        seal = (await written(web, id, kept=2))[-1]["seal"]
        elsewhere = await talk(web, "Elsewhere")
        assert (await web.post(f"/api/conversations/{elsewhere}/summary/keep", text="x", seal=seal)).status_code == 400
        await begun(web, "Third", conversation=id)
        # The answer runs.
        assert (await web.post(f"{summary}/plan", kept=2)).status_code == 409
        assert (await web.post(f"{summary}/keep", text="x", seal=seal)).status_code == 409
        for path in ("plan", "write", "keep"):
            assert (await web.post(f"/api/conversations/none/summary/{path}", text="x", seal="")).status_code == 404
