"""Decisions about tool calls reach the process that runs the calls, through the store.

With several workers of a server, a person's decision may come to another worker than the one whose answer waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

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

Decide = Callable[[str, Decision], bool]
"""Decides about the call with this id; False if it does not wait for that. Without an id, a stop ends the answer."""


class SentDecision(msgspec.Struct, frozen=True, tag="decision", omit_defaults=True):
    """A decision for another process; neither `run` nor `refuse` means stop."""

    id: str
    call: str
    run: RunCall | None = None
    refuse: RefuseCall | None = None

    @property
    def decision(self) -> Decision:
        """The decision."""
        return self.run or self.refuse or StopCalls()


class DecisionReply(msgspec.Struct, frozen=True, tag="reply"):
    """What has become of a decision."""

    id: str
    """That of the decision."""
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
    """Sends decisions to other processes that share the store, and takes theirs."""

    def __init__(
        self, places: Places, *, poll_seconds: float = POLL_SECONDS, reply_seconds: float = REPLY_SECONDS
    ) -> None:
        self._places, self._poll_seconds, self._reply_seconds = places, poll_seconds, reply_seconds

    async def send(self, conversation_id: str, call_id: str, decision: Decision) -> bool:
        """Let the process that runs the call decide so; False if none does, or the call does not wait any more."""
        key, id = _KEY + conversation_id, new_id()
        run = decision if isinstance(decision, RunCall) else None
        refuse = decision if isinstance(decision, RefuseCall) else None
        await self._places.set(key, _encode(SentDecision(id, call_id, run, refuse)))
        told: SentDecision | DecisionReply | None = None
        try:
            async with asyncio.timeout(self._reply_seconds):
                while not isinstance(told, DecisionReply):
                    await asyncio.sleep(self._poll_seconds)
                    told = _decode(await self._places.get(key))
                    if told is None or told.id != id:
                        # Another decision has replaced it.
                        return False
        except TimeoutError:
            pass
        await self._places.set(key, "")
        return isinstance(told, DecisionReply) and told.taken

    @asynccontextmanager
    async def receiving(self, conversation_id: str, decide: Decide) -> AsyncIterator[None]:
        """Take the decisions that other processes send for the calls of a conversation. One receiver of a conversation
        takes them: of two, the second would say that it is too late."""
        receiving = asyncio.ensure_future(self._receive(_KEY + conversation_id, decide))
        try:
            yield
        finally:
            receiving.cancel()
            await asyncio.wait([receiving])

    async def _receive(self, key: str, decide: Decide) -> None:
        while True:
            told = _decode(await self._places.get(key))
            if isinstance(told, SentDecision):
                taken = decide(told.call, told.decision)
                await self._places.set(key, _encode(DecisionReply(told.id, taken)))
            await asyncio.sleep(self._poll_seconds)


def _encode(record: SentDecision | DecisionReply) -> str:
    return msgspec.json.encode(record).decode()


def _decode(text: str) -> SentDecision | DecisionReply | None:
    try:
        return msgspec.json.decode(text, type=SentDecision | DecisionReply) if text else None
    except msgspec.DecodeError:
        return None
