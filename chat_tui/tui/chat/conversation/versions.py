"""The versions of questions and answers: showing, comparing, branching, and undoing these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import CommandError
from chat_tui.tui.actions import bindings
from chat_tui.tui.chat.conversation.display import ConversationDisplay
from chat_tui.tui.chat.conversation.session import ConversationSession
from chat_tui.tui.chat.conversation.undo import Undo
from chat_tui.tui.prompt.prompt import Prompt


class MessageVersions:
    """Changes between versions of the conversation in view. `open_conversation` brings another one into view."""

    def __init__(
        self,
        session: ConversationSession,
        display: ConversationDisplay,
        prompt: Prompt,
        undo: Undo,
        open_conversation: Callable[[str], Awaitable[None]],
    ) -> None:
        self._session, self._display, self._prompt = session, display, prompt
        self._undo, self._open = undo, open_conversation

    async def show_version(self, step: int, turn_id: str = "", *, number: int = 0) -> None:
        """Show the version that is `step` further on, or the one with this number, of a turn; by default of the last
        one that has several. Raises `ChatTuiError`."""
        session, display = self._session, self._display
        conversation_id = session.conversation_id
        if session.engine is None or conversation_id is None or not display.can_change():
            return
        async with session.changing:
            conversation = await display.read_settled(conversation_id)
            turn_id = turn_id or _last_with_versions(conversation)
            ids = conversation.forks.get(turn_id, ())
            if not ids:
                self._say_one_version()
                return
            place = number - 1 if number else ids.index(turn_id) + step
            if 0 <= place < len(ids) and ids[place] != turn_id:
                path = await session.engine.conversations.select(conversation_id, ids[place])
                display.show_path(path, chosen=True)

    async def compare(self) -> None:
        """Show the differences between the versions of the chosen turn, else of the last one that has several. Raises
        `ChatTuiError`."""
        session, chosen = self._session, self._display.transcript.viewport.cursor
        if session.engine is None or session.conversation_id is None:
            return
        store = session.engine.conversations
        conversation = await store.conversation(session.conversation_id)
        turn_id = conversation.path[chosen].id if chosen is not None else _last_with_versions(conversation)
        versions = await store.siblings(conversation.id, turn_id) if turn_id in conversation.forks else []
        shown = next((place for place, turn in enumerate(versions) if turn.id == turn_id), None)
        if shown is None or len(versions) < 2:
            self._say_one_version()
            return
        from chat_tui.tui.dialogs.diff import DiffScreen

        widget = self._display.widget
        if widget.app.screen is widget.screen:
            widget.app.push_screen(DiffScreen(versions, shown))

    async def branch(self) -> None:
        """End the path at the chosen turn: the next question starts another branch. Raises `ChatTuiError`."""
        session, display = self._session, self._display
        turns, end = display.transcript.turns, display.transcript.viewport.cursor
        if session.engine is None or session.conversation_id is None or end is None:
            raise CommandError(
                "Choose a message first.",
                "Up and Down in the conversation choose one; /branch then branches from there.",
            )
        if not display.can_change():
            return
        if turns[end].role == "user" and end + 1 < len(turns):
            # A question keeps its answer: two questions in a row would be sent as one.
            end += 1
        if end + 1 == len(turns):
            display.host.say("This is already the last message", "Your next question follows it.")
            return
        conversation_id = session.conversation_id
        await self._end_at(conversation_id, turns[end].id)
        self.remember("branch", conversation_id, turns[-1])
        # Focused before the notice: it names the keys that work from there.
        self._prompt.screen.set_focus(self._prompt)
        display.host.say("Your next question starts a new branch", f"The old branch is kept; {self.undo_keys}.")

    async def _end_at(self, conversation_id: str, turn_id: str) -> None:
        """End the path of the conversation in view at this turn."""
        assert self._session.engine is not None
        async with self._session.changing:
            await self._display.read_settled(conversation_id)
            path = await self._session.engine.conversations.end_at(conversation_id, turn_id)
            self._display.show_path(path)

    async def show_chosen(self, conversation: Conversation) -> None:
        """Show the end of a path on which another version of an answer was chosen, if that conversation is in view."""
        if conversation.id != self._session.conversation_id:
            return
        async with self._session.changing:
            await self._display.wait_until_shown()
            self._display.show_path(conversation)
            self._display.transcript.viewport.choose_id(conversation.path[-1].id)
            self._display.transcript.viewport.follow()

    def remember(self, what: Literal["branch", "answer", "question"], conversation_id: str, leaf: Turn) -> None:
        """Let undo return to the path that ended with this turn, which shows the previous version of `what`."""
        back = partial(self._go_back, conversation_id, leaf.id)
        self._undo.push(f"go back to the previous {what}", f"Back to the previous {what}", back)

    async def _go_back(self, conversation_id: str, leaf: str) -> None:
        session = self._session
        assert session.engine is not None
        if session.engine.running(conversation_id) or conversation_id in session.engine.tools.conversations():
            raise CommandError("An answer is still running there.", "Stop it with Esc, then undo.")
        if conversation_id != session.conversation_id:
            await self._open(conversation_id)
        await self._end_at(conversation_id, leaf)

    @property
    def undo_keys(self) -> str:
        """The keys that undo a change from the current focus, such as `Tab u undoes it`."""
        changed = self._display.host.changed_keys
        reads = self._prompt.screen.focused is self._display.transcript
        return f"{bindings.keys_to('change.undo', changed, from_prompt=not reads)} undoes it"

    async def undo(self) -> None:
        """Undo the last action. Raises `ChatTuiError`."""
        self._display.host.say(await self._undo.take() or "There is nothing to undo")

    def _say_one_version(self) -> None:
        host = self._display.host
        edit, again = (bindings.first_key(id, host.changed_keys) for id in ("question.edit", "answer.regenerate"))
        host.say("This message has only one version", f"{edit} edits a question, {again} regenerates an answer.")


def _last_with_versions(conversation: Conversation) -> str:
    """Return the id of the last turn that has several versions; empty if there is none."""
    return next((turn.id for turn in reversed(conversation.path) if turn.id in conversation.forks), "")
