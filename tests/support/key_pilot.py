"""A pilot that waits for what a key does, not for the machine to be idle."""

from __future__ import annotations

import asyncio
import unicodedata

from textual import events
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.pilot import Pilot

from chat_tui.tui.app import ChatApp

ACTS_SECONDS = 60.0
SETTLING_SECONDS = 0.02


class KeyPilot(Pilot[int]):
    """Presses the keys of a `ChatApp`, each when the one before has acted.

    Textual's own pilot waits after each key until the process has used little processor time: on a busy machine that is
    so before the key was handled, and while an answer streams it never is.
    """

    async def press(self, *keys: str) -> None:
        """Press these keys, named as in Textual."""
        assert self.app._driver is not None
        for key in keys:
            self.app._driver.send_message(_pressed(key))
            await self.acted()
            # What it has set off, by messages of its own, goes on for a moment.
            await asyncio.sleep(SETTLING_SECONDS)
            await self.acted()
            await self._wait_for_screen()

    async def press_at_once(self, *keys: str) -> None:
        """Press these keys as they come in one read of the terminal, and wait until all have acted."""
        assert self.app._driver is not None
        for key in keys:
            self.app._driver.send_message(_pressed(key))
        await self.acted()

    async def acted(self) -> None:
        """Wait until all keys that were pressed have acted."""
        handled = asyncio.Event()
        if self.app.call_later(handled.set):
            async with asyncio.timeout(ACTS_SECONDS):
                await handled.wait()
        assert isinstance(self.app, ChatApp)
        async with asyncio.timeout(ACTS_SECONDS):
            while self.app._key_order.is_busy:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def _pressed(key: str) -> events.Key:
    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    try:
        character: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        character = key if len(key) == 1 else None
    return events.Key(key, character)
