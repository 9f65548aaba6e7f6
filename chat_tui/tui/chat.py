"""The middle of the screen: one conversation, its running answer, and the words that are being written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.binding import BindingType

from chat_tui.conversation import Conversation
from chat_tui.errors import ChatTuiError, HistoryError
from chat_tui.request import Request
from chat_tui.tui import keymap
from chat_tui.tui.chat_pane import ChatPane
from chat_tui.tui.completion import Completion
from chat_tui.tui.prompt import Prompt
from chat_tui.tui.transcript.line_model import Anchor
from chat_tui.tui.undo import Undo

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine import Engine

_ANCHOR = "reading position "
_OPEN = "open conversation"


class Chat(ChatPane):
    """A conversation with its prompt: what is asked, and what comes back when it is opened again."""

    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings("transcript")]

    def __init__(self, complete: Callable[[str], Sequence[Completion]], id: str | None = None) -> None:
        super().__init__(complete, id)
        self._engine: Engine | None = None
        self._ready = asyncio.Event()
        self.undo = Undo()
        """What keys and commands have done to conversations, here and in the list."""
        self._unwanted = False
        self._moving = asyncio.Lock()
        self._system_prompt: str | None = None

    async def take_engine(self, engine: Engine) -> None:
        """From now on questions are answered; what was unsent at the last end comes back."""
        self._engine = engine
        self.prompt.earlier = await engine.memory.prompts()
        typed = self.prompt.draft
        try:
            await self._come_back(engine)
        except HistoryError:
            # It was removed meanwhile, perhaps by another process.
            await engine.memory.set_place(_OPEN, "")
        if typed:
            self.prompt.set_draft(typed)
        elif self.conversation_id is None:
            self.prompt.set_draft(await engine.memory.draft(None))
        self._ready.set()

    async def _come_back(self, engine: Engine) -> None:
        """Open the conversation that was in view when the program ended: after a crash, or with unsent words in it."""
        last = await engine.memory.place(_OPEN)
        if last and not self._asking:
            path = (await engine.memory.conversation(last)).path
            # Another process answers in it: it is that one's.
            if not path or path[-1].state != "streaming":
                await self.open(last)

    async def leave(self) -> None:
        """Keep what is needed to come back: the reading position and the unsent words."""
        if self._engine is not None:
            await self._keep_place(self._engine)
            if not self.prompt.draft:
                await self._engine.memory.set_place(_OPEN, "")

    async def _keep_place(self, engine: Engine) -> None:
        await engine.memory.save_draft(self.conversation_id, self.prompt.draft)
        if self.conversation_id is not None:
            anchor = self.transcript.reading_position
            kept = msgspec.json.encode(anchor).decode() if anchor is not None else ""
            await engine.memory.set_place(_ANCHOR + self.conversation_id, kept)

    # -- conversations --------------------------------------------------------------------------------------------

    async def new(self) -> None:
        """Begin a fresh conversation; the one in view stays in the history, and its answer runs on."""
        async with self._moving:
            draft = ""
            if self._engine is not None:
                await self._keep_place(self._engine)
                await self._engine.memory.set_place(_OPEN, "")
                draft = await self._engine.memory.draft(None)
            self._system_prompt = None
            self._show(None, ())
            self._write(draft)
        self.prompt.focus()

    async def open(self, conversation_id: str, turn_id: str = "") -> None:
        """Open a saved conversation where it was, or at a turn. Raises `HistoryError`."""
        engine = self._engine
        if engine is None:
            return
        async with self._moving:
            conversation = await engine.memory.conversation(conversation_id)
            if conversation_id != self.conversation_id:
                await self._keep_place(engine)
                await engine.memory.set_place(_OPEN, conversation_id)
                draft, place = (
                    await engine.memory.draft(conversation_id),
                    await engine.memory.place(_ANCHOR + conversation_id),
                )
                self._show_saved(engine, conversation, _anchor(place))
                self._write(draft)
        if turn_id:
            self.transcript.restore(Anchor(turn_id, 0, 0))
        self.prompt.focus()

    def _show_saved(self, engine: Engine, conversation: Conversation, place: Anchor | None) -> None:
        path, running = conversation.path, engine.running(conversation.id)
        self._system_prompt = None
        self._show(conversation.id, [turn for turn in path if not running or turn.id != running[0].turn.id])
        if running:
            self._follow(running[0])
        else:
            self.transcript.restore(place)
            self._measure_last(path)

    def _write(self, draft: str) -> None:
        self.prompt.clear_draft()
        self.prompt.set_draft(draft)

    async def system_prompt(self) -> str:
        """The system prompt in use."""
        engine = self._engine
        if engine is None:
            return ""
        own = self._system_prompt
        if self.conversation_id is not None:
            own = (await engine.memory.conversation(self.conversation_id)).system_prompt
        return engine.config.system_prompt if own is None else own

    async def set_system_prompt(self, text: str | None) -> None:
        """Set it for this conversation, or for the one that begins with the next question; None: the config's."""
        if self.conversation_id is None or self._engine is None:
            self._system_prompt = text
        else:
            await self._engine.memory.set_system_prompt(self.conversation_id, text)

    # -- asking ---------------------------------------------------------------------------------------------------

    def ask(self, text: str, settings: Request) -> None:
        """Ask; the answer streams into the transcript."""
        self._asking = True
        self.run_worker(self._ask(text, settings), group="ask")

    def go_on(self, settings: Request) -> None:
        """Let the last answer, which was cut, go on."""
        self._asking = True
        self.run_worker(self._ask("", settings), group="ask")

    async def _ask(self, text: str, settings: Request) -> None:
        try:
            await self._ready.wait()
            engine = self._engine
            assert engine is not None
            async with self._moving:
                await (self._begin(engine, text, settings) if text else self._go_on(engine, settings))
        except ChatTuiError as error:
            if not self.prompt.text:
                self.prompt.set_draft(text)
            self.post_message(self.Failed(error))
        finally:
            self._asking = self._unwanted = False

    async def _go_on(self, engine: Engine, settings: Request) -> None:
        answer = await engine.go_on(self.conversation_id or "", settings)
        self.transcript.show(self.transcript.turns[:-1])
        self._follow(answer)
        if self._unwanted:
            await engine.cancel(answer)

    async def _begin(self, engine: Engine, text: str, settings: Request) -> None:
        fresh = self.conversation_id is None
        answer = await engine.ask(self.conversation_id, text, settings, system_prompt=self._system_prompt)
        self.conversation_id = answer.conversation_id
        self.prompt.earlier = [text, *(earlier for earlier in self.prompt.earlier if earlier != text)]
        self.transcript.add(answer.question)
        self._follow(answer)
        if self._unwanted:
            await engine.cancel(answer)
        if fresh:
            await engine.memory.save_draft(None, "")
            await engine.memory.set_place(_OPEN, answer.conversation_id)
            self.post_message(self.Moved())
        await engine.memory.save_draft(answer.conversation_id, self.prompt.draft)

    async def cancel(self) -> bool:
        """Cancel the answer in view; False when none runs."""
        if self._asking and (self.answer is None or self.answer.ended):
            self._unwanted = True
            return True
        if self.answer is None or self.answer.ended or self._engine is None:
            return False
        await self._engine.cancel(self.answer)
        return True

    # -- what was done to the turns -------------------------------------------------------------------------------

    async def action_undo(self) -> None:
        """Undo what was done last to a conversation."""
        await self._told(self._undone())

    async def _undone(self) -> None:
        self.host.say(await self.undo.take() or "There is nothing to undo")

    async def _told(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ChatTuiError as error:
            self.host.tell(error)

    # -- what happens inside --------------------------------------------------------------------------------------

    @on(Prompt.Edited)
    async def keep_draft(self, event: Prompt.Edited) -> None:
        """The unsent words are kept as they are written."""
        event.stop()
        if self._engine is not None:
            # As it is now: the message may come when another conversation is in view.
            await self._engine.memory.save_draft(self.conversation_id, self.prompt.draft)


def _anchor(kept: str) -> Anchor | None:
    try:
        return msgspec.json.decode(kept, type=Anchor) if kept else None
    except msgspec.MsgspecError:
        return None
