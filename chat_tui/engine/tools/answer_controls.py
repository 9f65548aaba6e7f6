"""Stops, pauses and resumes the answers of conversations, in whichever process of the store they run.

While answers run, a process looks for what others ask of them, and notes which of them are paused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from chat_tui.engine.answers.runner import AnswerRunner
from chat_tui.engine.background_tasks import BackgroundTasks
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.tools.decision_relay import (
    POLL_SECONDS,
    Control,
    DecisionRelay,
    Sent,
    SentControl,
    apply_decision,
)
from chat_tui.engine.tools.loop import ToolLoop

PAUSED_PREFIX = "paused answer "
"""Begins the place key of a conversation whose answer is paused; its text is the id of the answer's turn."""
REPLY_SECONDS = 2.0
"""How long a control waits for another process to take it."""


class AnswerControls:
    """Controls the answers of an engine, and those that other processes run."""

    def __init__(
        self,
        answers: AnswerRunner,
        tools: ToolLoop,
        places: Places,
        *,
        is_private: Callable[[str], bool],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._answers, self._tools, self._places, self._is_private = answers, tools, places, is_private
        self._poll_seconds = poll_seconds
        self._relay = DecisionRelay(places, poll_seconds=poll_seconds, reply_seconds=REPLY_SECONDS)
        self._noted: dict[str, str] = {}
        """The turns of paused answers, by conversation, as they are noted."""
        self._is_watching = False
        self._tasks = BackgroundTasks()

    # -- in this process ------------------------------------------------------------------------------------------

    async def control(self, conversation_id: str, control: Control, turn_id: str = "") -> bool:
        """Control what this process runs of a conversation, or only this answer; False if it runs nothing that can be
        controlled so."""
        if turn_id and control == "stop":
            return await self._stop_answer(conversation_id, turn_id)
        if control in ("stop", "steer"):
            return await self._stop(conversation_id, steered=control == "steer")
        running = self._answers.running(conversation_id)
        for answer in running:
            if control == "pause":
                answer.pause()
            else:
                answer.resume()
        return bool(running)

    async def _stop_answer(self, conversation_id: str, turn_id: str) -> bool:
        mine = [answer for answer in self._answers.running(conversation_id) if answer.turn.id == turn_id]
        await asyncio.gather(*(answer.cancel() for answer in mine))
        return bool(mine)

    async def _stop(self, conversation_id: str, *, steered: bool) -> bool:
        running, rounds = self._answers.running(conversation_id), self._tools.rounds(conversation_id)
        for round in rounds:
            round.stop()
        await asyncio.gather(*(answer.cancel(steered=steered) for answer in running))
        return bool(running or rounds)

    # -- in other processes ---------------------------------------------------------------------------------------

    async def control_elsewhere(self, conversation_id: str, control: Control, turn_id: str = "") -> bool:
        """Let the process that runs the answer do this; False if none takes it, such as one of an earlier version."""
        return await self._relay.send_control(conversation_id, control, turn_id)

    def watch(self) -> None:
        """Take what other processes send, for as long as anything runs that they know of."""
        if not self._is_watching and self._known():
            self._is_watching = True
            self._tasks.start(self._watch())

    def _known(self) -> Collection[str]:
        """Return the conversations in which something runs and which are stored."""
        running = {answer.conversation_id for answer in self._answers.running()}
        return {id for id in running | {*self._tools.conversations()} if id and not self._is_private(id)}

    async def _watch(self) -> None:
        try:
            while self._known() or self._noted:
                await asyncio.sleep(self._poll_seconds)
                if known := self._known():
                    await self._relay.take(known, self._take)
                await self._note_pauses()
        finally:
            self._is_watching = False

    async def _take(self, conversation_id: str, sent: Sent) -> bool:
        if isinstance(sent, SentControl):
            return await self.control(conversation_id, sent.control, sent.turn)
        if sent.call:
            return apply_decision(self._tools.rounds(conversation_id), sent.call, sent.decision)
        return await self.control(conversation_id, "stop")

    async def _note_pauses(self) -> None:
        """Note which answers are paused, for other processes."""
        known = self._known()
        paused = {
            answer.conversation_id: answer.turn.id
            for answer in self._answers.running()
            if answer.paused and answer.conversation_id in known
        }
        for id in self._noted.keys() | paused.keys():
            if self._noted.get(id) != paused.get(id):
                await self._places.set(PAUSED_PREFIX + id, paused.get(id, ""))
        self._noted = paused

    async def close(self) -> None:
        """Take nothing any more."""
        await self._tasks.cancel()
        await self._note_pauses()
