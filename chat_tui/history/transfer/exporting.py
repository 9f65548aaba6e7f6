"""A conversation as a text: Markdown for people, JSON that `importing` brings back whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Tree
from chat_tui.history.transfer.formats import native
from chat_tui.history.transfer.markdown import markdown

Format: TypeAlias = Literal["markdown", "json"]


class ExportSource(Protocol):
    """The part of a store that an export asks."""

    async def contents(self, turn_ids: Sequence[str]) -> dict[str, tuple[Attachment, ...]]:
        """What the turns' files hold."""


async def exported(store: ExportSource, tree: Tree, form: Format) -> str:
    """The conversation in this form; JSON is one line, and has the content of its files. Raises `HistoryError`."""
    if form == "markdown":
        return await asyncio.to_thread(markdown, tree)
    files = await store.contents([turn.id for turn in tree.turns if turn.attachments])
    turns = [replace(turn, attachments=files.get(turn.id, turn.attachments)) for turn in tree.turns]
    return await asyncio.to_thread(lambda: native.json_text(native.record(replace(tree, turns=tuple(turns)))) + "\n")
