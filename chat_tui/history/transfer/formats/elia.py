"""Converts chats of elia's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping

from chat_tui.core.conversation import now, title_of
from chat_tui.core.text.bounds import time_of_text
from chat_tui.history.transfer.records import ConversationHeader, ImportedConversation, SkippedRecord, text_or_empty
from chat_tui.history.transfer.source_messages import SourceMessage
from chat_tui.history.transfer.tree_builder import build_turns, imported_turns


def is_known(tables: Mapping[str, set[str]]) -> bool:
    """Whether these tables (columns by name) are those of elia."""
    return {"id", "title", "model", "started_at"} <= tables.get("chat", set()) and {
        "id",
        "chat_id",
        "role",
        "content",
        "timestamp",
    } <= tables.get("message", set())


def items(
    db: sqlite3.Connection, tables: Mapping[str, set[str]]
) -> tuple[int, Iterator[ImportedConversation | SkippedRecord]]:
    """The number of chats, and the chats; their times are UTC."""
    ids = [row["id"] for row in db.execute("SELECT id FROM chat ORDER BY id")]
    return len(ids), (_convert(db, id, "model" in tables["message"]) for id in ids)


def _convert(db: sqlite3.Connection, id: int, has_model: bool) -> ImportedConversation | SkippedRecord:
    chat = db.execute("SELECT title, model, started_at FROM chat WHERE id = ?", (id,)).fetchone()
    steps: dict[str, SourceMessage] = {}
    system_prompt = first_question = ""
    last: str | None = None
    model = "model" if has_model else "NULL AS model"
    for row in db.execute(
        f"SELECT id, role, content, timestamp, {model} FROM message WHERE chat_id = ? ORDER BY id", (id,)
    ):
        text = text_or_empty(row["content"])
        if row["role"] == "system":
            system_prompt = system_prompt or text
        elif row["role"] in ("user", "assistant"):
            named = text_or_empty(row["model"]) or text_or_empty(chat["model"])
            step = SourceMessage(
                row["role"],
                last,
                text,
                created=time_of_text(row["timestamp"]),
                model=f"elia/{named[:100]}" if row["role"] == "assistant" else "",
            )
            last = str(row["id"])
            steps[last] = step
            first_question = first_question or text
    if not steps:
        return SkippedRecord(f"chat {id}", "it contains no question")
    drafts, _ = build_turns(steps, last)
    times = [draft.created for draft in drafts if draft.created is not None]
    created = time_of_text(chat["started_at"]) or min(times, default=None) or now()
    head = ConversationHeader(
        # The number alone is not unique among databases.
        f"elia:{id}:{text_or_empty(chat['started_at'])[:40]}",
        created,
        max(times, default=created),
        text_or_empty(chat["title"])[:300] or title_of(first_question),
        system_prompt or None,
    )
    return ImportedConversation(head, imported_turns(drafts, lambda _: ([], [])))
