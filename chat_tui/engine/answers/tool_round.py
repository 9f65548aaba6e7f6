"""The tool calls of one answer, and what has become of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.request import Request
from chat_tui.core.tools import OfferedTool, ToolCall, ToolUse

CallState = Literal["waiting", "asking", "running", "ended"]
"""`waiting` for the calls before it, `asking` a person, `running`, `ended` with a result turn."""


class RunCall(msgspec.Struct, frozen=True):
    """A person's decision: run the call."""

    always: bool = False
    """Whether later calls of this tool in this conversation run at once, too."""
    arguments: Mapping[str, Any] | None = None
    """The arguments as the person has changed them; None: the model's."""


class RefuseCall(msgspec.Struct, frozen=True):
    """A person's decision: do not run the call; the model is told."""

    reason: str = ""
    """A word to the model."""


class StopCalls(msgspec.Struct, frozen=True):
    """A person's decision: run no call any more, and do not ask the model again."""


Decision = RunCall | RefuseCall | StopCalls


class CallStatus(msgspec.Struct, frozen=True):
    """A call as it is now."""

    call: ToolCall
    tool: OfferedTool | None
    """None: no tool of this name was offered."""
    state: CallState = "waiting"
    arguments: Mapping[str, Any] | None = None
    """The arguments; None if they are no JSON object."""
    result: Turn | None = None
    """The result's turn: begun while the call runs, complete when it has ended."""
    was_changed: bool = False
    """Whether the tool was changed after it had been allowed for the whole conversation."""


class ToolRound:
    """The calls of one answer, which are decided about and run one after the other.

    `follow` tells of each change. The answer that gets the results is `Answer.next`.
    """

    def __init__(self, statuses: Sequence[CallStatus]) -> None:
        self.statuses = list(statuses)
        self.ended = False
        """No call runs or will run; the next answer has begun if there is one."""
        self.notice = ""
        """Why the model is not asked again, or offered no tools any more; empty otherwise."""
        self._version = 0
        self._changed = asyncio.Event()
        self._decision: asyncio.Future[Decision] | None = None
        self._running: asyncio.Task[Any] | None = None
        self._is_stopped = False

    @property
    def asked(self) -> CallStatus | None:
        """The call that a person is asked about; None: none."""
        return next((status for status in self.statuses if status.state == "asking"), None)

    def was_stopped(self) -> bool:
        """Whether a person has stopped the calls."""
        return self._is_stopped

    async def follow(self) -> AsyncIterator[Sequence[CallStatus]]:
        """Yield the statuses now and after each change, until the round has ended."""
        while True:
            version = self._version
            yield tuple(self.statuses)
            if self.ended:
                return
            while version == self._version:
                self._changed.clear()
                await self._changed.wait()

    def decide(self, call_id: str, decision: Decision) -> bool:
        """Decide about a call that is asked about; False if it is not, or no longer."""
        asked = self.asked
        if asked is None or asked.call.id != call_id or self._decision is None or self._decision.done():
            return False
        self._decision.set_result(decision)
        return True

    def stop(self) -> None:
        """Run no call any more: one that runs is cancelled, and the model is not asked again."""
        if self.ended:
            return
        self._is_stopped = True
        if self._decision is not None and not self._decision.done():
            self._decision.set_result(StopCalls())
        if self._running is not None:
            self._running.cancel()

    # -- for the loop ---------------------------------------------------------------------------------------------

    def change(self, place: int, **fields: Any) -> CallStatus:
        """Change the status of a call."""
        status = self.statuses[place] = msgspec.structs.replace(self.statuses[place], **fields)
        self._tell()
        return status

    async def ask(self, place: int) -> Decision:
        """Wait for a person's decision about a call."""
        if self._is_stopped:
            return StopCalls()
        self._decision = asyncio.get_running_loop().create_future()
        self.change(place, state="asking")
        return await self._decision

    def end(self, notice: str = "") -> None:
        """End the round."""
        self.notice, self.ended = notice, True
        self._tell()

    def watch(self, running: asyncio.Task[Any] | None) -> None:
        """Keep the task that runs a call, which `stop` cancels."""
        self._running = running
        if running is not None and self._is_stopped:
            running.cancel()

    def _tell(self) -> None:
        self._version += 1
        self._changed.set()


class ToolOffer(msgspec.Struct, frozen=True):
    """What an answer may use, and how the loop goes on from it."""

    tools: tuple[OfferedTool, ...]
    use: ToolUse
    settings: Request
    """What the face has asked with."""
    calls_made: int = 0
    """Calls of the answers before it, to the same question."""
    apart: Conversation | None = None
    """The conversation, if it is not stored; else None."""

    def round_for(self, calls: Sequence[ToolCall]) -> ToolRound:
        """Return the round of an answer's calls."""
        by_name = {tool.tool.name: tool for tool in self.tools}
        return ToolRound([CallStatus(call, by_name.get(call.name)) for call in calls])
