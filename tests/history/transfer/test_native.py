"""Our JSON: what goes out and comes in again is the same tree."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, Timings, Usage
from chat_tui.core.conversation import Conversation, QuickAnswer, Tree, Turn
from chat_tui.core.route import Candidate, Route, Seam, Try
from chat_tui.core.settings.conversation_settings import ConversationSettings, decode_settings, encode_settings
from chat_tui.core.settings.preset import Preset, decode_preset, encode_preset
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import INTERRUPTED, GivenConsent, ToolCall, ToolResult, ToolUse
from chat_tui.history.queries import attachments, deletion, reads, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.formats import native
from tests.support.transfers import imported

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
# Lone surrogates are no text: the store has U+FFFD in their place.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# What is imported is cleaned; what is cleaned already comes back as it was.
TEXT = ANY_TEXT.map(clean)
LINE = ANY_TEXT.map(clean_line)
AMOUNTS = st.integers(0, 1 << 40)
COSTS = st.floats(0, 1e6, allow_nan=False)
USAGES = st.builds(Usage, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.booleans())
FILES = st.builds(
    lambda name, content: Attachment(name, "text/plain", content), LINE.filter(bool), st.binary(min_size=1, max_size=30)
)
CALLS = st.builds(ToolCall, LINE, LINE, TEXT, TEXT)
RESULTS = st.builds(ToolResult, LINE, LINE, LINE, TEXT, TEXT)
MARKS = st.sampled_from([None, True, False])
ROUTES = st.builds(
    Route,
    LINE,
    st.lists(st.builds(Candidate, LINE, st.none() | COSTS, st.just({"speed": 0.5}), LINE), max_size=2).map(tuple),
    st.lists(st.builds(Try, LINE, st.integers(1, 9), LINE, LINE, COSTS), max_size=2).map(tuple),
)
# Of a preset comes back what switches nothing on.
PRESETS = st.just("") | st.builds(
    lambda title, prompt, stop: encode_preset(Preset("p", title, system_prompt=prompt, stop=(stop,))),
    LINE,
    TEXT,
    TEXT,
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    turns: list[Turn] = []
    routes: dict[str, Route] = {}
    for number in range(draw(st.integers(0, 7))):
        role = draw(st.sampled_from(["system", "user", "assistant", "tool"]))
        turns.append(
            Turn(
                role,  # type: ignore[arg-type]
                draw(TEXT),
                id=f"t{number}",
                parent=draw(st.sampled_from([None, *(turn.id for turn in turns)])),
                created=draw(TIMES),
                thinking=draw(TEXT),
                model=draw(LINE),
                strategy=draw(LINE),
                state=draw(st.sampled_from(["complete", "length", "cancelled", "broken", "failed", "refused"])),
                finish_reason=draw(LINE),
                usage=draw(st.none() | USAGES),
                timings=draw(st.none() | st.builds(Timings, st.none() | COSTS, COSTS)),
                cost=draw(st.none() | COSTS),
                error=draw(st.none() | st.builds(ErrorInfo, LINE, LINE, LINE)),
                left_out=draw(st.integers(0, 9)),
                attachments=draw(st.lists(FILES, max_size=2).map(tuple)),
                kept=draw(MARKS),
                verdict=draw(MARKS),
                seams=draw(st.lists(st.builds(Seam, AMOUNTS, LINE, LINE), max_size=2).map(tuple)),
                quick=draw(st.none() | st.builds(QuickAnswer, TEXT, LINE, st.none() | COSTS, LINE)),
                calls=draw(st.lists(CALLS, max_size=2).map(tuple)) if role == "assistant" else (),
                result=draw(RESULTS) if role == "tool" else None,
                replay=draw(TEXT) if role == "assistant" else "",
            )
        )
        if role == "assistant" and draw(st.booleans()):
            routes[f"t{number}"] = draw(ROUTES)
    conversation = Conversation(
        "c",
        draw(LINE),
        draw(st.none() | TEXT),
        draw(TIMES),
        draw(TIMES),
        pinned=draw(st.booleans()),
        preset=draw(PRESETS),
    )
    leaf = draw(st.sampled_from(["", *(turn.id for turn in turns)]))
    return Tree(conversation, tuple(turns), leaf, routes)


async def whole(store: Store, id: str) -> dict[str, Any]:
    """The store's tree as it is exported, with the content of its files."""
    tree = await store.read(reads.tree, id)
    files = await store.read(attachments.contents, [turn.id for turn in tree.turns])
    turns = tuple(msgspec.structs.replace(turn, attachments=files.get(turn.id, ())) for turn in tree.turns)
    record: dict[str, Any] = json.loads(native.json_text(native.record(msgspec.structs.replace(tree, turns=turns))))
    return record


