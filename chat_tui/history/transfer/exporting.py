"""Exports a conversation as text: Markdown or HTML to read, or JSON that an import restores completely."""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from msgspec.structs import replace

from chat_tui.core.conversation import Tree
from chat_tui.history.queries import attachments
from chat_tui.history.store import Store
from chat_tui.history.transfer.formats import native
from chat_tui.history.transfer.markdown import markdown

Format: TypeAlias = Literal["markdown", "html", "json"]


async def export_text(store: Store, tree: Tree, form: Format) -> str:
    """The conversation in this format; JSON is one line, and includes the content of files, HTML that of images. Raises
    `HistoryError`."""
    if form == "markdown":
        return await asyncio.to_thread(markdown, tree)
    if form == "html":
        return await _html_text(store, tree)
    files = await store.read(attachments.contents, [turn.id for turn in tree.turns if turn.attachments])
    turns = [replace(turn, attachments=files.get(turn.id, turn.attachments)) for turn in tree.turns]
    return await asyncio.to_thread(lambda: native.json_text(native.record(replace(tree, turns=tuple(turns)))) + "\n")


async def _html_text(store: Store, tree: Tree) -> str:
    # Its modules draw in the parser of Markdown.
    from chat_tui.history.transfer.html_document import HtmlDocument

    path = tree.conversation.path
    files = await store.read(attachments.contents, [turn.id for turn in path if turn.attachments])
    path = tuple(replace(turn, attachments=files.get(turn.id, turn.attachments)) for turn in path)
    document = HtmlDocument(replace(tree, conversation=replace(tree.conversation, path=path)))
    return await asyncio.to_thread(lambda: "".join(document.parts()))
