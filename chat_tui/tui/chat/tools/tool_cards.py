"""The tool calls of an answer below it in the transcript, as they wait, ask, run and end."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolResult
from chat_tui.tui.transcript.transcript import Transcript

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.tool_round import CallStatus, ToolRound


class ToolCallCards:
    """Shows a card for each call of a round behind the last turn; a call without a result has one, too."""

    def __init__(self, transcript: Transcript, round: ToolRound, clock: Callable[[], float] = monotonic) -> None:
        self.round = round
        self._transcript, self._clock = transcript, clock
        self._first = len(transcript.turns)
        self._running_since: dict[int, float] = {}

    @property
    def is_asking(self) -> bool:
        """Whether a person is asked about a call."""
        return self.round.asked is not None

    def show(self) -> None:
        """Show each call as it is now."""
        for place, status in enumerate(self.round.statuses):
            if self._first + place >= len(self._transcript.model.views):
                self._transcript.add(_turn_of(status), follows=False)
            self._transcript.live.change_call(self._first + place, _turn_of(status), self._words(place, status))

    def remove_unbegun(self) -> None:
        """Remove the cards of calls that have no result: the history could not be written."""
        count = sum(status.result is not None for status in self.round.statuses)
        if count < len(self.round.statuses):
            self._transcript.replace_from(self._first + count)

    def _words(self, place: int, status: CallStatus) -> str:
        match status.state:
            case "waiting":
                return "waits"
            case "asking":
                return "asks you"
            case "running":
                since = self._running_since.setdefault(place, self._clock())
                return f"running · {self._clock() - since:.0f} s"
        return ""


def _turn_of(status: CallStatus) -> Turn:
    """The turn of the result; before it begins, one that stands for it."""
    if status.result is not None:
        return status.result
    server = status.tool.server if status.tool is not None else ""
    result = ToolResult(status.call.id, status.call.name, server)
    return Turn("tool", "", id=status.call.id, state="streaming", result=result)
