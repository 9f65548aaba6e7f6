"""Answers that run without a client, and the stream with which pages follow them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat_tui.config.schema import Config, Web
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolOutput
from chat_tui.providers.scripted_provider import Script
from chat_tui.web.sign_in.sign_ins import SignIns
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.model_server import ModelServer
from tests.doubles.scripted_web import scripted_opener
from tests.support.scripted_router import Gate
from tests.support.web_site import TOKEN, Site, box, site, until
from tests.web.test_tools import call

QUIET = Web(access_log=False)


class Feed:
    """What a page has heard so far."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.lines = 0

    def answer(self, conversation: str) -> list[dict[str, Any]]:
        """The events of the answers of a conversation."""
        batches = [event for event in self.heard if event.get("conversation") == conversation]
        return [event for batch in batches for event in batch.get("events", [])]

    def at(self) -> str:
        """How far the answer that is followed was read."""
        return next((f"~{event['at']}" for event in reversed(self.heard) if event["type"] == "answer"), "")

    def text(self, conversation: str) -> str:
        return "".join(event["token"] for event in self.answer(conversation) if event["type"] == "token")

    def phases(self, conversation: str) -> list[str]:
        """The phases of the answer, as its figures tell them."""
        return [event["data"]["phase"] for event in self.answer(conversation) if event["type"] == "figures"]

    def running(self) -> list[dict[str, Any]]:
        """The answers that run, as told last."""
        return next((event["answers"] for event in reversed(self.heard) if event["type"] == "running"), [])

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.heard]

    def has_ended(self, conversation: str) -> bool:
        return any(event["type"] == "end" for event in self.answer(conversation))


@asynccontextmanager
async def feed(web: Site, *follow: str) -> AsyncIterator[Feed]:
    """An open page that follows these conversations."""
    told = Feed()

    async def read() -> None:
        async with web.client.stream("GET", "/api/events", params={"follow": ",".join(follow)}) as response:
            assert response.status_code == 200, await response.aread()
            async for line in response.aiter_lines():
                told.lines += bool(line)
                if line.startswith("data: "):
                    told.heard.append(json.loads(line.removeprefix("data: ")))

    reading = asyncio.create_task(read())
    try:
        await until(lambda: "ready" in told.kinds())
        yield told
    finally:
        reading.cancel()
        await asyncio.wait([reading])


@asynccontextmanager
async def scripted_site(*scripts: Script, config: Config | None = None, **options: Any) -> AsyncIterator[Site]:
    config = config or Config(web=QUIET)
    async with site(config, opener=scripted_opener(*scripts, **options)) as web:
        yield web


async def begun(web: Site, prompt: str, path: str = "/api/ask", **body: Any) -> dict[str, Any]:
    """The place of an answer that has just begun."""
    reply = await web.post(path, prompt=prompt, **body)
    assert reply.status_code == 202, reply.text
    place: dict[str, Any] = reply.json()
    return place


async def last_turn(web: Site, conversation: str) -> Turn:
    return (await web.engine.conversations.conversation(conversation)).path[-1]


def slow(gate: Gate, before: str = "The first ") -> Script:
    return [before, gate, "and **the last**."]


async def test_an_answer_runs_on_without_a_client_and_whoever_comes_joins_it_where_it_is() -> None:
    gate = Gate()
    async with scripted_site(slow(gate)) as web:
        place = await begun(web, "Hi")
        id = place["conversation"]
        await gate.reached.wait()
        async with feed(web, id) as first, feed(web, id) as second:
            await until(lambda: first.text(id) == second.text(id) == "The first ")
            gate.open()
            await until(lambda: first.has_ended(id) and second.has_ended(id))
            await until(lambda: first.running() == [])
        async with feed(web, id) as late:
            await until(lambda: late.has_ended(id))
        turn = await last_turn(web, id)
    for one in (first, second, late):
        events = one.answer(id)
        assert [event["type"] for event in events].count("placed") == 1
        assert events[0] == place
        assert one.text(id) == turn.text == "The first and **the last**."
        assert [event["html"] for event in events if event["type"] == "html"][-1].endswith(
            "<strong>the last</strong>.</p>"
        )
        assert events[-1]["metadata"]["state"] == "complete"
    assert [row["answer"] for row in first.heard[1]["answers"]] == [place["answer"]]


