"""The web pages of an engine that fetches none."""

from __future__ import annotations

from chat_tui.core.attachments.attached_page import AttachedPage
from chat_tui.core.errors import AttachmentRefused


class NoPages:
    """A `PageSource` without network."""

    async def fetch(self, address: str) -> AttachedPage:
        """Raise `AttachmentRefused`."""
        raise AttachmentRefused("Web pages cannot be attached here.", "Copy the text of the page instead.")
