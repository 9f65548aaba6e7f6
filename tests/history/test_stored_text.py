"""What the store gives back of texts that hold control characters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo
from chat_tui.core.conversation import Conversation, QuickAnswer, Turn, now
from chat_tui.core.route import Candidate, Route, Seam, Try
from chat_tui.core.text.control_characters import has_controls
from chat_tui.history.queries import reads, usage, writes
from chat_tui.history.store import Store


async def test_what_another_program_has_stored_is_read_without_control_characters(tmp_path: Path) -> None:
    # Everything that reads a store relies on this: faces do not look for control characters again.
    evil = "a\x1b]52;c;aGk=\x07b\x1b[31mc\x9b2J\x00d\u202ee\nf"
    error = ErrorInfo("TooSlow", evil, evil)
    route = Route(evil, (Candidate(evil, out=evil),), (Try(evil, 1, evil),), notes=(evil,))
    file = tmp_path / "history.db"
    store = await Store.open(file)
    await store.write(writes.add_conversation, Conversation("c", evil, evil, created=now(), updated=now()))
    await store.write(writes.save_draft, "c", evil)
    file_of_turn = Attachment(evil, "text/plain", b"x")
    await store.write(writes.add_turn, "c", Turn("user", evil, id="question", attachments=(file_of_turn,)))
    ended = Turn(
        "assistant",
        evil,
        id="answer",
        parent="question",
        model=evil,
        strategy=evil,
        thinking=evil,
        error=error,
        finish_reason=evil,
        served_model=evil,
        quick=QuickAnswer(evil, evil, alone=evil),
        seams=(Seam(1, evil, evil),),
    )
    growing = Turn("assistant", "", id="answer", parent="question", created=now(), state="streaming")
    await store.write(writes.add_turn, "c", growing)
    await store.write(writes.finish, ended, route)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT text FROM turn WHERE id = 'answer'").fetchone() == (evil,)
    tree = await store.read(reads.tree, "c")
    read = [
        *(tree, await store.read(reads.summaries), await store.read(reads.prompts), await store.read(reads.draft, "c")),
        *(await store.read(reads.siblings, "answer"), await store.read(reads.route, "answer"), await store.search("f")),
        await store.read(usage.statistics, datetime(2026, 1, 1, tzinfo=UTC)),
    ]
    shown = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(read)))
    assert not [text for text in strings_of(shown) if has_controls(text)]
    conversation = tree.conversation
    assert (conversation.title, conversation.system_prompt) == ("abcde f", "abcde\nf")
    assert [turn.text for turn in conversation.path] == ["abcde\nf", "abcde\nf"]
    assert conversation.path[1].model == "abcde f"
    await store.close()


def strings_of(value: object) -> Iterator[str]:
    """All strings of a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from strings_of(list(pair))
    elif isinstance(value, list):
        for each in value:
            yield from strings_of(each)
