"""Find in the open conversation: replaces the prompt, and marks matches while the words are typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from chat_tui.core.conversation import Turn
from chat_tui.tui.actions import bindings
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.line_input import LineInput

if TYPE_CHECKING:
    from chat_tui.tui.transcript.find_scan import FindMatch, FindScan


class FindBar(LineInput):
    """`turns` gives the turns in view, a running answer with what has come of it."""

    DEFAULT_CSS = """
    FindBar, FindBar:focus {
        display: none; width: 1fr; height: 3; padding: 0 1; border: round $accent; background: transparent;
        border-title-color: $text; border-subtitle-color: $text-muted;
        & > .input--placeholder { color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("find bar")]

    class Opened(Message):
        """The bar has replaced the prompt."""

    class Closed(Message):
        """The bar has closed; `by_key`: with Esc, so that the prompt gets the focus."""

        def __init__(self, by_key: bool) -> None:
            super().__init__()
            self.by_key = by_key

    def __init__(self, transcript: Transcript, turns: Callable[[], Sequence[Turn]]) -> None:
        super().__init__(placeholder="find in this conversation", max_length=200)
        self.border_title = "Find"
        self._transcript, self._turns = transcript, turns
        self._scan: FindScan | None = None
        self._match: FindMatch | None = None
        """The match that was gone to."""

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
            self._transcript.finder.mark("")
            self._scan = self._match = None
            self.post_message(self.Closed(by_key))

    def action_close(self) -> None:
        """Close the bar and focus the prompt."""
        self.close(by_key=True)

    def action_move(self, step: int) -> None:
        """Go to the next match (1), or to the one before (-1); from the last to the first. One that has not been found
        yet is not waited for."""
        scan, match = self._scan, self._match
        if scan is not None and match is not None and (found := scan.step_from(match, step)) is not None:
            self._go_to(scan, found)
        self._show_count()

    @on(Input.Changed)
    def look(self, event: Input.Changed) -> None:
        """Other words are typed."""
        event.stop()
        if self.display:
            self._search()

    def _search(self) -> None:
        self._match = None
        # What was found for the words before goes at once.
        self._transcript.finder.mark(self.value)
        self._begin_scan()

    def count_again(self) -> None:
        """Search again, as the text has grown; the current match stays."""
        if self.display:
            self._begin_scan()

    def _begin_scan(self) -> None:
        from chat_tui.tui.transcript.find_scan import FindScan

        self._scan = scan = FindScan(self._turns(), self.value, *self._transcript.finder.start())
        self._show_count()
        # In place of a search for other words, which may not have begun: a coroutine would then never be awaited.
        self.run_worker(partial(self._follow, scan), group="find", exclusive=True)  # type: ignore[arg-type]

    async def _follow(self, scan: FindScan) -> None:
        while not scan.complete:
            await scan.advance()
            if self._match is None and (first := scan.first()) is not None:
                self._go_to(scan, first)
            self._show_count()

    def _go_to(self, scan: FindScan, match: FindMatch) -> None:
        self._match = match
        # A turn may take longer to be split than a key may wait.
        self.run_worker(partial(self._jump, scan, match), group="find jump", exclusive=True)  # type: ignore[arg-type]

    async def _jump(self, scan: FindScan, match: FindMatch) -> None:
        hit = await scan.locate(match)
        if scan.wanted == self.value:
            self._transcript.finder.go_to(hit)

    def _show_count(self) -> None:
        scan = self._scan
        if scan is None or not self.value.strip():
            self.border_subtitle = ""
            return
        count = f"{scan.total:,}{'' if scan.complete else '+'}"
        if self._match is not None:
            count = f"{scan.number(self._match) + 1:,} of {count}"
        if not scan.complete:
            self.border_subtitle = f"{count} · searching…" if scan.total else "searching…"
        else:
            self.border_subtitle = count if scan.total else "not found"

    def on_blur(self) -> None:
        """Another place has the keys now; a terminal that is left for a while does not count."""
        self.call_after_refresh(self._close_if_left)

    def _close_if_left(self) -> None:
        if self.app.app_focus and not self.has_focus and self.app.screen is self.screen:
            self.close()
