"""Handles text that is sent while an answer streams: it waits for the end of the answer, or interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.display import ConversationDisplay, is_over
from chat_tui.tui.chat.conversation.question_sender import OutgoingQuestion, QuestionSender
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit
from chat_tui.tui.chat.conversation.waiting import SteeringLine, WaitingQuestion, WaitingQuestions, WaitingQueue
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.prompt import Prompt

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need the engine.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.engine import Engine

POLL_SECONDS = 0.05
_SENT_AFTER = ("complete", "length")


class Steering:
    """Queues text while an answer streams, and sends it when the answer has ended, or at once if the user steers."""

    def __init__(
        self,
        session: ConversationSession,
        display: ConversationDisplay,
        prompt: Prompt,
        files: PromptAttachments,
        *,
        sender: QuestionSender,
        waiting: WaitingQuestions,
    ) -> None:
        self._session, self._display, self._prompt, self._files = session, display, prompt, files
        self._sender, self._waiting = sender, waiting
        waiting.on_change = self.show
        self._line: SteeringLine | None = None

    # -- new text while an answer streams -------------------------------------------------------------------------

    def queue(self, text: str) -> None:
        """Queue this text, with the attached files, until the answer has ended."""
        run = self._display.widget.run_worker
        queue = self._waiting.add(WaitingQuestion(text, self._session.settings(), self._files.take()))
        if queue is not None:
            run(self._serve(queue), group="beside")
        run(self._waiting.save(self._session.visit), group="beside")
        self.show()

    def steer(self) -> bool:
        """Stop the answer and send the queued text at once; returns False if nothing is queued."""
        session, answer, queue = self._session, self._display.answer, self._waiting.queue
        if queue is None:
            return False
        if session.visit.is_asking or answer is None or is_over(answer):
            self._display.host.say("The answer has not begun", "Your queued message is sent after it.")
            return True
        settings, text, files = queue.items[-1].settings, queue.text, queue.files
        queue.items.clear()
        question = OutgoingQuestion(session.visit, session.new_conversation, settings, text, files)
        self._sender.send(question, partial(self._ask_steered, answer))
        self.show()
        return True

    async def _ask_steered(
        self, answer: Answer, engine: Engine, question: OutgoingQuestion, files: Sequence[Attachment]
    ) -> Answer:
        steered = await engine.steer(answer, question.text, question.settings, attachments=files)
        await self._display.wait_until_shown()
        await self._waiting.save(question.visit)
        self._sender.show_question(question.visit, steered)
        return steered

    # -- text that waits ------------------------------------------------------------------------------------------

    async def _serve(self, queue: WaitingQueue) -> None:
        """Send the queued questions one after another, each when the answer before has ended; on failure, return the
        rest to the prompt."""
        try:
            while queue.items:
                if not await self._serve_next(queue):
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self._waiting.remove(queue)

    async def _serve_next(self, queue: WaitingQueue) -> bool:
        """Send or return the next question; returns False if it must wait longer."""
        session, waiting = self._session, self._waiting
        if queue.is_of(session.visit):
            queue.visit = session.visit
        visit, engine = queue.visit, session.engine
        id = visit.conversation_id
        if visit.is_asking or (engine is not None and id in engine.tools.conversations()):
            return False
        if id is None or engine is None:
            await waiting.give_back(visit, "")
            return True
        if queue.stored_in != id:
            queue.stored_in = id
            await waiting.save(visit)
        running, in_view = engine.running(id), visit is session.visit
        ended = running[0] if running else self._display.answer if in_view else None
        if ended is not None:
            await ended.saved.wait()
        if not queue.items:
            return True
        if engine.running(id) or visit.is_asking or id in engine.tools.conversations():
            # Another question was asked meanwhile.
            return False
        if ended is not None and (ended.turn.state not in _SENT_AFTER or _had_calls_stopped(ended)):
            now = session.visit if queue.is_of(session.visit) else visit
            await waiting.give_back(now, "")
            if now is not session.visit:
                await self._say_unsent(engine, id)
        elif in_view != (visit is session.visit):
            # Another conversation is in view.
            return False
        elif in_view:
            self._send(queue.items.pop(0), visit)
            self.show()
        else:
            await self._ask_unseen(engine, id, queue.items.pop(0), visit)
        return True

    def _send(self, waiting: WaitingQuestion, visit: ConversationVisit) -> None:
        question = OutgoingQuestion(
            visit, self._session.new_conversation, waiting.settings, waiting.text, waiting.files
        )
        self._sender.send(question, self._ask_waiting)

    async def _ask_waiting(self, engine: Engine, question: OutgoingQuestion, files: Sequence[Attachment]) -> Answer:
        id = question.visit.conversation_id
        assert id is not None
        answer = await engine.ask(id, question.text, question.settings, attachments=files)
        await self._waiting.save(question.visit)
        self._sender.show_question(question.visit, answer)
        return answer

    async def _say_unsent(self, engine: Engine, id: str) -> None:
        """Report that queued text of a conversation out of view has returned to its prompt."""
        title = shorten((await engine.conversations.conversation(id)).title, 120) or "Untitled"
        told = f"The answer before it did not end well. It is in the prompt of “{title}”."
        self._display.host.say("A queued message was not sent", told, long=True)

    async def _ask_unseen(self, engine: Engine, id: str, waiting: WaitingQuestion, visit: ConversationVisit) -> None:
        """Ask a question whose conversation is no longer in view."""
        try:
            files = await self._files.load(waiting.files)
            await engine.ask(id, waiting.text, waiting.settings, attachments=files)
            await self._waiting.save(visit)
        except ChatTuiError as error:
            self._display.host.tell(error)
            await self._waiting.give_back(visit, waiting.text)

    def show(self) -> None:
        """Show the queued text of the conversation in view."""
        waiting = self._waiting.queue
        if self._line is None:
            if waiting is None:
                return
            changed = self._display.host.changed_keys
            self._line = SteeringLine(bindings.first_key("prompt.complete", changed))
            self._display.widget.mount(self._line, before=self._prompt)
        self._line.show(waiting)


def _had_calls_stopped(answer: Answer) -> bool:
    """Whether the tool calls of an answer were stopped, so that no other one has followed it."""
    return answer.round is not None and answer.round.was_stopped()
