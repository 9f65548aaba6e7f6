"""Messages mode, in which letters are commands: entering, leaving, and confirming commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from textual import events
from textual.binding import Binding

from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.panels.notices import ConfirmationLine

_CALLS = {
    "call.run": "Run the tool call once?",
    "call.always": "Always run this tool here?",
    "call.edit": "Edit the arguments of the tool call?",
    "call.refuse": "Refuse the tool call?",
    "call.details": "Show the whole tool call?",
}
"""What a letter that decides about a tool call asks first: it may be the first of a word that somebody types."""


class _Pending(NamedTuple):
    """A command that waits for confirmation by Enter."""

    run: Callable[[], Awaitable[object]]
    event: events.Key


class MessagesMode:
    """Handles the keys of a transcript that has the focus, before its bindings do.

    Only Tab, or Up in an empty prompt, leads into the mode; the mouse leads out of it. A printable key that is no
    command goes to the prompt, together with the focus. What costs money or writes a file waits for Enter.
    `can_continue` says whether the last answer was cut.
    """

    def __init__(self, chat: ChatView, can_continue: Callable[[], bool]) -> None:
        self._chat, self._can_continue = chat, can_continue
        self._pending: _Pending | None = None
        self._line: ConfirmationLine | None = None
        self._stepped: int | None = None
        """Index of the message that was chosen only by entering the mode."""
        chat.prompt.step_out = self.enter
        chat.transcript_key, chat.leave_transcript = self.run_key, self.leave

    def enter(self) -> bool:
        """Focus the messages; return False if there are none."""
        if not self._chat.transcript.turns or not self._chat.transcript.display:
            return False
        self._chat.screen.set_focus(self._chat.transcript)
        return True

    def follow_focus(self) -> None:
        """Mark the message that keys act on while the messages have the focus; without it, drop a pending
        confirmation."""
        self._name_keys()
        view = self._chat.transcript.viewport
        if not self._chat.transcript.has_focus:
            self.forget_question()
        elif view.cursor is None and (rows := view.filled_rows()):
            self._stepped = rows[-1].position.turn
            view.select(self._stepped)
            self._chat.transcript.repaint()

    def _name_keys(self) -> None:
        """Name the keys in the messages as they work from the current focus."""
        transcript = self._chat.transcript
        if transcript.renderer.keys_from_prompt == transcript.has_focus:
            transcript.renderer.keys_from_prompt = not transcript.has_focus
            transcript.model.views.forget_keys()
            transcript.repaint()

    def leave(self) -> None:
        """Focus the prompt; unselect the message if only entering the mode has selected it."""
        view, stepped = self._chat.transcript.viewport, self._stepped
        self._stepped = None
        if stepped is not None and stepped == view.cursor:
            view.cursor = None
            self._chat.transcript.repaint()
        self._focus_prompt()

    def forget_choice(self) -> None:
        """Unselect the message."""
        self._chat.transcript.viewport.cursor = None
        self._chat.transcript.repaint()

    def _focus_prompt(self) -> None:
        self.forget_question()
        if self._chat.find_bar.display:
            self._chat.find_bar.close()
            self._chat.prompt.display = True
        self._chat.screen.set_focus(self._chat.prompt)

    def run_key(self, event: events.Key) -> None:
        """Handle a key that asks for confirmation, confirms, or is text; others are left to the bindings."""
        pending, bound = self.forget_question(), self._chat.screen.active_bindings.get(event.key)
        if pending is not None and event.key in {"enter", "escape"}:
            if event.key == "enter":
                self._chat.call_later(pending.run)
        elif pending is not None and event.is_printable:
            self._type(pending.event, event)
        elif event.is_printable and (bound is None or not self._is_command(bound.binding, event.key)):
            self._type(event)
        elif pending is None and bound is not None and bound.binding.id == "turn.after" and self._is_at_end():
            self.leave()
        elif bound is not None and (question := self._question(bound.binding.id, event)):
            run = partial(self._chat.app.run_action, bound.binding.action, bound.node)
            self._ask(question, _Pending(run, event))
        else:
            return
        event.stop()
        event.prevent_default()

    def forget_question(self) -> _Pending | None:
        """Return the pending command and forget it."""
        pending, self._pending = self._pending, None
        if self._line is not None:
            self._line.show("")
        return pending

    def _ask(self, question: str, pending: _Pending) -> None:
        self._pending = pending
        if self._line is None:
            self._line = ConfirmationLine()
            self._line.changed_keys = self._chat.host.changed_keys
            self._chat.mount(self._line, before=self._chat.prompt)
        self._line.show(question)

    def _type(self, *keys: events.Key) -> None:
        """Focus the prompt and type these keys there."""
        self._focus_prompt()
        for key in keys:
            self._chat.prompt.post_message(events.Key(key.key, key.character))

    def _is_command(self, binding: Binding, key: str) -> bool:
        """Whether a binding has an effect now: a digit only if there is such a code block."""
        if binding.id in _CALLS:
            round = self._chat.conversation.round
            return round is not None and round.asked is not None
        return not binding.action.startswith("copy_code") or int(key) <= len(self._chat.transcript.viewport.codes())

    def _is_at_end(self) -> bool:
        """Whether the last message is chosen, and its end is in view."""
        view = self._chat.transcript.viewport
        return view.cursor == len(self._chat.transcript.turns) - 1 and not view.lines_below

    def _question(self, id: str | None, event: events.Key) -> str:
        """Return the confirmation question of a command; empty if it acts at once, or refuses."""
        chat = self._chat
        if id in _CALLS and event.is_printable:
            return _CALLS[id]
        if chat.conversation.is_busy:
            return ""
        if id == "answer.regenerate" and chat.conversation.chosen_answer() is not None:
            settings = chat.session.settings()
            return f"Regenerate with {settings.model or settings.strategy or 'the default model'}?"
        if id == "answer.continue" and self._can_continue():
            return "Continue the last answer?"
        return chat.copies.question_before_saving() if id == "code.save" else ""
