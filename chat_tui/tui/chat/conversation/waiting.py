"""Queued questions that wait for the end of an answer: stored, shown above the prompt, and returned to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import join_texts, shorten
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit
from chat_tui.tui.prompt.attachments import PromptAttachments
from chat_tui.tui.prompt.attachments_line import PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, crop

_WAITING = "words that wait "
_SHORTEST_TEXT = 8
"""Cells; a shorter part of a queued text says nothing."""


class WaitingQuestion(Struct):
    """A question that waits for the end of an answer."""

    text: str
    settings: Request
    files: list[PendingAttachment]


class WaitingQueue:
    """The queued questions of one conversation, oldest first; each is asked when the answer before has ended."""

    def __init__(self, visit: ConversationVisit) -> None:
        self.visit = visit
        """The last visit of the conversation."""
        self.items: list[WaitingQuestion] = []
        self.stored_in = ""
        """The conversation under which they are stored; a new one had no id when they were queued."""

    def is_of(self, visit: ConversationVisit) -> bool:
        """Return whether the queue belongs to the conversation of this visit."""
        id = visit.conversation_id
        return self.visit is visit or (id is not None and self.visit.conversation_id == id)

    @property
    def text(self) -> str:
        """The text of all questions."""
        return join_texts(*(item.text for item in self.items))

    @property
    def files(self) -> list[PendingAttachment]:
        """The files attached to any of them."""
        return [going for item in self.items for going in item.files]


class SteeringLine(StyledLines):
    """The line above the prompt with the queued text and its keys."""

    DEFAULT_CSS = "SteeringLine { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    def __init__(self, steer_key: str) -> None:
        super().__init__()
        self._steer_key = steer_key
        self._waiting: WaitingQueue | None = None

    def show(self, waiting: WaitingQueue | None) -> None:
        """Show the queued text; None hides the line."""
        self._waiting = waiting
        self.display = waiting is not None
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """Return one line; the text is shortened in favour of the keys."""
        if self._waiting is None:
            return [()]
        files = f" +{len(self._waiting.files)}" if self._waiting.files else ""
        tail = f"{files} · Up takes it back · {self._steer_key} steers"
        room = width - len("Queued: ") - len(tail)
        if room > _SHORTEST_TEXT + 2 * len(" instead"):
            tail, room = f"{tail} instead", room - len(" instead")
        if room < _SHORTEST_TEXT:
            return [(Span("Queued", "accent"), Span(crop(tail, width - len("Queued")), "dim"))]
        return [(Span("Queued: ", "accent"), Span(crop(shorten(self._waiting.text, 500), room)), Span(tail, "dim"))]


class WaitingQuestions:
    """The queues of all conversations. `on_change` is called when the one in view has changed."""

    def __init__(self, session: ConversationSession, prompt: Prompt, files: PromptAttachments) -> None:
        self._session, self._prompt, self._files = session, prompt, files
        self._queues: list[WaitingQueue] = []
        self.on_change: Callable[[], None] = lambda: None

    @property
    def queue(self) -> WaitingQueue | None:
        """The queue of the conversation in view; None if it has none."""
        return self.queue_of(self._session.visit)

    def queue_of(self, visit: ConversationVisit) -> WaitingQueue | None:
        """Return the queue of a visit's conversation; None if it has none."""
        return next((queue for queue in self._queues if queue.items and queue.is_of(visit)), None)

    def add(self, waiting: WaitingQuestion) -> WaitingQueue | None:
        """Queue a question in the conversation in view; returns the queue if it is new, else None."""
        if (queue := self.queue) is not None:
            queue.items.append(waiting)
            return None
        queue = WaitingQueue(self._session.visit)
        queue.items.append(waiting)
        self._queues.append(queue)
        return queue

    def remove(self, queue: WaitingQueue) -> None:
        """Remove a queue whose questions were asked."""
        self._queues.remove(queue)

    def take_back(self) -> bool:
        """Return the queued text to the prompt; returns False if there is none."""
        queue = self.queue
        if queue is None:
            return False
        self._prompt.run_worker(self._save_returned(self._session.visit, self._return(queue)), group="beside")
        return True

    def _return(self, queue: WaitingQueue | None, text: str = "") -> str:
        """Put this text and the queued text before the text in the prompt, and return the prompt's new text."""
        if queue is not None:
            text = join_texts(text, queue.text)
            self._files.give_back(queue.files)
            queue.items.clear()
        words = join_texts(text, self._prompt.draft)
        self._prompt.set_draft(words)
        self.on_change()
        return words

    async def _save_returned(self, visit: ConversationVisit, words: str) -> None:
        """Store text as the draft before it is removed from the queue."""
        if self._session.engine is not None and visit.conversation_id:
            await self._session.engine.drafts.save(visit.conversation_id, words)
            await self.save(visit)

    async def give_back(self, visit: ConversationVisit, text: str) -> None:
        """Return a question that could not be asked, and those queued behind it, to the unsent text."""
        engine, id, queue = self._session.engine, visit.conversation_id, self.queue_of(visit)
        if visit is self._session.visit or engine is None or id is None:
            await self._save_returned(visit, self._return(queue, text))
            return
        text = join_texts(text, queue.text if queue is not None else "")
        if queue is not None:
            queue.items.clear()
        await self._save_returned(visit, join_texts(text, await engine.drafts.load(id)))

    async def save(self, visit: ConversationVisit) -> None:
        """Store the queue, so that a crash does not lose it."""
        engine, id = self._session.engine, visit.conversation_id
        if engine is not None and id and not engine.conversations.is_private(id):
            queue = self.queue_of(visit)
            await engine.places.set(_WAITING + id, queue.text if queue is not None else "")

    async def restore(self, conversation_id: str) -> None:
        """Return text to the prompt that was queued in a conversation when the program ended."""
        engine = self._session.engine
        if engine is None or self.queue is not None:
            return
        if left := await engine.places.get(_WAITING + conversation_id):
            await engine.places.set(_WAITING + conversation_id, "")
            draft = self._prompt.draft
            # A crash may have happened while the text was both queued and in the draft.
            self._prompt.set_draft(join_texts(left, draft if draft.strip() != left.strip() else ""))