async def test_a_stream_that_was_cut_is_gone_on_with_and_nothing_is_doubled_or_lost() -> None:
    tools = FakeTools([offered("read")], read=ToolOutput("a line"))
    gates = [Gate(), Gate()]
    scripts: list[Script] = [["Let *me ", gates[0], "look*. ", *call("read")], ["It ", gates[1], "is."]]
    async with scripted_site(*scripts, tools=tools) as web:
        id = (await begun(web, "Hi", askTools=True, tools=["fake"]))["conversation"]
        heard: list[list[dict[str, Any]]] = []
        follow = id
        for step in range(4):
            async with feed(web, follow) as page:
                if step == 0:
                    await until(lambda: page.text(id) != "")
                elif step == 1:
                    gates[0].open()
                    await until(lambda: any(event["type"] == "tool_ask" for event in page.answer(id)))
                elif step == 2:
                    await web.post(f"/api/conversations/{id}/calls/call-read-0", decision="run")
                    await until(lambda: page.text(id) == "It ")
                    gates[1].open()
                    await until(lambda: page.has_ended(id))
                else:
                    await until(lambda: page.running() == [])
            heard.append(page.answer(id))
            follow = id + page.at()
    shown: list[str] = []
    events = [event for part in heard for event in part]
    for event in events[: next(place for place, event in enumerate(events) if event["type"] == "tool_result")]:
        if event["type"] == "html":
            shown[event["block"] :] = [event["html"]]
    assert shown == ["<p>Let <em>me look</em>.</p>"]
    kinds = [event["type"] for event in events]
    assert [kind for kind in kinds if kind in ("placed", "tool_result", "end")] == [
        *("placed", "tool_result", "placed", "end"),
    ]
    assert "".join(event["token"] for event in events if event["type"] == "token") == "Let *me look*. It is."
    assert heard[3] == []


async def test_an_answer_is_stopped_by_anyone_and_kept() -> None:
    async with scripted_site(slow(Gate())) as web:
        id = (await begun(web, "Hi"))["conversation"]
        async with feed(web, id) as page:
            await until(lambda: page.text(id) == "The first ")
            assert (await web.post(f"/api/conversations/{id}/stop")).status_code == 204
            await until(lambda: page.has_ended(id))
            assert (await web.post(f"/api/conversations/{id}/stop")).status_code == 204
        assert page.answer(id)[-1]["metadata"]["state"] == "cancelled"
        assert ((await last_turn(web, id)).text, (await last_turn(web, id)).state) == ("The first ", "cancelled")
        unknown = await web.post("/api/conversations/none/stop")
    assert unknown.status_code == 404


async def test_a_refused_question_leaves_the_running_answer_alone() -> None:
    gate = Gate()
    async with scripted_site(slow(gate), config=Config(web=Web(access_log=False, max_streams=1))) as web:
        id = (await begun(web, "Hi"))["conversation"]
        async with feed(web, id) as page:
            refused = [await web.post("/api/ask", prompt="And this?", conversation=id)]
            gate.open()
            await until(lambda: page.has_ended(id))
        assert page.answer(id)[-1]["metadata"]["state"] == "complete"
    assert [reply.status_code for reply in refused] == [429]


async def test_a_question_is_asked_in_other_words_and_an_answer_anew() -> None:
    async with scripted_site(["One."], ["Two."], ["Three."]) as web:
        first = await begun(web, "Hi")
        id = first["conversation"]
        await until(lambda: not web.state.running())
        turns = f"/api/conversations/{id}/turns"
        second = (await web.post(f"{turns}/{first['answer']}/ask")).json()
        await until(lambda: not web.state.running())
        third = await begun(web, "Hello", f"{turns}/{first['question']}/ask")
        async with feed(web, id) as page:
            await until(lambda: page.has_ended(id))
    assert second["answerVersions"] == [first["answer"], second["answer"]]
    assert third["questionVersions"] == [first["question"], third["question"]]
    assert page.text(id) == "Three."


@pytest.mark.parametrize("seconds", [0.0, 0.5])
async def test_an_answer_without_a_page_is_cancelled_and_saved_after_its_time(seconds: float) -> None:
    config = Config(web=Web(access_log=False, orphan_seconds=seconds))
    async with scripted_site(["The first ", Gate(), "never"], config=config) as web:
        id = (await begun(web, "Hi"))["conversation"]
        async with feed(web):
            pass
        await until(lambda: not web.state.running())
        turn = await last_turn(web, id)
    assert (turn.text, turn.state) == ("The first ", "cancelled")


async def test_a_page_keeps_all_answers_running_also_those_that_it_does_not_follow() -> None:
    gate = Gate()
    config = Config(web=Web(access_log=False, orphan_seconds=0))
    async with scripted_site(slow(gate), config=config) as web:
        async with feed(web) as page:
            id = (await begun(web, "Hi"))["conversation"]
            await until(lambda: [row["conversation"] for row in page.running()] == [id])
            gate.open()
            await until(lambda: page.running() == [])
        assert (await last_turn(web, id)).state == "complete"
        assert page.answer(id) == []


