"""The views over the chat: history, route, context, statistics, comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from textual.screen import Screen

from chat_tui.config import paths
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.controllers.pending_engine import PendingEngine
from chat_tui.tui.chat.conversation.conversation_actions import ConversationActions
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.widgets.host import report_errors

if TYPE_CHECKING:
    from chat_tui.tui.chat.conversation.compare_controller import CompareController
    from chat_tui.tui.history.screen import ChosenMessage


class ChatViews:
    """Opens views over the chat; each is imported when it is first opened. `settings` returns the settings of the
    next question."""

    def __init__(
        self,
        chat: ChatView,
        conversations: ConversationActions,
        picker: ModelPicker,
        engine: PendingEngine,
        settings: Callable[[], Request],
        clock: Callable[[], datetime],
    ) -> None:
        self._chat, self._conversations, self._engine = chat, conversations, engine
        self._picker, self._settings, self._clock = picker, settings, clock
        self.comparison: CompareController | None = None
        """None until the first comparison."""

    @property
    def _chat_in_front(self) -> bool:
        """Return whether the chat is in front: nothing was opened over it meanwhile."""
        return self._chat.app.screen is self._chat.screen

    def _push(self, screen: Screen[None]) -> None:
        if self._chat_in_front:
            self._chat.app.push_screen(screen)

    async def show_route(self) -> None:
        """Show the route of the chosen answer, else of the last one."""
        engine, turn = await self._engine.wait(), self._chat.conversation.chosen_answer()
        route = await engine.conversations.route(turn.id) if turn is not None else None
        if turn is None or route is None:
            self._chat.host.say("There is no route to show", "An answer has a route once it has ended.")
            return
        from chat_tui.tui.dialogs.route import RouteScreen

        self._push(RouteScreen(turn, route))

    async def show_statistics(self) -> None:
        """Show the usage by day, model and strategy."""
        engine = await self._engine.wait()
        from chat_tui.tui.dialogs.statistics import StatisticsScreen, since

        self._push(StatisticsScreen(await engine.costs.report(since(self._clock()))))

    async def show_context(self) -> None:
        """Show which part of the conversation is sent."""
        engine, id = await self._engine.wait(), self._chat.session.conversation_id
        if id is None or not self._chat.conversation.turns:
            self._chat.host.say("This conversation is empty", "Only the system prompt and the memory would be sent.")
            return
        from chat_tui.tui.dialogs.context import ContextScreen

        self._push(ContextScreen(engine, id, self._chat.conversation.turns, self._settings()))

    async def open_history(self, words: str = "") -> None:
        """Open the history with a search for these words."""
        engine = await self._engine.wait()
        from chat_tui.tui.history.screen import HistoryScreen

        screen = HistoryScreen(
            engine,
            self._conversations.act,
            self._conversations.undo,
            self._chat.session.conversation_id or "",
            self._chat.conversation.turns,
            words,
            clock=self._clock,
        )
        if self._chat_in_front:
            self._picker.close()
            self._chat.app.push_screen(screen, self._open_chosen)
            self.offer_titles(engine.titles.offer())

    def offer_titles(self, model: str) -> None:
        """Suggest once that this free local model writes titles; empty: no model can."""
        host = self._chat.host
        if model and not host.kept.titles_offered:
            host.keep(msgspec.structs.replace(host.kept, titles_offered=True))
            name = shorten(model, 80)
            told = f'Set titles = "model" in {paths.config_file()}: {name} then names conversations, free.'
            host.say("Titles can be made by a model", told, long=True)

    def _open_chosen(self, chosen: ChosenMessage | None) -> None:
        if chosen is not None:
            self.open_conversation(chosen.conversation_id, chosen.turn_id, chosen.words)
        else:
            self._chat.run_worker(self._conversations.refresh(), group="list")

    def open_conversation(self, conversation_id: str, turn_id: str = "", words: Sequence[str] = ()) -> None:
        """Open a conversation, or one of its messages with these words marked."""
        work = report_errors(self._chat.host, self._conversations.open(conversation_id, turn_id, words))
        self._chat.run_worker(work, group="command")

    async def open_deleted(self) -> None:
        """Show the deleted conversations."""
        engine = await self._engine.wait()
        from chat_tui.tui.history.deleted_screen import DeletedScreen

        if self._chat_in_front:
            self._picker.close()
            self._chat.app.push_screen(DeletedScreen(engine, clock=self._clock), self._open_restored)

    async def _open_restored(self, conversation_id: str | None) -> None:
        """Open a restored conversation; None: refresh the list only."""
        if conversation_id is None:
            await self._conversations.refresh()
        else:
            self.open_conversation(conversation_id)

    def open_help(self) -> None:
        """Show keys and commands."""
        from chat_tui.tui.dialogs.help import HelpScreen

        self._picker.close()
        self._chat.app.push_screen(HelpScreen(self._chat.host.changed_keys, log_file=self._chat.host.log_file))

    async def comparing(self) -> CompareController:
        """Return the controller of comparisons, once the engine is open."""
        engine = await self._engine.wait()
        if self.comparison is None:
            from chat_tui.tui.chat.conversation.compare_controller import CompareController

            self.comparison = CompareController(self._chat, engine)
        return self.comparison

    async def open_comparison(self) -> None:
        """Ask several models at once, or go back to their answers."""
        await (await self.comparing()).open()
