"""The order of keys: each acts when all that the key before it did is done.

Textual runs most bindings only after a key has gone from the focused widget up to the app, from one queue to the next;
letters behind it are in the text by then, or are gone with a screen that the key has opened or closed. What a person
types slowly, a slow line or a busy machine brings in one piece, and it has to mean the same.
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

from chat_tui.tui.draft_area import DraftArea

Typed: TypeAlias = events.Key | events.Paste

HOLD_SECONDS = 2.0
"""Something that does not end in this time no longer holds the keys behind it."""

_ROUNDS = 8
"""Messages that answer messages that answer a key, and so on."""
_SEARCHES = ("files", "find")
"""Groups of workers that look for what has been typed: the next key moves in what they find, or takes it."""
_CHOOSING = {"enter", "tab", "up", "down"}
"""These keys move in what is found."""
_COMMANDS = ("command",)
"""Those that do what a key has asked for; they may open a screen."""
_QUESTIONS = ("ask",)
"""Those that ask: keys for the conversation wait for them, but nothing that edits a text."""
_POLL_SECONDS = 0.005
_POLLS = 300
"""A command that takes longer (1.5 s) goes on beside what is typed. Before the engine is open, and on a busy machine, a
list takes that long to open, and letters behind it belong to it."""


class KeyOrder:
    """Holds keys and pastes back until the one before has acted. The app asks `holds` for each that arrives, passes it
    on where it is not held, and tells so by `passed`."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[Typed] = deque()
        self._released: Typed | None = None
        self._unsettled: tuple[Typed, Widget] | None = None
        """Letters went into a text; they, and what they set off, may not have acted yet."""
        self._waited: Typed | None = None
        """The key that has waited for that."""
        self._settling: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """A key has not acted yet."""
        return self._settling is not None or self._released is not None or bool(self._held)

    def holds(self, typed: Typed) -> bool:
        """Whether it has to wait; it comes again when it is its turn."""
        if typed is self._released:
            self._released = None
        elif self._released is not None or self._settling is not None or self._held:
            self._held.append(typed)
            return True
        if isinstance(typed, events.Paste) or _is_text(typed) or typed is self._waited:
            return False
        groups = self._awaited(typed.key)
        if self._unsettled is None and not self._runs(groups):
            return False
        self._held.appendleft(typed)
        self._waited = typed
        text, target = self._unsettled or (typed, None)
        self._settle(text, target, lambda: self._runs(groups))
        return True

    def passed(self, typed: Typed, target: Widget | None, workers: Collection[Worker[Any]]) -> None:
        """It was passed on to this widget, when these workers were running."""
        if _is_text(typed) and isinstance(target, Input | TextArea):
            # The next letter can come right behind it: both have the same way.
            self._unsettled = (typed, target)
            self._release()
        else:
            self._settle(typed, target, lambda: self._runs(_COMMANDS, but=workers))

    def workers(self) -> Collection[Worker[Any]]:
        """Those that run now."""
        return set(self._app.workers)

    def _awaited(self, key: str) -> Sequence[str]:
        """The groups of workers that this key waits for."""
        if key in _CHOOSING:
            return _SEARCHES
        focused = self._app.focused
        if isinstance(focused, DraftArea):
            return () if focused.handles(key) else _QUESTIONS
        return () if isinstance(focused, Input) and key in focused._bindings.key_to_bindings else _QUESTIONS

    def _runs(self, groups: Collection[str], but: Collection[Worker[Any]] = ()) -> bool:
        """Whether a worker of these groups runs, other than those."""
        running = (worker for worker in self._app.workers if not worker.is_finished and worker not in but)
        return any(worker.group in groups for worker in running)

    def _release(self) -> None:
        if self._held and self._released is None and self._settling is None:
            self._released = self._held.popleft()
            self._app.post_message(self._released)

    def _settle(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        self._unsettled = None
        self._settling = asyncio.create_task(self._settled(typed, target, works))

    async def _settled(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        try:
            # An app that has ended has no screen, and nothing on which a key could act.
            with suppress(TimeoutError, ScreenStackError):
                async with asyncio.timeout(HOLD_SECONDS):
                    await self._act(typed, target, works)
        finally:
            self._settling = None
            self._release()

    async def _act(self, typed: Typed, target: Widget | None, works: Callable[[], bool]) -> None:
        """Until the key has acted, and what it has set off; `works` tells whether a worker still does that."""
        screen, polls = self._app.screen, iter(range(_POLLS))
        if isinstance(target, DraftArea):
            await _emptied(target)
            if typed._stop_propagation and not works():
                # It has acted on the text alone.
                return
        await self._way_up(target)
        seen: DOMNode | None = None
        for _ in range(_ROUNDS):
            # A worker that has opened a screen may go on until that is closed.
            for _ in polls:
                if not works() or self._app.screen is not screen:
                    break
                await asyncio.sleep(_POLL_SECONDS)
            focused: DOMNode = self._app.focused or self._app.screen
            await self._way_up(focused)
            if focused is seen and not any(node.message_queue_size for node in _chain(focused)):
                return
            seen = focused

    async def _way_up(self, first: DOMNode | None) -> None:
        """Until all has been handled that waited for this widget, or for those around it, up to the app."""
        for node in _chain(first or self._app.screen):
            await _emptied(node)


def _is_text(typed: Typed) -> bool:
    return isinstance(typed, events.Paste) or typed.is_printable


def _chain(first: DOMNode) -> Iterator[DOMNode]:
    yield from first.ancestors_with_self


async def _emptied(node: DOMNode) -> None:
    """Until it has handled what waits for it now."""
    handled = asyncio.Event()
    if node.is_running and node.call_later(handled.set):
        await handled.wait()
