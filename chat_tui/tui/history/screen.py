"""The history: the conversation in view in short and all others; with words typed, the turns that hold them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Region
from textual.widgets import Input

from chat_tui.core.conversation import ConversationSummary, SearchHit, SearchStep, Turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.search_progress import search_count, search_progress
from chat_tui.tui.actions import bindings
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.history import rows
from chat_tui.tui.history.groups import groups, same_titles, time_in_group
from chat_tui.tui.history.sidebar import DeletedLink, NoHistory, deleted_link, group_lines, local_now, summary_lines
from chat_tui.tui.widgets.delayed_calls import call_after
from chat_tui.tui.widgets.row_list import Filter, RowList
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, wrap

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

ALL = 1_000_000
HITS = 200
"""So many turns are listed at once; more are read as the cursor comes near the last one."""
ROOM_FOR_TIME = 100
"""From this width of the screen on the line below the input also says how long a search has taken."""
NEAR = 50
"""Rows before the last one at which more are read."""
PAUSE_SECONDS = 0.06
"""The hand rests so long before a search begins."""
SLOW_SECONDS = 0.3
WRONG_SECONDS = 0.4
LOOK_SECONDS = 0.5
"""Between two looks at which answers run."""
FILTERS = 'words, "a phrase", model: role: before: after:'
SHORT_FILTERS = '"a phrase" model: before: after:'
_WRONG_LINES = 3
WIDE = 72
"""From this width of the screen on a conversation has one line."""
_THIS = "This conversation"
NOTHING = "This conversation is empty"
_NEXT = "Your messages will be listed here, and you can search them."

_NONE_YET = "Nothing found yet; still searching older messages."
_NONE_FOUND = "No message or title contains all these words. Try fewer words."

Row: TypeAlias = "rows.Exchange | ConversationSummary | SearchHit | DeletedLink"


def _count(step: SearchStep, titles: int) -> str:
    return search_count(step.messages, titles, step.conversations, complete=step.complete) or "0 messages"


class SearchHint(StyledLines):
    """The line below the input: what can be typed, or what is wrong with it; at the right what was found."""

    DEFAULT_CSS = "SearchHint { height: 1; width: 1fr; padding: 0 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._said, self._role, self._found = FILTERS, "dim", ""

    def say(self, found: str, wrong: str = "") -> None:
        """Show how much was found, or what is wrong with the query."""
        self._said, self._role, self._found = (wrong, "warning", "") if wrong else (FILTERS, "dim", found)
        self.styles.height = len(wrap(wrong, self.size.width, _WRONG_LINES)) or 1
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line; what is wrong may take more."""
        if not self._found:
            return [(Span(line, self._role),) for line in wrap(self._said, width, _WRONG_LINES)]
        for said in (self._said, SHORT_FILTERS if self._said == FILTERS else self._said, ""):
            if len(said) + len(self._found) < width:
                break
        return [apart(Span(said, self._role), Span(crop(self._found, width), "text"), width)]


class ChosenMessage(NamedTuple):
    """What was chosen to be opened."""

    conversation_id: str
    turn_id: str = ""
    """Empty: the conversation where it was left."""
    words: tuple[str, ...] = ()
    """What was found in the message."""


