"""What is told about one answer, and what a person thinks of it, over HTTP."""

from __future__ import annotations

from typing import Any

from chat_tui.config.schema import Config
from chat_tui.core.errors import Overloaded
from chat_tui.engine.answers.route_report import report_route
from chat_tui.providers.scripted_provider import Fault
from tests.doubles.scripted_web import scripted_opener
from tests.support.web_site import Site, site, until
from tests.web.test_live import feed, scripted_site
from tests.web.test_versions import kept, turns


async def put(web: Site, path: str, body: Any) -> int:
    return (await web.client.put(path, json=body)).status_code


async def test_a_verdict_is_kept_and_told_to_pages_and_strategies_learn_from_it() -> None:
    async with scripted_site(["One."]) as web:
        path = await kept(web, "Count")
        conversation, (_, answer) = path.rpartition("/")[2], await turns(web, path)
        verdict = f"{path}/turns/{answer['id']}/verdict"
        before = web.engine.models.preview_route(_request("Count"))
        async with feed(web, conversation) as page:
            assert await put(web, verdict, {"good": True}) == 204
            await until(lambda: "changed" in page.kinds())
            assert (await turns(web, path))[1]["good"] is True
            # As of the terminal, which judges by the engine.
            web.engine.judge((await web.engine.conversations.conversation(conversation)).path[-1], False)
            heard = page.kinds().count("changed")
            await until(lambda: page.kinds().count("changed") > heard)
            assert (await turns(web, path))[1]["good"] is False
        after = web.engine.models.preview_route(_request("Count"))
        assert await put(web, verdict, {"good": None}) == 204
        assert (await turns(web, path))[1]["good"] is None
    assert answer["good"] is None
    assert before != after


def _request(prompt: str) -> Any:
    from chat_tui.core.conversation import Turn
    from chat_tui.core.request import Request

    return Request(turns=(Turn("user", prompt),), strategy="balanced")


async def test_why_a_model_has_answered_is_told_as_the_terminal_does() -> None:
    fault = Fault(Overloaded("It is too busy.", "", provider="shelf"))
    async with site(Config(), opener=scripted_opener([fault], ["One."])) as web:
        path = await kept(web, "Count")
        _, answer = await turns(web, path)
        told = (await web.client.get(f"{path}/turns/{answer['id']}/route")).json()
        route = await web.engine.conversations.route(answer["id"])
        conversation = await web.engine.conversations.conversation(path.rpartition("/")[2])
    assert route is not None
    assert told["model"] == answer["model"]
    assert [entry["outcome"] for entry in told["route"]["tries"]][-1] == "answered"
    report = report_route(conversation.path[-1], route)
    assert told["report"]["answered"] == report.answered
    assert [section["title"] for section in told["report"]["sections"]] == [each.title for each in report.sections]
    assert {"Prompt", "Candidates", "Tries"} <= {section["title"] for section in told["report"]["sections"]}
    tries = next(section for section in told["report"]["sections"] if section["kind"] == "tries")
    assert tries["rows"][0]["warns"]
    assert "It is too busy." in tries["rows"][0]["text"]


async def test_wrong_turns_and_verdicts_are_refused() -> None:
    async with site(Config(), opener=scripted_opener(["One."])) as web:
        path = await kept(web, "Count")
        question, answer = await turns(web, path)
        wrong: list[tuple[str, Any]] = [
            (f"{path}/turns/{question['id']}/verdict", {"good": True}),
            (f"{path}/turns/{answer['id']}/verdict", {"good": "yes"}),
            (f"{path}/turns/{answer['id']}/verdict", {}),
            (f"{path}/turns/none/verdict", {"good": True}),
            (f"/api/conversations/none/turns/{answer['id']}/verdict", {"good": True}),
        ]
        refused = [await put(web, where, body) for where, body in wrong]
        unknown = [
            (await web.client.get(f"{path}/turns/{turn}/route")).status_code for turn in (question["id"], "none")
        ]
    assert refused == [400, 400, 400, 404, 404]
    assert unknown == [400, 404]
