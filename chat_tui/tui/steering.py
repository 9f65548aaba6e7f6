"""Words that are entered while an answer streams: they wait for its end, or steer it from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from textual.message import Message
from textual.worker import Worker

from chat_tui.attachments import Attachment
from chat_tui.errors import ChatTuiError
from chat_tui.request import Request
from chat_tui.text_safety import clean_line
from chat_tui.tui import keymap
from chat_tui.tui.attaching import Attaching
from chat_tui.tui.files_line import Going
from chat_tui.tui.host import Host
from chat_tui.tui.prompt import Prompt
from chat_tui.tui.spans import Line, Span, SpanView, crop
from chat_tui.tui.transcript.transcript import Transcript

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.answer import Answer
    from chat_tui.engine import Engine

POLL_SECONDS = 0.05
_WAITING = "words that wait "
_SENT_AFTER = ("complete", "length")


class Steered(Protocol):
    """The chat whose answers are steered."""

    prompt: Prompt
    files: Attaching
    transcript: Transcript
    conversation_id: str | None
    answer: Answer | None
    settings: Callable[[], Request]

    @property
    def engine(self) -> Engine | None:
        """None until it is open."""

    @property
    def host(self) -> Host:
        """The app around it."""

    @property
    def asking(self) -> bool:
        """A question is on its way, and its answer has not begun."""

    def do(self, work: Coroutine[Any, Any, None]) -> Worker[None]:
        """Run it beside the rest."""

    def put_above_prompt(self, widget: SpanView) -> None:
        """Put a line above the prompt."""

    def begin(self, begun: Callable[[Engine], Awaitable[Answer]], text: str) -> None:
        """Ask, and follow the answer that this gives; the words come back to the prompt where that fails."""

    async def followed(self) -> None:
        """Wait until the answer in view has been shown to its end."""


class Waiting(Struct):
    """Words that wait for the end of an answer."""

    text: str
    settings: Request
    files: list[Going]


class SteeringLine(SpanView):
    """Above the prompt: what can be done with new words, or which words wait."""

    DEFAULT_CSS = "SteeringLine { display: none; width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    class Toggled(Message):
        """What can be done with new words is offered, or no longer."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self._keys = keys
        """To send, to steer, to leave it."""
        self._waiting: Waiting | None = None
        self._offers = False

    def show(self, waiting: Waiting | None, *, offers: bool) -> None:
        """These words wait; `offers`: new ones may."""
        if offers != self._offers:
            self.post_message(self.Toggled())
        self._waiting, self._offers = waiting, offers
        self.display = offers or waiting is not None
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        if self._offers:
            told = (" again: queue it behind the answer", " steer the answer now", " leave it")
            if sum(map(len, told)) + 18 > width:
                told = (" queue", " steer", " leave")
            keys = zip(self._keys, told, strict=True)
            spans = [span for key, word in keys for span in (Span(" · "), Span(key, "accent"), Span(word, "dim"))]
            return [tuple(spans[1:])]
        if self._waiting is None:
            return [()]
        files = f" +{len(self._waiting.files)}" if self._waiting.files else ""
        tail = f"{files} · Up takes it back"
        words = crop(clean_line(self._waiting.text, 500), max(8, width - len(tail) - len("Queued: ")))
        return [(Span("Queued: ", "accent"), Span(words), Span(tail, "dim"))]


