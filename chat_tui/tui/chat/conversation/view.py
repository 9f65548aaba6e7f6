"""Conversations on the screen: opened where they were, left with their reading position and their unsent text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from textual import on

from chat_tui.core.conversation import Turn
from chat_tui.core.errors import HistoryError
from chat_tui.tui.chat.conversation.pane import ChatPane
from chat_tui.tui.chat.conversation.session import RestoredConversation, StoredDraft, join_texts
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.transcript.model.line_model import Anchor
from chat_tui.tui.transcript.model.turn_stats import figures_of

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.core.preset import Preset
    from chat_tui.engine.engine import Engine


class KeptChat(ChatPane):
    """Opens and leaves conversations. `Chat` asks."""

    async def take_engine(self, engine: Engine) -> None:
        """From now on questions are answered; what was unsent at the last end comes back."""
        session, first = self.session, self.session.visit
        self.prompt.earlier = await engine.drafts.prompts()
        draft = await session.connect(engine)
        if session.preset is None:
            try:
                if last := await session.last_conversation():
                    await self.open(last, coming_back=True)
            except HistoryError:
                # It was removed meanwhile, perhaps by another process.
                await session.forget_last()
        if session.visit is first:
            if draft.text:
                self.prompt.set_draft(join_texts(draft.text, self.prompt.draft))
            if draft.files:
                session.take_files(draft.files)
                self.files.restore(draft.files)
        session.is_ready.set()

    async def leave(self) -> None:
        """Store what is needed to come back: the reading position and the unsent text."""
        await self.session.leave(has_waiting=self._has_waiting())

    async def new(self) -> None:
        """Begin a fresh conversation; the one in view stays in the history, and its answer runs on."""
        async with self.session.changing:
            draft = await self.session.begin_new()
            self._show(())
            self._show_draft(draft)
        self.prompt.focus()

    async def open(self, conversation_id: str, turn_id: str = "", *, coming_back: bool = False) -> None:
        """Open a saved conversation where it was, or at a turn. `coming_back`: the program has just started, so text
        that was typed meanwhile is kept, and a question that was sent stays in view. Raises `HistoryError`."""
        session = self.session
        if session.engine is None:
            return
        async with session.changing:
            opened = await session.open(conversation_id, coming_back=coming_back)
            if opened is not None:
                self._show_opened(session.engine, opened)
                await self._bring_waiting(session.engine, conversation_id)
                if (words := session.resume_edit(opened)) is not None:
                    self._show_edit(words)
            elif coming_back:
                return
        if turn_id:
            self.transcript.viewport.restore(Anchor(turn_id, 0, 0))
        self.prompt.focus()

    def _show_opened(self, engine: Engine, opened: RestoredConversation) -> None:
        path, running = opened.conversation.path, engine.running(opened.conversation.id)
        self._show([turn for turn in path if not running or turn.id != running[0].turn.id])
        if running:
            self._follow(running[0])
        else:
            self.transcript.viewport.restore(_anchor(opened.position))
            self._measure_last(path)
        self.transcript.set_headers(path, opened.conversation.forks)
        self._show_draft(opened.draft)

    def _show_draft(self, draft: StoredDraft) -> None:
        self.editing_line.display = False
        self.estimate.show()
        self._write(draft.text)
        self.files.restore(draft.files)

    def _measure_last(self, path: Sequence[Turn]) -> None:
        """Tell the figures of the last answer, as it was saved; how it was routed as soon as that is read."""
        last = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        if last is not None:
            self.post_message(self.Measured(figures_of(last)))
            # The next one may cancel it before it has begun: a coroutine would then never be awaited.
            measure = partial(self._measure_route, last)
            self.run_worker(measure, group="measure", exclusive=True)  # type: ignore[arg-type]

    async def _measure_route(self, turn: Turn) -> None:
        engine = self.session.engine
        if engine is None:
            return
        route, window = await engine.conversations.route(turn.id), engine.models.window_of(turn.model)
        if not self.busy and turn in self.transcript.turns:
            self.post_message(self.Measured(figures_of(turn, route, window)))

    def _write(self, draft: str) -> None:
        self.prompt.clear_draft()
        self.prompt.set_draft(draft)

    def begin_with(self, preset: Preset) -> None:
        """Use a preset from the start: before the engine is open."""
        self.session.preset = preset
        self.estimate.show()

    async def _bring_waiting(self, engine: Engine, conversation_id: str) -> None:
        """Words that waited in it when the program ended come back."""

    def _has_waiting(self) -> bool:
        """Words wait for the end of the answer in view."""
        return False

    def begin_edit(self, question: Turn) -> None:
        """Put a question of the path into the prompt, to be sent as another version."""
        self._show_edit(self.session.begin_edit(question))

    def _show_edit(self, words: str) -> None:
        self._write(words)
        self.editing_line.display = True
        self.prompt.focus()

    def leave_edit(self) -> None:
        """Edit no earlier question any more; what was written before comes back."""
        if (draft := self.session.end_edit()) is not None:
            self.editing_line.display = False
            self._write(draft)

    @on(Prompt.Edited)
    async def keep_draft(self, event: Prompt.Edited) -> None:
        """Store the unsent text as it is written."""
        self.files.follow(self.prompt.names())
        self.estimate.refresh()
        # As it is now: the message may come when another conversation is in view.
        await self.session.save_draft()

    @on(Prompt.Backed)
    def take_file_off(self, event: Prompt.Backed) -> None:
        """Backspace at the very start removes the last file."""
        event.stop()
        self.files.detach()


def _anchor(position: str) -> Anchor | None:
    try:
        return msgspec.json.decode(position, type=Anchor) if position else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
