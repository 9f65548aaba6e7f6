"""llm's and elia's databases, as those programs themselves made them (tests/data/imports/README.md)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.tools import ToolResult, decode_arguments
from chat_tui.core.usage.pricing import cost_of
from chat_tui.history.queries import attachments, usage
from chat_tui.history.store import Store
from chat_tui.history.transfer.ingest import add_imported
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn
from tests.support.transfers import imported, recorded, told, trees

LLM = ["llm-0.26.db", "llm-0.36.db", "llm-0.26-to-0.36.db"]


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    yield store
    await store.close()


@pytest.mark.parametrize("name", LLM)
async def test_conversations_of_llm_come_in_and_twice_makes_no_doubles(store: Store, tmp_path: Path, name: str) -> None:
    file = recorded(name, tmp_path)
    report = await imported(store, file)
    assert (report.kind, report.skipped_count) == ("llm", 0)
    assert report.conversations == (5 if name == "llm-0.36.db" else 4)
    before = await trees(store)
    again = await imported(store, file)
    assert (again.conversations, again.grown, again.known, again.turns) == (0, 0, report.conversations, 0)
    assert await trees(store) == before


@pytest.mark.parametrize("name", LLM)
async def test_questions_answers_models_times_and_the_system_prompt_of_llm_are_kept(
    store: Store, tmp_path: Path, name: str
) -> None:
    await imported(store, recorded(name, tmp_path))
    tree = next(tree for tree in (await trees(store)).values() if tree.turns[0].text == "What is a tree?")
    assert tree.conversation.system_prompt == "You are brief."
    assert [turn.role for turn in tree.conversation.path][:4] == ["user", "assistant", "user", "assistant"]
    assert tree.turns[2].text == "And what is a forest? 漢字 too."
    assert '"prompt": "What is a tree?"' in tree.turns[1].text
    assert {turn.model for turn in tree.turns if turn.role == "assistant"} == {"llm/echo"}
    assert all(turn.created is not None and turn.created.year == 2026 for turn in tree.turns)


@pytest.mark.parametrize("name", LLM)
async def test_what_llm_keeps_itself_becomes_an_attachment_and_a_path_is_not_followed(
    store: Store, tmp_path: Path, name: str
) -> None:
    await imported(store, recorded(name, tmp_path))
    tree = (await trees(store))["Describe this picture"]
    (file,) = (await store.read(attachments.contents, [tree.turns[0].id]))[tree.turns[0].id]
    assert file.media_type == "image/png"
    assert file.content.startswith(b"\x89PNG")
    assert tree.turns[2].attachments == ()
    assert "other.png, not in the database]" in tree.turns[2].text


@pytest.mark.parametrize("name", LLM)
async def test_fragments_and_tools_of_llm_are_kept(store: Store, tmp_path: Path, name: str) -> None:
    await imported(store, recorded(name, tmp_path))
    known = await trees(store)
    summed = known["Roses are red. Sum this up"]
    assert summed.turns[0].text.split() == ["Roses", "are", "red.", "Sum", "this", "up"]
    assert summed.conversation.system_prompt == "Roses are red."
    tool = next(tree for title, tree in known.items() if "tool" in title)
    assert [turn.role for turn in tool.conversation.path] == ["user", "assistant", "tool", "assistant"]
    assert len(tool.turns) == 4
    (call,) = tool.turns[1].calls
    assert (call.name, decode_arguments(call.arguments)) == ("upper", {"text": "abc"})
    assert tool.turns[2].result == ToolResult(call.id, "upper")
    assert (tool.turns[2].text, tool.turns[2].state) == ("ABC", "complete")
    assert all('"prompt"' in turn.text for turn in (tool.turns[1], tool.turns[3]))
    assert not any(turn.thinking for turn in tool.turns)


async def test_a_tool_of_llm_that_failed_is_a_failed_result_and_a_lost_result_leaves_thinking(
    store: Store, tmp_path: Path
) -> None:
    file = recorded("llm-0.36.db", tmp_path)
    payload = '{"output": "Error: no", "exception": "ValueError: no", "tool_call_id": "%s"}'
    with closing(sqlite3.connect(file)) as db:
        (id,) = db.execute(
            "SELECT json_extract(payload, '$.tool_call_id') FROM parts WHERE type = 'tool_call'"
        ).fetchone()
        db.execute("UPDATE parts SET payload = ? WHERE type = 'tool_result'", (payload % id,))
        db.commit()
    await imported(store, file)
    tree = next(tree for title, tree in (await trees(store)).items() if "tool" in title)
    assert (tree.turns[2].text, tree.turns[2].state) == ("Error: no", "failed")
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE parts SET payload = ? WHERE type = 'tool_result'", (payload % "other",))
        db.commit()
    other = await Store.open(None)
    await imported(other, file)
    tree = next(tree for title, tree in (await trees(other)).items() if "tool" in title)
    await other.close()
    assert [turn.role for turn in tree.turns] == ["user", "assistant"]
    assert tree.turns[1].calls == ()
    assert "Error: no" in tree.turns[1].thinking
    assert "abc" in tree.turns[1].thinking


@pytest.mark.parametrize("has_text", [True, False])
async def test_a_tool_call_that_changed_its_shape_in_llm_is_not_doubled(
    store: Store, tmp_path: Path, has_text: bool
) -> None:
    file = recorded("llm-0.36.db", tmp_path)
    with closing(sqlite3.connect(file)) as db:
        (thread,) = db.execute(
            "SELECT thread_id FROM turns JOIN parts ON message_hash = tip_message_hash WHERE type = 'tool_call'"
        ).fetchone()
        if not has_text:
            db.execute(
                "DELETE FROM parts WHERE type = 'text' AND message_hash IN"
                " (SELECT message_hash FROM parts WHERE type = 'tool_call')"
            )
        texts = [
            text
            for (text,) in db.execute(
                "SELECT text FROM turns LEFT JOIN parts ON message_hash = tip_message_hash AND type = 'text'"
                " WHERE thread_id = ? ORDER BY datetime_utc, turns.id",
                (thread,),
            )
        ]
        for id, prompt, text in zip(("r1", "r2"), ("use the tool", ""), texts, strict=True):
            db.execute(
                "INSERT INTO responses (id, model, prompt, response, conversation_id) VALUES (?, 'echo', ?, ?, ?)",
                (id, prompt, text or "", thread),
            )
        db.execute("INSERT INTO tool_calls (response_id, name, arguments) VALUES ('r1', 'upper', '{}')")
        db.execute("INSERT INTO tool_results (response_id, name, output) VALUES ('r2', 'upper', 'ABC')")
        db.commit()
        shutil.copy(file, tmp_path / "both.db")
        db.execute("DELETE FROM turns WHERE thread_id = ?", (thread,))
        db.execute("DELETE FROM threads WHERE id = ?", (thread,))
        db.commit()
    await imported(store, file)
    before = await trees(store)
    assert any(
        [turn.role for turn in tree.turns] == ["user", "assistant", "tool", "assistant"] for tree in before.values()
    )
    report = await imported(store, tmp_path / "both.db")
    assert (report.conversations, report.turns) == (0, 0)
    after = await trees(store)
    assert {title: (tree.turns, tree.leaf) for title, tree in after.items()} == {
        title: (tree.turns, tree.leaf) for title, tree in before.items()
    }


@pytest.mark.parametrize("name", ["llm-0.26.db", "llm-0.36.db"])
async def test_an_answer_of_llm_that_an_earlier_version_imported_stays_one_turn(
    store: Store, tmp_path: Path, name: str
) -> None:
    file = recorded(name, tmp_path)
    first = await Store.open(None)
    await imported(first, file)
    tree = next(tree for title, tree in (await trees(first)).items() if "tool" in title)
    await first.close()
    question, answer = (tree.import_keys[turn.id] for turn in tree.turns[:2])
    when = datetime(2026, 1, 1, tzinfo=UTC)
    old = [
        ImportedTurn(question, None, Turn("user", "use the tool")),
        ImportedTurn(answer, question, Turn("assistant", "One.\n\nTwo.", thinking="[upper]")),
    ]
    await store.write(add_imported, ConversationHeader(tree.import_key, when, when, "Old"), old)
    await imported(store, file)
    assert told((await trees(store))["Old"].turns) == [("user", "use the tool"), ("assistant", "One.\n\nTwo.")]


async def test_the_thinking_and_the_tokens_of_llm_are_kept(store: Store, tmp_path: Path) -> None:
    await imported(store, recorded("llm-0.36.db", tmp_path))
    answer = (await trees(store))["Think about it"].turns[1]
    assert answer.thinking == "First I consider the prompt, then I decide what to say."
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 25)


@pytest.mark.parametrize("name", LLM[:2])
async def test_a_count_of_tokens_that_llm_does_not_know_is_unknown_and_not_zero(
    store: Store, tmp_path: Path, name: str
) -> None:
    file = recorded(name, tmp_path)
    with closing(sqlite3.connect(file)) as db:
        tables = [table for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if "input_tokens" in columns(file, table):
                db.execute(f"UPDATE [{table}] SET input_tokens = NULL, output_tokens = 25")
        db.commit()
    await imported(store, file)
    answer = next(tree for tree in (await trees(store)).values() if tree.turns[0].text == "What is a tree?").turns[1]
    assert answer.usage == Usage(None, 25, 25)
    assert cost_of(Model("a/b", price_in=1, price_out=1), answer.usage) is None
    report = await store.read(usage.statistics, datetime(2026, 1, 1, tzinfo=UTC))
    assert report.whole.prompt_tokens is None


async def test_a_conversation_that_changed_its_shape_in_llm_grows_and_is_not_doubled(
    store: Store, tmp_path: Path
) -> None:
    await imported(store, recorded("llm-0.26.db", tmp_path))
    report = await imported(store, recorded("llm-0.26-to-0.36.db", tmp_path))
    assert (report.conversations, report.grown, report.known, report.turns) == (0, 1, 3, 2)
    path = (await trees(store))["What is a tree?"].conversation.path
    assert [turn.text for turn in path if turn.role == "user"] == [
        "What is a tree?",
        "And what is a forest? 漢字 too.",
        "Third question",
    ]


async def test_chats_of_elia_come_in_and_twice_makes_no_doubles(store: Store, tmp_path: Path) -> None:
    file = recorded("elia-1.10.0.sqlite", tmp_path)
    report = await imported(store, file)
    assert (report.kind, report.conversations, report.turns, report.skipped_count) == ("elia", 2, 5, 0)
    known = await trees(store)
    tree = known["On trees"]
    assert told(tree.conversation.path) == [
        ("user", "What is a tree? 漢字"),
        ("assistant", "A **perennial** plant.\n\n```python\nprint('x')\n```"),
        ("user", "And a forest?"),
        ("assistant", "Many trees."),
    ]
    assert tree.conversation.system_prompt == "You are brief."
    assert tree.turns[1].model == "elia/elia-gpt-4o"
    assert tree.turns[1].created == datetime(2026, 1, 2, 3, 2, tzinfo=UTC)
    assert "Good day" in known
    again = await imported(store, file)
    assert (again.known, again.turns) == (2, 0)


@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_importing_a_database_changes_nothing_in_it_nor_beside_it(
    store: Store, tmp_path: Path, journal: str
) -> None:
    file = recorded("llm-0.36.db", tmp_path)
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
    before = file.read_bytes()
    await imported(store, file)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == [file.name]


async def test_a_database_that_another_program_writes_to_comes_in_as_it_is_now(store: Store, tmp_path: Path) -> None:
    file = recorded("elia-1.10.0.sqlite", tmp_path)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute(
            "INSERT INTO message SELECT 99, 1, 'user', 'One more', timestamp, meta, NULL, NULL FROM message LIMIT 1"
        )
        db.commit()
        assert (await imported(store, file)).turns == 6


@pytest.mark.parametrize("name", ["llm-0.26.db", "elia-1.10.0.sqlite"])
async def test_values_of_the_wrong_kind_in_a_database_stop_nothing(store: Store, tmp_path: Path, name: str) -> None:
    file = recorded(name, tmp_path)
    with closing(sqlite3.connect(file)) as db:
        for table in ("responses", "conversations", "message", "chat"):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            for column in {*columns} - {"id", "conversation_id", "chat_id", "role"}:
                db.execute(f"UPDATE {table} SET {column} = x'ff00fe' WHERE rowid % 2")
        db.commit()
    report = await imported(store, file)
    assert report.turns > 0


WRONG = [None, 7, 1 << 62, b"\xff\x00", "", '{"text_ref": [{"fragment": 18446744073709551615}]}']


@pytest.mark.parametrize("name", [*LLM, "elia-1.10.0.sqlite"])
async def test_one_wrong_value_in_a_database_costs_no_conversation(store: Store, tmp_path: Path, name: str) -> None:
    file = recorded(name, tmp_path)
    whole = await imported(store, file)
    content = file.read_bytes()
    for table in ("responses", "prompt_attachments", "attachments", "part_attachments", "messages", "parts", "message"):
        for column in columns(file, table) - {"conversation_id", "chat_id"}:
            for value in WRONG:
                file.write_bytes(content)
                if not change_first_row(file, table, column, value):
                    continue
                other = await Store.open(None)
                report = await imported(other, file)
                assert (report.conversations, table, column, value) == (whole.conversations, table, column, value)
                await other.close()


def change_first_row(file: Path, table: str, column: str, value: object) -> bool:
    """Whether the table has a row, and takes the value."""
    with closing(sqlite3.connect(file)) as db:
        # A copy that is read once needs no care.
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        try:
            changed = db.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = 1', (value,)).rowcount
        except sqlite3.IntegrityError:
            return False
        db.commit()
        return changed > 0


def columns(file: Path, table: str) -> set[str]:
    with closing(sqlite3.connect(file)) as db:
        return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


async def test_a_damaged_database_is_told_and_what_came_before_is_kept(store: Store, tmp_path: Path) -> None:
    file = recorded("llm-0.26.db", tmp_path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    shutil.copy(file, tmp_path / "whole.db")
    file.write_bytes(content)
    with pytest.raises(Exception, match="cannot be read"):
        await imported(store, file)
    assert (await imported(store, tmp_path / "whole.db")).kind == "llm"
