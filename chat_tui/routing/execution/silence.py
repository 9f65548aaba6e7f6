"""Measures how long a model has been silent in one attempt, and how long it still may be."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.chunks import Chunk
from chat_tui.core.models import Model
from chat_tui.routing.execution import messages
from chat_tui.routing.execution.control import StreamControl
from chat_tui.routing.execution.timeouts import Phase, TimeLimits


class SilenceLimit:
    """The limit of one attempt; it depends on how far the attempt has got (`Phase`)."""

    def __init__(self, model: Model, limits: TimeLimits, control: StreamControl) -> None:
        self._model, self._limits, self._control = model, limits, control
        self._quiet_from = control.waited_seconds
        self.phase: Phase = "asked"

    def seconds_left(self) -> float | None:
        """Return the time left for the next burst; None: no limit."""
        limit = self._limits.silence_limit(self._model, self.phase)
        return None if limit is None else max(0.0, limit - (self._control.waited_seconds - self._quiet_from))

    def note(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """Take note of a burst; returns it without chunks that only the router needs."""
        if self.phase == "spoke":
            if any(map(messages.breaks_silence, burst)):
                self._quiet_from = self._control.waited_seconds
            return burst
        before, self.phase = self.phase, messages.phase_after(burst, self.phase)
        if self.phase not in (before, "accepted") or any(map(messages.breaks_silence, burst)):
            self._quiet_from = self._control.waited_seconds
        return [chunk for chunk in burst if not messages.is_acceptance(chunk)]
