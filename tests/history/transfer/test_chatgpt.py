"""ChatGPT's export, in the shape that is known of it (tests/data/imports/README.md)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from chat_tui.core.conversation import Tree, Turn
from chat_tui.core.tools import ToolResult
from chat_tui.history.queries import attachments, reads
from chat_tui.history.store import Store
from chat_tui.history.transfer.ingest import add_imported
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn
from tests.support.transfers import RECORDED, chatgpt, imported, node, told, trees

ROOT = node("root", None, text=None)
HIDDEN = node("sys", "root", "system", metadata={"is_visually_hidden_from_conversation": True})


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    yield store
    await store.close()


def nodes(*more: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    copies: list[dict[str, Any]] = json.loads(json.dumps([ROOT, HIDDEN, *more]))
    return tuple(copies)


async def one(store: Store, tmp_path: Path, *more: dict[str, Any], **about: Any) -> Tree:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([chatgpt("u-1", *nodes(*more), **about)]))
    report = await imported(store, file)
    assert (report.kind, report.conversations, report.skipped) == ("ChatGPT", 1, ())
    return (await trees(store))["A chat"]


async def test_a_chat_comes_in_with_its_times_and_models(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Why?", 1_700_000_000.25),
        node("a", "q", "assistant", "Because.", 1_700_000_002.5, metadata={"model_slug": "gpt-4o-mini"}),
    )
    assert told(tree.conversation.path) == [("user", "Why?"), ("assistant", "Because.")]
    assert tree.turns[1].model == "chatgpt/gpt-4o-mini"
    assert tree.turns[0].created == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
    assert tree.conversation.updated == datetime(2023, 11, 14, 22, 28, 20, 500_000, tzinfo=UTC)


async def test_branches_are_kept_and_the_current_one_is_the_path(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Why?", 1.0),
        node("a2", "q", "assistant", "Second.", 3.0),
        node("a1", "q", "assistant", "First.", 2.0),
        node("q2", "a1", "user", "And?", 4.0),
        node("edited", "sys", "user", "Why not?", 5.0),
        current="q2",
    )
    assert told(tree.conversation.path) == [("user", "Why?"), ("assistant", "First."), ("user", "And?")]
    assert {turn.text for turn in tree.turns} == {"Why?", "First.", "Second.", "And?", "Why not?"}
    answers = [turn.text for turn in tree.turns if turn.parent == tree.turns[0].id]
    assert answers == ["First.", "Second."]


THOUGHTS = {"content_type": "thoughts", "thoughts": [{"summary": "S", "content": "C"}]}
PLOTTED = (
    node("q", "sys", "user", "Plot it."),
    node("t", "q", "assistant", content=THOUGHTS),
    node("say", "t", "assistant", "Let me see."),
    node("code", "say", "assistant", content={"content_type": "code", "text": "plot()"}, recipient="python"),
    node("out", "code", "tool", name="python", content={"content_type": "execution_output", "text": "done"}),
    node("recap", "out", "assistant", content={"content_type": "reasoning_recap", "content": "Thought for 3s"}),
    node("end", "recap", "assistant", "Here it is."),
    node("next", "end", "user", "Thanks."),
)


async def test_a_tool_call_and_its_result_are_turns_and_thoughts_are_thinking(store: Store, tmp_path: Path) -> None:
    tree = await one(store, tmp_path, *PLOTTED)
    assert told(tree.conversation.path) == [
        ("user", "Plot it."),
        ("assistant", "Let me see."),
        ("tool", "done"),
        ("assistant", "Here it is."),
        ("user", "Thanks."),
    ]
    (call,) = tree.turns[1].calls
    assert (call.name, call.arguments) == ("python", '{"input":"plot()"}')
    assert tree.turns[2].result == ToolResult(call.id, "python")
    assert {turn.state for turn in tree.turns} == {"complete"}
    assert [turn.thinking for turn in tree.turns] == ["", "S\nC", "", "", ""]
    assert tree.turns[1].model == tree.turns[3].model == "chatgpt/gpt-4o"
    again = await imported(store, tmp_path / "conversations.json")
    assert (again.known, again.grown, again.turns) == (1, 0, 0)
    assert (await trees(store))["A chat"] == tree


async def test_calls_without_results_and_results_without_calls_are_thinking(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Look it up."),
        node("c1", "q", "assistant", "search(1)", recipient="browser"),
        node("r1", "c1", "tool", "found", name="bio"),
        node("a", "r1", "assistant", "Here."),
        node("q2", "a", "user", "And?"),
        node("c2", "q2", "assistant", "search(2)", recipient="browser"),
    )
    assert told(tree.conversation.path) == [
        ("user", "Look it up."),
        ("assistant", "Here."),
        ("user", "And?"),
        ("assistant", ""),
    ]
    assert not any(turn.calls for turn in tree.turns)
    assert tree.turns[1].thinking == "[browser]\n```\nsearch(1)\n```\n\n[bio]\n```\nfound\n```"
    assert tree.turns[3].thinking == "[browser]\n```\nsearch(2)\n```"


async def test_calls_and_results_are_as_a_provider_takes_them_and_bounded(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Do it."),
        node("c1", "q", "assistant", '{"city": "Paris"}', recipient="maps.find it"),
        node("c2", "c1", "assistant", "x" * 30_000, recipient="python"),
        node("r1", "c2", "tool", "y" * 30_000, name="maps.find it"),
        node("r2", "r1", "tool", content={"content_type": "system_error", "text": "Too long"}, name="python"),
        node("a", "r2", "assistant", "Done."),
    )
    assert [turn.role for turn in tree.turns] == ["user", "assistant", "tool", "tool", "assistant"]
    calls = tree.turns[1].calls
    assert [call.name for call in calls] == ["maps_find_it", "python"]
    assert calls[0].arguments == '{"city": "Paris"}'
    assert calls[1].arguments == json.dumps({"input": "x" * 20_000 + "…"}, ensure_ascii=False, separators=(",", ":"))
    assert tree.turns[2].text == "y" * 20_000 + "…"
    assert (tree.turns[3].text, tree.turns[3].state) == ("Too long", "failed")
    results = [turn.result.call for turn in tree.turns if turn.result]
    assert results == [call.id for call in calls]


async def test_a_result_belongs_to_the_call_before_it_and_those_of_several_calls_come_in_order(
    store: Store, tmp_path: Path
) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Do it."),
        node("c1", "q", "assistant", "lost", recipient="python"),
        node("say", "c1", "assistant", "Once more."),
        node("c2", "say", "assistant", "print(2)", recipient="python"),
        node("r2", "c2", "tool", "2", name="python"),
        node("c3", "r2", "assistant", "print(3)", recipient="python"),
        node("c4", "c3", "assistant", "print(4)", recipient="python"),
        node("r3", "c4", "tool", "3", name="python"),
        node("r4", "r3", "tool", "4", name="python"),
        node("a", "r4", "assistant", "Done."),
    )
    arguments = {call.id: json.loads(call.arguments)["input"] for turn in tree.turns for call in turn.calls}
    results = [(arguments[turn.result.call], turn.text) for turn in tree.turns if turn.result]
    assert results == [("print(2)", "2"), ("print(3)", "3"), ("print(4)", "4")]
    assert "lost" in tree.turns[1].thinking


async def test_several_messages_of_a_tool_are_one_result_which_may_be_empty(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Do it."),
        node("c1", "q", "assistant", "search(1)", recipient="browser"),
        node("r1", "c1", "tool", "one", name="browser"),
        node("r2", "r1", "tool", "two", name="browser"),
        node("c2", "r2", "assistant", "run()", recipient="python"),
        node("r3", "c2", "tool", "", name="python"),
    )
    assert told(tree.turns) == [
        ("user", "Do it."),
        ("assistant", ""),
        ("tool", "one\n\ntwo"),
        ("assistant", ""),
        ("tool", ""),
    ]
    assert not any(turn.thinking for turn in tree.turns)


@pytest.mark.parametrize("place", [1, 2])
async def test_an_answer_that_an_earlier_version_imported_stays_one_turn(
    store: Store, tmp_path: Path, place: int
) -> None:
    # Its key was that of its first text, which may come after the calls.
    messages = [each for each in PLOTTED if place == 1 or each["id"] != "say"]
    if place == 2:
        messages[2] = {**messages[2], "parent": "t"}
    key, text = ("say", "Let me see.\n\nHere it is.") if place == 1 else ("end", "Here it is.")
    calls = "[python]\n```\nplot()\n```\n\n[python]\n```\ndone\n```"
    when = datetime(2024, 1, 1, tzinfo=UTC)
    old = [
        ImportedTurn("q", None, Turn("user", "Plot it.")),
        ImportedTurn(key, "q", Turn("assistant", text, thinking=f"S\nC\n\n{calls}")),
    ]
    await store.write(add_imported, ConversationHeader("chatgpt:u-1", when, when, "A chat"), old)
    file = tmp_path / "conversations.json"
    for added in (1, 0):
        file.write_text(json.dumps([chatgpt("u-1", *nodes(*messages))]))
        assert (await imported(store, file)).turns == added
        tree = (await trees(store))["A chat"]
        assert told(tree.turns) == [("user", "Plot it."), ("assistant", text), ("user", "Thanks.")]
        assert tree.conversation.path == tree.turns


async def test_a_newer_export_adds_what_followed_a_tool_call(store: Store, tmp_path: Path) -> None:
    for count in range(4, len(PLOTTED) + 1):
        file = tmp_path / f"{count}.json"
        file.write_text(json.dumps([chatgpt("u-1", *nodes(*PLOTTED[:count]))]))
        if count != 4:
            await imported(store, file)
    tree = (await trees(store))["A chat"]
    assert [turn.role for turn in tree.conversation.path] == ["user", "assistant", "tool", "assistant", "user"]
    assert len(tree.turns) == 5


async def test_what_nobody_saw_is_left_out(store: Store, tmp_path: Path) -> None:
    hidden = {"is_visually_hidden_from_conversation": True}
    context = {"content_type": "user_editable_context", "user_profile": "P", "user_instructions": "I"}
    tree = await one(
        store,
        tmp_path,
        node("ctx", "sys", "user", content=context),
        node("q", "ctx", "user", "Hi"),
        node("h", "q", "assistant", "secret", metadata=hidden),
        node("e", "h", "assistant", ""),
        node("a", "e", "assistant", 'Hello\ue200cite\ue202turn0search1\ue201 \ue200entity\ue202["city","Paris"]\ue201'),
    )
    assert told(tree.turns) == [("user", "Hi"), ("assistant", "Hello Paris")]


async def test_a_visible_system_message_is_the_system_prompt(store: Store, tmp_path: Path) -> None:
    tree = await one(store, tmp_path, node("s", "sys", "system", "Be brief."), node("q", "s", "user", "Hi"))
    assert tree.conversation.system_prompt == "Be brief."


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"metadata": {"finish_details": {"type": "max_tokens"}}}, "length"),
        ({"metadata": {"finish_details": {"type": "interrupted"}}}, "cancelled"),
        ({"status": "in_progress"}, "broken"),
    ],
)
async def test_how_an_answer_ended_is_kept(store: Store, tmp_path: Path, more: dict[str, Any], state: str) -> None:
    tree = await one(store, tmp_path, node("q", "sys", "user", "Hi"), node("a", "q", "assistant", "Hel", **more))
    assert tree.turns[1].state == state


def picture(id: str, parent: str, role: str, pointer: str, text: str, **more: Any) -> dict[str, Any]:
    parts = [{"content_type": "image_asset_pointer", "asset_pointer": pointer, "size_bytes": 69}, text]
    return node(id, parent, role, content={"content_type": "multimodal_text", "parts": parts}, **more)


async def test_images_of_the_zip_become_attachments_and_missing_ones_are_named(store: Store, tmp_path: Path) -> None:
    image = (RECORDED / "dot.png").read_bytes()
    file = tmp_path / "export.zip"
    chat = chatgpt(
        "u-1",
        *nodes(
            picture("q", "sys", "user", "file-service://file-AbC123", "What is it?"),
            node("a", "q", "assistant", "A dot."),
            picture("q2", "a", "user", "sediment://file_00000000beef", "And that?"),
            picture("made", "q2", "tool", "sediment://file_0000000077", "", name="dalle.text2im"),
        ),
    )
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("user.json", "{}")
        zipped.writestr("export/conversations.json", json.dumps([chat]))
        zipped.writestr("export/file-AbC123-dot.png", image)
        zipped.writestr("user-x/file_0000000077-1234.png", image)
    report = await imported(store, file)
    assert (report.kind, report.conversations, report.skipped_count) == ("ChatGPT", 1, 0)
    tree = (await trees(store))["A chat"]
    assert [(turn.role, len(turn.attachments)) for turn in tree.turns] == [
        ("user", 1),
        ("assistant", 0),
        ("user", 0),
        ("assistant", 1),
    ]
    assert (await store.read(attachments.contents, [tree.turns[0].id]))[tree.turns[0].id][0].content == image
    assert tree.turns[2].text == "And that?\n\n[image: file_00000000beef, not included in the export]"


async def test_a_newer_export_adds_the_new_turns_below_the_old_ones(store: Store, tmp_path: Path) -> None:
    question, answer = node("q", "sys", "user", "Why?"), node("a", "q", "assistant", "Because.")
    await one(store, tmp_path, question, answer)
    file = tmp_path / "newer.json"
    more = node("q2", "a", "user", "And?"), node("a2", "q2", "assistant", "So.")
    file.write_text(json.dumps([chatgpt("u-1", *nodes(question, answer, *more)), chatgpt("u-2", *nodes(question))]))
    report = await imported(store, file)
    assert (report.conversations, report.grown, report.turns) == (1, 1, 3)
    path = max(
        (
            tree.conversation.path
            for tree in [await store.read(reads.tree, row.id) for row in await store.read(reads.summaries)]
        ),
        key=len,
    )
    assert [turn.text for turn in path] == ["Why?", "Because.", "And?", "So."]
    assert (await imported(store, file)).turns == 0


async def test_conversations_in_several_files_of_the_zip_all_come_in(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    with ZipFile(file, "w") as zipped:
        for number in range(3):
            chat = chatgpt(f"u-{number}", *nodes(node("q", "sys", "user", "Hi")))
            zipped.writestr(f"conversations-{number:03}.json", json.dumps([chat]))
    assert (await imported(store, file)).conversations == 3


async def test_a_chat_of_thousands_of_messages_comes_in(store: Store, tmp_path: Path) -> None:
    chain = [node("0", "sys", "user", "m0")]
    for number in range(1, 3000):
        chain.append(node(str(number), str(number - 1), ("user", "assistant")[number % 2], f"m{number}"))
    tree = await one(store, tmp_path, *chain)
    assert len(tree.conversation.path) == 3000


@pytest.mark.parametrize(
    "wrong",
    [
        {"mapping": []},
        {"mapping": None},
        {"id": None, "conversation_id": None},
        {"id": "x" * 999, "conversation_id": ""},
    ],
)
async def test_a_bad_chat_is_told_and_the_others_come_in(store: Store, tmp_path: Path, wrong: dict[str, Any]) -> None:
    good = [chatgpt(id, *nodes(node("q", "sys", "user", "Hi"))) for id in ("u-1", "u-2")]
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([good[0], {**good[0], **wrong}, good[1]]))
    report = await imported(store, file)
    assert (report.conversations, report.skipped_count) == (2, 1)
    assert report.skipped[0].record == "record 2"


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, True, 1e300, -1, {"role": []}, [[]], "\ud800", [{"a": None}]])
async def test_odd_values_anywhere_stop_nothing(store: Store, tmp_path: Path, value: Any) -> None:
    chats: list[Any] = []
    paths: tuple[list[Any], ...] = (
        ["create_time"],
        ["title"],
        ["current_node"],
        ["default_model_slug"],
        ["mapping", "q"],
        *(["mapping", "q", field] for field in ("message", "parent", "children")),
        *(
            ["mapping", "q", "message", field]
            for field in ("author", "create_time", "content", "metadata", "recipient")
        ),
        *(["mapping", "q", "message", "content", field] for field in ("content_type", "parts", "text")),
        ["mapping", "q", "message", "content", "parts", 0],
        ["mapping", "q", "message", "author", "role"],
        ["mapping", "q", "message", "metadata", "model_slug"],
    )
    for path in paths:
        chat: Any = chatgpt(
            f"u-{len(chats)}", *nodes(node("q", "sys", "user", "Hi"), node("a", "q", "assistant", "Yes"))
        )
        place = chat
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        chats.append(chat)
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(chats))
    report = await imported(store, file)
    assert report.conversations == len(chats)
    assert report.turns >= len(chats)
    for row in await store.read(reads.summaries):
        assert (await store.read(reads.conversation, row.id)).path


@pytest.mark.parametrize("current", [None, 7, "nowhere"])
async def test_without_its_current_message_a_chat_shows_its_newest(store: Store, tmp_path: Path, current: Any) -> None:
    chat = chatgpt(
        "u-1",
        *nodes(
            node("q", "sys", "user", "Why?", 1.0),
            node("a2", "q", "assistant", "Second.", 3.0),
            node("a1", "q", "assistant", "First.", 2.0),
        ),
    )
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([{**chat, "current_node": current}]))
    await imported(store, file)
    assert told((await trees(store))["A chat"].conversation.path) == [("user", "Why?"), ("assistant", "Second.")]


async def test_a_message_with_an_endless_id_comes_in(store: Store, tmp_path: Path) -> None:
    long = "x" * 999
    tree = await one(store, tmp_path, node(long, "sys", "user", "Why?"), node("a", long, "assistant", "Because."))
    assert told(tree.conversation.path) == [("user", "Why?"), ("assistant", "Because.")]


async def test_nodes_in_a_ring_are_told(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    ring = node("x", "y", "user", "x"), node("y", "x", "assistant", "y")
    file.write_text(json.dumps([chatgpt("u-1", *nodes(node("q", "sys", "user", "Hi"), *ring), current="x")]))
    report = await imported(store, file)
    assert (report.turns, report.skipped_count) == (1, 1)
    assert "circle" in report.skipped[0].reason


async def test_a_chat_without_a_title_gets_one_from_its_question(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([chatgpt("u-1", *nodes(node("q", "sys", "user", "Why is it\nso?")), title="")]))
    await imported(store, file)
    assert [row.title for row in await store.read(reads.summaries)] == ["Why is it so?"]


async def test_answers_that_were_made_again_after_a_tool_are_siblings(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Look it up.", 1.0),
        node("say", "q", "assistant", "I will.", 2.0),
        node("out", "say", "tool", "found", 3.0, name="web"),
        node("b1", "out", "assistant", "First.", 4.0),
        node("b2", "out", "assistant", "Second.", 5.0),
        current="b1",
    )
    assert told(tree.conversation.path) == [("user", "Look it up."), ("assistant", "I will."), ("assistant", "First.")]
    assert [turn.text for turn in tree.turns if turn.parent == tree.turns[1].id] == ["First.", "Second."]


async def test_answers_that_were_made_again_after_a_tool_call_share_it(store: Store, tmp_path: Path) -> None:
    tree = await one(
        store,
        tmp_path,
        node("q", "sys", "user", "Look it up.", 1.0),
        node("call", "q", "assistant", "search(1)", 2.0, recipient="web"),
        node("out", "call", "tool", "found", 3.0, name="web"),
        node("b1", "out", "assistant", "First.", 4.0),
        node("b2", "out", "assistant", "Second.", 5.0),
        current="b1",
    )
    assert told(tree.conversation.path) == [
        ("user", "Look it up."),
        ("assistant", ""),
        ("tool", "found"),
        ("assistant", "First."),
    ]
    assert len(tree.turns) == 5
    assert [turn.text for turn in tree.turns if turn.parent == tree.turns[2].id] == ["First.", "Second."]
