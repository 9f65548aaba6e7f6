"""The prompt: a draft that is sent by Enter, with the prompts before it and with completions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.document._document import EditResult
from textual.document._edit import Edit
from textual.message import Message

from chat_tui.tui.actions import bindings
from chat_tui.tui.prompt.completer import PromptCompleter
from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.draft_area import DraftArea
from chat_tui.tui.prompt.named_files import NamedFiles
from chat_tui.tui.prompt.prompt_recall import PromptRecall

PLACEHOLDER = "Ask anything · / for commands · @ for files"


def _no_completions(text: str) -> Sequence[CompletionItem]:
    return ()


async def _no_files(typed: str) -> Sequence[CompletionItem]:
    return ()


class Prompt(DraftArea):
    """The input of the chat. Enter sends, Ctrl+J makes a new line, Up in the first row shows an earlier prompt."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings.bindings("prompt"),
        Binding("escape", "close_completions", "Close the list", id="answer.cancel", show=False),
    ]

    class Asked(Message):
        """Enter was pressed and `send` did not take the text, which stays until `clear_draft`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Backed(Message):
        """Backspace was pressed at the very start."""

    def __init__(
        self,
        complete: Callable[[str], Sequence[CompletionItem]] = _no_completions,
        completions: CompletionList | None = None,
        *,
        find_files: Callable[[str], Awaitable[Sequence[CompletionItem]]] = _no_files,
        blink: bool = False,
        placeholder: str = PLACEHOLDER,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(blink=blink, placeholder=placeholder, id=id, classes=classes)
        self.earlier: Sequence[str] = ()
        """Earlier prompts, newest first; Up walks through them. (`history` is the text area's undo history.)"""
        self.take_back: Callable[[], bool] = lambda: False
        """What Up in an empty prompt does first: it brings words back that wait; False when none do."""
        self.step_out: Callable[[], bool] = lambda: False
        """What Up in an empty prompt does then: it goes to the messages; False where there are none."""
        self.send: Callable[[str], bool] = self._ask
        """What Enter does with a text; True when it is taken. The prompt is cleared then, before the next key."""
        self.note_blank: Callable[[], None] = lambda: None
        self.jump_to_end: Callable[[], object] = lambda: None
        """Called for End in an empty prompt."""
        """What Enter does where there are no words."""
        self.command_argument: Callable[[str], Sequence[str]] = lambda text: ()
        """Describes the argument of the slash command that a text begins, the longest first; called for texts with a
        slash only."""
        self.steer: Callable[[], bool] = lambda: False
        """What Tab does before it moves the focus: it steers with the text that waits; False when none does."""
        self.named = NamedFiles(lambda: self.document.lines)
        """The files that the text names."""
        popup = completions if completions is not None else CompletionList()
        self.completer = PromptCompleter(self, popup, self.named, complete, find_files)
        self._recall = PromptRecall(self._held.restore)

    # The draft

    def set_draft(self, text: str) -> None:
        """Put this text in place of what is there (undo brings that back), with the cursor at its end."""
        self._recall.stop()
        super().set_draft(text)

    def clear_draft(self, recoverable: bool = False) -> None:
        """Empty the prompt; recoverable means that undo brings the text back."""
        self._recall.forget()
        super().clear_draft(recoverable)

    def show_text(self, text: str, row: int | None = None) -> None:
        """Replace everything; the list stays closed until more is written."""
        super().show_text(text, row)
        self.named.reset()
        self.completer.dismiss_text()

    def load_text(self, text: str) -> None:
        """Replace everything, without a way back."""
        super().load_text(text)
        self.named.reset()

    def undo(self) -> None:
        """Undo the last edit."""
        super().undo()
        self.named.reset()

    def redo(self) -> None:
        """Redo the last edit that was undone."""
        super().redo()
        self.named.reset()

    def paste(self, text: str, *, by_person: bool = True) -> None:
        """Insert the text; for one that a person has pasted, the path of a file or the address of a page is offered as
        an attachment."""
        begin = min(*self.selection)
        super().paste(text)
        if not by_person:
            self.completer.dismiss_text()
        elif not self.completer.take_pasted_address(begin, text):
            self.completer.offer_pasted(begin, text)

    def _follow_edit(self, edit: Edit, result: EditResult) -> None:
        self.named.follow_edit(edit.top, edit.bottom, edit.text, result.end_location, typed=not self.is_bulk)

    def _follow_change(self) -> None:
        self.completer.follow()

    def _on_blur(self, event: events.Blur) -> None:
        self.completer.close()

    # Keys

    def action_send(self) -> None:
        """Take the current completion, unless the text is one already; else ask."""
        current = self.completer.current()
        if current is not None and not self.completer.is_sent_as_words() and self.completer.changes(current):
            self.completer.take(current)
            return
        self.completer.dismiss()
        draft = self.draft
        if not draft.strip():
            self.note_blank()
        elif self.send(draft):
            self.clear_draft()

    def _ask(self, text: str) -> bool:
        self.post_message(self.Asked(text))
        return False

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up: in the open list, in the text, and from its first row to the prompt before."""
        if self.completer.current() is not None:
            self.completer.popup.move(-1)
        elif select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
        elif self.text or not (self.take_back() or self.step_out()):
            self._show_recalled(1)

    def action_cursor_line_end(self, select: bool = False) -> None:
        """Move to the line's end; in an empty prompt, jump to the latest message."""
        if self.text:
            super().action_cursor_line_end(select)
        else:
            self.jump_to_end()

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down: in the open list, in the text, and from its last row to the prompt after, at last the draft."""
        if self.completer.current() is not None:
            self.completer.popup.move(1)
        elif select or not self.navigator.is_last_wrapped_line(self.cursor_location):
            super().action_cursor_down(select)
        else:
            self._show_recalled(-1)

    def action_recall(self, step: int) -> None:
        """Show the prompt before (1) or after (-1) the one that is shown, wherever the cursor is."""
        if (text := self._recall.step(step, self.earlier, self.text)) is not None:
            self.show_text(text)

    def _show_recalled(self, step: int) -> None:
        """Show the earlier prompt that is a step away; at either end the cursor moves as in any text."""
        text = self._recall.step(step, self.earlier, self.text)
        if text is not None:
            self.show_text(text, row=0 if step > 0 else None)
        elif step > 0:
            super().action_cursor_up()
        else:
            super().action_cursor_down()

    def action_complete(self) -> None:
        """Take the current completion; without one steer, where that is offered, else move the focus: at once, so that
        a letter typed behind it is for what has the keys then."""
        current = self.completer.current()
        if current is not None and self.completer.changes(current, exactly=True):
            self.completer.take(current)
            return
        self.completer.dismiss()
        if not self.steer():
            self.screen.focus_next()

    def action_close_completions(self) -> None:
        """Close the list; when it is closed the key goes on."""
        if self.completer.current() is None:
            raise SkipAction
        self.completer.dismiss()

    def action_delete_left(self) -> None:
        """Delete to the left; at the very start, `Backed` is posted, which detaches a file."""
        if self.selection.is_empty and self.cursor_location == (0, 0):
            self.post_message(self.Backed())
        else:
            super().action_delete_left()


def has_shell_command(prompt: Prompt) -> bool:
    """Return whether the text is a command for the shell: `!` and more. The `!` must have been typed, since what is
    pasted may come from anywhere; `![` begins an image in Markdown."""
    text = prompt.text
    is_command = text.startswith("!") and not text.startswith("![") and bool(text[1:].strip())
    return is_command and prompt.named.are_typed(0, 0, 1)
