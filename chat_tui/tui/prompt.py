"""The prompt: a draft that is sent by Enter, with the prompts before it and with completions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message

from chat_tui.text_safety import clean
from chat_tui.tui.completion import Completion, CompletionList
from chat_tui.tui.draft_area import DraftArea

PLACEHOLDER = "Ask anything · / for commands"


def _same(one: str, other: str) -> bool:
    """The same but for blanks around it and for case."""
    return one.strip().casefold() == other.strip().casefold()


def _no_completions(text: str) -> Sequence[Completion]:
    return ()


class Prompt(DraftArea):
    """Where people write. Enter asks, Ctrl+J makes a new line, Up at the first row brings an earlier prompt."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="prompt.send", show=False),
        Binding("tab", "complete", "Complete", id="prompt.complete", show=False),
        Binding("escape", "close_completions", "Close the list", id="prompt.close_completions", show=False),
    ]

    class Asked(Message):
        """Enter was pressed; the text stays until `clear_draft`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self,
        complete: Callable[[str], Sequence[Completion]] = _no_completions,
        completions: CompletionList | None = None,
        *,
        blink: bool = False,
        placeholder: str = PLACEHOLDER,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(blink=blink, placeholder=placeholder, id=id, classes=classes)
        self.earlier: Sequence[str] = ()
        """Earlier prompts, newest first; Up walks through them. (`history` is the text area's undo history.)"""
        self._complete = complete
        self._completions = completions if completions is not None else CompletionList()
        self._completions.on_taken = self._take
        self._completed_for = ""
        self._dismissed_for = ""
        self._recalled = -1
        self._recalled_text = ""
        self._unfinished = ""

    # The draft

    def set_draft(self, text: str) -> None:
        """Put this text in place of what is there (undo brings that back), with the cursor at its end."""
        self._recalled = -1
        super().set_draft(text)

    def clear_draft(self, recoverable: bool = False) -> None:
        """Empty the prompt; recoverable means that undo brings the text back."""
        self._recalled, self._unfinished = -1, ""
        super().clear_draft(recoverable)

    def show_text(self, text: str, row: int | None = None) -> None:
        """Replace everything; the list stays closed until more is written."""
        self._dismissed_for = text
        super().show_text(text, row)

    # Keys

    def action_send(self) -> None:
        """Take the current completion, unless the text is one already; else ask."""
        current = self._open_completion()
        if current is not None and not _same(current.text, self.text):
            self._take(current)
            return
        self._dismiss()
        draft = self.draft
        if draft.strip():
            self.post_message(self.Asked(draft))

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up: in the open list, in the text, and from its first row to the prompt before."""
        if self._open_completion() is not None:
            self._completions.move(-1)
        elif select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
        else:
            self._recall(self._recalled + 1)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down: in the open list, in the text, and from its last row to the prompt after, at last the draft."""
        if self._open_completion() is not None:
            self._completions.move(1)
        elif select or not self.navigator.is_last_wrapped_line(self.cursor_location):
            super().action_cursor_down(select)
        else:
            self._recall(self._recalled - 1)

    def _recall(self, index: int) -> None:
        """Show an earlier prompt, or the unfinished draft for -1; at either end the cursor moves as in any text."""
        if index < -1:
            super().action_cursor_down()
        elif index >= len(self.earlier):
            super().action_cursor_up()
        else:
            if self._recalled < 0 or self.text != self._recalled_text:
                # A draft, or an earlier prompt that was changed: it comes back below the newest one.
                self._unfinished = self.text
            up, self._recalled = index > self._recalled, index
            self._recalled_text = self._unfinished if index < 0 else self.restorable(self.earlier[index])
            self.show_text(self._recalled_text, row=0 if up else None)

    # Completions

    def action_complete(self) -> None:
        """Take the current completion; without one the key goes on to move the focus."""
        current = self._open_completion()
        if current is None or current.text == self.text:
            self._dismiss()
            raise SkipAction
        self._take(current)

    def action_close_completions(self) -> None:
        """Close the list; when it is closed the key goes on."""
        if self._open_completion() is None:
            raise SkipAction
        self._dismiss()

    def _open_completion(self) -> Completion | None:
        """The current row for the text as it is now: a key may come before the message about the last change."""
        self.follow_change()
        return self._completions.current

    def follow_change(self) -> None:
        """Show what the text could become."""
        text = self.document.get_line(0) if self.document.line_count == 1 else ""
        if not text.startswith("/") or text == self._dismissed_for:
            self._completed_for = ""
            self._completions.close()
            return
        self._dismissed_for = ""
        if text != self._completed_for:
            self._completed_for = text
            items = tuple(self._complete(text))
            exact = next((index for index, item in enumerate(items) if _same(item.text, text)), 0)
            self._completions.open(items, exact)

    def _take(self, item: Completion) -> None:
        self.show_text(clean(item.text))
        self._dismissed_for = ""
        self.follow_change()

    def _dismiss(self) -> None:
        self._dismissed_for = self.text
        self._completions.close()

    def _on_blur(self, event: events.Blur) -> None:
        self._completions.close()
        self._completed_for = ""
