"""Converts conversations of llm's `logs.db`, which has responses with prompts, and chains of messages since 0.32.

An older file that was migrated has both. A conversation that continued afterwards is in both, and its messages get the
keys of the responses that they repeat.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chat_tui.core.attachments.attachment import IMAGE_LIMIT, TEXT, Attachment, media_type_of
from chat_tui.core.chunks import State, Usage
from chat_tui.core.conversation import now, title_of
from chat_tui.core.text.bounds import bounded_count, time_of_text
from chat_tui.core.text.excerpts import shorten
from chat_tui.history.transfer.answer_parts import tool_block
from chat_tui.history.transfer.records import ConversationHeader, ImportedConversation, SkippedRecord, text_or_empty
from chat_tui.history.transfer.source_messages import SourceCall, SourceMessage, SourceResult
from chat_tui.history.transfer.tree_builder import TurnDraft, build_turns, imported_turns

Tables = Mapping[str, set[str]]


def is_known(tables: Tables) -> bool:
    """Whether these tables (columns by name) are those of llm."""
    return _has_responses(tables) or _has_threads(tables)


def _has_responses(tables: Tables) -> bool:
    return {"id", "model", "prompt", "response", "conversation_id"} <= tables.get("responses", set())


def _has_threads(tables: Tables) -> bool:
    return {"thread_id", "tip_message_hash"} <= tables.get("turns", set()) and {"hash", "parent_hash"} <= tables.get(
        "messages", set()
    )


def items(db: sqlite3.Connection, tables: Tables) -> tuple[int, Iterator[ImportedConversation | SkippedRecord]]:
    """The number of conversations, and the conversations."""
    reader = _Reader(db, tables)
    threads: list[str] = []
    older: list[str] = []
    if _has_threads(tables):
        threads = [row[0] for row in db.execute("SELECT id FROM threads ORDER BY datetime_utc, id")]
    if _has_responses(tables):
        known = set(threads)
        found = db.execute("SELECT conversation_id FROM responses GROUP BY 1 ORDER BY min(id)")
        older = [row[0] for row in found if row[0] is not None and row[0] not in known]

    def conversations() -> Iterator[ImportedConversation | SkippedRecord]:
        for id in older:
            yield reader.responses(id)
        for id in threads:
            yield reader.thread(id)

    return len(older) + len(threads), conversations()


class _Reader:
    def __init__(self, db: sqlite3.Connection, tables: Tables) -> None:
        self._db = db
        self._tables = tables

    def _convert(
        self, id: str, name: str, prompt: str, drafts: list[TurnDraft]
    ) -> ImportedConversation | SkippedRecord:
        if not drafts:
            return SkippedRecord(f"conversation {id}", "it is empty")
        times = [draft.created for draft in drafts if draft.created is not None]
        question = next((text for draft in drafts for text in draft.texts), "")
        created = min(times, default=None) or now()
        head = ConversationHeader(
            f"llm:{id}", created, max(times, default=created), name[:300] or title_of(question), prompt or None
        )
        return ImportedConversation(head, imported_turns(drafts, self._files))

    # -- responses ------------------------------------------------------------------------------------------------

    def responses(self, id: str) -> ImportedConversation | SkippedRecord:
        """A conversation that is stored as responses."""
        steps: dict[str, SourceMessage] = {}
        system_prompt = ""
        last: str | None = None
        for row in self._responses(id):
            system_prompt = system_prompt or self._system(row)
            for key, step in self._steps(row):
                steps[key] = msgspec.structs.replace(step, parent=last)
                last = key
        drafts, _ = build_turns(steps, last)
        named = self._one("conversations", "SELECT name FROM conversations WHERE id = ?", id)
        return self._convert(id, text_or_empty(named["name"]) if named else "", system_prompt, drafts)

    def _responses(self, id: str) -> list[dict[str, Any]]:
        return self._all("responses", "SELECT * FROM responses WHERE conversation_id = ? ORDER BY datetime_utc, id", id)

    def _system(self, row: Mapping[str, Any]) -> str:
        return "\n\n".join(
            filter(None, [*self._fragments("system_fragments", row["id"]), text_or_empty(row.get("system"))])
        )

    def _steps(self, row: Mapping[str, Any]) -> Iterator[tuple[str, SourceMessage]]:
        """The messages of a response: its prompt, results of tools, the answer, and tool calls."""
        id = str(row["id"])
        created = time_of_text(row.get("datetime_utc"))
        text = "\n".join(filter(None, [*self._fragments("prompt_fragments", id), text_or_empty(row.get("prompt"))]))
        files = tuple(
            str(found["attachment_id"])
            for found in self._all(
                "prompt_attachments",
                'SELECT attachment_id FROM prompt_attachments WHERE response_id = ? ORDER BY "order"',
                id,
            )
        )
        if text.strip() or files:
            yield f"{id}:prompt", SourceMessage("user", None, text, files=files, created=created)
        found = self._all("tool_results", "SELECT * FROM tool_results WHERE response_id = ? ORDER BY id", id)
        if results := tuple(_result(row, row["name"], row["output"]) for row in found):
            yield f"{id}:results", SourceMessage("aside", None, results=results, created=created)
        prompt_tokens, completion_tokens = (
            bounded_count(row.get("input_tokens")),
            bounded_count(row.get("output_tokens")),
        )
        yield (
            id,
            SourceMessage(
                "assistant",
                None,
                text_or_empty(row.get("response")),
                text_or_empty(row.get("reasoning")),
                created=created,
                model=_model(row),
                usage=_usage(prompt_tokens, completion_tokens),
            ),
        )
        found = self._all("tool_calls", "SELECT * FROM tool_calls WHERE response_id = ? ORDER BY id", id)
        if calls := tuple(_call(row, row["name"], row["arguments"]) for row in found):
            yield f"{id}:calls", SourceMessage("aside", None, calls=calls, created=created, model=_model(row))

    def _fragments(self, table: str, id: str) -> list[str]:
        query = (
            f"SELECT content FROM {table} JOIN fragments ON fragments.id = fragment_id"
            ' WHERE response_id = ? ORDER BY "order"'
        )
        return [text_or_empty(row["content"]).strip() for row in self._all(table, query, id)]

    # -- threads --------------------------------------------------------------------------------------------------

    def thread(self, id: str) -> ImportedConversation | SkippedRecord:
        """A conversation that is stored as chains of messages."""
        row = self._one("threads", "SELECT name, tip_message_hash FROM threads WHERE id = ?", id)
        turns = self._all("turns", "SELECT * FROM turns WHERE thread_id = ? ORDER BY datetime_utc, id", id)
        tip = row["tip_message_hash"] if row else None
        tip = tip or (turns[-1]["tip_message_hash"] if turns else None)
        ends = {turn["tip_message_hash"]: turn for turn in turns}
        beginnings = {turn["parent_message_hash"]: turn for turn in turns}
        steps: dict[str, SourceMessage] = {}
        system_prompt = ""
        for hash in self._chains([*ends, tip]):
            message = self._one("messages", "SELECT parent_hash, role FROM messages WHERE hash = ?", hash)
            if message is None:
                continue
            step = self._message(hash, message["role"], ends.get(hash, {}), beginnings.get(hash, {}))
            if message["role"] == "system":
                system_prompt = system_prompt or step.text.strip()
                step = SourceMessage()
            steps[hash] = msgspec.structs.replace(step, parent=message["parent_hash"])
        keys = self._match_responses(id, steps, tip)
        steps = {
            keys.get(hash, hash): msgspec.structs.replace(
                step, parent=step.parent and keys.get(step.parent, step.parent)
            )
            for hash, step in steps.items()
        }
        drafts, _ = build_turns(steps, tip and keys.get(tip, tip))
        return self._convert(id, text_or_empty(row["name"]) if row else "", system_prompt, drafts)

    def _chains(self, tips: list[Any]) -> list[str]:
        """These messages and those above them, each once."""
        found: dict[str, None] = {}
        for hash in tips:
            while isinstance(hash, str) and hash not in found:
                found[hash] = None
                row = self._one("messages", "SELECT parent_hash FROM messages WHERE hash = ?", hash)
                hash = row["parent_hash"] if row else None
        return list(found)

    def _message(self, hash: str, role: Any, ended: Mapping[str, Any], begun: Mapping[str, Any]) -> SourceMessage:
        texts: list[str] = []
        asides: list[str] = []
        files: list[str] = []
        calls: list[SourceCall] = []
        results: list[SourceResult] = []
        for part in self._all("parts", "SELECT * FROM parts WHERE message_hash = ? ORDER BY position", hash):
            payload = _decode(part["payload"])
            text = (
                text_or_empty(part["text"])
                or self._join_fragments(payload.get("text_ref"))
                or text_or_empty(payload.get("text"))
            )
            if part["type"] == "text":
                texts.append(text)
            elif part["type"] == "reasoning":
                asides.append(text)
            elif part["type"] == "tool_call":
                calls.append(_call(payload, part["tool_name"], payload.get("arguments")))
            elif part["type"] == "tool_result":
                results.append(_result(payload, part["tool_name"], payload.get("output")))
            if part["type"] in ("attachment", "tool_result"):
                files.extend(
                    str(row["attachment_id"])
                    for row in self._all(
                        "part_attachments",
                        'SELECT attachment_id FROM part_attachments WHERE part_id = ? ORDER BY "order"',
                        part["id"],
                    )
                )
        created = time_of_text((ended or begun).get("datetime_utc"))
        text = "\n\n".join(texts)
        if role == "assistant" and results:
            # The provider ran these tools while it answered: which text came before them is not known.
            asides += [call.aside for call in calls] + [result.aside for result in results]
            calls, results = [], []
        if role == "user" and (text.strip() or files):
            return SourceMessage("user", None, text, files=tuple(files), created=created)
        if role == "system":
            return SourceMessage("hidden", None, text)
        return SourceMessage(
            "assistant" if role == "assistant" else "aside",
            None,
            text,
            "\n\n".join(asides),
            tuple(files),
            created,
            _model(ended) if ended else "",
            usage=_usage(bounded_count(ended.get("input_tokens")), bounded_count(ended.get("output_tokens"))),
            calls=tuple(calls),
            results=tuple(results),
        )

    def _join_fragments(self, pieces: Any) -> str:
        """A text that is made of literals and fragments."""
        texts: list[str] = []
        for piece in pieces if isinstance(pieces, list) else []:
            if isinstance(piece, dict) and "literal" in piece:
                texts.append(text_or_empty(piece["literal"]))
            elif isinstance(piece, dict) and (number := bounded_count(piece.get("fragment"))) is not None:
                row = self._one("fragments", "SELECT content FROM fragments WHERE id = ?", number)
                texts.append(text_or_empty(row["content"]) if row else "")
        return text_or_empty("".join(texts))

    def _match_responses(self, id: str, steps: dict[str, SourceMessage], tip: Any) -> dict[str, str]:
        """Complete messages that repeat responses; returns the keys that an earlier import gave to these, by hash."""
        chain: dict[str, None] = {}
        while isinstance(tip, str) and tip in steps and tip not in chain:
            chain[tip] = None
            tip = steps[tip].parent
        keys: dict[str, str] = {}
        messages = iter(reversed(chain))
        question = results = None
        for row in self._responses(id):
            for hash in messages:
                if steps[hash].kind == "user":
                    question = hash
                elif steps[hash].results:
                    results = hash
                elif steps[hash].kind == "assistant" and steps[hash].text == text_or_empty(row["response"]):
                    created = time_of_text(row.get("datetime_utc"))
                    steps[hash] = msgspec.structs.replace(steps[hash], created=created, model=_model(row))
                    keys[hash] = str(row["id"]) if steps[hash].text.strip() else f"{row['id']}:calls"
                    if results is not None:
                        keys[results] = f"{row['id']}:results"
                    if question is not None:
                        steps[question] = msgspec.structs.replace(steps[question], created=created)
                        keys[question] = f"{row['id']}:prompt"
                    question = results = None
                    break
        return keys

    # -- files ----------------------------------------------------------------------------------------------------

    def _files(self, ids: tuple[str, ...]) -> tuple[list[Attachment], list[str]]:
        """The files in the database. Paths in it are not followed, since it is untrusted."""
        files: list[Attachment] = []
        notes: list[str] = []
        for id in ids:
            row = self._one("attachments", "SELECT type, path, url, content FROM attachments WHERE id = ?", id)
            content = row["content"] if row else None
            kind = media_type_of(content[:16]) if isinstance(content, bytes) else ""
            if (
                not kind
                and isinstance(content, bytes)
                and text_or_empty(row["type"] if row else "").startswith("text/")
            ):
                kind = TEXT
            if kind and isinstance(content, bytes) and len(content) <= IMAGE_LIMIT:
                name = f"{id[:12]}.{kind.partition('/')[2].replace('plain', 'txt')}"
                files.append(Attachment(name, kind, content, size_bytes=len(content)))
            else:
                named = (
                    (text_or_empty(row["path"]) or text_or_empty(row["url"]) or text_or_empty(row["type"]))
                    if row
                    else ""
                )
                notes.append(f"[file: {shorten(named, 200) or id[:12]}, not in the database]")
        return files, notes

    def _all(self, table: str, query: str, id: Any) -> list[dict[str, Any]]:
        """The rows of a query; none if the database has no such table."""
        return [dict(row) for row in self._db.execute(query, (id,))] if table in self._tables else []

    def _one(self, table: str, query: str, id: Any) -> dict[str, Any] | None:
        return next(iter(self._all(table, query, id)), None)


def _model(row: Mapping[str, Any]) -> str:
    named = text_or_empty(row.get("resolved_model")) or text_or_empty(row.get("model"))
    return f"llm/{named[:100]}" if named else "llm"


def _usage(prompt: int | None, completion: int | None) -> Usage | None:
    if prompt is None and completion is None:
        return None
    return Usage(prompt, completion, (prompt or 0) + (completion or 0))


def _call(fields: Mapping[str, Any], name: Any, arguments: Any) -> SourceCall:
    name, text = text_or_empty(name), _as_text(arguments)
    return SourceCall(text_or_empty(fields.get("tool_call_id")), name, text, tool_block(shorten(name, 100), text))


def _result(fields: Mapping[str, Any], name: Any, output: Any) -> SourceResult:
    name, text = text_or_empty(name), _as_text(output)
    state: State = "failed" if fields.get("exception") else "complete"
    aside = tool_block(shorten(name, 100), text)
    return SourceResult(text_or_empty(fields.get("tool_call_id")), name, text, state, aside)


def _as_text(value: Any) -> str:
    """A text as it is, an object as JSON."""
    if value is None or isinstance(value, bytes):
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decode(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, str):
        return {}
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return {}
