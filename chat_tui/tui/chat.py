"""The middle of the screen: one conversation, its running answer, and the words that are being written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer

from chat_tui.chunks import Token
from chat_tui.conversation import Conversation, Turn
from chat_tui.errors import ChatTuiError, HistoryError
from chat_tui.figures import Figures
from chat_tui.request import Request
from chat_tui.tui import figures_text as words
from chat_tui.tui import keymap
from chat_tui.tui.completion import Completion, CompletionList
from chat_tui.tui.fetch_line import FetchLine
from chat_tui.tui.notices import MoreBelow, Welcome
from chat_tui.tui.prompt import Prompt
from chat_tui.tui.transcript.line_model import Anchor
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.turn_figures import figures_of as figures_of
from chat_tui.tui.turn_figures import without_text

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.answer import Answer
    from chat_tui.engine import Engine

STATUS_SECONDS = 0.1
"""Between two looks at the figures of a running answer."""
_ANCHOR = "reading position "
_OPEN = "open conversation"


class Chat(Vertical):
    """A conversation with its prompt. `conversation_id` is None until the first question is asked."""

    BINDINGS: ClassVar[list[BindingType]] = [*keymap.bindings("transcript")]

    class Began(Message):
        """An answer has begun, or one that runs came into view."""

    class Ended(Message):
        """The answer in view has ended."""

        def __init__(self, turn: Turn) -> None:
            super().__init__()
            self.turn = turn

    class Measured(Message):
        """The figures of the answer in view, as they are now."""

        def __init__(self, figures: Figures) -> None:
            super().__init__()
            self.figures = figures

    class Moved(Message):
        """Another conversation is in view."""

    class Changed(Message):
        """What is kept of a conversation has changed: an answer was saved, or one out of view has ended."""

    class Failed(Message):
        """A question could not be asked; its words are back in the prompt."""

        def __init__(self, error: ChatTuiError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, complete: Callable[[str], Sequence[Completion]], id: str | None = None) -> None:
        super().__init__(id=id)
        self.conversation_id: str | None = None
        self.answer: Answer | None = None
        self._engine: Engine | None = None
        self._ready = asyncio.Event()
        self._measuring: Timer | None = None
        self._asking = self._unwanted = False
        self._moving = asyncio.Lock()
        self._system_prompt: str | None = None
        completions = CompletionList()
        self.transcript = Transcript()
        self.welcome = Welcome()
        self.more_below = MoreBelow()
        self.fetch_line = FetchLine()
        self.prompt = Prompt(complete, completions)
        self._completions = completions

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.transcript.display = False
        yield self.welcome
        yield self.transcript
        yield self.more_below
        yield self.fetch_line
        yield self._completions
        yield self.prompt

    @property
    def busy(self) -> bool:
        """An answer of this conversation has not ended."""
        return self._asking or (self.answer is not None and not self.answer.ended)

    @property
    def paused(self) -> bool:
        """The answer in view is held."""
        return self.answer is not None and not self.answer.ended and self.answer.paused

    @property
    def turns(self) -> list[Turn]:
        """The turns in view; a running answer with what has come of it."""
        turns, answer = self.transcript.turns, self.answer
        if answer is not None and not answer.ended and turns:
            turns[-1] = msgspec.structs.replace(answer.turn, text=answer.text, thinking=answer.thinking)
        return turns

    def chosen_answer(self) -> Turn | None:
        """The answer that keys act on: the chosen one, else the last; None while it runs, or when there is none."""
        turns, chosen = self.transcript.turns, self.transcript.selected_turn
        if chosen is not None and chosen < len(turns) and turns[chosen].role == "assistant":
            turns = [turns[chosen]]
        answer = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
        return answer if answer is not None and answer.state != "streaming" else None

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
        self._show(conversation.id, [turn for turn in path if not running or turn.id != running[0].turn.id])
        if running:
            self._follow(running[0])
        else:
            self.transcript.restore(place)
            self._measure_last(path)

    def _write(self, draft: str) -> None:
        self.prompt.clear_draft()
        self.prompt.set_draft(draft)

    def _show(self, conversation_id: str | None, turns: Sequence[Turn]) -> None:
        left = self.answer
        self.conversation_id, self.answer, self._system_prompt = conversation_id, None, None
        self._stop_measuring()
        if left is not None and not left.ended:
            self.run_worker(self._wait_for(left), group="out of view")
        self.workers.cancel_group(self, "follow")
        self.transcript.show(turns)
        self._show_transcript(bool(turns))
        self.post_message(self.Measured(Figures()))
        self.post_message(self.Moved())

    def _show_transcript(self, has_turns: bool) -> None:
        self.welcome.display = not has_turns
        self.transcript.display = has_turns

    def _measure_last(self, path: Sequence[Turn]) -> None:
        last = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        if last is not None:
            self.post_message(self.Measured(figures_of(last)))

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

    def _follow(self, answer: Answer) -> None:
        self.answer = answer
        self._show_transcript(True)
        self.transcript.add(without_text(answer.turn))
        self.run_worker(self._followed(answer), group="follow", exclusive=True)
        self._stop_measuring()
        self._measuring = self.set_interval(STATUS_SECONDS, self._measure)
        self._measure()
        self.post_message(self.Began())

    async def _followed(self, answer: Answer) -> None:
        append = self.transcript.append
        known = (answer.turn.model, answer.turn.left_out)
        async for chunk in answer.follow():
            if isinstance(chunk, Token):
                append(chunk.token, chunk.kind)
            elif known != (answer.turn.model, answer.turn.left_out):
                known = (answer.turn.model, answer.turn.left_out)
                self.transcript.amend(without_text(answer.turn))
        self._stop_measuring()
        self.transcript.finish(answer.turn)
        self.post_message(self.Measured(answer.figures()))
        self.post_message(self.Ended(answer.turn))
        await answer.saved.wait()
        self.post_message(self.Changed())

    async def _wait_for(self, answer: Answer) -> None:
        """An answer that goes on out of view: when it has ended, the list shall know."""
        async for _ in answer.follow(len(answer)):
            pass
        await answer.saved.wait()
        self.post_message(self.Changed())

    def _measure(self) -> None:
        if self.answer is None:
            return
        figures = self.answer.figures()
        self.transcript.set_status("" if figures.phase in {"answering", "thinking"} else words.phase(figures))
        self.post_message(self.Measured(figures))

    def _stop_measuring(self) -> None:
        if self._measuring is not None:
            self._measuring.stop()
            self._measuring = None

    async def cancel(self) -> bool:
        """Cancel the answer in view; False when none runs."""
        if self._asking and (self.answer is None or self.answer.ended):
            self._unwanted = True
            return True
        if self.answer is None or self.answer.ended or self._engine is None:
            return False
        await self._engine.cancel(self.answer)
        return True

    def pause_or_resume(self) -> bool | None:
        """Hold the answer, or let it go on; True: it is held now, None: no answer runs."""
        if self.answer is None or self.answer.ended:
            return None
        if self.answer.paused:
            self.answer.resume()
        else:
            self.answer.pause()
        return self.answer.paused

    # -- what happens inside --------------------------------------------------------------------------------------

    @on(Prompt.Edited)
    async def keep_draft(self, event: Prompt.Edited) -> None:
        """The unsent words are kept as they are written."""
        event.stop()
        if self._engine is not None:
            # As it is now: the message may come when another conversation is in view.
            await self._engine.memory.save_draft(self.conversation_id, self.prompt.draft)

    @on(Transcript.MoreBelow)
    def show_more_below(self, event: Transcript.MoreBelow) -> None:
        """A chip says that there is more below."""
        event.stop()
        self.more_below.show(event.lines)


def _anchor(kept: str) -> Anchor | None:
    try:
        return msgspec.json.decode(kept, type=Anchor) if kept else None
    except msgspec.MsgspecError:
        return None
