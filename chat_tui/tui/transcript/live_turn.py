"""The last turn of a transcript while its text streams in, and the tool calls behind it while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.tui.transcript.model.line_model import LineModel
from chat_tui.tui.transcript.model.parts import TextKind

SLICE_SECONDS, PAUSE_SECONDS = 0.004, 0.001
"""Text that comes faster than it can be laid out is worked in for so long at a time, and keys are answered between."""
FRAME_SLICE_SECONDS = 0.015
"""How long a frame may work in text itself."""
ALLOWED_BEHIND = 16_000
"""Characters that may wait for the next frame."""


class LiveTurn:
    """Text is appended at any speed, and painted with the next frame.

    `request_frame` has what changed painted within a frame, `paint` paints at once.
    """

    def __init__(self, model: LineModel, request_frame: Callable[[], None], paint: Callable[[], None]) -> None:
        self._model = model
        self._request_frame = request_frame
        self._paint = paint

    def append(self, text: str, kind: TextKind = "text") -> bool:
        """Add text, without painting it yet. True: await `keep_up` before more is appended."""
        view = self._model.views.live
        if view is None:
            return False
        view.streamed.append(text, kind)
        self._request_frame()
        return view.streamed.behind > ALLOWED_BEHIND

    async def keep_up(self, allowed: int = ALLOWED_BEHIND) -> None:
        """Work in text until at most `allowed` characters wait; keys are handled in between."""
        while (view := self._model.views.live) is not None and view.streamed.behind > allowed:
            view.flush(SLICE_SECONDS)
            self._request_frame()
            await asyncio.sleep(PAUSE_SECONDS)

    def flush(self) -> None:
        """Work in as much of the text as a frame has time for; where more waits, another frame follows."""
        if (view := self._model.views.live) is not None:
            view.flush(FRAME_SLICE_SECONDS)
            self._model.update_height(len(self._model.views) - 1)
            if view.streamed.behind:
                self._request_frame()

    def reclassify(self, chunk: Metadata) -> None:
        """Turn the end of the text into thinking, or the other way round."""
        self._model.reclassify(chunk)
        self._request_frame()

    def amend(self, turn: Turn) -> None:
        """Take over the model, or what was left out, once they are known. The text of `turn` is not looked at."""
        self._model.amend(turn)
        self._request_frame()

    def set_status(self, text: str) -> None:
        """Show a line under an answer that has no text yet; empty removes it."""
        if (view := self._model.views.live) is not None:
            view.set_status(text)
            self._model.update_height(len(self._model.views) - 1)
            self._request_frame()

    def change_call(self, index: int, turn: Turn, status: str) -> None:
        """Show the tool call at this place as it is now; `status`: what it does while it has not ended."""
        self._model.views[index].set_status(status)
        self._model.amend(turn, index)
        self._request_frame()

    def finish(self, turn: Turn) -> None:
        """Show the turn as it was stored, with its state; painted at once."""
        self._model.finish(turn)
        self._paint()
