"""What is shown of an answer or a conversation beside its text: route, what is sent, statistics, insights."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chat_tui.config.limits import Adaptive
from chat_tui.core.errors import ChatTuiError
from chat_tui.tui.chat.screen.model_choice import ChatChoice

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.chat.conversation.compare_controller import CompareController
    from chat_tui.tui.prompt.external_editor import ExternalEditor

_INSIGHTS, _UNFOLDED, _FOLDED = "insights", "unfolded", "folded"
"""Where it is kept whether they are unfolded, and how."""


class ChatViews(ChatChoice):
    """Opens them; each is loaded when it is first wanted."""

    def __init__(self, *, model: str | None, strategy: str, adaptive: Adaptive, clock: Callable[[], datetime]) -> None:
        super().__init__(model=model, strategy=strategy, adaptive=adaptive, clock=clock)
        self._clock = clock
        self._comparing: CompareController | None = None
        self._editor: ExternalEditor | None = None

    async def _told(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ChatTuiError as error:
            self.host.tell(error)

    def action_write_outside(self) -> None:
        """Write in an editor of one's own."""
        self.run_worker(self._told(self.write_outside()), group="editor")

    async def write_outside(self) -> None:
        """Have the draft edited there. Raises `CommandError`."""
        from chat_tui.tui.prompt.editor_file import DraftOrigin, EditorFolders
        from chat_tui.tui.prompt.external_editor import ExternalEditor

        draft = self.chat.prompt.draft
        origin = None if self.is_private else DraftOrigin(self.chat.conversation_id, draft)
        self._editor = self._editor or ExternalEditor(self.host.lend_terminal, os.environ, EditorFolders.of_user())
        await self._editor.edit(draft, origin, self.chat.take_words)
        self.chat.prompt.focus()

    @property
    def is_private(self) -> bool:
        """Nothing of what is in view is saved."""
        return False

    async def end_editor(self) -> None:
        """Have an editor that runs end, with what it had saved in the prompt."""
        if self._editor is not None:
            await self._editor.end()

    async def _bring_back_words(self, engine: Engine, *, private: bool) -> None:
        """What was saved in an editor when the program was killed is unsent again; what was private is deleted."""
        from chat_tui.tui.prompt import editor_file

        folders = editor_file.EditorFolders.of_user()
        with suppress(OSError):
            for left in await asyncio.to_thread(editor_file.leftovers, folders, bring=not private):
                await self.chat.bring_back(engine, left.origin.conversation, left.origin.draft, left.text)
                await asyncio.to_thread(editor_file.discard, left)

    def action_show_route(self) -> None:
        """Show how the chosen answer, else the last one, was routed."""
        self.run_worker(self._told(self.show_route()), group="command")

    async def show_route(self) -> None:
        """The same, once the engine is open."""
        engine, turn = await self.opened(), self.chat.chosen_answer()
        route = await engine.memory.route(turn.id) if turn is not None else None
        if turn is None or route is None:
            self.host.say("There is no route to show", "An answer has one when it has ended.")
            return
        from chat_tui.tui.dialogs.route import RouteScreen

        if self.app.screen is self:
            self.app.push_screen(RouteScreen(turn, route))

    def action_show_statistics(self) -> None:
        """Show what answers took by day, model and strategy."""
        self.run_worker(self._told(self.show_statistics()), group="command")

    async def show_statistics(self) -> None:
        """The same, once the engine is open."""
        engine = await self.opened()
        from chat_tui.tui.dialogs.statistics import StatisticsScreen, since

        found = await engine.memory.statistics(since(self._clock()))
        if self.app.screen is self:
            self.app.push_screen(StatisticsScreen(found))

    def action_show_context(self) -> None:
        """Show what of the conversation is sent."""
        self.run_worker(self._told(self.show_context()), group="command")

    async def show_context(self) -> None:
        """The same, once the engine is open."""
        engine, id = await self.opened(), self.chat.conversation_id
        if id is None or not self.chat.turns:
            self.host.say("Nothing was asked yet", "Of an empty conversation only the system prompt is sent.")
            return
        from chat_tui.tui.dialogs.context import ContextScreen

        if self.app.screen is self:
            self.app.push_screen(ContextScreen(engine, id, self.chat.turns, self.settings()))

    def action_open_comparison(self) -> None:
        """Ask several models at once, or go back to their answers."""
        self.run_worker(self._told(self._open_comparison()), group="command")

    async def _open_comparison(self) -> None:
        await (await self.comparing()).open()

    async def comparing(self) -> CompareController:
        """What asks several models at once, once the engine is open."""
        engine = await self.opened()
        if self._comparing is None:
            from chat_tui.tui.chat.conversation.compare_controller import CompareController

            self._comparing = CompareController(self.chat, engine)
        return self._comparing

    async def restore_insights(self, engine: Engine) -> None:
        """Unfold the insights where they were at the last end, or where the config wants them."""
        kept = await engine.memory.place(_INSIGHTS)
        if kept == _UNFOLDED or (not kept and engine.config.display.insights):
            await self.fold_insights(False)

    def action_toggle_insights(self) -> None:
        """Unfold what can be said of the answer, or fold it away."""
        self.run_worker(self._told(self.toggle_insights()), group="command")

    async def toggle_insights(self) -> None:
        """The same, once the engine is open; it is remembered."""
        engine = await self.opened()
        unfold = self.insights is None or not self.insights.display
        self._wanted["insights"] = unfold
        await self.fold_insights(not unfold)
        await engine.memory.set_place(_INSIGHTS, _UNFOLDED if unfold else _FOLDED)
