"""The screen with a script for each of four models, and its comparison."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from textual.events import Key
from textual.keys import _character_to_key

from chat_tui.config.schema import Config, ErrorHandling
from chat_tui.core.chunks import Chunk
from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.engine.answers.comparison import Comparison
from chat_tui.engine.protocols import ToolBackend
from chat_tui.providers.scripted_provider import Script, Scripted
from chat_tui.tui.compare.columns import Column
from chat_tui.tui.compare.screen import CompareScreen
from tests.doubles.scripted_chat import DEEP, FAST, ScriptedChat, scripted_chat

NAMES = (FAST.name, DEEP.name, LOCAL_MODEL, SCRIPTED_MODEL)

AT_ONCE = Config(error_handling=ErrorHandling(retry_delay_seconds=0.0))
"""Retries come without delay."""


class ByModel(Scripted):
    """Plays a script for each model."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        super().__init__()
        self.played = {name: Scripted(script) for name, script in zip(NAMES, scripts, strict=False)}

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        self.requests.append(request)
        async with aclosing(self.played[model.name].stream(model, request)) as bursts:
            async for burst in bursts:
                yield burst


class Compared:
    """The chat's screen, and the comparison that is open on it."""

    def __init__(self, chat: ScriptedChat, count: int) -> None:
        self.chat, self.names = chat, NAMES[:count]

    async def begin(self, words: str = "Which?", *, blind: bool = False) -> None:
        """Start a comparison with `/compare` and the prompt."""
        await self.ask(f"/compare {' '.join(self.names)}{' --blind' * blind}")
        await self.chat.until(lambda: self.chat.chat.session.compare_models)
        await self.ask(words)
        await self.chat.until(lambda: self.is_open)

    async def ask(self, words: str) -> None:
        """Type into the prompt and send."""
        self.chat.chat.prompt.insert(words)
        await self.press("enter")

    @property
    def is_open(self) -> bool:
        screen = self.chat.app.screen
        return isinstance(screen, CompareScreen) and all(column.text.turns for column in screen.columns)

    @property
    def screen(self) -> CompareScreen:
        screen = self.chat.app.screen
        assert isinstance(screen, CompareScreen)
        return screen

    @property
    def comparison(self) -> Comparison:
        return self.screen.comparison

    def column(self, name: str) -> Column:
        return next(column for column in self.screen.columns if column.model == name)

    def texts(self) -> list[str]:
        """The answer's text in each column, from left to right."""
        return ["\n".join(strip.text for strip in column.text._painter._strips) for column in self.screen.columns]

    async def press(self, *keys: str) -> None:
        """As a pilot does, but without waiting for a quiet moment: while answers stream there is none."""
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            self.chat.app.post_message(Key(name, key if len(key) == 1 else None))
        await self.chat.pilot.pause(0.01)

    async def until(self, true: Callable[[], object]) -> None:
        await self.chat.until(true)

    async def grown(self) -> None:
        """Wait until each model has sent text."""
        await self.until(lambda: all(answer.text for answer in self.comparison.answers))

    async def ended(self) -> None:
        """Wait until all answers have ended and the table shows their figures."""
        await self.until(lambda: self.is_open and self.comparison.ended and self.screen._summary.display)
        texts = [column.text for column in self.screen.columns]
        await self.until(lambda: not any(text.is_busy or text.turns[0].state == "streaming" for text in texts))

    async def left(self) -> None:
        """Wait until the comparison is closed."""
        await self.until(lambda: self.chat.app.screen is self.chat.screen)

    def shown(self) -> str:
        """The screen's text."""
        return self.chat.shown()


@asynccontextmanager
async def compared(
    *scripts: Script,
    size: tuple[int, int] = (120, 40),
    config: Config | None = None,
    file: Path | None = None,
    tools: ToolBackend | None = None,
) -> AsyncIterator[Compared]:
    """The chat, with as many models to be compared as there are scripts."""
    async with scripted_chat(size=size, config=config or AT_ONCE, file=file, tools=tools) as chat:
        chat.provider = ByModel(scripts)
        yield Compared(chat, len(scripts))
        for answer in chat.engine.running():
            await answer.cancel()
            await answer.saved.wait()
        # What the screen still reads is read before the engine is closed.
        await chat.pilot.pause()
