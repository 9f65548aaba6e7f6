"""Where the panels of the chat's screen stand, when they fold, and which keys the last row names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

import msgspec
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.keys import TABLE
from chat_tui.tui.chat.conversation.chat import Chat
from chat_tui.tui.chat.conversation.steering import SteeringLine
from chat_tui.tui.chat.screen import window_title
from chat_tui.tui.history.sidebar import HistorySidebar
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.panels.notices import KeyBar, TooSmall
from chat_tui.tui.panels.stats_panel import StatsPanel
from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.widgets.host import Host

if TYPE_CHECKING:
    from chat_tui.core.models import ModelStatus
    from chat_tui.engine.answers.answer import Answer
    from chat_tui.tui.panels.insights import InsightsPanel

WIDE, MIDDLE = 110, 80
"""Columns from which history list and stats panel are shown by themselves."""
BOTH = 100
"""Columns from which the two of them leave the chat room enough."""
SMALLEST = (40, 12)
LOW = 30
"""Rows from which on blank ones part the panels at the side."""
_WITHOUT_SIGHT = {"cancel", "copy_or_cancel", "quit"}

_IDLE_KEYS = (
    "prompt.send",
    "models.open",
    "strategy.next",
    "history.open",
    "prompt.new_line",
    "conversation.new",
    "app.quit",
)
_LIST_KEYS = (
    "list.choose",
    "answer.cancel",
    "history.filter",
    "conversation.rename",
    "conversation.pin",
    "conversation.delete",
    "undo.take",
)
_CUT = ("length", "cancelled", "broken", "failed", "empty")
_TURN_KEYS = (
    "answer.continue",
    "question.edit",
    "answer.regenerate",
    "version.before",
    "version.after",
    "version.compare",
    "transcript.copy",
    "code.after",
    "turn.branch",
    "answer.route",
    "change.undo",
)
_NO_ROW_KEYS = ("answer.cancel", "undo.take")
_OPEN_LIST_KEYS = ("prompt.complete", "answer.cancel")
_PICKER_KEYS = ("list.choose", "answer.cancel")
_SELECTION_KEYS = ("selection.begin", "selection.copy", "selection.leave")
_FIND_KEYS = ("find.next", "find.before", "find.close")
_BUSY_KEYS = ("answer.cancel", "answer.pause", "models.open", "history.open")


class ChatLayout(Screen[None]):
    """History list, chat, model picker over stats panel; below them the keys that count now."""

    AUTO_FOCUS = "Prompt"
    """From the first frame on, so that the last row tells the keys of the prompt."""

    def __init__(self, complete: Callable[[str], list[CompletionItem]], clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._wanted: dict[str, bool] = {}
        """Whether a panel is open, by its name and the room that there is."""
        self.chat = Chat(complete, id="chat")
        self.picker = ModelPicker(id="picker")
        self.stats = StatsPanel(id="stats")
        self.history = HistorySidebar(clock=clock, id="history")
        self.keys = KeyBar(id="keys")
        self._answers = window_title.EndedAnswers()
        self.insights: InsightsPanel | None = None
        """There only while it is unfolded."""
        self._focused_before: Widget | None = None
        """What had the keys when the terminal became too small."""

    @property
    def host(self) -> Host:
        """The app, as the screen knows it."""
        return cast("Host", self.app)

    @property
    def focus_chain(self) -> list[Widget]:
        """Tab walks prompt → transcript → history list, Shift+Tab the other way."""
        seen = super().focus_chain
        left = [widget for widget in seen if self.history in widget.ancestors]
        return [widget for widget in (self.chat.prompt, self.chat.transcript, *left) if widget in seen]

    def compose(self) -> ComposeResult:
        """History, chat, side; below them the keys."""
        self._wanted = dict(self.host.kept.panels)
        with Horizontal(id="body"):
            yield self.history
            yield self.chat
            with Vertical(id="side"):
                yield self.picker
                yield self.stats
        yield self.keys
        yield TooSmall()

    def on_mount(self) -> None:
        """Ready to be typed into."""
        # The event that tells the size comes behind the first paint: rows would move.
        self._lay_out(*self.app.size)
        self.chat.transcript.set_palette(self.host.ink())
        self.chat.name_keys(self.host.changed_keys)
        self.chat.welcome.show(self._first_keys())
        self.picker.name_keys(self.host.changed_keys)
        self.show_keys()
        self.chat.prompt.focus()

    def _first_keys(self) -> list[tuple[str, str]]:
        changed = self.host.changed_keys
        rows = {row.id: row for row in TABLE}
        if not self.host.kept.welcomed:
            send, models, help = (bindings.first_key(id, changed) for id in ("prompt.send", "models.open", "help.open"))
            return [
                (send, "sends a question, such as: What can you do?"),
                (models, "chooses who answers"),
                (help, "shows every key and command"),
            ]
        ids = ("models.open", "strategy.next", "history.open", "help.open")
        keys = [(bindings.shown(changed.get(id, rows[id].keys)), rows[id].help) for id in ids]
        return [*keys, ("/", "shows the commands")]

    def welcome(self, standings: Sequence[ModelStatus]) -> None:
        """At the first start, tell what was found."""
        if not self.host.kept.welcomed:
            self.chat.welcome.show_found(standings)

    @on(Chat.Began)
    def end_welcome(self) -> None:
        """The first question is asked: from now on people know."""
        if not self.host.kept.welcomed:
            self.host.keep(msgspec.structs.replace(self.host.kept, welcomed=True))
            self.chat.welcome.show(self._first_keys())

    def repaint(self, ink: Ink) -> None:
        """The theme has changed."""
        self.chat.transcript.set_palette(ink)

    def on_screen_resume(self) -> None:
        """A screen in place of this one has gone."""
        self.chat.transcript.repaint()

    def on_resize(self, event: events.Resize) -> None:
        """Panels fold by themselves where there is no room."""
        self._lay_out(event.size.width, event.size.height)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where the screen is too small to be seen, keys only stop what runs, and quit."""
        if self.has_class("-too-small") and action not in _WITHOUT_SIGHT:
            return False
        return super().check_action(action, parameters)

    def _lay_out(self, width: int, height: int) -> None:
        self.set_class(width < MIDDLE, "-narrow")
        self.set_class(height < LOW, "-low")
        self._notice_size(width < SMALLEST[0] or height < SMALLEST[1])
        room = _room(width)
        self.history.display = self._wanted.get(f"history.{room}", width >= WIDE)
        crowded = self.history.display and MIDDLE <= width < BOTH
        self.stats.display = not crowded and self._wanted.get(f"stats.{room}", width >= MIDDLE)
        if self.insights is not None:
            self.insights.display = not crowded and self._wanted.get("insights", width >= MIDDLE)
        figures = self.stats.display or (self.insights is not None and self.insights.display)
        self.set_class(not figures, "-no-figures")
        self.show_speed()

    def _notice_size(self, too_small: bool) -> None:
        """Where nobody sees what letters do, they are words: the prompt has the keys until there is room again."""
        if too_small and not self.has_class("-too-small"):
            self._focused_before = self.focused
            self.chat.prompt.focus()
        elif not too_small and self._focused_before is not None:
            self._focused_before.focus()
            self._focused_before = None
        self.set_class(too_small, "-too-small")

    def _want(self, panel: str, *, open: bool) -> None:
        """Open or fold a panel, here and wherever there is as much room."""
        room = _room(self.size.width)
        self._wanted[f"{panel}.{room}"] = open
        self._lay_out(*self.size)
        if (panel, room) != ("history", "narrow"):
            # There the list covers the chat: nobody wants to begin so.
            kept = self.host.kept
            self.host.keep(msgspec.structs.replace(kept, panels={**kept.panels, f"{panel}.{room}": open}))

    async def fold_insights(self, folded: bool) -> None:
        """Fold the insights away, or unfold them."""
        if folded and self.insights is not None:
            fold, self.insights = self.insights, None
            await fold.remove()
        elif not folded and self.insights is None:
            from chat_tui.tui.panels.insights import InsightsPanel

            self.insights = InsightsPanel(self.chat.last_answer, self.host.tell, id="insights")
            self.insights.display = False
            await self.query_one("#side").mount(self.insights)
        self._lay_out(*self.size)

    def action_toggle_history(self) -> None:
        """Show or hide the history list."""
        self._want("history", open=not self.history.display)
        if self.history.display:
            self.history.take_focus()
        else:
            self.chat.prompt.focus()

    def action_toggle_stats(self) -> None:
        """Show or hide the stats panel; the list makes room where there is none for both."""
        if self.history.display and MIDDLE <= self.size.width < BOTH:
            self.action_toggle_history()
            self._want("stats", open=True)
        else:
            self._want("stats", open=not self.stats.display)

    def ids_now(self) -> Sequence[str]:
        """The keys that count now: they differ on the turns, on the history list, and while an answer runs."""
        idle = _TURN_KEYS if self.chat.transcript.has_focus else _IDLE_KEYS
        ids: Sequence[str] = _BUSY_KEYS if self.chat.busy else [id for id in idle if id not in self._idle_for_now()]
        if self.history.has_focus_within:
            ids = _LIST_KEYS if self.history.under is not None else _NO_ROW_KEYS
        elif self.picker.has_focus_within:
            ids = _PICKER_KEYS
        elif self.chat.lists_completions:
            ids = _OPEN_LIST_KEYS
        elif self.chat.find_bar.has_focus:
            ids = _FIND_KEYS
        elif self.chat.transcript.keyboard.caret is not None:
            ids = _SELECTION_KEYS
        return ids

    def _idle_for_now(self) -> set[str]:
        """Keys that do nothing in this conversation, as it is."""
        turns = self.chat.transcript.turns
        idle = (
            set() if self.chat.transcript.model.views.forks else {"version.before", "version.after", "version.compare"}
        )
        if not any("```" in turn.text for turn in turns):
            idle.add("code.after")
        if not turns or turns[-1].state not in _CUT:
            idle.add("answer.continue")
        return idle

    def _words_now(self) -> Mapping[str, str]:
        """Words for keys that mean something else now than the table says."""
        if self.history.has_focus_within:
            return {"answer.cancel": "back"}
        if self.picker.has_focus_within:
            return {"list.choose": "choose", "answer.cancel": "close"}
        if self.chat.lists_completions:
            return {"prompt.complete": "take", "answer.cancel": "close"}
        words = {"answer.pause": "go on"} if self.chat.paused else {}
        return words | ({"answer.cancel": "leave"} if self.chat.steering.offers else {})

    @on(CompletionList.Toggled)
    @on(SteeringLine.Toggled)
    def show_keys(self) -> None:
        """Name them in the last row."""
        ids, words = self.ids_now(), self._words_now()
        named = zip(ids, bindings.footer(ids, self.host.changed_keys), strict=True)
        keys = [(key, words.get(id, word)) for id, (key, word) in named]
        self.keys.show(keys, bindings.footer(("help.open",), self.host.changed_keys))

    def show_signs(self, running: Sequence[Answer]) -> None:
        """Tell the terminal's title what runs, and ring for what has ended unseen; `running`: in all conversations."""
        chat = self.chat
        # A private conversation is nobody's business who sees the list of windows.
        turns = () if chat.prompt.border_title else chat.transcript.turns
        ended = chat.answer is not None and chat.answer.ended
        # Of several that were asked at once the chat knows one.
        runs = chat.busy or any(answer.conversation_id == chat.conversation_id for answer in running)
        self.host.show_title(window_title.title(turns, running=runs, ended=ended))
        for answer in self._answers.look(running):
            seen = self.app.app_focus and answer.conversation_id == chat.conversation_id
            if not seen and answer.figures().duration_seconds > window_title.LONG_SECONDS:
                self.host.ring()

    def on_transcript_selecting(self) -> None:
        """The caret has its own keys."""
        self.show_keys()

    @property
    def is_covered(self) -> bool:
        """The history list stands over the chat, since there is no room beside it."""
        return self.has_class("-narrow") and self.history.display

    def on_descendant_focus(self) -> None:
        """Other keys count there; a list that covers the chat makes room for what is used now."""
        if self.is_covered and not self.history.has_focus_within:
            self._want("history", open=False)
        self.show_keys()

    def show_speed(self) -> None:
        """The speed stands beside the model where the stats panel is not in sight."""
        self.picker.show_figures(None if self.stats.display else self.stats.figures)


def _room(width: int) -> str:
    """How much room so many columns are: panels are remembered for each."""
    return "wide" if width >= WIDE else "middle" if width >= MIDDLE else "narrow"
