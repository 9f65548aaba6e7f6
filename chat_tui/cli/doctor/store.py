"""Checks the store of conversations and the room on its disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.core.files.file_systems import existing_parent, free_bytes, network_file_system, read_mounts
from chat_tui.core.text.counts import count_of
from chat_tui.history.inspection import CHECK_SECONDS, StoreInspection, inspect_store

_SECTION = "history"
_NO_ROOM, _LITTLE_ROOM = 100_000_000, 1_000_000_000
"""Bytes."""
_HINT = "Check the permissions of the file and of its folder."


class HistoryFacts(msgspec.Struct, frozen=True):
    """The store and its disk."""

    file: Path
    store: StoreInspection | None
    """None: there is no file yet."""
    free_bytes: int
    network_file_system: str = ""
    """Its type; empty if the file is on none, or that is not known."""


def read_history(file: Path, seconds: float = CHECK_SECONDS) -> HistoryFacts:
    """Look at the store without changing it. Blocks for about as long as `seconds`. Raises `OSError`."""
    folder = existing_parent(file.parent).resolve()
    return HistoryFacts(
        file, inspect_store(file, seconds), free_bytes(file), network_file_system(folder, read_mounts())
    )


def check_history(facts: HistoryFacts) -> Iterator[Finding]:
    """Yield the findings about the store and the disk."""
    if facts.store is None:
        yield Finding(_SECTION, "file", "ok", f"{facts.file} does not exist yet")
    elif facts.store.error is not None:
        yield Finding(_SECTION, "file", "problem", facts.store.error.title, facts.store.error.hint or _HINT)
    else:
        yield _file(facts.file, facts.store)
        yield from _schema(facts.store)
        yield from _integrity(facts.store)
    if facts.network_file_system:
        text = f"on a network file system ({facts.network_file_system}), where locks may not hold"
        hint = "Set XDG_DATA_HOME to a folder on a disk of this machine, or use chat-tui on one machine at a time."
        yield Finding(_SECTION, "place", "note", text, hint)
    yield _room(facts.free_bytes)


def _file(file: Path, store: StoreInspection) -> Finding:
    count = "" if store.conversations is None else f", {count_of(store.conversations, 'conversation')}"
    return Finding(_SECTION, "file", "ok", f"{file} ({store.size_bytes / 1e6:.1f} MB{count})")


def _schema(store: StoreInspection) -> Iterator[Finding]:
    if store.schema > store.newest_schema:
        text = f"schema {store.schema}, written by a newer chat-tui (this one knows {store.newest_schema})"
        hint = "Update chat-tui. Until then nothing is saved, and the history is not changed."
        yield Finding(_SECTION, "schema", "problem", text, hint)
    elif 0 < store.schema < store.newest_schema:
        text = f"schema {store.schema}: the next start updates it to {store.newest_schema}, after a backup"
        yield Finding(_SECTION, "schema", "ok", text)
    elif store.schema:
        yield Finding(_SECTION, "schema", "ok", str(store.schema))


def _integrity(store: StoreInspection) -> Iterator[Finding]:
    if store.check == "damaged":
        hint = "Start chat-tui: it keeps the file under another name and recovers what can still be read."
        yield Finding(_SECTION, "check", "problem", "the file is damaged", hint)
    elif store.check == "whole":
        hint = "" if store.schema < store.newest_schema else "`chat-tui history check` checks everything."
        yield Finding(_SECTION, "check", "ok", "no damage found", hint)
    elif store.check == "unfinished":
        text = "the last changes are in its log: the next start adds them"
        yield Finding(_SECTION, "check", "ok", text)
    elif 0 < store.schema <= store.newest_schema or store.check == "too large":
        text = "not checked: it is too large for a quick look, or is being changed"
        yield Finding(_SECTION, "check", "note", text, "`chat-tui history check` checks everything.")


def _room(free: int) -> Finding:
    text = f"{free / 1e9:.1f} GB free"
    if free < _NO_ROOM:
        hint = "Free some space: new messages may not be saved."
        return Finding(_SECTION, "disk", "problem", f"{free / 1e6:.0f} MB free", hint)
    if free < _LITTLE_ROOM:
        return Finding(_SECTION, "disk", "note", f"{free / 1e6:.0f} MB free", "Free some space soon.")
    return Finding(_SECTION, "disk", "ok", text)
