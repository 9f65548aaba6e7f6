"""The whole screen over a real engine and store, with a script in place of the models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from textual.screen import Screen
from textual.widget import Widget

from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.core.settings.preset import Preset
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.engine import Engine
from chat_tui.engine.protocols import PageSource, ToolBackend
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Script, Scripted
from chat_tui.routing.policy import RoutingPolicy
from chat_tui.routing.router import Router
from chat_tui.tui.app import OPEN_SECONDS, ChatApp
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.chat.screen.opening import Opening
from chat_tui.tui.chat.screen.screen import ChatScreen
from chat_tui.tui.terminal.fast_paint import ChangedRowsCompositor
from tests.doubles.fake_backend import FakeBackend, FakeSetup, FakeWeights
from tests.support.key_pilot import KeyPilot
from tests.support.time_guard import guard_ends, guard_time

SOON_SECONDS = 0.001
"""A test that waits for the engine has no first echo for which the engine should wait."""
SHORTEST_PAUSE_SECONDS, PAUSE_GROWTH, LONGEST_PAUSE_SECONDS = 0.005, 1.25, 0.03
"""Between two looks at a condition."""
NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
FAST = Model("shelf/fast", 8_000, 0.1, 0.4, quality=0.3)
DEEP = Model("shelf/deep", 128_000, 3.0, 15.0, quality=0.9)


class _LateCompositor(ChangedRowsCompositor):
    """Composes no update before somebody looks; what has changed until then is in the first one."""

    is_seen = False

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        return super().render_update(full, screen_stack, simplify) if self.is_seen else None


class _UnpaintedStart(ChatApp):
    """The app, which may be told to draw nothing while it starts: that takes a fifth of the time of a short test, and
    is the same in all of them."""

    draws_at_once = False

    def get_default_screen(self) -> Screen[None]:
        screen = super().get_default_screen()
        screen._compositor = compositor = _LateCompositor()
        compositor.is_seen = self.draws_at_once
        return screen

    def begin_drawing(self) -> None:
        """Draw from now on."""
        screen = self.screen_stack[0]
        assert isinstance(screen._compositor, _LateCompositor)
        screen._compositor.is_seen = True
        screen.refresh()


class ScriptedChat:
    """The app with a pilot, the provider that plays the scripts, and the engine's parts."""

    def __init__(
        self,
        config: Config,
        scripts: Sequence[Script],
        file: Path | None,
        weights: FakeWeights,
        opening: Opening | None = None,
        clock: Callable[[], datetime] = lambda: NOW,
        kept_in: Path | None = None,
        open_seconds: float = SOON_SECONDS,
        tools: ToolBackend | None = None,
        pages: PageSource | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._tools, self._pages, self._memory = tools, pages, memory
        self.provider = Scripted(*(scripts or [["Hello ", "there."]]))
        self.weights = weights
        self._config, self._file = config, file
        self.started = _UnpaintedStart(
            config, self.open_engine, opening=opening, kept_in=kept_in, clock=clock, open_seconds=open_seconds
        )
        self.app: ChatApp = self.started
        self.pilot = KeyPilot(self.app)
        built_in = Model(LOCAL_MODEL, 2048, 0.0, 0.0, 0.1, local=True)
        # Nobody fetches the built-in model where others are there.
        models = (FAST, DEEP, built_in) if weights.ready else (built_in,)
        self.setup = FakeSetup()
        self.backend = FakeBackend((*models, Model(SCRIPTED_MODEL, 32_000, 0.0, 0.0, selectable=False)))

    async def open_engine(self, tell: Callable[[ChatTuiError], None]) -> Engine:
        def open_stream(model: Model, request: Request) -> AbstractAsyncContextManager[object]:
            return aclosing(self.provider.stream(model, request))

        config = self._config
        router = Router(
            [standing.model for standing in self.backend.statuses()],
            open_stream,  # type: ignore[arg-type]
            settings=RoutingPolicy(
                timeouts=config.timeouts, error_handling=config.error_handling, exchanges=config.memory.exchanges
            ),
            jitter=lambda low, high: high,
        )
        history = await Store.open(self._file)
        return Engine(
            config,
            router,
            history,
            weights=self.weights,
            backend=self.backend,
            setup=self.setup,
            open_private=partial(Store.open, None),
            tell=tell,
            tools=self._tools,
            pages=self._pages,
            memory=self._memory,
        )

    @property
    def screen(self) -> ChatScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        return screen

    @property
    def chat(self) -> ChatView:
        return self.screen.chat

    @property
    def engine(self) -> Engine:
        assert self.app.engine is not None
        return self.app.engine

    async def opened(self) -> None:
        """Wait until the engine is open. Raises what has ended the app before that, which nobody else would hear of
        until the app is closed."""
        waiting = [
            asyncio.ensure_future(wait) for wait in (self.screen.wait_for_engine(), self.app._exception_event.wait())
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        if self.app._exception is not None:
            raise self.app._exception

    async def until(self, true: Callable[[], object], seconds: float = 60) -> None:
        """Wait until `true` returns something true. Raises AssertionError with the screen after `seconds`."""
        if true():
            return
        pause = SHORTEST_PAUSE_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    # To wait for each widget takes longer than most conditions: it is done for those that are true.
                    await asyncio.sleep(pause)
                    pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
                    if true():
                        await self.pilot.pause(0.0)
                        if true():
                            return
        raise AssertionError(f"the condition never became true; the screen:\n{self.shown()}")

    async def shows(self, *texts: str) -> None:
        """Wait until the screen shows all these texts."""

        def shows_all() -> bool:
            shown = self.shown()
            return all(text in shown for text in texts)

        await self.until(shows_all)

    async def ask(self, text: str) -> None:
        """Type a question, or a command, and send it."""
        self.chat.prompt.insert(text)
        await self.pilot.press("enter")

    async def answered(self) -> None:
        """Wait until the answer has ended and is saved."""
        await self.until(lambda: not self.chat.session.visit.is_asking)
        await self.until(
            lambda: self.chat.conversation.answer is not None and self.chat.conversation.answer.saved.is_set()
        )
        await self.until(lambda: not self.chat.transcript.is_busy)
        await self.until(self._is_followed)
        # Behind the question, its conversation is noted and listed.
        await self.until(lambda: all(worker.is_finished for worker in self.app.workers if worker.group == "ask"))
        # The messages that tell of the end are on their way to the screen, and those that they set off behind them.
        await self.pilot.pause(0.0)
        await self.pilot.pause(0.0)

    def _is_followed(self) -> bool:
        """Whether the conversation has shown the end of the answer, or waits for a tool call."""
        conversation = self.chat.conversation
        following = conversation._following
        return following is None or following.is_finished or conversation.round is not None

    def figure(self, label: str) -> str:
        """The value in the row of the stats panel with this label."""
        rows = self.shown(self.screen.stats).split("\n")
        return next((row.strip().removeprefix(label).strip() for row in rows if row.strip().startswith(label)), "")

    def shown(self, widget: Widget | None = None) -> str:
        """The text of the screen, or of one widget."""
        strips = self.app.screen._compositor.render_strips()
        if widget is None:
            return "\n".join(strip.text.rstrip() for strip in strips)
        region = widget.region
        return "\n".join(strip.crop(region.x, region.right).text.rstrip() for strip in strips[region.y : region.bottom])

    def notices(self) -> str:
        """The notices on the screen."""
        return "\n".join(f"{notice.title} {notice.message}" for notice in self.app._notifications)


@asynccontextmanager
async def scripted_chat(
    *scripts: Script,
    config: Config | None = None,
    file: Path | None = None,
    size: tuple[int, int] = (120, 36),
    weights: FakeWeights | None = None,
    preset: Preset | None = None,
    opening: Opening | None = None,
    kept_in: Path | None = None,
    opened: bool = True,
    clock: Callable[[], datetime] = lambda: NOW,
    open_seconds: float = OPEN_SECONDS,
    tools: ToolBackend | None = None,
    pages: PageSource | None = None,
    memory: Memory | None = None,
) -> AsyncIterator[ScriptedChat]:
    """The screen of these columns and rows, by default with its engine open; `file` is the history.
    `open_seconds`: how long after the first paint the engine is opened, where it is not `opened` at once."""
    soon = SOON_SECONDS if opened else open_seconds
    opening = opening or (Opening(preset) if preset is not None else None)
    chat = ScriptedChat(
        config or Config(), scripts, file, weights or FakeWeights(), opening, clock, kept_in, soon, tools, pages, memory
    )
    chat.started.draws_at_once = not opened
    async with guard_ends("the app", chat.app.run_test(size=size, notifications=True)):
        if opened:
            async with guard_time("opening the engine"):
                await chat.opened()
            chat.started.begin_drawing()
        try:
            yield chat
        finally:
            async with guard_time("leaving the conversation and closing the engine"):
                if chat.app.is_running:
                    await chat.screen.leave()
                await chat.engine.close()
