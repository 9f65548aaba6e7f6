"""The time limits of a request: of the whole stream, and of a model's silence."""

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
"""How far an attempt is: nothing has come; the server loads the model; it has accepted the question (status 200); it
shows that it is working; tokens come."""
SETTING_OF: Mapping[Phase, str] = MappingProxyType(
    {
        "asked": "first_token_seconds",
        "loading": "first_token_seconds",
        "accepted": "first_token_seconds",
        "at work": "working_seconds",
        "spoke": "token_seconds",
    }
)
"""The setting under `[timeouts]` that limits the silence in each phase."""


class TimeLimits:
    """The limits of one request, counted from its construction without pauses and stops of the process."""

    def __init__(
        self, request: Request, settings: RoutingPolicy, control: StreamControl, clock: Callable[[], float]
    ) -> None:
        self._request, self._settings = request, settings
        self._control, self._clock = control, clock
        self._begun = clock()
        self._model: Model | None = None
        self._timeouts = settings.timeouts
        """The limits for this model, kept since each read of its answer asks for them."""

    def now(self) -> float:
        """Return seconds on a clock that stops during pauses and while the process is stopped."""
        return self._clock() - self._control.paused_seconds - self._control.stopped_seconds

    def stream_limit(self, model: Model | None) -> float | None:
        """Return the limit in seconds for the whole stream while this model is asked; None: no limit."""
        return self._request.timeout_seconds or self._timeouts_of(model).stream_seconds

    def silence_limit(self, model: Model, phase: Phase) -> float | None:
        """Return the limit in seconds for the model's next token; None: no limit."""
        limit: float | None = getattr(self._timeouts_of(model), SETTING_OF[phase])
        return limit

    def _timeouts_of(self, model: Model | None) -> Timeouts:
        if model is not self._model:
            self._model = model
            self._timeouts = self._settings.timeouts_of(model) if model else self._settings.timeouts
        return self._timeouts

    def seconds_left(self, model: Model | None, limit: float | None = None) -> float | None:
        """Return the seconds for the next wait: `limit`, or less if the limit of the whole stream is nearer."""
        stream_limit = self.stream_limit(model)
        if stream_limit is None:
            return limit
        left = max(0.0, self._begun + stream_limit - self.now())
        return left if limit is None else min(limit, left)

    def is_time_up(self, model: Model | None) -> bool:
        """Return whether the limit of the whole stream has run out."""
        seconds_left = self.seconds_left(model)
        return seconds_left is not None and seconds_left <= 0.01