def without_made_up(record: dict[str, Any]) -> dict[str, Any]:
    """Without the ids that a store gives to files, and what is made of the path (which the trees here do not have)."""
    files = [file for turn in record["turns"] for file in turn["attachments"]]
    for file in files:
        file.pop("id", None)
        file.pop("size_bytes", None)
    return {name: value for name, value in record.items() if name not in ("model", "cost")}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(trees())
def test_what_is_exported_comes_back_as_the_same_tree(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    file = tmp_path_factory.mktemp("own") / "export.json"
    text = native.json_text(native.record(tree))
    file.write_text(text, "utf-8")

    async def there_and_back() -> None:
        store = await Store.open(None)
        report = await imported(store, file)
        assert report.skipped == ()
        back = await whole(store, "c")
        assert without_made_up(back) == without_made_up(json.loads(text))
        again = await imported(store, file)
        assert (again.conversations, again.grown, again.known, again.turns) == (0, 0, 1, 0)
        assert without_made_up(await whole(store, "c")) == without_made_up(back)
        await store.close()

    asyncio.run(there_and_back())


@given(st.text())
def test_exported_json_holds_nothing_that_a_terminal_obeys_and_loses_nothing(text: str) -> None:
    shown = native.json_text({"text": text})
    assert not any(ord(mark) < 32 or 126 < ord(mark) < 160 or mark in "\u2028\u202e\u2066" for mark in shown)
    assert json.loads(shown)["text"] == text.encode("utf-8", "replace").decode() or "\ufffd" in shown


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    yield store
    await store.close()


def record(id: str = "c", *turns: Turn, **more: Any) -> dict[str, Any]:
    tree = Tree(Conversation(id, "Title", created=WHEN, updated=WHEN), turns, turns[-1].id if turns else "")
    return {**json.loads(native.json_text(native.record(tree))), **more}


QUESTION = Turn("user", "Why?", id="q", created=WHEN)
ANSWER = Turn("assistant", "Because.", id="a", parent="q", created=WHEN)


async def test_a_newer_export_adds_its_turns_and_the_path_goes_on(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION)))
    await imported(store, file)
    file.write_text(json.dumps(record("c", QUESTION, ANSWER)))
    report = await imported(store, file)
    assert (report.grown, report.turns) == (1, 1)
    assert [turn.id for turn in (await store.read(reads.conversation, "c")).path] == ["q", "a"]


async def test_a_preset_that_comes_in_switches_nothing_on(store: Store, tmp_path: Path) -> None:
    said: dict[str, Any] = {"name": "p", "title": "P", "system_prompt": "Be brief.", "temperature": 0.5, "stop": ["x"]}
    switches = {
        "as_you_type_seconds": 0.1,
        "model": "openai/dear",
        "strategy": "quality-first",
        "max_tokens": 1_000_000,
        "thinking": "high",
        "document": True,
        "tools": ["shell"],
        "web_search": True,
    }
    assert {*said, *switches, "description", "prompt", "top_p", "variables", "values"} == {*Preset.__struct_fields__}
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION, preset=json.dumps({**said, **switches}))))
    await imported(store, file)
    preset = decode_preset((await store.read(reads.conversation, "c")).preset)
    assert preset == Preset("p", "P", system_prompt="Be brief.", temperature=0.5, stop=("x",))


@pytest.mark.parametrize("text", ["{", "[1]", "7", '{"name": 7}', '{"stop": "x"}', "[" * 10_000, " " * 200_000 + "{}"])
async def test_a_preset_that_cannot_be_used_is_left_out(store: Store, tmp_path: Path, text: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION, preset=text)))
    assert (await imported(store, file)).conversations == 1
    assert (await store.read(reads.conversation, "c")).preset == ""


async def test_own_settings_come_back_but_for_what_an_answer_may_cost(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    settings = {"temperature": 0.2, "stop": ["END"], "max_tokens": 1_000_000, "thinking": "high"}
    file.write_text(json.dumps(record("c", QUESTION, settings=json.dumps(settings))))
    await imported(store, file)
    kept = decode_settings((await store.read(reads.conversation, "c")).settings)
    assert kept == ConversationSettings(temperature=0.2, stop=("END",))


async def test_a_number_of_a_preset_that_is_out_of_bounds_is_left_out(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION, preset='{"name": "p", "temperature": 1e300, "top_p": -1}')))
    await imported(store, file)
    assert decode_preset((await store.read(reads.conversation, "c")).preset) == Preset("p")


