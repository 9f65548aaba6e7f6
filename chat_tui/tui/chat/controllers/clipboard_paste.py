"""Pastes from the clipboard: an image becomes an attachment, a text goes into the prompt."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chat_tui.core.attachments.clipboard_content import ClipboardContent, NothingToPaste, read_clipboard
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.widgets.host import report_errors


class ClipboardPaste:
    """Reads the clipboard for the prompt, once at a time."""

    def __init__(self, chat: ChatView, environment: Mapping[str, str] = os.environ) -> None:
        self._chat, self._environment = chat, environment
        self.is_reading = False
        """Whether the clipboard is being read; what is sent meanwhile would go without its content."""

    def begin(self) -> None:
        """Paste in a worker that the keys behind it wait for."""
        self._chat.run_worker(report_errors(self._chat.host, self.paste()), group="command")

    async def paste(self) -> None:
        """Paste; where nothing is found, paste what was copied inside the app. Raises `ClipboardError`,
        `CommandError`."""
        if self.is_reading:
            return
        chat, visit = self._chat, self._chat.session.visit
        self.is_reading = True
        try:
            content = await self._read()
        finally:
            self.is_reading = False
        if visit is not chat.session.visit:
            chat.host.say("Nothing was pasted", "Another conversation is in view.")
        elif content.image is not None:
            await chat.files.attach_pasted(content.image)
        else:
            chat.prompt.paste(content.text)

    async def _read(self) -> ClipboardContent:
        try:
            return await read_clipboard(self._environment)
        except NothingToPaste:
            if not (copied := self._chat.app.clipboard):
                raise
            return ClipboardContent(text=copied)
