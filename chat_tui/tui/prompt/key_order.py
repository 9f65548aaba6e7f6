"""Keeps keys in order: each one takes effect only after the previous one has finished.

Textual runs most bindings only after a key has bubbled from the focused widget to the app, one message queue at a time.
By then, later letters are already in the text, or lost with a screen that the key opened or closed. Keys typed slowly
may arrive at once over a slow connection or on a busy machine, and must have the same effect.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import Worker

from chat_tui.tui.prompt.draft_area import DraftArea

Typed: TypeAlias = events.Key | events.Paste

HOLD_SECONDS = 2.0
"""After this time, an unfinished key no longer holds back later ones."""

_ROUNDS = 8
"""How many times messages may lead to further messages after a key."""
_SEARCHES = ("files", "find")
"""Groups of search workers: the next key navigates their results or selects one."""
_CHOOSING = {"enter", "tab", "up", "down"}
"""Keys that navigate search results."""
_COMMANDS = ("command",)
"""Groups of workers that run commands, which may open a screen."""
_QUESTIONS = ("ask",)
"""Groups of workers that ask questions: keys for the conversation wait for them, keys that edit text do not."""
_POLL_SECONDS = 0.005
_POLLS = 300
"""A command that takes longer (1.5 s) no longer holds back keys. Before the engine is open, and on a busy machine, a
list may take that long to open, and the letters after it belong to it."""


class KeyOrder:
    """Holds back keys and pastes until the previous one has taken effect.

    The app calls `holds` for each one that arrives, forwards it if it is not held, and then calls `passed`.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[Typed] = deque()
        self._released: Typed | None = None
        self._unsettled: tuple[Typed, Widget] | None = None
        """The last text input and its widget, which may not have processed it yet."""
        self._waited: Typed | None = None
        """The key that has waited for that input."""
        self._settling: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a key is still pending."""
        return self._settling is not None or self._released is not None or bool(self._held)

    def holds(self, typed: Typed) -> bool:
        """Whether the input has to wait; if so, it is posted again later."""
        if typed is self._released:
            self._released = None
        elif self._released is not None or self._settling is not None or self._held:
            self._held.append(typed)
            return True
        if isinstance(typed, events.Paste) or _is_text(typed) or typed is self._waited:
            return False
        groups = self._groups_to_await(typed.key)
        if self._unsettled is None and not self._runs(groups):
            return False
        self._held.appendleft(typed)
        self._waited = typed
        text, target = self._unsettled or (typed, None)
        self._settle(text, target, lambda: self._runs(groups))
        return True

    def note_key(self, typed: Typed, target: Widget | None, workers: Collection[Worker[Any]]) -> None:
        """Record that the input was forwarded to this widget while these workers were running."""
        if _is_text(typed) and isinstance(target, Input | TextArea):
            # The next letter may follow at once: both take the same path.
            self._unsettled = (typed, target)
            self._release()
        else:
            self._settle(typed, target, lambda: self._runs(_COMMANDS, but=workers))

    def workers(self) -> Collection[Worker[Any]]:
        """The workers of the app."""
        return set(self._app.workers)

    def _groups_to_await(self, key: str) -> Sequence[str]:
        """The groups of workers that this key waits for."""
        if key in _CHOOSING:
            return _SEARCHES
        focused = self._app.focused
        if isinstance(focused, DraftArea):
            return () if focused.handles(key) else _QUESTIONS
        return () if isinstance(focused, Input) and key in focused._bindings.key_to_bindings else _QUESTIONS

    def _runs(self, groups: Collection[str], but: Collection[Worker[Any]] = ()) -> bool:
        """Whether a worker of these groups is running, except those in `but`."""
        running = (worker for worker in self._app.workers if not worker.is_finished and worker not in but)
        return any(worker.group in groups for worker in running)

    def _release(self) -> None:
        if self._held and self._released is None and self._settling is None:
            self._released = self._held.popleft()
            self._app.post_message(self._released)

    def _settle(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        self._unsettled = None
        self._settling = asyncio.create_task(self._wait_until_settled(typed, target, works))

    async def _wait_until_settled(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        try:
            # An app that has ended has no screen, and nothing on which a key could act.
            with suppress(TimeoutError, ScreenStackError):
                async with asyncio.timeout(HOLD_SECONDS):
                    await self._wait_for_effects(typed, target, works)
        finally:
            self._settling = None
            self._release()

    async def _wait_for_effects(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        """Wait until the key and what it triggered have taken effect; `works` says whether a worker is still busy."""
        screen, polls = self._app.screen, iter(range(_POLLS))
        if isinstance(target, DraftArea):
            await _drain(target)
            if typed._stop_propagation and not works():
                # It only affected the text.
                return
        await self._drain_ancestors(target)
        seen: DOMNode | None = None
        for _ in range(_ROUNDS):
            # A worker that opened a screen may run until that is closed.
            for _ in polls:
                if not works() or self._app.screen is not screen:
                    break
                await asyncio.sleep(_POLL_SECONDS)
            focused: DOMNode = self._app.focused or self._app.screen
            await self._drain_ancestors(focused)
            if focused is seen and not any(node.message_queue_size for node in _chain(focused)):
                return
            seen = focused

    async def _drain_ancestors(self, first: DOMNode | None) -> None:
        """Wait until this widget and its ancestors, up to the app, have processed their messages."""
        for node in _chain(first or self._app.screen):
            await _drain(node)


def _is_text(typed: Typed) -> bool:
    return isinstance(typed, events.Paste) or typed.is_printable


def _chain(first: DOMNode) -> Iterator[DOMNode]:
    yield from first.ancestors_with_self


async def _drain(node: DOMNode) -> None:
    """Wait until the node has processed the messages now in its queue."""
    handled = asyncio.Event()
    if node.is_running and node.call_later(handled.set):
        await handled.wait()
