"""The chat screen with a bug: `python -m tests.doubles.crashing_chat` crashes on quitting."""

from __future__ import annotations

import asyncio

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.cli.commands.tui import run_app
from chat_tui.config.schema import Config
from chat_tui.tui.app import ChatApp
from chat_tui.tui.chat.screen.screen import ChatScreen


class CrashingChat(ChatApp):
    """Raises an unexpected error that quotes the draft."""

    async def action_quit(self) -> None:
        assert isinstance(self.screen, ChatScreen)
        raise ValueError(f"a fault near {self.screen.chat.prompt.text}")


if __name__ == "__main__":
    config = Config(model="scripted/demo")
    raise SystemExit(asyncio.run(run_app(CrashingChat(config, lambda tell: open_engine(config, tell=tell)))))
