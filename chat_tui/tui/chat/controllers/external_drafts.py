"""Drafts written in an external editor, and their recovery after the program was killed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from chat_tui.tui.chat.conversation.session import restore_external_draft
from chat_tui.tui.chat.conversation.view import ChatView

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.prompt.external_editor import ExternalEditor


class ExternalDrafts:
    """Edits the draft of a chat in the user's editor. `is_private`: nothing of the conversation in view is saved."""

    def __init__(self, chat: ChatView, is_private: Callable[[], bool]) -> None:
        self._chat, self._is_private = chat, is_private
        self._editor: ExternalEditor | None = None

    async def edit(self) -> None:
        """Open the draft in `$VISUAL` or `$EDITOR`. Raises `CommandError`."""
        from chat_tui.tui.prompt.editor_file import DraftOrigin, EditorFolders
        from chat_tui.tui.prompt.external_editor import ExternalEditor

        chat = self._chat
        draft = chat.prompt.draft
        origin = None if self._is_private() else DraftOrigin(chat.session.conversation_id, draft)
        self._editor = self._editor or ExternalEditor(chat.host.lend_terminal, os.environ, EditorFolders.of_user())
        await self._editor.edit(draft, origin, self._take_draft)
        chat.prompt.focus()

    async def _take_draft(self, text: str) -> None:
        """Replace the prompt's text, and store it as the draft at once."""
        self._chat.prompt.set_draft(text)
        await self._chat.session.save_draft()

    async def end(self) -> None:
        """Terminate a running editor; the text that it has saved is put into the prompt."""
        if self._editor is not None:
            await self._editor.end()

    async def restore(self, engine: Engine, *, private: bool) -> None:
        """Restore as drafts the text that editors had saved when the program was killed; private text is deleted."""
        from chat_tui.tui.prompt import editor_file

        folders = editor_file.EditorFolders.of_user()
        with suppress(OSError):
            for left in await asyncio.to_thread(editor_file.leftovers, folders, bring=not private):
                await restore_external_draft(engine, left.origin.conversation, left.origin.draft, left.text)
                await asyncio.to_thread(editor_file.discard, left)
