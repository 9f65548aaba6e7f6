"""Find in the open conversation: stands where the prompt is, and marks what it finds as it is typed."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from chat_tui.conversation import Turn
from chat_tui.tui import keymap
from chat_tui.tui.input_line import InputLine
from chat_tui.tui.transcript.found import Hit, Texts
from chat_tui.tui.transcript.transcript import Transcript


class FindBar(InputLine):
    """`turns` gives the turns in view, a running answer with what has come of it."""

    DEFAULT_CSS = """
    FindBar, FindBar:focus {
        display: none; width: 1fr; height: 3; padding: 0 1; border: round $accent; background: transparent;
        border-title-color: $text; border-subtitle-color: $text-muted;
        & > .input--placeholder { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings("find bar")]

    class Opened(Message):
        """It stands in the prompt's place."""

    class Closed(Message):
        """It is gone; `by_key`: by Esc, so that the prompt is wanted."""

        def __init__(self, by_key: bool) -> None:
            super().__init__()
            self.by_key = by_key

    def __init__(self, transcript: Transcript, turns: Callable[[], Sequence[Turn]]) -> None:
        super().__init__(placeholder="words in this conversation", max_length=200)
        self.border_title = "Find"
        self._transcript, self._turns = transcript, turns
        self._texts = Texts()
        self._hits: Sequence[Hit] = ()
        self._at = 0

    def open(self, wanted: str = "") -> None:
        """Look for these words; without any, for those of the last time, which typing replaces."""
        self.display = True
        self.post_message(self.Opened())
        self.focus()
        if wanted and wanted != self.value:
            self.value = wanted
        else:
            self.action_select_all()
            self._search()

    def close(self, *, by_key: bool = False) -> None:
        """Leave the conversation where it is."""
        if self.display:
            self.display = False
            self.workers.cancel_node(self)
            self._transcript.show_found("")
            self._texts = Texts()
            self.post_message(self.Closed(by_key))

    def action_close(self) -> None:
        """Esc."""
        self.close(by_key=True)

    def action_move(self, step: int) -> None:
        """Go to the next place (1), or to the one before (-1); from the last to the first."""
        if self._hits:
            self._at = (self._at + step) % len(self._hits)
            self._transcript.go_to(self._hits[self._at])
        self._tell()

    @on(Input.Changed)
    def look(self, event: Input.Changed) -> None:
        """Other words are typed."""
        event.stop()
        if self.display:
            self._search()

    def _search(self) -> None:
        self._run(self._searched)

    def _run(self, search: Callable[[str], Coroutine[None, None, None]]) -> None:
        """In place of a search for other words, which may not have begun: a coroutine would then never be awaited."""
        work = partial(search, self.value)
        self.run_worker(work, group="find", exclusive=True)  # type: ignore[arg-type]

    def count_again(self) -> None:
        """There is more text now; the place that was gone to stays."""
        if self.display:
            gone_to = self._transcript.found.wanted == self.value
            self._run(self._counted if gone_to else self._searched)

    async def _counted(self, wanted: str) -> None:
        turns = self._turns()
        self._hits = await asyncio.to_thread(self._texts.hits, turns, wanted, lambda: self.value == wanted)
        self._tell()

    async def _searched(self, wanted: str) -> None:
        await self._counted(wanted)
        self._transcript.show_found(wanted)
        # The first at or below the first line in view; behind the last comes the first.
        self._at = bisect_left(self._hits, self._transcript.top)
        self.action_move(0)

    def _tell(self) -> None:
        count = f"{self._at + 1:,} of {len(self._hits):,}" if self._hits else "not found"
        self.border_subtitle = count if self.value.strip() else ""

    def on_blur(self) -> None:
        """Another place has the keys now; a terminal that is left for a while does not count."""
        self.call_after_refresh(self._close_if_left)

    def _close_if_left(self) -> None:
        if self.app.app_focus and not self.has_focus and self.app.screen is self.screen:
            self.close()