async def test_a_path_on_which_the_user_has_gone_on_stays(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION)))
    await imported(store, file)
    await store.write(writes.add_turn, "c", Turn("assistant", "Mine.", id="mine", parent="q", created=WHEN))
    file.write_text(json.dumps(record("c", QUESTION, ANSWER)))
    await imported(store, file)
    assert [turn.id for turn in (await store.read(reads.conversation, "c")).path] == ["q", "mine"]
    assert {turn.id for turn in (await store.read(reads.tree, "c")).turns} == {"q", "mine", "a"}


async def test_many_conversations_come_as_lines_or_as_a_list(store: Store, tmp_path: Path) -> None:
    lines = tmp_path / "lines.json"
    one, two = record("one"), record("two", msgspec.structs.replace(QUESTION, id="q2"))
    lines.write_text(json.dumps(one) + "\n" + json.dumps(two) + "\n")
    assert (await imported(store, lines)).conversations == 2
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([one, two, record("three")], indent=2))
    report = await imported(store, listed)
    assert (report.kind, report.conversations, report.known) == ("chat-tui", 1, 2)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"version": 99}, "update chat-tui"),
        ({"version": "x"}, "version"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"turns": 7}, "turns"),
    ],
)
async def test_a_bad_conversation_is_told_and_the_others_come_in(
    store: Store, tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps([record("one"), {**record("bad"), **wrong}, record("two")]))
    report = await imported(store, file)
    assert report.conversations == 2
    assert report.skipped_count == 1
    assert report.skipped[0].record == "record 2"
    assert reason in report.skipped[0].reason


@pytest.mark.parametrize("value", [7, -1.5, True, [], {}, "nonsense", "", None, "9" * 5000])
@pytest.mark.parametrize(
    "field",
    ["title", "created", "updated", "system_prompt", "pinned", "preset", "leaf", "import_key", "model", "cost"],
)
async def test_a_bad_field_of_a_conversation_costs_only_itself(
    store: Store, tmp_path: Path, field: str, value: Any
) -> None:
    whole = {**record("c", QUESTION, ANSWER), field: value}
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert (report.conversations, report.turns) == (1, 2)
    assert [skipped.record for skipped in report.skipped] in ([], [f"`{field}` of c"])
    tree = await store.read(reads.tree, "c")
    assert (tree.conversation.title, field) == ("Title", field) or field == "title"
    assert (tree.conversation.created, field) == (WHEN, field) or field == "created"
    assert [turn.id for turn in tree.conversation.path] == ([] if (field, value) == ("leaf", "") else ["q", "a"])


@pytest.mark.parametrize("value", [7, True, [], {}, "nonsense"])
async def test_a_conversation_without_a_readable_date_has_that_of_its_turns(
    store: Store, tmp_path: Path, value: Any
) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps({**record("c", QUESTION, ANSWER), "created": value, "updated": value}))
    report = await imported(store, file)
    assert [skipped.record for skipped in report.skipped] == ["`created` of c", "`updated` of c"]
    assert (await store.read(reads.tree, "c")).conversation.created == WHEN


