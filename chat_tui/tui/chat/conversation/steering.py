"""Text that is entered while an answer streams: it waits for the answer's end, or steers it from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.display import ConversationDisplay
from chat_tui.tui.chat.conversation.question_sender import OutgoingQuestion, QuestionSender
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit, join_texts
from chat_tui.tui.chat.conversation.waiting import SteeringLine, WaitingQuestion, WaitingQuestions, WaitingQueue
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.prompt import Prompt

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.engine import Engine

POLL_SECONDS = 0.05
_SENT_AFTER = ("complete", "length")


class Steering:
    """Offers what can be done with new text while an answer streams, and sends what waits when it has ended."""

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
        waiting.on_change = self._show
        self._offered: tuple[str, str] | None = None
        """What stood in the prompt, and what of it is sent."""
        self._line: SteeringLine | None = None

    # -- new text while an answer streams -------------------------------------------------------------------------

    def enter(self, typed: str, said: str, pressed: float) -> bool:
        """Enter on new text, pressed at this time: offer what can be done with it; the second Enter lets it wait, and
        so does one that was pressed before there was an answer to be steered. True when it waits."""
        unseen = self._session.visit.is_asking or pressed < self._display.followed_since
        if not unseen and (self._offered is None or self._offered[0] != typed):
            self._offered = (typed, said)
            self._show()
            return False
        self._offered = None
        self._add(said)
        return True

    def follow_text(self, typed: str) -> None:
        """Take the offer back when the text has changed."""
        if self._offered is not None and typed != self._offered[0]:
            self.leave()

    @property
    def offers(self) -> bool:
        """New text may wait, or steer."""
        return self._offered is not None

    def leave(self) -> bool:
        """Take the offer back; False when there is none."""
        offered, self._offered = self._offered, None
        self._show()
        return offered is not None

    def steer(self) -> bool:
        """Steer the answer with the text that was offered; False when there is none."""
        if self._offered is None:
            return False
        text, answer, session = self._offered[1], self._display.answer, self._session
        self._offered = None
        if session.visit.is_asking or answer is None or answer.ended:
            # It has not begun, or is over: there is nothing to be steered.
            self._add(text)
            self._prompt.clear_draft()
            return True
        question = self._sender.take_question(text, session.settings())
        if (before := self._waiting.queue) is not None:
            text, taken = join_texts(before.text, text), [*before.files, *question.taken]
            question = msgspec.structs.replace(question, text=text, taken=taken)
            before.items.clear()
        self._prompt.clear_draft()
        self._sender.send(question, partial(self._ask_steered, answer))
        self._show()
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

    def _add(self, text: str) -> None:
        run = self._display.widget.run_worker
        queue = self._waiting.add(WaitingQuestion(text, self._session.settings(), self._files.take()))
        if queue is not None:
            run(self._serve(queue), group="beside")
        run(self._waiting.save(self._session.visit), group="beside")
        self._show()

    async def _serve(self, queue: WaitingQueue) -> None:
        """Ask what waits, one after another, each when the answer before has ended; give the rest back where that has
        failed."""
        try:
            while queue.items:
                if not await self._serve_next(queue):
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self._waiting.remove(queue)

    async def _serve_next(self, queue: WaitingQueue) -> bool:
        """Whether it is another one's turn; False: look again a moment later."""
        session, waiting = self._session, self._waiting
        if queue.is_of(session.visit):
            queue.visit = session.visit
        visit, engine = queue.visit, session.engine
        if visit.is_asking:
            return False
        id = visit.conversation_id
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
        if engine.running(id) or visit.is_asking or in_view != (visit is session.visit):
            # Something else was asked meanwhile, or another conversation is in view.
            return False
        if ended is not None and ended.turn.state not in _SENT_AFTER:
            await waiting.give_back(visit, "")
        elif in_view:
            self._send(queue.items.pop(0), visit)
            self._show()
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

    async def _ask_unseen(self, engine: Engine, id: str, waiting: WaitingQuestion, visit: ConversationVisit) -> None:
        """Another conversation is in view by now."""
        try:
            files = await self._files.load(waiting.files)
            await engine.ask(id, waiting.text, waiting.settings, attachments=files)
            await self._waiting.save(visit)
        except ChatTuiError as error:
            self._display.host.tell(error)
            await self._waiting.give_back(visit, waiting.text)

    def _show(self) -> None:
        """Show what is offered or waits in the conversation in view."""
        waiting = self._waiting.queue
        if self._line is None:
            if self._offered is None and waiting is None:
                return
            changed = self._display.host.changed_keys
            ids = ("prompt.send", "prompt.complete", "answer.cancel")
            self._line = SteeringLine([bindings.first_key(id, changed) for id in ids])
            self._display.widget.mount(self._line, before=self._prompt)
        self._line.show(waiting, offers=self._offered is not None)
