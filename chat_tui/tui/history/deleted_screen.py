"""The deleted conversations: restored, or deleted for good."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from chat_tui.core import conversation
from chat_tui.core.conversation import RESTORABLE_DAYS, ConversationSummary, DeletedConversation
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.counts import count_of
from chat_tui.tui.actions import bindings
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.history.sidebar import NoHistory, local_now
from chat_tui.tui.notice_stack import deletion_title
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host, ListChoice
from chat_tui.tui.widgets.row_list import RowList
from chat_tui.tui.widgets.styled_lines import Line, Span, apart, crop

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

ALL = 1_000_000
_NOTHING = f"Nothing is here. What you delete is kept here for {RESTORABLE_DAYS} days."


def days_left(deleted: datetime, now: datetime) -> str:
    """How long a conversation can still be restored: `30 days left`."""
    return f"{count_of(conversation.days_left(deleted, now), 'day')} left"


def deleted_line(deleted: DeletedConversation, width: int, now: datetime) -> Line:
    """A deleted conversation: its title, when it was deleted, and how long it can be restored."""
    title = deleted.summary.title or "Untitled"
    left = "until you quit" if deleted.summary.private else days_left(deleted.deleted, now)
    note = f"deleted {formatting.moment(deleted.deleted, now)} · {left} "
    return apart(Span(f" {title}", "text"), Span(note, "dim"), width)


def empty_line(count: int, width: int) -> Line:
    """The row that deletes all of them for good."""
    what = f"all {count:,} conversations" if count != 1 else "1 conversation"
    return (Span(crop(f" Empty: delete {what} for good", width), "warning"),)


class DeletedScreen(FramedScreen[str | None]):
    """Dismissed with the id of a conversation that was restored and is to be opened, None to stay."""

    DEFAULT_CSS = """
    DeletedScreen > .frame { height: auto; }
    DeletedScreen RowList { background: $surface; }
    DeletedScreen NoHistory { height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings.bindings("history list") if binding.id == "conversation.delete"),
    ]
    KEYS = ("list.choose", "conversation.delete", "screen.close")
    WORDS: ClassVar[Mapping[str, str]] = {"list.choose": "restore", "conversation.delete": "delete for good"}

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = local_now) -> None:
        super().__init__("Deleted")
        self._engine, self._clock = engine, clock
        self._deleted: Sequence[DeletedConversation] = ()
        self._rows = RowList(self._draw, draw_head=lambda row, width: [()])
        self._nothing = NoHistory(_NOTHING)
        self._nothing.display = False

    def compose(self) -> ComposeResult:
        """The rows, or why there are none."""
        with self.in_frame(Vertical()):
            yield self._rows
            yield self._nothing

    def on_mount(self) -> None:
        """Ready for keys; the rows come as soon as they are read."""
        self._rows.focus()
        self._run(self._read())

    def on_resize(self, event: events.Resize) -> None:
        """As tall as its rows are, where there is room."""
        self._fit()

    def _fit(self) -> None:
        # The last row stands apart.
        self.fit(self._rows, len(self._deleted) + 2, 0.7)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        self.run_worker(self._reporting(work))

    async def _reporting(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except ChatTuiError as error:
            cast("Host", self.app).tell(error)

    async def _read(self) -> None:
        cursor = self._rows.cursor
        self._deleted = await self._engine.conversations.deletion.list_deleted(ALL)
        count = len(self._deleted)
        # The last row empties the list: an empty line keeps it apart.
        self._rows.show(count + 1 if count else 0, min(cursor, max(0, count - 1)), heads=[(count, 1)] if count else [])
        self._rows.display, self._nothing.display = bool(count), not count
        self._fit()

    def _draw(self, row: int, width: int) -> list[Line]:
        if row == len(self._deleted):
            return [empty_line(row, width)]
        return [deleted_line(self._deleted[row], width, self._clock())]

    @on(RowList.Chosen)
    def choose(self, event: RowList.Chosen) -> None:
        """Enter or a click: restore the conversation, or empty the list."""
        event.stop()
        if event.row < len(self._deleted):
            self._run(self._restore(self._deleted[event.row].summary))
        elif self._deleted:
            self._confirm_empty()

    async def _restore(self, summary: ConversationSummary) -> None:
        await self._engine.conversations.deletion.restore(summary.id)
        cast("Host", self.app).withdraw(deletion_title(summary.title))
        self.dismiss(summary.id)

    def action_act(self, what: str) -> None:
        """Delete the conversation under the cursor for good, or on the last row all; asks before."""
        cursor = self._rows.cursor
        if cursor < len(self._deleted):
            summary = self._deleted[cursor].summary
            title = crop(summary.title or "Untitled", 40)
            self._confirm(f"Delete “{title}” for good?", partial(self._erase, summary.id))
        elif self._deleted:
            self._confirm_empty()

    def _confirm_empty(self) -> None:
        count = len(self._deleted)
        what = f"all {count:,} conversations" if count != 1 else "this conversation"
        self._confirm(f"Delete {what} for good?", self._empty)

    def _confirm(self, question: str, erase: Callable[[], Coroutine[None, None, None]]) -> None:
        keep = ListChoice("Keep", lambda: None, "it can still be restored")
        choices = [keep, ListChoice("Delete for good", erase, "it cannot be restored any more")]
        cast("Host", self.app).choose(question, choices)

    async def _erase(self, conversation_id: str) -> None:
        await self._engine.conversations.deletion.erase_one(conversation_id)
        await self._read()

    async def _empty(self) -> None:
        await self._engine.conversations.deletion.erase_all()
        await self._read()