def branching(turns: int) -> list[Turn]:
    """A tree in which every third turn has two answers."""
    return [
        Turn("user", f"words {place}", id=f"t{place}", parent=f"t{place - 1 - (place % 3 == 0)}" if place > 1 else None)
        for place in range(1, turns + 1)
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_turns_come_in_whatever_their_order(store: Store, tmp_path: Path, seed: int) -> None:
    whole = record("c", *branching(40))
    in_order = {turn["id"]: turn["parent"] for turn in whole["turns"]}
    if seed == 0:
        whole["turns"].reverse()
    else:
        random.Random(seed).shuffle(whole["turns"])
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert (report.turns, report.skipped) == (40, ())
    tree = await store.read(reads.tree, "c")
    assert {turn.id: turn.parent for turn in tree.turns} == in_order
    assert tree.conversation.path[-1].id == "t40"
    assert (await imported(store, file)).turns == 0


async def test_below_a_turn_that_cannot_be_read_the_conversation_goes_on(store: Store, tmp_path: Path) -> None:
    again = msgspec.structs.replace(QUESTION, id="q2", parent="a")
    whole = record("c", QUESTION, ANSWER, again)
    whole["turns"][1]["text"] = 7
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert [skipped.record for skipped in report.skipped] == ["turn 2 of c"]
    assert [turn.id for turn in (await store.read(reads.conversation, "c")).path] == ["q", "q2"]


async def test_turns_that_follow_each_other_in_a_ring_come_in_once(store: Store, tmp_path: Path) -> None:
    links = {"below": "one", "one": "three", "two": "one", "three": "two", "self": "self", "q": None}
    whole = record("c", *(Turn("user", id, id=id, parent=parent) for id, parent in links.items()))
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert report.turns == len(links)
    assert [skipped.record for skipped in report.skipped] == ["`parent` of turn 2 of c", "`parent` of turn 5 of c"]
    parents = {turn.id: turn.parent for turn in (await store.read(reads.tree, "c")).turns}
    assert parents == {**links, "one": None, "self": None}


@pytest.mark.parametrize("id", [[], {}, 7, None])
async def test_an_id_that_is_no_text_costs_its_turn_only(store: Store, tmp_path: Path, id: Any) -> None:
    whole = record("c", QUESTION, ANSWER)
    whole["turns"].append({"role": "user", "text": "Who?", "id": id, "parent": id})
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert (report.turns, report.skipped_count) == (2, 1)


async def test_a_bad_turn_is_told_and_the_others_come_in(store: Store, tmp_path: Path) -> None:
    whole = record("c", QUESTION, ANSWER)
    whole["turns"].insert(1, {"role": "wizard", "text": "Hocus", "id": "w"})
    whole["turns"].append({"role": "user", "text": "lost", "id": "l", "parent": "nobody"})
    whole["turns"].append({"role": "user", "text": "twice", "id": "q"})
    whole["turns"].append("no turn at all")
    whole["turns"][2]["route"] = 7
    file = tmp_path / "export.json"
    file.write_text(json.dumps(whole))
    report = await imported(store, file)
    assert report.turns == 3
    assert [skipped.record for skipped in report.skipped] == [
        "turn 2 of c",
        "the route of turn 3 of c",
        "`parent` of turn 4 of c",
        "turn 5 of c",
        "turn 6 of c",
    ]


async def test_a_turn_whose_id_belongs_to_another_conversation_changes_nothing_there(
    store: Store, tmp_path: Path
) -> None:
    await store.write(writes.add_conversation, Conversation("mine", path=(QUESTION,)))
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("theirs", msgspec.structs.replace(QUESTION, text="Changed"))))
    report = await imported(store, file)
    assert report.skipped_count == 1
    assert (await store.read(reads.conversation, "mine")).path[0].text == "Why?"


async def test_an_answer_that_was_growing_when_it_was_exported_is_broken(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    growing = msgspec.structs.replace(ANSWER, state="streaming", text="Bec")
    file.write_text(json.dumps(record("c", QUESTION, growing)))
    await imported(store, file)
    turn = (await store.read(reads.conversation, "c")).path[-1]
    assert (turn.state, turn.text) == ("broken", "Bec")


async def test_a_tool_call_that_ran_when_it_was_exported_is_broken_and_no_tool_is_on(
    store: Store, tmp_path: Path
) -> None:
    asked = msgspec.structs.replace(ANSWER, calls=(ToolCall("c", "send", "{}"),))
    running = Turn("tool", "", id="r", parent="a", created=WHEN, state="streaming", result=ToolResult("c", "send", "x"))
    use = ToolUse(servers=("x",), allow=("x.*",), consents=(GivenConsent("x.send", "mark"),))
    stored = encode_settings(ConversationSettings(temperature=0.5, tools=use))
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION, asked, running, settings=stored)))
    await imported(store, file)
    back = await store.read(reads.conversation, "c")
    assert decode_settings(back.settings) == ConversationSettings(temperature=0.5)
    result = back.path[-1]
    assert (result.state, result.text, result.result) == ("broken", INTERRUPTED, running.result)


async def test_what_was_deleted_comes_back_when_it_is_imported_again(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION)))
    await imported(store, file)
    await store.write(deletion.delete, "c")
    await imported(store, file)
    assert [row.id for row in await store.read(reads.summaries)] == ["c"]


async def test_an_import_does_not_look_as_if_it_were_of_now(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps(record("c", QUESTION, ANSWER)))
    await imported(store, file)
    assert (await store.read(reads.summaries))[0].updated == WHEN


def test_costs_of_nothing_known_are_none_and_others_are_summed() -> None:
    assert record("c", QUESTION)["cost"] is None
    dear = msgspec.structs.replace(ANSWER, cost=0.5)
    assert math.isclose(record("c", QUESTION, dear)["cost"], 0.5)
