"""Asking again over HTTP: versions of answers and questions, which of them is in view, and a conversation as a file."""

from __future__ import annotations

import json
from typing import Any

from chat_tui.config.schema import Config
from chat_tui.core.errors import Overloaded
from chat_tui.providers.scripted_provider import Fault, Pause
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import Site, site


async def kept(web: Site, prompt: str) -> str:
    """The path of a new conversation in which this was asked."""
    end = (await web.events(prompt=prompt))[-1]
    return f"/api/conversations/{end['metadata']['conversationId']}"


async def turns(web: Site, path: str) -> list[dict[str, Any]]:
    """The turns in view."""
    said: list[dict[str, Any]] = (await web.client.get(path)).json()["turns"]
    return said


async def test_an_answer_asked_for_anew_stands_beside_the_first_and_either_can_be_brought_into_view() -> None:
    async with site(Config(), opener=scripted_opener(["One."], ["Two."])) as web:
        path = await kept(web, "Count")
        question, first = await turns(web, path)
        events = await web.events(f"{path}/turns/{first['id']}/again", render=True)
        second = (await turns(web, path))[1]
        selected = await web.post(f"{path}/turns/{first['id']}/select")
        back = (await turns(web, path))[1]
    placed = next(event for event in events if event["type"] == "placed")
    assert first["versions"] == []
    assert second["text"] == "Two."
    assert second["versions"] == placed["answerVersions"] == [first["id"], second["id"]]
    assert (placed["question"], placed["answer"]) == (question["id"], second["id"])
    assert selected.status_code == 204
    assert back["text"] == "One."


async def test_a_question_asked_in_other_words_has_an_answer_of_its_own() -> None:
    async with site(Config(), opener=scripted_opener(["One."], ["Two."])) as web:
        path = await kept(web, "Count")
        question, _ = await turns(web, path)
        await web.events(f"{path}/turns/{question['id']}/again", prompt="Count on")
        new_question, new_answer = await turns(web, path)
        await web.post(f"{path}/turns/{question['id']}/select")
        old = await turns(web, path)
    assert [new_question["text"], new_answer["text"]] == ["Count on", "Two."]
    assert new_question["versions"] == [question["id"], new_question["id"]]
    assert [turn["text"] for turn in old] == ["Count", "One."]


async def test_an_answer_that_broke_goes_on_from_where_it_was_cut() -> None:
    fault = Fault(Overloaded("It broke off.", "", provider="shelf"))
    async with site(Config(), opener=scripted_opener(["One, ", fault], ["two."])) as web:
        path = await kept(web, "Count")
        broken = (await turns(web, path))[1]
        await web.events(f"{path}/turns/{broken['id']}/again", goesOn=True)
        whole = (await turns(web, path))[1]
    assert broken["state"] == "broken"
    assert (whole["text"], whole["state"]) == ("One, two.", "complete")


async def test_what_cannot_be_asked_again_is_refused_with_words() -> None:
    async with site(Config(), opener=scripted_opener(["One."], ["Two, ", Pause(60)])) as web:
        path = await kept(web, "Count")
        question, answer = await turns(web, path)
        wrong: list[tuple[str, dict[str, Any]]] = [
            (f"{path}/turns/{question['id']}/again", {}),
            (f"{path}/turns/{question['id']}/again", {"prompt": " "}),
            (f"{path}/turns/{answer['id']}/again", {"prompt": "Words"}),
            (f"{path}/turns/{answer['id']}/again", {"goesOn": True}),
            (f"{path}/turns/{answer['id']}/again", {"model": "no/such"}),
            (f"{path}/turns/none/again", {}),
            (f"{path}/turns/{answer['id']}/select", {}),
            (f"/api/conversations/none/turns/{answer['id']}/again", {}),
        ]
        replies = [await web.post(where, **body) for where, body in wrong]
        running = await web.engine.ask(path.rpartition("/")[2], "More")
        busy = [await web.post(f"{path}/turns/{answer['id']}/{verb}") for verb in ("again", "select")]
        await running.cancel()
    assert [reply.status_code for reply in replies] == [400, 400, 400, 400, 404, 404, 404, 404]
    assert all(reply.json()["error"] for reply in replies)
    assert [reply.status_code for reply in busy] == [409, 409]


async def test_a_conversation_is_given_as_a_file_but_a_private_one_is_not() -> None:
    async with site(Config(), opener=scripted_opener(["**One**."])) as web:
        path = await kept(web, "Count")
        markdown = await web.client.get(f"{path}/export")
        record = await web.client.get(f"{path}/export?form=json")
        page = await web.client.get(f"{path}/export?form=html")
        private = await web.engine.conversations.begin_private()
        refused = await web.client.get(f"/api/conversations/{private.id}/export")
        unknown = await web.client.get(f"{path}/export?form=pdf")
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert markdown.headers["content-disposition"] == "attachment"
    assert "**One**." in markdown.text
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"] == "attachment"
    assert "<strong>One</strong>." in page.text
    assert "Count" in json.dumps(record.json())
    assert [refused.status_code, unknown.status_code] == [404, 400]
