"""Words that are entered while an answer streams: they wait for its end, or steer it from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from textual.message import Message
from textual.worker import Worker

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.estimate import QuestionEstimate
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit, join_texts
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.attachments_line import PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, crop

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.engine.engine import Engine

POLL_SECONDS = 0.05
_WAITING = "words that wait "
_SENT_AFTER = ("complete", "length")


class SteeringTarget(Protocol):
    """The chat whose answers are steered."""

    prompt: Prompt
    files: PromptAttachments
    transcript: Transcript
    session: ConversationSession
    estimate: QuestionEstimate
    answer: Answer | None
    followed_since: float

    @property
    def host(self) -> Host:
        """The app around it."""

    def run_worker(self, work: Coroutine[Any, Any, None], *, group: str) -> Worker[None]:
        """Run it beside the rest."""

    def mount(self, widget: StyledLines, *, before: Prompt) -> object:
        """Put a line above the prompt."""

    def begin(self, begun: Callable[[Engine], Awaitable[Answer]], text: str) -> None:
        """Ask, and follow the answer that this gives; the words come back to the prompt where that fails."""

    async def followed(self) -> None:
        """Wait until the answer in view has been shown to its end."""


class WaitingQuestion(Struct):
    """A question that waits for the end of an answer."""

    text: str
    settings: Request
    files: list[PendingAttachment]


class WaitingQueue:
    """The questions that wait in one conversation, oldest first: each is asked when the answer before has ended."""

    def __init__(self, visit: ConversationVisit) -> None:
        self.visit = visit
        """As it was in view last."""
        self.items: list[WaitingQuestion] = []
        self.kept_in = ""
        """The conversation with which they stand on the disk: one that has just begun had no id when they came."""

    def is_of(self, visit: ConversationVisit) -> bool:
        """Whether it waits in the conversation of this visit."""
        id = visit.conversation_id
        return self.visit is visit or (id is not None and self.visit.conversation_id == id)

    @property
    def text(self) -> str:
        """All questions."""
        return join_texts(*(item.text for item in self.items))

    @property
    def files(self) -> list[PendingAttachment]:
        """What goes along with any of them."""
        return [going for item in self.items for going in item.files]


class SteeringLine(StyledLines):
    """Above the prompt: what can be done with new words, or which words wait."""

    DEFAULT_CSS = "SteeringLine { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    class Toggled(Message):
        """What can be done with new words is offered, or no longer."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self._keys = keys
        """To send, to steer, to leave it."""
        self._waiting: WaitingQueue | None = None
        self._offers = False

    def show(self, waiting: WaitingQueue | None, *, offers: bool) -> None:
        """These words wait; `offers`: new ones may."""
        if offers != self._offers:
            self.post_message(self.Toggled())
        self._waiting, self._offers = waiting, offers
        self.display = offers or waiting is not None
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        if self._offers:
            told = (" again: send after this answer", " steer the answer now", " dismiss")
            if sum(map(len, told)) + 18 > width:
                told = (" queue", " steer", " dismiss")
            keys = zip(self._keys, told, strict=True)
            spans = [span for key, word in keys for span in (Span(" · "), Span(key, "accent"), Span(word, "dim"))]
            return [tuple(spans[1:])]
        if self._waiting is None:
            return [()]
        files = f" +{len(self._waiting.files)}" if self._waiting.files else ""
        tail = f"{files} · Up to edit it"
        words = crop(clean_line(self._waiting.text, 500), max(8, width - len(tail) - len("Queued: ")))
        return [(Span("Queued: ", "accent"), Span(words), Span(tail, "dim"))]