class HistoryScreen(FramedScreen[ChosenMessage | None]):
    """Dismissed with (conversation id, turn id or ``) to be opened, None to stay.

    `act` does what a key asks for to a conversation whose title stands at a place; `undo` takes the last of it back.
    """

    DEFAULT_CSS = """
    HistoryScreen > .frame { height: 90%; }
    HistoryScreen RowList { height: 1fr; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "close", "Close", id="history.open", show=False),
        *bindings.bindings("history list"),
        *(binding for binding in bindings.bindings() if binding.id == "conversation.export"),
    ]
    KEYS = (
        "list.choose",
        "screen.close",
        "conversation.rename",
        "conversation.pin",
        "conversation.delete",
        "conversation.export",
        "undo.take",
    )

    def __init__(
        self,
        engine: Engine,
        act: Callable[[str, str | None, Region | None], Awaitable[None]],
        undo: Callable[[], Awaitable[None]],
        conversation_id: str,
        path: Sequence[Turn],
        words: str = "",
        *,
        clock: Callable[[], datetime] = local_now,
    ) -> None:
        super().__init__("History")
        self._engine, self._act, self._undo, self._clock = engine, act, undo, clock
        self._conversation_id, self._exchanges = conversation_id, rows.exchanges(path)
        self._summaries: Sequence[ConversationSummary] = ()
        self._deleted = 0
        self._same: frozenset[str] = frozenset()
        self._row_height = 2
        self._answering: frozenset[str] = frozenset()
        self._shown: Sequence[Row] = ()
        self._more: int | None = None
        """Where the search for further hits begins; None if all are listed."""
        self._heads: dict[int, str] = {}
        self._rows = RowList(self._draw, row_height=2, draw_head=self._draw_head)
        # The input has the keys.
        self._rows.can_focus = False
        self._input = Filter(self._rows, "search messages")
        self._input.value = words
        self._note, self._nothing = SearchHint(), NoHistory(NOTHING)
        self._nothing.display = False
        self._is_read, self._is_pending, self._chooses_next = False, True, False
        """Whether the conversations are read, whether the rows that were asked for are still to come, and whether Enter
        was pressed meanwhile: it is for the first of them."""

    def compose(self) -> ComposeResult:
        """The input above, what it finds below."""
        with self.in_frame(Vertical()):
            yield self._input
            yield self._note
            yield self._rows
            yield self._nothing

    def on_mount(self) -> None:
        """Ready to be typed into; what there is comes as soon as it is read."""
        self._input.focus()
        self.set_interval(LOOK_SECONDS, self._look)
        self.run_worker(self._read())

    async def _read(self, cursor: int | None = None) -> None:
        self._summaries = await self._engine.conversations.summaries(ALL)
        self._deleted = await self._engine.conversations.deletion.count()
        self._is_read = True
        self._look()
        self._show(cursor)

    def _look(self) -> None:
        running = frozenset(answer.conversation_id for answer in self._engine.running())
        if running != self._answering:
            self._answering = running
            self._rows.refresh()

    # -- what is listed -------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def follow_input(self, event: Input.Changed) -> None:
        """Search as one types. An Enter that was pressed before is not for what these words find."""
        event.stop()
        self._chooses_next = False
        self._show()

    def _show(self, cursor: int | None = None) -> None:
        words = self._input.value.strip()
        self.workers.cancel_group(self, "search")
        self._more = None
        if words:
            self._is_pending = True
            # The next letter may cancel it before it has begun: a coroutine would then never be awaited.
            search = partial(self._search, words, cursor)
            self.run_worker(search, group="search")  # type: ignore[arg-type]
        else:
            self._browse(cursor)

    def _browse(self, cursor: int | None) -> None:
        """All there is. The cursor begins on the first conversation, below the exchanges of this one."""
        first = len(self._exchanges)
        begun = groups(self._summaries, range(len(self._summaries)), self._clock())
        links = [DeletedLink(self._deleted)] if self._deleted else []
        self._shown = (*self._exchanges, *self._summaries, *links)
        self._heads = {0: _THIS, **{row + first: name for row, name in begun}}
        self._row_height = self._browsing_height()
        # An exchange has two lines: where rows have one, its question stands in the head.
        heads = [(row, 1 + (row == 0) + (self._row_height == 1)) for row in range(first)]
        heads += [(row + first, 2 if row or first else 3) for row, _ in begun]
        heads += [(len(self._shown) - 1, 1)] if links else []
        if cursor is None:
            cursor = first if self._summaries else first - 1
        self._same = same_titles(self._summaries)
        self._rows.show(len(self._shown), cursor, row_height=self._row_height, heads=heads)
        self._show_nothing_found(f"{NOTHING}. {_NEXT}")
        self.call_after_refresh(self._rows.look_at_cursor)
        count = len(self._summaries)
        self._note.say(f"{count:,} conversation{'s' * (count != 1)}")
        if self._is_read:
            self._end_pending()

    def _end_pending(self) -> None:
        """Take the Enter that was pressed before there were rows."""
        self._is_pending = False
        if self._chooses_next:
            self._chooses_next = False
            self._rows.choose()

    def _browsing_height(self) -> int:
        """Lines of a conversation's row."""
        return 1 if self.app.size.width >= WIDE else 2

    def on_resize(self, event: events.Resize) -> None:
        """Rows of another height where there is room, or no longer."""
        super().on_resize(event)
        if self._shown and not self._input.value.strip() and self._row_height != self._browsing_height():
            self._browse(self._rows.cursor)

    async def _search(self, words: str, cursor: int | None) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        slow = call_after(self, SLOW_SECONDS, lambda: self._note.say("searching…"))
        begun = time.perf_counter()
        step, titles, listed, is_first = SearchStep(complete=True), 0, 0, True
        try:
            async with aclosing(self._engine.conversations.search_steps(words, HITS, counts=True)) as steps:
                async for step in steps:
                    slow.cancel()
                    titles += len(step.titles)
                    if is_first:
                        self._show_found(step, cursor or 0)
                    elif step.hits:
                        self._extend(step.hits)
                    is_first = False
                    listed += len(step.hits)
                    self._more = step.rest if listed >= HITS else None
                    self._show_progress(step, titles)
        except ChatTuiError as error:
            # Perhaps it is not written to its end yet.
            await asyncio.sleep(WRONG_SECONDS)
            self._note.say("", f"{error.title} {error.hint}")
            return
        finally:
            slow.cancel()
        self._is_pending = self._chooses_next = False
        took = f" · {(time.perf_counter() - begun) * 1000:,.0f} ms"
        self._note.say(f"{_count(step, titles)}{took if self.app.size.width >= ROOM_FOR_TIME else ''}")

    def _show_progress(self, step: SearchStep, titles: int) -> None:
        if not step.complete:
            self._note.say(f"{_count(step, titles)} · {search_progress(step.searched, step.searched_back_to)} …")
        if not self._shown:
            self._show_nothing_found(_NONE_FOUND if step.complete else _NONE_YET)
            return
        self._end_pending()

    @on(RowList.Moved)
    def read_more(self, event: RowList.Moved) -> None:
        """Read further hits when the cursor is near the last row."""
        event.stop()
        words = self._input.value.strip()
        if words and self._more is not None and self._rows.cursor >= len(self._shown) - NEAR:
            start, self._more = self._more, None
            # The next letter may cancel it before it has begun: a coroutine would then never be awaited.
            self.run_worker(partial(self._search_on, words, start), group="search")  # type: ignore[arg-type]

    async def _search_on(self, words: str, start: int) -> None:
        """Add a page of further hits."""
        known = {shown.turn for shown in self._shown if isinstance(shown, SearchHit)}
        rest: int | None = start
        async with aclosing(self._engine.conversations.search_steps(words, HITS, start)) as steps:
            async for step in steps:
                if hits := [hit for hit in step.hits if hit.turn not in known]:
                    self._extend(hits)
                rest = step.rest
        self._more = rest

    def _show_found(self, step: SearchStep, cursor: int) -> None:
        titles = [title.summary for title in step.titles]
        self._shown = (*titles, *step.hits)
        self._heads = {0: "Titles", len(titles): "Messages"} if titles else {}
        self._rows.show(len(self._shown), cursor, row_height=rows.HIT_HEIGHT, heads=self._found_heads())
        self._show_nothing_found("")

    def _extend(self, hits: Sequence[SearchHit]) -> None:
        """Add rows for further hits; those that are listed do not move."""
        self._shown = (*self._shown, *hits)
        self._rows.extend(len(self._shown), self._found_heads())
        self._show_nothing_found("")

    def _found_heads(self) -> list[tuple[int, int]]:
        return [(row, 2 if row else 1) for row in self._heads if row < len(self._shown)]

    def _show_nothing_found(self, why: str) -> None:
        self._nothing.text = why
        self._rows.display, self._nothing.display = bool(self._shown), not self._shown
        self._nothing.redraw()

    def _draw(self, row: int, width: int) -> list[Line]:
        shown = self._shown[row]
        if isinstance(shown, tuple):
            return rows.exchange_lines(shown, width)[-self._row_height :]
        if isinstance(shown, SearchHit):
            return rows.hit_lines(shown, width, self._clock())
        if isinstance(shown, DeletedLink):
            return deleted_link(shown.count, width)
        current, running = shown.id == self._conversation_id, shown.id in self._answering
        # Titles that were found have rows as high as the hits among which they stand.
        height = 2 if self._input.value.strip() else self._row_height
        when = time_in_group(shown, self._clock(), exact=shown.title in self._same)
        return summary_lines(shown, width, when, current=current, running=running, height=height)

    def _draw_head(self, row: int, width: int) -> list[Line]:
        shown = self._shown[row]
        if isinstance(shown, DeletedLink):
            return [()]
        lines = group_lines(self._heads[row], row, width) if row in self._heads else []
        if isinstance(shown, tuple):
            question = rows.exchange_lines(shown, width)[: 2 - self._row_height]
            return [*lines, rows.exchange_head(row + 1, shown[0]), *question]
        if row == 0 and isinstance(shown, ConversationSummary) and self._heads[0] != "Titles":
            return [(Span(crop(f" {NOTHING}", width), "dim"),), (), *lines]
        return lines

    # -- what is done with it -------------------------------------------------------------------------------------

    @on(RowList.Chosen)
    def go_to(self, event: RowList.Chosen) -> None:
        """Go to that turn, or open that conversation."""
        event.stop()
        if self._is_pending:
            self._chooses_next = True
            return
        if self._rows.cursor >= len(self._shown):
            return
        # Not the row of the event: a search may have ended since Enter was pressed.
        shown = self._shown[self._rows.cursor]
        if isinstance(shown, SearchHit):
            words = tuple(dict.fromkeys(shown.snippet[start:end] for start, end in shown.marks))
            self.dismiss(ChosenMessage(shown.conversation, shown.turn, words))
        elif isinstance(shown, ConversationSummary):
            self.dismiss(ChosenMessage(shown.id))
        elif isinstance(shown, DeletedLink):
            self._open_deleted()
        else:
            self.dismiss(ChosenMessage(self._conversation_id, shown[0].id))

    @on(Input.Submitted)
    def choose_next(self, event: Input.Submitted) -> None:
        """Enter where no rows are listed yet."""
        event.stop()
        self._chooses_next = self._is_pending

    def _open_deleted(self) -> None:
        from chat_tui.tui.history.deleted_screen import DeletedScreen

        self.app.push_screen(DeletedScreen(self._engine, clock=self._clock), self._open_restored)

    async def _open_restored(self, conversation_id: str | None) -> None:
        if conversation_id is None:
            await self._read(self._rows.cursor)
        else:
            self.dismiss(ChosenMessage(conversation_id))

    def action_act(self, what: str) -> None:
        """Rename, pin, delete or export the conversation under the cursor."""
        if self._rows.cursor >= len(self._shown):
            return
        shown = self._shown[self._rows.cursor]
        if isinstance(shown, DeletedLink):
            return
        id, place = self._conversation_id, None
        if isinstance(shown, (ConversationSummary, SearchHit)):
            window = self._rows.content_region
            place = Region(window.x + 1, window.y + self._rows.line_of(self._rows.cursor), window.width - 2, 1)
            id = shown.id if isinstance(shown, ConversationSummary) else shown.conversation
        self.run_worker(self._act_and_reload(self._act(what, id, place)))

    def action_undo(self) -> None:
        """Undo the last change."""
        self.run_worker(self._act_and_reload(self._undo()))

    async def _act_and_reload(self, work: Awaitable[None]) -> None:
        await work
        await self._read(self._rows.cursor)
