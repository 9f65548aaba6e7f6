"""Decisions about tool calls, and controls of answers, reach the process that runs them, through the store.

With several workers of a server, a person's decision may come to another worker than the one whose answer waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal

import msgspec

from chat_tui.core.conversation import Conversation, new_id
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall, StopCalls, ToolRound
from chat_tui.engine.conversations.places import Places

POLL_SECONDS = 0.25
"""The pause between two looks for a decision, or for the reply to one."""
REPLY_SECONDS = 5.0
"""How long a decision waits to be taken."""
_KEY = "tool decision "
"""Begins the place key of a conversation's last decision from another process."""

Control = Literal["stop", "pause", "resume", "steer"]
"""What a person does with a running answer; `steer` stops it because the next question continues it."""


class SentDecision(msgspec.Struct, frozen=True, tag="decision", omit_defaults=True):
    """A decision for another process; neither `run` nor `refuse` means stop. Without a call, a stop ends the answer."""

    id: str
    call: str
    run: RunCall | None = None
    refuse: RefuseCall | None = None

    @property
    def decision(self) -> Decision:
        """The decision."""
        return self.run or self.refuse or StopCalls()


class SentControl(msgspec.Struct, frozen=True, tag="control"):
    """A control of an answer for another process."""

    id: str
    control: Control
    turn: str = ""
    """The only answer that is meant, if several of the conversation run."""


Sent = SentDecision | SentControl
Take = Callable[[str, Sent], Awaitable[bool]]
"""Does what another process has sent for this conversation; False if nothing waits for that."""


class DecisionReply(msgspec.Struct, frozen=True, tag="reply"):
    """What has become of a decision or a control."""

    id: str
    """Its id."""
    taken: bool


def apply_decision(rounds: Sequence[ToolRound], call_id: str, decision: Decision) -> bool:
    """Decide about a call of these rounds; False if none of them waits for that. A stop also ends a call that runs."""
    for round in (round for round in rounds if not round.ended):
        if isinstance(decision, StopCalls) and any(status.call.id == call_id for status in round.statuses):
            round.stop()
            return True
        if round.decide(call_id, decision):
            return True
    return False


def has_open_call(conversation: Conversation, call_id: str) -> bool:
    """Return whether the last answer of a conversation has this call without a result."""
    for turn in reversed(conversation.path):
        if turn.result is not None and turn.result.call == call_id and turn.state != "streaming":
            return False
        if turn.role == "assistant":
            return any(call.id == call_id for call in turn.calls)
    return False


class DecisionRelay:
    """Sends decisions and controls to other processes that share the store, and takes theirs."""

    def __init__(
        self, places: Places, *, poll_seconds: float = POLL_SECONDS, reply_seconds: float = REPLY_SECONDS
    ) -> None:
        self._places, self._poll_seconds, self._reply_seconds = places, poll_seconds, reply_seconds

    async def send(self, conversation_id: str, call_id: str, decision: Decision) -> bool:
        """Let the process that runs the call decide so; False if none does, or the call does not wait any more."""
        run = decision if isinstance(decision, RunCall) else None
        refuse = decision if isinstance(decision, RefuseCall) else None
        return await self._send(conversation_id, SentDecision(new_id(), call_id, run, refuse))

    async def send_control(self, conversation_id: str, control: Control, turn_id: str = "") -> bool:
        """Let the process that runs the answer do this, or that runs the answer of this turn; False if none does."""
        if control == "stop" and not turn_id:
            # As earlier versions send and take it.
            return await self.send(conversation_id, "", StopCalls())
        return await self._send(conversation_id, SentControl(new_id(), control, turn_id))

    async def _send(self, conversation_id: str, sent: Sent) -> bool:
        key = _KEY + conversation_id
        await self._places.set(key, _encode(sent))
        told: Sent | DecisionReply | None = None
        try:
            async with asyncio.timeout(self._reply_seconds):
                while not isinstance(told, DecisionReply):
                    await asyncio.sleep(self._poll_seconds)
                    told = _decode(await self._places.get(key))
                    if told is None or told.id != sent.id:
                        # Another decision has replaced it.
                        return False
        except TimeoutError:
            pass
        await self._places.set(key, "")
        return isinstance(told, DecisionReply) and told.taken

    async def take(self, conversations: Collection[str], take: Take) -> None:
        """Take what other processes have sent for these conversations since the last call, and reply."""
        for key, text in (await self._places.all(_KEY)).items():
            id, told = key.removeprefix(_KEY), _decode(text)
            if id in conversations and isinstance(told, Sent):
                await self._places.set(key, _encode(DecisionReply(told.id, await take(id, told))))


def _encode(record: Sent | DecisionReply) -> str:
    return msgspec.json.encode(record).decode()


def _decode(text: str) -> Sent | DecisionReply | None:
    try:
        return msgspec.json.decode(text, type=Sent | DecisionReply) if text else None
    except msgspec.DecodeError:
        return None
