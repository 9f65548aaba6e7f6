"""Actions on conversations: list, open, rename, pin, delete and restore."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.geometry import Region

from chat_tui.core.conversation import RESTORABLE_DAYS
from chat_tui.core.errors import ChatTuiError, CommandError, HistoryError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.history.sidebar import HistorySidebar
from chat_tui.tui.notice_stack import deletion_title

if TYPE_CHECKING:
    from chat_tui.core.conversation import ConversationSummary
    from chat_tui.engine.engine import Engine

LISTED = 1000
"""Number of conversations in the history list while it is not filtered."""
ALL = 1_000_000
PROGRESS_SECONDS = 3.0
"""Time between two notices of a running import."""
NOTICE_SECONDS = 10.0
"""Duration of the notice about a deleted conversation."""
PRIVATE = "private: never saved"


class ConversationActions:
    """Acts on conversations by id, and updates the history list. `private`: no conversation is saved. `show_title`
    is called with the title of the conversation in view."""

    def __init__(
        self, chat: ChatView, listed: HistorySidebar, show_title: Callable[[str], object], *, private: bool = False
    ) -> None:
        self._chat, self._listed, self.never_saves = chat, listed, private
        self._show_title = show_title
        self._engine: Engine | None = None
        self._running: set[str] = set()
        self._acts: dict[str, Callable[[str, Region | None], Awaitable[None]]] = {
            "rename": self._rename,
            "pin": self._pin,
            "delete": self._delete,
            "export": self._export,
        }
        self.mark_private()

    def take_engine(self, engine: Engine) -> None:
        self._engine = engine

    async def refresh(self) -> None:
        """Update the list. An answer that ended outside the conversation in view is marked as unseen; opening
        its conversation clears the mark."""
        engine, current = self._engine, self._chat.session.conversation_id or ""
        if engine is None:
            return
        self.mark_private()
        running = {answer.conversation_id for answer in engine.running()} | set(engine.tools.conversations())
        unseen, self._running = self._running - running - {current}, running
        for id in unseen:
            await engine.conversations.set_unseen(id, True)
        limit = ALL if self._listed.is_filtered else LISTED
        summaries = await engine.conversations.summaries(limit)
        if any(summary.unseen and summary.id == current for summary in summaries):
            await engine.conversations.set_unseen(current, False)
            summaries = await engine.conversations.summaries(limit)
        deleted = await engine.conversations.deletion.count()
        self._listed.show(summaries, more=len(summaries) >= limit, deleted=deleted)
        self._listed.set_running(running, engine.tools.conversations(asking=True))
        self._listed.set_current(current)
        self._show_title(await self._title_in_view(summaries))

    async def _title_in_view(self, listed: Sequence[ConversationSummary]) -> str:
        """Return the title of the conversation in view, which may be older than the listed ones; empty if it
        has none, or if another process has deleted it."""
        id = self._chat.session.conversation_id
        found = next((summary.title for summary in listed if summary.id == id), None)
        if found is not None or not id:
            return found or ""
        with suppress(HistoryError):
            return await self._title(id)
        return ""

    def mark_private(self) -> None:
        """Show at the prompt, permanently, that the conversation in view is never saved."""
        self._chat.prompt.border_title = PRIVATE if self.is_private else ""

    @property
    def is_private(self) -> bool:
        """Return whether the conversation in view is never saved."""
        return self.never_saves or (
            self._engine is not None and self._engine.conversations.is_private(self._chat.session.conversation_id)
        )

    async def begin_private(self) -> None:
        """Begin a conversation that is never saved."""
        assert self._engine is not None
        left, begun = self._chat.session.conversation_id, await self._engine.conversations.begin_private()
        await self._chat.open(begun.id)
        self.mark_private()
        if left:
            self._push_return(left)

    async def open(self, conversation_id: str, turn_id: str = "", words: Sequence[str] = ()) -> None:
        """Open a conversation where it was left, or with a message chosen, on any branch; the `words` that were
        found in it are marked until the user types. Raises `ChatTuiError`."""
        if turn_id:
            await self._bring_up(conversation_id, turn_id)
        await self._chat.open(conversation_id, turn_id)
        if turn_id:
            # The prompt has the focus: letters that are typed next are text, not commands that may cost money.
            self._chat.transcript.viewport.choose_id(turn_id)
            self._chat.transcript.finder.show_words(turn_id, words)

    async def _bring_up(self, conversation_id: str, turn_id: str) -> None:
        """Switch to the branch with this message."""
        engine, chat = self._engine, self._chat
        assert engine is not None
        path = (await engine.conversations.conversation(conversation_id)).path
        if all(turn.id != turn_id for turn in path):
            if engine.running(conversation_id) or conversation_id in engine.tools.conversations():
                raise CommandError("This message is on another branch.", "Go there when the running answer has ended.")
            await engine.conversations.select(conversation_id, turn_id)
        if chat.session.conversation_id == conversation_id and all(
            turn.id != turn_id for turn in chat.transcript.turns
        ):
            # The conversation is opened again, with its draft.
            await chat.new()

    async def clear(self) -> None:
        """Start a new conversation."""
        left = self._chat.session.conversation_id
        await self._chat.new()
        if left:
            self._push_return(left)

    def _push_return(self, left: str) -> None:
        """Let undo return to the conversation that was left."""
        words = "Back to the previous conversation"
        self._chat.undo.push(
            "go back to the previous conversation",
            words,
            partial(self._chat.open, left),
            is_due=lambda: self._chat.session.conversation_id != left,
        )

    def act_on_chosen(self, what: str) -> None:
        """`rename`, `pin`, `delete` or `export` the conversation under the list's cursor, else the one in view."""
        id: str | None
        if self._listed.has_focus_within:
            # On the row of the deleted conversations, the key does not act on the conversation in view.
            id, place = getattr(self._listed.under, "id", None), self._listed.place_of_title()
        else:
            id, place = self._chat.session.conversation_id, None
        self._chat.run_worker(self.act(what, id, place), group="command")

    async def act(self, what: str, conversation_id: str | None, place: Region | None = None) -> None:
        """`rename`, `pin`, `delete` or `export` a conversation; errors are shown. `place` is where its title is
        on the screen."""
        if self._engine is None or not conversation_id:
            self._chat.host.say("No conversation is selected", "Open one, or select one in the history list (Ctrl+L).")
            return
        try:
            await self._acts[what](conversation_id, place)
        except ChatTuiError as error:
            self._chat.host.tell(error)
        await self.refresh()

    async def _title(self, conversation_id: str) -> str:
        assert self._engine is not None
        return shorten((await self._engine.conversations.conversation(conversation_id)).title, 120) or "Untitled"

    async def _rename(self, conversation_id: str, place: Region | None) -> None:
        from chat_tui.tui.history.rename_dialog import RenameDialog

        title = await self._chat.app.push_screen_wait(RenameDialog(await self._title(conversation_id), place))
        if title:
            await self.rename(conversation_id, title)

    async def rename(self, conversation_id: str, title: str) -> None:
        """Change the title. Raises `HistoryError`."""
        assert self._engine is not None
        before = await self._title(conversation_id)
        # Imported titles may be longer than the limit, or empty.
        imported = (await self._engine.conversations.conversation(conversation_id)).title
        await self._engine.conversations.rename(conversation_id, title)
        back = partial(self._engine.conversations.rename, conversation_id, imported, whole=True)
        self._chat.undo.push(f"restore the title “{before}”", f"Title restored: “{before}”", back)
        await self.refresh()

    async def _pin(self, conversation_id: str, _place: Region | None) -> None:
        assert self._engine is not None
        memory = self._engine.conversations
        pinned = not (await memory.conversation(conversation_id)).pinned
        await memory.pin(conversation_id, pinned)
        title, back = await self._title(conversation_id), partial(memory.pin, conversation_id, not pinned)
        self._chat.undo.push(f"{'unpin' if pinned else 'pin'} “{title}”", "Unpinned" if pinned else "Pinned", back)
        self._chat.host.say("Pinned" if pinned else "Unpinned", title)

    async def _delete(self, conversation_id: str, _place: Region | None) -> None:
        assert self._engine is not None
        title = await self._title(conversation_id)
        was_open = conversation_id == self._chat.session.conversation_id
        if was_open:
            await self._chat.new()
        await self._engine.delete(conversation_id)
        told = deletion_title(title)
        restore = partial(self._restore, conversation_id, was_open, told)
        is_due = partial(self._engine.conversations.deletion.can_restore, conversation_id)
        self._chat.undo.push(f"restore “{title}”", f"“{title}” was restored", restore, is_due=is_due)
        key = "/undo"
        if self._listed.has_focus_within or self._chat.app.screen is not self._chat.screen:
            key = bindings.first_key("undo.take", self._chat.host.changed_keys)
        hint = f"{key} restores it. Kept for {RESTORABLE_DAYS} days under Deleted in the history."
        self._chat.host.say(told, hint, seconds=NOTICE_SECONDS)

    async def _restore(self, conversation_id: str, open_it: bool, told: str) -> None:
        """Restore a conversation. `told`: the title of the notice about its deletion, which is removed."""
        assert self._engine is not None
        await self._engine.conversations.deletion.restore(conversation_id)
        self._chat.host.withdraw(told)
        if open_it:
            await self._chat.open(conversation_id)

    async def _export(self, conversation_id: str, _place: Region | None) -> None:
        await self.export(conversation_id, "")

    async def export(self, conversation_id: str, argument: str) -> None:
        """Export to a new file with the name given to `/export`, else in the current folder. Raises `ChatTuiError`."""
        from chat_tui.tui.actions import export_file

        assert self._engine is not None
        title = await self._title(conversation_id)
        form, file = await asyncio.to_thread(export_file.parse_argument, argument, title)
        text = await self._engine.conversations.export(conversation_id, form)
        written = await asyncio.to_thread(export_file.write, text, file)
        self._chat.host.say(f"Exported “{title}”", str(written), long=True)

    async def take_in(self, name: str) -> None:
        """Import a file, and show the progress now and then. Raises `ChatTuiError`."""
        assert self._engine is not None
        file = await asyncio.to_thread(Path(name).expanduser)
        host, told = self._chat.host, time.monotonic()

        def tell(part: float, turns: int) -> None:
            nonlocal told
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                host.say(f"Importing: {part:.0%}", f"{turns:,} turns", seconds=PROGRESS_SECONDS)

        report = await self._engine.import_file(file, tell)
        skipped = [f"{shorten(each.record, 80)}: {shorten(each.reason, 120)}" for each in report.skipped[:3]]
        host.say(f"Imported {shorten(file.name, 80)}", "\n".join([report.summary(), *skipped]), long=True)
        await self.refresh()

    async def undo(self) -> None:
        """Undo the last action. Errors are shown."""
        await self._chat.action_undo()
        await self.refresh()
