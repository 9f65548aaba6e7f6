"""The screen with a fault in it: python -m tests.doubles.crashing_chat crashes when it is to quit."""

from __future__ import annotations

import asyncio

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.cli.commands.tui import shown
from chat_tui.config.load import Config
from chat_tui.tui.app import ChatApp
from chat_tui.tui.chat.screen.screen import ChatScreen


class CrashingChat(ChatApp):
    """Quotes the draft in an error that nobody has foreseen."""

    async def action_quit(self) -> None:
        assert isinstance(self.screen, ChatScreen)
        raise ValueError(f"a fault near {self.screen.chat.prompt.text}")


if __name__ == "__main__":
    config = Config(model="scripted/demo")
    raise SystemExit(asyncio.run(shown(CrashingChat(config, lambda tell: open_engine(config, tell=tell)))))
