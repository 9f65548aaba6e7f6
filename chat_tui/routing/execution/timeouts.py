"""How long a request may still take, and how long a model may be silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from chat_tui.config.schema import Timeouts
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.routing.execution.control import StreamControl
from chat_tui.routing.policy import RoutingPolicy

Phase = Literal["asked", "loading", "accepted", "at work", "spoke"]
"""Of one try: nothing has come yet, the server loads the model, it has accepted the question (status 200), it shows
that it is at work, tokens come."""
SETTING_OF: Mapping[Phase, str] = MappingProxyType(
    {
        "asked": "first_token_seconds",
        "loading": "first_token_seconds",
        "accepted": "first_token_seconds",
        "at work": "working_seconds",
        "spoke": "token_seconds",
    }
)
"""Which of `[timeouts]` limits the silence."""


class TimeLimits:
    """One request's, counted from now on. Seconds in a pause, or while the process was stopped, do not count."""

    def __init__(
        self, request: Request, settings: RoutingPolicy, control: StreamControl, clock: Callable[[], float]
    ) -> None:
        self._request, self._settings = request, settings
        self._control, self._clock = control, clock
        self._begun = clock()
        self._model: Model | None = None
        self._timeouts = settings.timeouts
        """Those of this model: they are looked up for each read of its answer."""

    def now(self) -> float:
        """Seconds on a clock that stands still in a pause and while the process is stopped."""
        return self._clock() - self._control.paused_seconds - self._control.stopped_seconds

    def whole(self, model: Model | None) -> float | None:
        """The limit in seconds for the whole stream, while this model is asked; None: none."""
        return self._request.timeout_seconds or self._timeouts_of(model).stream_seconds

    def silence(self, model: Model, phase: Phase) -> float | None:
        """The limit in seconds for the next token of a model; None: none."""
        limit: float | None = getattr(self._timeouts_of(model), SETTING_OF[phase])
        return limit

    def _timeouts_of(self, model: Model | None) -> Timeouts:
        if model is not self._model:
            self._model = model
            self._timeouts = self._settings.timeouts_of(model) if model else self._settings.timeouts
        return self._timeouts

    def left(self, model: Model | None, limit: float | None = None) -> float | None:
        """Seconds for the next wait: the limit, or less where the whole stream's limit is nearer."""
        whole = self.whole(model)
        if whole is None:
            return limit
        left = max(0.0, self._begun + whole - self.now())
        return left if limit is None else min(limit, left)

    def is_up(self, model: Model | None) -> bool:
        """There is no time left for the whole stream."""
        left = self.left(model)
        return left is not None and left <= 0.01
