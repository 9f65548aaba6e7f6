"""Helpers for tests of import and export."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from chat_tui.core.conversation import Tree, Turn
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from chat_tui.history.transfer.importer import ImportProgress, ImportReport, import_file

RECORDED = Path(__file__).parents[1] / "data" / "imports"


def recorded(name: str, folder: Path) -> Path:
    """A recorded file, unpacked."""
    file = folder / name
    file.write_bytes(gzip.decompress((RECORDED / f"{name}.gz").read_bytes()))
    return file


async def imported(store: Store, file: Path, seen: list[ImportProgress] | None = None) -> ImportReport:
    return await import_file(store, file, (seen if seen is not None else []).append)


async def trees(store: Store) -> dict[str, Tree]:
    """All conversations, by title."""
    return {row.title: await store.read(reads.tree, row.id) for row in await store.read(reads.summaries)}


def told(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns]


def node(
    id: str, parent: str | None, role: str = "user", text: str | None = "", time: float = 0.0, **more: Any
) -> dict[str, Any]:
    """A node of ChatGPT's `mapping`; without text it has no message."""
    message = None
    if text is not None:
        content = more.pop("content", None) or {"content_type": "text", "parts": [text]}
        message = {
            "id": id,
            "author": {"role": role, "name": more.pop("name", None), "metadata": {}},
            "create_time": time or None,
            "update_time": None,
            "content": content,
            "status": more.pop("status", "finished_successfully"),
            "end_turn": None,
            "weight": 1.0,
            "metadata": more.pop("metadata", {}),
            "recipient": more.pop("recipient", "all"),
        }
    return {"id": id, "message": message, "parent": parent, "children": []}


def chatgpt(id: str, *nodes: dict[str, Any], title: str = "A chat", current: str | None = None) -> dict[str, Any]:
    """A conversation of ChatGPT's export."""
    mapping = {each["id"]: each for each in nodes}
    for each in nodes:
        if each["parent"] in mapping:
            mapping[each["parent"]]["children"].append(each["id"])
    return {
        "title": title,
        "create_time": 1_700_000_000.25,
        "update_time": 1_700_000_900.5,
        "mapping": mapping,
        "moderation_results": [],
        "current_node": current or nodes[-1]["id"],
        "conversation_id": id,
        "id": id,
        "is_archived": False,
        "default_model_slug": "gpt-4o",
    }