async def test_a_call_is_asked_about_on_every_page_and_the_decision_of_one_is_seen_by_all() -> None:
    tools = FakeTools([offered("read")], read=ToolOutput("a line"))
    hold = Gate()
    async with scripted_site(["Let me look. ", *call("read")], ["It ", hold, "is."], tools=tools) as web:
        id = (await begun(web, "Hi", askTools=True, tools=["fake"]))["conversation"]
        async with feed(web, id) as first, feed(web) as other:
            await until(lambda: any(event["type"] == "tool_ask" for event in first.answer(id)))
            await until(lambda: bool(other.running()) and other.running()[0]["state"] == "asking")
            assert (other.running()[0]["tool"], other.running()[0]["title"]) == ("read", "Hi")
            decision = {"decision": "run"}
            assert (await web.post(f"/api/conversations/{id}/calls/call-read-0", **decision)).status_code == 204
            await hold.reached.wait()
            async with feed(web, id) as late:
                hold.open()
                await until(lambda: late.has_ended(id) and first.has_ended(id))
    for page in (first, late):
        kinds = [event["type"] for event in page.answer(id) if event["type"] not in ("figures", "html", "metadata")]
        assert [kind for kind in kinds if kind in ("placed", "tool_result", "end")] == [
            *("placed", "tool_result", "placed", "end"),
        ]
        assert page.text(id) == "Let me look. It is."


async def test_a_stop_ends_a_call_that_waits() -> None:
    tools = FakeTools([offered("read")])
    async with scripted_site([*call("read")], ["Never."], tools=tools) as web:
        id = (await begun(web, "Hi", askTools=True, tools=["fake"]))["conversation"]
        async with feed(web, id) as page:
            await until(lambda: any(event["type"] == "tool_ask" for event in page.answer(id)))
            assert (await web.post(f"/api/conversations/{id}/stop")).status_code == 204
            await until(lambda: page.has_ended(id))
        results = [event for event in page.answer(id) if event["type"] == "tool_result"]
    assert [result["state"] for result in results] == ["cancelled"]
    assert tools.calls == []


async def test_what_others_ask_and_change_is_told() -> None:
    async with scripted_site(["One."], ["Two."]) as web:
        id = (await begun(web, "Hi"))["conversation"]
        await until(lambda: not web.state.running())
        async with feed(web, id) as page:
            await until(lambda: page.has_ended(id))
            answer = await web.engine.ask(id, "Asked in the terminal")
            await answer.saved.wait()
            await until(lambda: {"changed", "list"} <= set(page.kinds()))
            before = page.kinds().count("list")
            await web.engine.conversations.rename(id, "Another title")
            await until(lambda: page.kinds().count("list") > before)


async def test_private_conversations_are_told_to_nobody() -> None:
    gate = Gate()
    async with scripted_site(slow(gate)) as web:
        private = await web.engine.conversations.begin_private()
        answer = await web.engine.ask(private.id, "A secret")
        await gate.reached.wait()
        async with feed(web, private.id) as page:
            gate.open()
            await answer.saved.wait()
        assert [event["type"] for event in page.heard] == ["ready", "running"]
        assert page.running() == []


async def test_a_slow_page_holds_up_no_answer_and_gets_the_rest_at_once(server: ModelServer) -> None:
    tokens = 30_000
    async with site(box(server.base_url, f"t{tokens}")) as web:
        id = (await begun(web, "Hi"))["conversation"]
        async with web.client.stream("GET", "/api/events", params={"follow": id}) as response:
            lines = response.aiter_lines()
            await anext(lines)
            await until(lambda: not web.state.running())
            events: list[dict[str, Any]] = []
            async for line in lines:
                if line.startswith("data: "):
                    events += json.loads(line.removeprefix("data: ")).get("events", [])
                if events and events[-1]["type"] == "end":
                    break
        turn = await last_turn(web, id)
    assert turn.state == "complete"
    assert turn.usage is not None
    assert turn.usage.completion_tokens == tokens
    texts = [event["token"] for event in events if event["type"] == "token"]
    assert "".join(texts) == turn.text
    assert len(texts) < tokens / 100


async def test_a_stop_of_the_server_waits_for_answers_of_pages_and_then_ends_their_streams() -> None:
    gate = Gate()
    async with scripted_site(slow(gate), slow(Gate())) as web:
        one = (await begun(web, "Hi"))["conversation"]
        async with feed(web, one) as page:
            stopping = asyncio.create_task(web.state.stop(20, asyncio.Event()))
            await until(lambda: web.state.stopping)
            refused = await web.post("/api/ask", prompt="Hi")
            gate.open()
            await stopping
            await until(lambda: page.has_ended(one))
        assert page.answer(one)[-1]["metadata"]["state"] == "complete"
    assert refused.status_code == 503


async def test_a_stop_of_the_server_with_only_an_idle_page_takes_no_time() -> None:
    async with scripted_site(["Hi."]) as web, feed(web) as page:
        lines = page.lines
        await asyncio.wait_for(web.state.stop(30, asyncio.Event()), 5)
        assert page.lines == lines


