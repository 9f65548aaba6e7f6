"""The page as it is served, what it asks for, and what `/stream` tells it."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from chat_tui.config.memory.user_memory import UserMemory
from chat_tui.config.schema import Config
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.engine.conversations.memory import Memory
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import writes
from chat_tui.history.search.stepped_search import SearchBounds
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Pause
from chat_tui.web.page.page import document
from tests.doubles.model_server import ModelServer
from tests.doubles.scripted_web import scripted_opener
from tests.support.turn_paths import turns_in_a_row
from tests.support.web_site import Site, box, site

ROOT = Path(__file__).parents[2]


async def kept(web: Site, *prompts: str) -> str:
    """The id of a conversation in which all of this was asked."""
    conversation: dict[str, str] = {}
    for prompt in prompts:
        end = (await web.events(prompt=prompt, **conversation))[-1]
        conversation = {"conversation": end["metadata"]["conversationId"]}
    return conversation["conversation"]


async def test_the_page_is_served_without_the_token_and_lets_nothing_else_run() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        reply = await web.client.get("/", headers={"Authorization": ""})
        worker = await web.client.get("/worker.js", headers={"Authorization": ""})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert re.fullmatch(r"'sha256-[^']+'", policy["script-src"])
    assert re.fullmatch(r"'sha256-[^']+'", policy["style-src"])
    assert policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert worker.status_code == 200
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'"


def test_the_page_is_one_file_without_any_outside_resource() -> None:
    html = document()[0].decode()
    assert "/*style*/" not in html
    assert "/*script*/" not in html
    assert not re.findall(r"<link(?! rel=\"icon\" href=\"data:)|<(?:img|script|iframe)[^>]* src|@import|url\(", html)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", html)
    assert html.count("createHTML(") == 1
    # Relative to the page, which may be served under a prefix.
    assert not re.findall(r"[\"'`]/(?:api|stream|generate|ws|v1|health|metrics|openapi)\b", html)


def test_the_page_has_the_colours_of_dusk_and_paper() -> None:
    style = (ROOT / "chat_tui/web/page/static/base/base.css").read_text("utf-8")
    pairs = dict(re.findall(r"--([\w-]+): light-dark\((#\w+, #\w+)\);", style))
    themes = [tomllib.loads((ROOT / f"themes/{name}.toml").read_text("utf-8")) for name in ("paper", "dusk")]
    assert len(pairs) > 20
    for name, pair in pairs.items():
        table, key = ("code", name.removeprefix("code-")) if name.startswith("code-") else ("colours", name)
        if name == "code-ground":
            table, key = "colours", "code_ground"
        assert pair == ", ".join(theme[table][key] for theme in themes), name


async def test_the_list_tells_the_newest_first_in_pages() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        for number in range(5):
            await kept(web, f"Question {number}")
        first = (await web.client.get("/api/conversations?limit=3")).json()
        second = (await web.client.get(f"/api/conversations?limit=3&offset={first['next']}")).json()
    assert [row["title"] for row in first["conversations"]] == ["Question 4", "Question 3", "Question 2"]
    assert [row["title"] for row in second["conversations"]] == ["Question 1", "Question 0"]
    assert second["next"] is None
    assert first["conversations"][0]["model"] == "shelf/fast"


async def test_a_search_tells_the_passage_and_where_the_words_stand() -> None:
    async with site(Config(), opener=scripted_opener(["The 🐙 octopus has three hearts."])) as web:
        conversation = await kept(web, "How many hearts?")
        await kept(web, "Another")
        found = (await web.client.get("/api/conversations", params={"query": "three octopus"})).json()
        nothing = (await web.client.get("/api/conversations", params={"query": "squid"})).json()
        wrong = await web.client.get("/api/conversations", params={"query": "after:never"})
    row = next(row for row in found["conversations"] if row["id"] == conversation)
    assert {row["snippet"][first:last] for first, last in row["marks"]} == {"octopus", "three"}
    assert nothing["conversations"] == []
    assert wrong.status_code == 400


async def test_a_search_of_many_turns_says_that_it_is_not_complete_and_is_gone_on_with(
    tmp_path: Path,
) -> None:
    few = StoreSettings(search=SearchBounds(ranked=2, examined=3, seconds=60, scanned=4))
    file = tmp_path / "history.db"
    store = await Store.open(file)
    path = [Turn("assistant", "of the and" if number else "the of and", id=str(number)) for number in range(12)]
    await store.write(writes.add_conversation, Conversation("old", path=tuple(path)))
    await store.close()
    async with site(Config(), opener=scripted_opener(file=file, settings=few)) as web:

        async def found(query: str, offset: int = 0) -> Any:
            told = await web.client.get("/api/conversations", params={"query": query, "offset": offset})
            return told.json()

        phrase = await found('"the of and"')
        nothing = await found("absent")
        common = await found("of")
        rest = await found("of", common["next"])
    assert [row["turn"] for row in phrase["conversations"]] == ["0"]
    assert (nothing["conversations"], nothing["complete"], nothing["next"]) == ([], True, None)
    assert not common["complete"]
    assert 0 <= common["searched"] < 1
    assert rest["complete"]


async def test_a_search_streams_titles_and_messages_and_counts_all(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    for number in range(4):
        path = [Turn("user", f"some octopus {turn}", id=f"{number}-{turn}") for turn in range(5)]
        await store.write(writes.add_conversation, Conversation(f"c{number}", f"Title {number}", path=tuple(path)))
    await store.write(writes.add_conversation, Conversation("t", "Ink of an Octopus"))
    await store.close()
    async with site(Config(), opener=scripted_opener(file=file)) as web:
        private = await web.engine.conversations.begin_private()
        await (await web.engine.ask(private.id, "octopus")).saved.wait()

        async def found(**parameters: str | int) -> list[Any]:
            reply = await web.client.get("/api/search", params=parameters)
            assert reply.headers["content-type"].startswith("text/event-stream")
            return [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]

        every = await found(query="octopus")
        few = await found(query="octopus", limit=2)
        rest = await found(query="octopus", limit=200, start=few[-1]["next"])
        nothing = await found(query="squid")
        asked: tuple[dict[str, str], ...] = (
            {},
            {"query": "after:never"},
            {"query": "x" * 1001},
            {"query": "x", "limit": "201"},
        )
        wrong = [await web.client.get("/api/search", params=parameters) for parameters in asked]
    rows = [row for event in every for row in event["conversations"]]
    assert (rows[0]["id"], rows[0]["marks"]) == ("t", [[10, 17]])
    assert "turn" not in rows[0]
    assert sorted(row["id"] for row in rows[1:]) == ["c0", "c1", "c2", "c3"]
    for last in (every[-1], few[-1]):
        counts = [last[name] for name in ("messages", "titles", "found", "complete")]
        assert counts == [20, 1, 5, True]
    assert every[-1]["next"] is None
    assert {row["id"] for event in (*few, *rest) for row in event["conversations"]} == {"t", "c0", "c1", "c2", "c3"}
    assert (nothing[-1]["conversations"], nothing[-1]["messages"], nothing[-1]["complete"]) == ([], 0, True)
    assert [reply.status_code for reply in wrong] == [400] * 4


async def test_a_conversation_opens_with_its_last_turns_rendered_and_the_earlier_ones_on_request() -> None:
    async with site(Config(), opener=scripted_opener(["**Yes**, indeed."])) as web:
        conversation = await kept(web, *(f"Question {number}" for number in range(20)))
        path = f"/api/conversations/{conversation}"
        last = (await web.client.get(path)).json()
        earlier = (await web.client.get(path, params={"before": last["first"]})).json()
        around = (await web.client.get(path, params={"turn": earlier["turns"][3]["id"]})).json()
    assert last["title"] == "Question 0"
    assert [turn["text"] for turn in last["turns"][-2:]] == ["Question 19", "**Yes**, indeed."]
    assert last["turns"][-1]["blocks"] == [{"html": "<p><strong>Yes</strong>, indeed.</p>", "joins": False}]
    assert last["turns"][-1]["figures"]["completionTokens"] == 1
    assert len(earlier["turns"]) + len(last["turns"]) == 40
    assert earlier["first"] == 0
    assert earlier["turns"][3]["id"] in [turn["id"] for turn in around["turns"][:3]]
    assert around["turns"][-1] == last["turns"][-1]


async def test_a_part_of_a_conversation_is_sent_where_a_limit_is_given(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    path = turns_in_a_row([f"text {n}" for n in range(300)])
    await store.write(writes.add_conversation, Conversation("long", path=path))
    await store.close()
    async with site(Config(), opener=scripted_opener(file=file)) as web:

        async def got(**parameters: str | int) -> Any:
            return (await web.client.get("/api/conversations/long", params=parameters)).json()

        last, around = await got(limit=10), await got(limit=10, turn="t40")
        later = await got(limit=10, before=around["end"] + 10)
        rest = await got(turn="t40")
        wrong = await web.client.get("/api/conversations/long?limit=1000")
        assert web.engine.conversations.cache.get("long") is None
        await web.client.patch("/api/conversations/long", json={"title": "Renamed"})
        assert len(web.engine.conversations.cache) == 0
    assert [turn["id"] for turn in last["turns"]] == [f"t{n}" for n in range(290, 300)]
    assert (last["first"], last["end"], last["length"]) == (290, 300, 300)
    assert [turn["id"] for turn in around["turns"]] == [f"t{n}" for n in range(39, 49)]
    assert [turn["id"] for turn in later["turns"]] == [f"t{n}" for n in range(49, 59)]
    assert [turn["id"] for turn in rest["turns"]] == [f"t{n}" for n in range(39, 300)]
    assert wrong.status_code == 400


async def test_private_conversations_are_never_told() -> None:
    async with site(Config(), opener=scripted_opener(["A secret word."])) as web:
        private = await web.engine.conversations.begin_private()
        answer = await web.engine.ask(private.id, "Tell me a secret")
        await answer.saved.wait()
        rows = (await web.client.get("/api/conversations")).json()["conversations"]
        found = (await web.client.get("/api/conversations", params={"query": "secret"})).json()["conversations"]
        path = f"/api/conversations/{private.id}"
        replies = [await web.client.get(path), await web.client.delete(path), await web.post(f"{path}/restore")]
    assert rows == found == []
    assert [reply.status_code for reply in replies] == [404, 404, 404]


async def test_a_conversation_is_renamed_deleted_and_brought_back() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        path = f"/api/conversations/{await kept(web, 'Question')}"
        renamed = (await web.client.patch(path, json={"title": "A better\ntitle", "pinned": True})).json()
        deleted = await web.client.delete(path)
        gone = await web.client.get(path)
        restored = await web.post(f"{path}/restore")
        back = (await web.client.get(path)).json()
    assert (renamed["title"], renamed["pinned"]) == ("A better title", True)
    assert [deleted.status_code, gone.status_code, restored.status_code] == [204, 404, 204]
    assert (back["title"], back["pinned"]) == ("A better title", True)


async def test_deleted_conversations_are_listed_and_erased_and_no_others() -> None:
    async with site(Config(), opener=scripted_opener(["Yes."])) as web:
        one, two, three = [await kept(web, f"Question {number}") for number in range(3)]
        for id in (one, two):
            await web.client.delete(f"/api/conversations/{id}")
        private = await web.engine.conversations.begin_private()
        await (await web.engine.ask(private.id, "A secret")).saved.wait()
        await web.engine.delete(private.id)
        listed = (await web.client.get("/api/deleted")).json()["conversations"]
        told = (await web.client.get("/api/conversations")).json()["deleted"]
        replies = [await web.client.delete(f"/api/deleted/{id}") for id in (one, three, private.id, "none")]
        gone = await web.post(f"/api/conversations/{one}/restore")
        left = (await web.client.get("/api/deleted")).json()["conversations"]
        emptied = await web.client.delete("/api/deleted")
        lost = await web.post(f"/api/conversations/{two}/restore")
        still = await web.client.get(f"/api/conversations/{three}")
        hidden = await web.engine.conversations.deletion.count()
    assert [(row["id"], row["daysLeft"]) for row in listed] == [(two, 30), (one, 30)]
    assert told == 2
    assert [reply.status_code for reply in replies] == [204, 404, 404, 404]
    assert [row["id"] for row in left] == [two]
    assert [gone.status_code, emptied.status_code, lost.status_code, still.status_code] == [404, 204, 404, 200]
    assert hidden == 1


async def test_the_models_and_strategies_are_told_with_how_they_fare() -> None:
    async with site(Config(strategy="balanced"), opener=scripted_opener()) as web:
        said = (await web.client.get("/api/models")).json()
    assert [model["name"] for model in said["models"]][:2] == ["shelf/fast", "shelf/deep"]
    assert said["models"][0]["priceIn"] == 0.1
    assert "balanced" in said["strategies"]
    assert said["strategyHelp"]["balanced"] == "quality, price and time together"
    assert (said["strategy"], said["model"]) == ("balanced", None)


async def test_a_conversation_is_opened_with_the_model_or_strategy_of_its_last_answer() -> None:
    async with site(Config(), opener=scripted_opener(["One."], ["Two."])) as web:
        begun = (await web.events(prompt="Count", strategy="cost-optimized"))[-1]
        path = f"/api/conversations/{begun['metadata']['conversationId']}"
        by_strategy = (await web.client.get(path)).json()
        await web.events(prompt="On", conversation=path.rpartition("/")[2], model="shelf/deep")
        by_name = [
            (await web.client.get(path, params=query)).json()
            for query in ({}, {"limit": 2, "turn": by_strategy["turns"][0]["id"]}, {"before": 2})
        ]
    assert (by_strategy["model"], by_strategy["strategy"]) == (None, "cost-optimized")
    # Whichever part is shown; what is loaded later says nothing about it.
    assert [each["length"] - each["end"] for each in by_name] == [0, 2, 2]
    assert [each["model"] for each in by_name] == ["shelf/deep", "shelf/deep", None]
    assert [each["strategy"] for each in by_name] == [None, None, None]


async def test_the_memory_is_sent_with_questions_of_the_page_and_of_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "memory.md").write_text("- I live in Bern\n")
    memory = Memory(user=UserMemory(tmp_path / "memory.md"))

    async def was_sent(conversation: str) -> bool:
        path = (await web.engine.conversations.conversation(conversation)).path
        for _ in range(6000):
            # It is stored with the ended answer.
            if route := await web.engine.conversations.route(path[-1].id):
                return bool(route.memory)
            await asyncio.sleep(0.01)
        raise AssertionError("the answer has no route")

    async with site(Config(), opener=scripted_opener(["Yes."], memory=memory)) as web:
        said = (await web.client.get("/api/models")).json()
        assert said["memoryTokens"]
        assert said["usesMemory"]
        asked = (await web.post("/api/ask", prompt="One?")).json()["conversation"]
        streamed = await kept(web, "Two?")
        assert await was_sent(asked)
        assert not await was_sent(streamed)
        assert (await web.client.get(f"/api/conversations/{asked}")).json()["usesMemory"]
        await web.engine.conversations.set_settings(asked, ConversationSettings(memory=False))
        assert not (await web.client.get(f"/api/conversations/{asked}")).json()["usesMemory"]


async def test_a_stream_for_the_page_adds_html_and_figures_at_most_ten_times_a_second() -> None:
    script = [step for word in range(40) for step in (f"word{word} ", Pause(0.01))]
    async with site(Config(), opener=scripted_opener(["# Title\n\n", *script])) as web:
        events = [event async for event in web.follow(prompt="Hi", render=True)]
    shown: list[str] = []
    for event in events:
        if event["type"] == "html":
            shown[event["block"] :] = [event["html"]]
    figures = [event["data"] for event in events if event["type"] == "figures"]
    seconds = events[-1]["metadata"]["timings"]["durationSeconds"]
    assert shown[0] == "<h1>Title</h1>"
    assert shown[1].startswith("<p>word0 word1 ")
    assert "word39" in shown[1]
    assert [event["type"] for event in events].count("end") == 1
    assert events[-1]["type"] == "end"
    assert 3 <= len(figures) <= seconds * 10 + 6
    assert figures[-1]["phase"] == "complete"
    assert figures[-1]["completionTokens"] == 41


async def test_a_stream_without_the_wish_has_neither_html_nor_figures(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20")) as web:
        events = await web.events(prompt="Hi")
    assert {event["type"] for event in events} == {"start", "token", "end"}


async def test_what_stands_behind_the_question_mark_is_checked() -> None:
    async with site(Config(), opener=scripted_opener()) as web:
        replies = [await web.client.get(f"/api/conversations?{wrong}") for wrong in ("limit=x", "limit=0", "offset=-1")]
    assert [reply.status_code for reply in replies] == [400, 400, 400]
    assert "`limit`" in replies[0].json()["error"]