class Steering:
    """What waits in each conversation, and what was offered in the one in view."""

    def __init__(self, chat: SteeringTarget) -> None:
        self._chat = chat
        self._offered: tuple[str, str] | None = None
        """What stood in the prompt, and what of it is sent."""
        self._queues: list[WaitingQueue] = []
        self._line: SteeringLine | None = None

    # -- new words while an answer streams ------------------------------------------------------------------------

    def enter(self, typed: str, said: str, pressed: float) -> bool:
        """Enter on new words, pressed at this time: offer what can be done with them; the second Enter lets them wait,
        and so does one that was pressed before there was an answer to be steered. True when they wait."""
        chat = self._chat
        unseen = chat.session.visit.is_asking or pressed < chat.followed_since
        if not unseen and (self._offered is None or self._offered[0] != typed):
            self._offered = (typed, said)
            self.show()
            return False
        self._offered = None
        self._wait_with(said)
        return True

    def edited(self, typed: str) -> None:
        """The words have changed: the offer was for others."""
        if self._offered is not None and typed != self._offered[0]:
            self.leave()

    @property
    def offers(self) -> bool:
        """New words may wait, or steer."""
        return self._offered is not None

    def leave(self) -> bool:
        """Take the offer back; False when there is none."""
        offered, self._offered = self._offered, None
        self.show()
        return offered is not None

    def steer(self) -> bool:
        """Steer the answer with the words that were offered; False when there are none."""
        if self._offered is None:
            return False
        text, chat, answer = self._offered[1], self._chat, self._chat.answer
        self._offered = None
        if chat.session.visit.is_asking or answer is None or answer.ended:
            # It has not begun, or is over: there is nothing to be steered.
            self._wait_with(text)
            chat.prompt.clear_draft()
            return True
        taken = chat.files.take()
        if (before := self._queue()) is not None:
            text, taken = join_texts(before.text, text), [*before.files, *taken]
            before.items.clear()
        chat.prompt.clear_draft()
        self._steer(answer, text, taken)
        self.show()
        return True

    def _steer(self, answer: Answer, text: str, taken: Sequence[PendingAttachment]) -> None:
        settings = self._chat.session.settings()

        async def begun(engine: Engine, files: Sequence[Attachment]) -> Answer:
            steered = await engine.steer(answer, text, settings, attachments=files)
            await self._chat.followed()
            return steered

        self._begin(begun, text, taken)

    def _ask(self, id: str, waiting: WaitingQuestion) -> None:
        async def begun(engine: Engine, files: Sequence[Attachment]) -> Answer:
            return await engine.ask(id, waiting.text, waiting.settings, attachments=files)

        self._begin(begun, waiting.text, waiting.files)

    def _begin(
        self,
        begun: Callable[[Engine, Sequence[Attachment]], Awaitable[Answer]],
        text: str,
        taken: Sequence[PendingAttachment],
    ) -> None:
        chat = self._chat
        visit = chat.session.visit

        async def asked(engine: Engine) -> Answer:
            try:
                loaded = await chat.files.load(taken)
                await chat.estimate.check_images(text, loaded)
                answer = await begun(engine, loaded)
            except ChatTuiError:
                chat.files.give_back(taken)
                raise
            await self._keep(visit)
            if visit is chat.session.visit:
                chat.transcript.add(answer.question)
            return answer

        chat.begin(asked, text)

    # -- words that wait ------------------------------------------------------------------------------------------

    def _queue(self) -> WaitingQueue | None:
        """What waits in the conversation in view."""
        return self._queue_of(self._chat.session.visit)

    def _queue_of(self, visit: ConversationVisit) -> WaitingQueue | None:
        return next((queue for queue in self._queues if queue.items and queue.is_of(visit)), None)

    def has_waiting(self) -> bool:
        """Words wait in the conversation in view."""
        return self._queue() is not None

    def take_back(self) -> bool:
        """Put the words that wait into the prompt; False when none do."""
        queue = self._queue()
        if queue is None:
            return False
        self._chat.run_worker(self._keep_returned(self._chat.session.visit, self._return(queue)), group="beside")
        return True

    def _return(self, queue: WaitingQueue | None, text: str = "") -> str:
        """Put this text and what waits into the prompt, before what stands there; the prompt's text then."""
        chat = self._chat
        if queue is not None:
            text = join_texts(text, queue.text)
            chat.files.give_back(queue.files)
            queue.items.clear()
        words = join_texts(text, chat.prompt.draft)
        chat.prompt.set_draft(words)
        self.show()
        return words

    async def _keep_returned(self, visit: ConversationVisit, words: str) -> None:
        """Keep words as the draft before they wait no more."""
        if self._chat.session.engine is not None and visit.conversation_id:
            await self._chat.session.engine.drafts.save(visit.conversation_id, words)
            await self._keep(visit)

    async def give_back(self, visit: ConversationVisit, text: str) -> None:
        """A question could not be asked: its words, and what waited behind it, are unsent again."""
        engine, id, queue = self._chat.session.engine, visit.conversation_id, self._queue_of(visit)
        if visit is self._chat.session.visit or engine is None or id is None:
            await self._keep_returned(visit, self._return(queue, text))
            return
        text = join_texts(text, queue.text if queue is not None else "")
        if queue is not None:
            queue.items.clear()
        await self._keep_returned(visit, join_texts(text, await engine.drafts.load(id)))

    def _wait_with(self, text: str) -> None:
        chat, queue = self._chat, self._queue()
        waiting = WaitingQuestion(text, chat.session.settings(), chat.files.take())
        if queue is not None:
            queue.items.append(waiting)
        else:
            queue = WaitingQueue(chat.session.visit)
            queue.items.append(waiting)
            self._queues.append(queue)
            chat.run_worker(self._serve(queue), group="beside")
        chat.run_worker(self._keep(chat.session.visit), group="beside")
        self.show()

    async def _serve(self, queue: WaitingQueue) -> None:
        """Ask what waits, one after another, each when the answer before has ended; give the rest back where that has
        failed."""
        try:
            while queue.items:
                if not await self._serve_next(queue):
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self._queues.remove(queue)

    async def _serve_next(self, queue: WaitingQueue) -> bool:
        """Whether it is another one's turn; False: look again a moment later."""
        chat = self._chat
        if queue.is_of(chat.session.visit):
            queue.visit = chat.session.visit
        visit, engine = queue.visit, chat.session.engine
        if visit.is_asking:
            return False
        id = visit.conversation_id
        if id is None or engine is None:
            await self.give_back(visit, "")
            return True
        if queue.kept_in != id:
            queue.kept_in = id
            await self._keep(visit)
        running, in_view = engine.running(id), visit is chat.session.visit
        ended = running[0] if running else chat.answer if in_view else None
        if ended is not None:
            await ended.saved.wait()
        if not queue.items:
            return True
        if engine.running(id) or visit.is_asking or in_view != (visit is chat.session.visit):
            # Something else was asked meanwhile, or another conversation is in view.
            return False
        if ended is not None and ended.turn.state not in _SENT_AFTER:
            await self.give_back(visit, "")
        elif in_view:
            self._ask(id, queue.items.pop(0))
            self.show()
        else:
            await self._ask_unseen(engine, id, queue.items.pop(0), visit)
        return True

    async def _ask_unseen(self, engine: Engine, id: str, waiting: WaitingQuestion, visit: ConversationVisit) -> None:
        """Another conversation is in view by now."""
        try:
            files = await self._chat.files.load(waiting.files)
            await engine.ask(id, waiting.text, waiting.settings, attachments=files)
            await self._keep(visit)
        except ChatTuiError as error:
            self._chat.host.tell(error)
            await self.give_back(visit, waiting.text)

    # -- what is kept and shown -----------------------------------------------------------------------------------

    async def _keep(self, visit: ConversationVisit) -> None:
        """What waits stands on the disk, so that it is not lost by a crash."""
        engine, id = self._chat.session.engine, visit.conversation_id
        if engine is not None and id and not engine.conversations.is_private(id):
            queue = self._queue_of(visit)
            await engine.places.set(_WAITING + id, queue.text if queue is not None else "")

    async def opened(self, engine: Engine, id: str) -> None:
        """A conversation came into view: words that waited in it when the program ended come back to the prompt."""
        if not self.has_waiting() and (left := await engine.places.get(_WAITING + id)):
            await engine.places.set(_WAITING + id, "")
            draft = self._chat.prompt.draft
            # A crash may have come between, when they waited and the draft still held them.
            self._chat.prompt.set_draft(join_texts(left, draft if draft.strip() != left.strip() else ""))

    def show(self) -> None:
        """Show what there is of the conversation in view."""
        waiting = self._queue()
        if self._line is None:
            if self._offered is None and waiting is None:
                return
            changed = self._chat.host.changed_keys
            ids = ("prompt.send", "prompt.complete", "answer.cancel")
            self._line = SteeringLine([bindings.first_key(id, changed) for id in ids])
            self._chat.mount(self._line, before=self._chat.prompt)
        self._line.show(waiting, offers=self._offered is not None)