class Steering:
    """What waits in each conversation, and what was offered in the one in view."""

    def __init__(self, chat: Steered) -> None:
        self._chat = chat
        self._offered: tuple[str, str] | None = None
        """What stood in the prompt, and what of it is sent."""
        self._waiting: dict[str, Waiting] = {}
        self._line: SteeringLine | None = None

    # -- new words while an answer streams ------------------------------------------------------------------------

    def entered(self, typed: str, said: str) -> None:
        """Enter on new words: offer what can be done with them; the second Enter lets them wait."""
        if self._offered is not None and self._offered[0] == typed:
            self._offered = None
            self._wait_with(said)
        else:
            self._offered = (typed, said)
            self.show()

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
        if chat.asking or answer is None or answer.ended:
            # It has not begun, or is over: there is nothing to be steered.
            self._wait_with(text)
            return True
        taken = chat.files.take()
        if (before := self._waiting.pop(answer.conversation_id, None)) is not None:
            text, taken = _joined(before.text, text), [*before.files, *taken]
        chat.prompt.clear_draft()
        self._steer(answer, text, taken)
        self.show()
        return True

    def _steer(self, answer: Answer, text: str, taken: Sequence[Going]) -> None:
        settings = self._chat.settings()

        async def begun(engine: Engine, files: Sequence[Attachment]) -> Answer:
            steered = await engine.steer(answer, text, settings, attachments=files)
            await self._chat.followed()
            return steered

        self._begin(answer.conversation_id, begun, text, taken)

    def _ask(self, id: str, waiting: Waiting) -> None:
        async def begun(engine: Engine, files: Sequence[Attachment]) -> Answer:
            return await engine.ask(id, waiting.text, waiting.settings, attachments=files)

        self._begin(id, begun, waiting.text, waiting.files)

    def _begin(
        self,
        id: str,
        begun: Callable[[Engine, Sequence[Attachment]], Awaitable[Answer]],
        text: str,
        taken: Sequence[Going],
    ) -> None:
        chat = self._chat

        async def asked(engine: Engine) -> Answer:
            try:
                answer = await begun(engine, await chat.files.contents(taken, text))
            except ChatTuiError:
                chat.files.give_back(taken)
                await self._give_back(id, text)
                raise
            await self._keep(id, "")
            chat.transcript.add(answer.question)
            return answer

        chat.begin(asked, text)

    # -- words that wait ------------------------------------------------------------------------------------------

    def has_waiting(self) -> bool:
        """Words wait in the conversation in view."""
        return (self._chat.conversation_id or "") in self._waiting

    def take_back(self) -> bool:
        """Put the words that wait into the prompt; False when none do."""
        chat = self._chat
        id = chat.conversation_id or ""
        waiting = self._waiting.pop(id, None)
        if waiting is None:
            return False
        chat.files.give_back(waiting.files)
        chat.do(self._give_back(id, waiting.text))
        self.show()
        return True

    async def _give_back(self, id: str, text: str) -> None:
        """Put words into the prompt, and keep them as the draft before they wait no more."""
        chat = self._chat
        words = _joined(text, chat.prompt.draft)
        chat.prompt.set_draft(words)
        if chat.engine is not None and id:
            await chat.engine.memory.save_draft(id, words)
            await self._keep(id, "")

    def _wait_with(self, text: str) -> None:
        chat = self._chat
        id, files = chat.conversation_id or "", chat.files.take()
        chat.prompt.clear_draft()
        if (before := self._waiting.get(id)) is not None:
            before.text, before.files = _joined(before.text, text), [*before.files, *files]
            waiting = before
        else:
            waiting = self._waiting[id] = Waiting(text, chat.settings(), files)
            chat.do(self._wait(id, waiting))
        chat.do(self._keep(id, waiting.text))
        self.show()

    async def _wait(self, id: str, waiting: Waiting) -> None:
        """Until the answer has ended; then ask, or give the words back where it has failed."""
        chat = self._chat
        begun, engine = await self._begun(id, waiting), chat.engine
        if begun is None or engine is None:
            return
        id = begun
        running = engine.running(id)
        ended = running[0] if running else chat.answer if chat.conversation_id == id else None
        if ended is not None:
            await ended.saved.wait()
        if self._waiting.get(id) is not waiting:
            return
        if engine.running(id) or (chat.conversation_id == id and chat.asking):
            # Something else was asked meanwhile.
            chat.do(self._wait(id, waiting))
        elif chat.conversation_id != id:
            await self._go_on_unseen(engine, id, waiting, ended)
        elif ended is None or ended.turn.state in _SENT_AFTER:
            del self._waiting[id]
            self._ask(id, waiting)
            self.show()
        else:
            self.take_back()

    async def _begun(self, id: str, waiting: Waiting) -> str | None:
        """The conversation's id, as soon as the answer has begun that the words wait for; None where they are not to
        wait any more."""
        chat = self._chat
        while self._waiting.get(id) is waiting:
            if not chat.asking and not id:
                if not chat.conversation_id:
                    # It could not be asked.
                    self.take_back()
                    return None
                self._waiting[chat.conversation_id] = self._waiting.pop("")
                id = chat.conversation_id
                await self._keep(id, waiting.text)
            if not chat.asking or chat.conversation_id != id:
                return id
            await asyncio.sleep(POLL_SECONDS)
        return None

    async def _go_on_unseen(self, engine: Engine, id: str, waiting: Waiting, ended: Answer | None) -> None:
        """Another conversation is in view by now."""
        del self._waiting[id]
        if ended is None or ended.turn.state in _SENT_AFTER:
            try:
                files = await self._chat.files.contents(waiting.files, waiting.text, checked=False)
                await engine.ask(id, waiting.text, waiting.settings, attachments=files)
                await self._keep(id, "")
                return
            except ChatTuiError as error:
                self._chat.host.tell(error)
        await engine.memory.save_draft(id, _joined(waiting.text, await engine.memory.draft(id)))
        await self._keep(id, "")

    # -- what is kept and shown -----------------------------------------------------------------------------------

    async def _keep(self, id: str, text: str) -> None:
        """On the disk, so that words which wait are not lost by a crash."""
        engine = self._chat.engine
        if engine is not None and id and not engine.memory.is_private(id):
            await engine.memory.set_place(_WAITING + id, text)

    async def opened(self, engine: Engine, id: str) -> None:
        """A conversation came into view: words that waited in it when the program ended come back to the prompt."""
        if id not in self._waiting and (left := await engine.memory.place(_WAITING + id)):
            await self._keep(id, "")
            draft = self._chat.prompt.draft
            # A crash may have come between, when they waited and the draft still held them.
            self._chat.prompt.set_draft(_joined(left, draft if draft.strip() != left.strip() else ""))

    def show(self) -> None:
        """Show what there is of the conversation in view."""
        waiting = self._waiting.get(self._chat.conversation_id or "")
        if self._line is None:
            if self._offered is None and waiting is None:
                return
            changed = self._chat.host.changed_keys
            ids = ("prompt.send", "prompt.complete", "answer.cancel")
            self._line = SteeringLine([keymap.first_key(id, changed) for id in ids])
            self._chat.put_above_prompt(self._line)
        self._line.show(waiting, offers=self._offered is not None)


def _joined(first: str, second: str) -> str:
    return "\n\n".join(text for text in (first, second) if text.strip())
