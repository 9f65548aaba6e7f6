"""Comparing models on the page: answers side by side that are followed and stopped one by one, of which one is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from chat_tui.config.schema import Config, Web
from chat_tui.history.opening import StoreSettings
from chat_tui.providers.scripted_provider import Pause
from tests.doubles.scripted_chat import DEEP, FAST
from tests.doubles.scripted_web import scripted_opener
from tests.support.scripted_router import Gate
from tests.support.web_site import Site, site, until
from tests.web.test_live import QUIET, Feed, feed, scripted_site
from tests.web.test_versions import kept, turns

BOTH = [FAST.name, DEEP.name]


async def compared(web: Site, **body: Any) -> tuple[str, list[str]]:
    """The path of a conversation in which two models were asked, and the ids of their answers."""
    reply = await web.post("/api/compare", models=BOTH, question={"prompt": "Count", **body})
    assert reply.status_code == 202, reply.text
    told = reply.json()
    assert told["models"] == BOTH
    return f"/api/conversations/{told['conversation']}", told["answers"]


async def shown(web: Site, path: str) -> dict[str, Any] | None:
    """The comparison at the end of a conversation."""
    said: dict[str, Any] | None = (await web.client.get(path)).json()["comparison"]
    return said


async def states(web: Site, path: str) -> list[str]:
    said = await shown(web, path)
    assert said is not None
    return [answer["state"] for answer in said["answers"]]


async def settled(web: Site, path: str, text: str) -> None:
    """Wait until all answers are saved and this one is in view."""
    async with asyncio.timeout(10):
        while web.engine.running() or (await turns(web, path))[1]["text"] != text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def words(page: Feed, place: int) -> str:
    """What has come of the answer that is followed at this place."""
    batches = [event for event in page.heard if event["type"] == "answer" and event["follow"] == place]
    events = [event for batch in batches for event in batch["events"]]
    return "".join(event["token"] for event in events if event["type"] == "token")


async def test_each_answer_is_followed_and_stopped_by_itself_and_one_is_kept() -> None:
    first, second = Gate(), Gate()
    async with scripted_site(["One ", first, "whole."], ["Two ", second, "whole."]) as web:
        path, (one, two) = await compared(web)
        conversation = path.rpartition("/")[2]
        async with feed(web, conversation, f"{conversation}!{one}", f"{conversation}!{two}") as page:
            await until(lambda: words(page, 1) == "One " and words(page, 2) == "Two ")
            # A reload shows both as far as they are.
            said = await shown(web, path)
            busy = await web.post(f"{path}/turns/{one}/keep")
            assert (await web.post(f"{path}/turns/{two}/stop")).status_code == 204
            first.open()
            await until(lambda: words(page, 1) == "One whole.")
            await until(lambda: page.running() == [])
            # Those that are compared are not followed as the answer of their conversation.
            assert words(page, 0) == ""
        assert await states(web, path) == ["complete", "cancelled"]
        assert (await web.post(f"{path}/turns/{two}/keep")).status_code == 204
        after = await shown(web, path)
        _, answer = await turns(web, path)
        again = await web.post(f"{path}/turns/{one}/keep")
    assert said is not None
    assert [answer["text"] for answer in said["answers"]] == ["One ", "Two "]
    assert said["models"] == BOTH
    assert busy.status_code == 400
    assert "still running" in busy.json()["error"]
    assert after is None
    assert (answer["text"], answer["good"], answer["versions"]) == ("Two ", True, [one, two])
    assert again.status_code == 404


async def test_keeping_one_stops_the_others_and_tells_other_pages() -> None:
    async with scripted_site(["One."], ["Two ", Pause(60)]) as web:
        path, (one, _) = await compared(web)
        conversation = path.rpartition("/")[2]
        async with feed(web, conversation) as page:
            async with feed(web, f"{conversation}!{one}") as mine:
                await until(lambda: mine.has_ended(conversation))
            heard = page.kinds().count("changed")
            assert (await web.post(f"{path}/turns/{one}/keep")).status_code == 204
            await until(lambda: page.kinds().count("changed") > heard and page.running() == [])
        _, answer = await turns(web, path)
        assert web.engine.running() == []
    assert (answer["text"], answer["state"]) == ("One.", "complete")


async def test_without_a_choice_the_conversation_goes_on_and_the_comparison_ends() -> None:
    async with scripted_site(["One."], ["Two."], ["Three."]) as web:
        path, _ = await compared(web)
        conversation = path.rpartition("/")[2]
        await settled(web, path, "One.")
        assert await states(web, path) == ["complete", "complete"]
        await web.events(prompt="And then?", conversation=conversation)
        assert await shown(web, path) is None
        texts = [turn["text"] for turn in await turns(web, path)]
    assert texts == ["Count", "One.", "And then?", "Three."]


async def test_another_worker_shows_a_comparison_stops_one_of_it_and_keeps_one(tmp_path: Path) -> None:
    file, settings = tmp_path / "history.db", StoreSettings()
    config = Config(web=QUIET)
    openers = [
        scripted_opener(["One."], ["Two ", Pause(60)], file=file, settings=settings, config=config) for _ in range(2)
    ]
    async with site(config, opener=openers[0]) as web, site(config, opener=openers[1]) as other:
        path, (one, two) = await compared(web)
        conversation = path.rpartition("/")[2]
        async with feed(web, f"{conversation}!{one}") as page:
            await until(lambda: page.has_ended(conversation))
        assert (await other.post(f"{path}/turns/{two}/stop")).status_code == 204
        await until(lambda: not web.engine.running())
        assert await states(other, path) == ["complete", "cancelled"]
        assert (await other.post(f"{path}/turns/{one}/keep")).status_code == 204
        assert await shown(other, path) is None
        assert await shown(web, path) is None
        assert [turn["good"] for turn in await turns(web, path)] == [None, True]


async def test_nothing_of_a_private_comparison_is_written() -> None:
    async with scripted_site(["One."], ["Two."]) as web:
        path, (_, two) = await compared(web, private=True)
        async with feed(web, path.rpartition("/")[2]):
            await settled(web, path, "One.")
            assert await states(web, path) == ["complete", "complete"]
            assert await web.engine.places.all("web comparison ") == {}
            assert (await web.post(f"{path}/turns/{two}/keep")).status_code == 204
            assert (await turns(web, path))[1]["text"] == "Two."


async def test_wrong_comparisons_are_refused() -> None:
    config = Config(web=Web(access_log=False, max_streams=2))
    async with site(config, opener=scripted_opener(["One ", Pause(60)], ["Two ", Pause(60)])) as web:
        wrong: list[dict[str, Any]] = [
            {"question": {"prompt": " "}},
            {"question": {}},
            {"models": BOTH[:1]},
            {"models": [BOTH[0], BOTH[0]]},
            {"models": [*BOTH, "a/b", "c/d", "e/f"]},
            {"models": [BOTH[0], "balanced"]},
            {"models": [BOTH[0], "no/such"]},
            {"question": {"prompt": "Count", "conversation": "none"}},
        ]
        usual: dict[str, Any] = {"models": BOTH, "question": {"prompt": "Count"}}
        refused = [await web.post("/api/compare", **(usual | body)) for body in wrong]
        path, (one, _) = await compared(web)
        more = await web.post("/api/compare", **usual)
        unknown = [
            (await web.post(f"{where}/{verb}")).status_code
            for verb in ("stop", "keep")
            for where in (f"{path}/turns/none", f"/api/conversations/none/turns/{one}")
        ]
        busy = await web.post("/api/ask", prompt="More", conversation=path.rpartition("/")[2])
        await web.post(f"{path}/stop")
    assert [reply.status_code for reply in refused] == [400, 400, 400, 400, 400, 400, 404, 404]
    assert all(reply.json()["error"] for reply in refused)
    assert more.status_code == 429
    assert unknown == [404] * 4
    assert busy.status_code in (409, 429)


async def test_an_answer_that_is_not_compared_is_neither_kept_nor_stopped_so() -> None:
    async with scripted_site(["One."]) as web:
        path = await kept(web, "Count")
        answer = (await turns(web, path))[1]["id"]
        refused = [(await web.post(f"{path}/turns/{answer}/{verb}")).status_code for verb in ("stop", "keep")]
    assert refused == [404, 404]
