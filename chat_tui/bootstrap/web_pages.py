"""The engine's source of web pages, which loads their reader when the first page is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chat_tui.core.attachments.attached_page import AttachedPage

if TYPE_CHECKING:
    from chat_tui.tools.builtin.attached_pages import AttachedPages


class LatePages:
    """The engine's `PageSource`: most sessions attach no page, and the start does not wait for what reads them."""

    def __init__(self) -> None:
        self._built: AttachedPages | None = None

    async def fetch(self, address: str) -> AttachedPage:
        """Fetch a page. Raises `AttachmentRefused`."""
        if self._built is None:
            # The imports take longer than the event loop may wait.
            self._built = await asyncio.to_thread(_build_pages)
        return await self._built.fetch(address)


def _build_pages() -> AttachedPages:
    from chat_tui.tools.builtin.attached_pages import AttachedPages

    return AttachedPages()