async def test_an_idle_stream_is_kept_alive() -> None:
    async with site(Config(web=QUIET), opener=scripted_opener(["Hi."]), ping_seconds=0.05) as web, feed(web) as page:
        await until(lambda: page.lines > 3)
        assert page.kinds() == ["ready", "running"]


@asynccontextmanager
async def two_workers(
    file: Path, *scripts: Script, orphan_seconds: float = 600, tools: FakeTools | None = None
) -> AsyncIterator[tuple[Site, Site]]:
    """Two servers over one history."""
    config = Config(web=Web(access_log=False, orphan_seconds=orphan_seconds))
    opener: Callable[[], Any] = scripted_opener(*scripts, file=file, tools=tools)
    async with site(config, opener=opener) as one, site(config, opener=scripted_opener(["?"], file=file)) as other:
        yield one, other


async def test_another_worker_tells_of_an_answer_keeps_it_running_and_stops_it(tmp_path: Path) -> None:
    gate = Gate()
    async with two_workers(tmp_path / "history.db", slow(gate), orphan_seconds=0) as (one, other):
        async with feed(one):
            id = (await begun(one, "Hi"))["conversation"]
            await gate.reached.wait()
            async with feed(other, id) as page:
                await until(lambda: [row["conversation"] for row in page.running()] == [id])
                assert page.running()[0]["elsewhere"]
                assert (await other.post(f"/api/conversations/{id}/stop")).status_code == 204
                await until(lambda: page.running() == [] and "changed" in page.kinds())
        assert (await last_turn(one, id)).state == "cancelled"


async def test_a_call_that_waits_is_shown_by_another_worker_which_takes_the_decision(tmp_path: Path) -> None:
    tools = FakeTools([offered("read", description="Reads a file.")], read=ToolOutput("a line"))
    scripts: list[Script] = [[*call("read", '{"path": "/x"}')], ["It is."]]
    async with two_workers(tmp_path / "history.db", *scripts, tools=tools) as (one, other):
        id = (await begun(one, "Hi", askTools=True, tools=["fake"]))["conversation"]
        async with feed(other, id) as page:
            await until(lambda: bool(page.running()) and page.running()[0]["state"] == "asking")
            row = page.running()[0]
            opened = (await other.client.get(f"/api/conversations/{id}")).json()
            refused = await other.post("/api/ask", prompt="And this?", conversation=id)
            before = page.kinds().count("changed")
            decided = await other.post(f"/api/conversations/{id}/calls/call-read-0", decision="run")
            await until(lambda: page.running() == [] and page.kinds().count("changed") > before)
        assert (await last_turn(one, id)).text == "It is."
        left = (await other.client.get(f"/api/conversations/{id}")).json()
    assert (row["conversation"], row["title"], row["tool"], row["elsewhere"]) == (id, "Hi", "read", True)
    assert opened["isCalling"]
    assert opened["pending"] == [
        {
            "id": "call-read-0",
            "name": "read",
            "server": "fake",
            "state": "asking",
            "arguments": '{\n  "path": "/x"\n}',
            "description": "Reads a file.",
        }
    ]
    assert [refused.status_code, decided.status_code] == [409, 204]
    assert (left["pending"], left["isCalling"]) == ([], False)
    assert len(tools.calls) == 1


async def test_a_stream_ends_with_the_sign_in_that_it_came_with(tmp_path: Path) -> None:
    file = tmp_path / "sign-ins"
    opener, other_worker = scripted_opener(["Hi."]), SignIns(TOKEN, file)
    async with site(Config(web=QUIET), opener=opener, sign_ins=SignIns(TOKEN, file)) as web:
        for ending in (web.state.sign_ins, other_worker):
            made = await web.state.sign_ins.begin()
            web.client.headers = httpx.Headers(
                {"Cookie": f"chat-tui-{web.url.rpartition(':')[2]}={made.id}", "X-Chat-Tui-Proof": made.proof}
            )
            async with web.client.stream("GET", "/api/events") as response:
                assert response.status_code == 200
                lines = response.aiter_lines()
                await anext(lines)
                await ending.end(made.id)
                # Long before an idle stream gets a comment.
                async with asyncio.timeout(10):
                    assert [line async for line in lines if line.startswith("data: ")][1:] == []


async def test_no_page_misses_a_change_while_it_sends_or_another_page_opens() -> None:
    async with scripted_site(["Hi."]) as web:
        id = (await begun(web, "Hi"))["conversation"]
        await until(lambda: not web.state.running())
        monitor = web.state.monitor
        await monitor.look_now(web.engine)
        seen = monitor.changes
        await web.engine.conversations.rename(id, "Another title")
        # As a page does that opens.
        await monitor.look_now(web.engine)
        assert monitor.changes > seen
        async with asyncio.timeout(10):
            await monitor.wait(3600, seen)
