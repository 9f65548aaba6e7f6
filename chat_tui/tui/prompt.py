"""The prompt: a text area that sends, grows, recalls, completes, and takes a paste of any size at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.binding import Binding, BindingsMap, BindingType, Keymap
from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from chat_tui.text_safety import clean
from chat_tui.tui.completion import Completion, CompletionList

PLACEHOLDER = "Ask anything · / for commands"
EDITED_SECONDS = 0.2
"""How long after a change `Prompt.Edited` tells of it; more changes meanwhile do not put it off."""

# What a text area lays out without a pause that is felt: 20,000 characters take it 14 ms, and each key in a line of
# 4,000 characters 10 ms. What is pasted beyond that is held aside.
_CHARACTERS, _LINES, _LINE_CHARACTERS = 20_000, 500, 4_000
# A draft that grew in pieces may be larger before it comes back as one held piece.
_RESTORED = 2.5

# Text areas, at least the older ones, have a use for these; here they belong to the screen.
_SCREEN_KEYS = ("f6", "ctrl+f", "pageup", "pagedown")


class HeldPastes:
    """Texts too long to edit, each under the short name that stands for it in the prompt."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def hold(self, text: str) -> str:
        """Keep the text; the name that stands for it."""
        for name, held in self._texts.items():
            if held == text:
                return name
        lines = text.count("\n") + (not text.endswith("\n"))
        what = f"pasted {_size(len(text.encode('utf-8', 'replace')))}, {lines:,} line{'s' * (lines != 1)}"
        name, number = f"[{what}]", 1
        while name in self._texts:
            number += 1
            name = f"[{what} #{number}]"
        self._texts[name] = text
        self._pattern = re.compile("|".join(map(re.escape, self._texts)))
        return name

    def expand(self, text: str) -> str:
        """The text with what the names stand for."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._texts[match.group()], text)

    def around(self, line: str, column: int) -> tuple[int, int]:
        """The columns where the name begins and ends that this column is inside of; twice the column if in none."""
        if self._pattern is not None:
            for match in self._pattern.finditer(line):
                if match.start() < column < match.end():
                    return match.span()
        return column, column

    def forget(self) -> None:
        """Let go of all of them."""
        self._texts.clear()
        self._pattern = None


def _size(count: int) -> str:
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.1f} kB" if count < 999_950 else f"{count / 1_000_000:.1f} MB"


def _is_long(text: str, times: float = 1.0) -> bool:
    if len(text) > _CHARACTERS * times or text.count("\n") > _LINES * times:
        return True
    limit = _LINE_CHARACTERS * times
    return len(text) > limit and max(map(len, text.split("\n"))) > limit


def _plain(text: str) -> str:
    """Text from a clipboard or a file, with plain newlines and without controls."""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))


def _no_completions(text: str) -> Sequence[Completion]:
    return ()


class Prompt(TextArea, inherit_bindings=False):
    """Where people write. One row at first, ten at most; Enter asks, Ctrl+J makes a new line.

    `text` is what stands there, `draft` the same with held pastes written out.
    """

    DEFAULT_CSS = """
    Prompt {
        width: 1fr;
        height: auto;
        max-height: 12;
        padding: 0 1;
        border: round $border-blurred;
        border-title-color: $warning;
        background: transparent;
        color: $foreground;
        overflow-x: hidden;
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & .text-area--placeholder { color: $text-muted; }
        & .text-area--cursor { background: $foreground; color: $background; }
        &:focus { border: round $border; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in TextArea.BINDINGS if isinstance(binding, Binding) and binding.key not in _SCREEN_KEYS),
        Binding("enter", "send", "Send", id="prompt.send", show=False),
        Binding("ctrl+j,shift+enter", "new_line", "New line", id="prompt.new_line", show=False),
        Binding("tab", "complete", "Complete", id="prompt.complete", show=False),
        Binding("escape", "close_completions", "Close the list", id="prompt.close_completions", show=False),
    ]

    class Asked(Message):
        """Enter was pressed; the text stays until `clear_draft`."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Edited(Message):
        """The draft has changed, at most a fifth of a second ago."""

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
        super().__init__(
            id=id, classes=classes, highlight_cursor_line=False, placeholder=placeholder, tab_behavior="focus"
        )
        self.cursor_blink = blink
        self.match_cursor_bracket = False
        self.earlier: Sequence[str] = ()
        """Earlier prompts, newest first; Up walks through them. (`history` is the text area's undo history.)"""
        self._complete = complete
        self._completions = completions if completions is not None else CompletionList()
        self._completions.on_taken = self._take
        self._completed_for = ""
        self._dismissed_for = ""
        self._held = HeldPastes()
        self._recalled = -1
        self._recalled_text = ""
        self._unfinished = ""
        self._told = ""
        self._edited_timer: Timer | None = None
        self._mapped: tuple[Keymap, BindingsMap] | None = None

    # The draft

    @property
    def draft(self) -> str:
        """What would be asked: the text with held pastes written out."""
        return self._held.expand(self.text)

    def set_draft(self, text: str) -> None:
        """Put this text in place of what is there (undo brings that back), with the cursor at its end."""
        self._recalled = -1
        self._show(self._restorable(text))

    def clear_draft(self, recoverable: bool = False) -> None:
        """Empty the prompt; recoverable means that undo brings the text back."""
        self._recalled, self._unfinished = -1, ""
        if recoverable:
            self._show("")
        else:
            self.load_text("")
            self._held.forget()

    def paste(self, text: str) -> None:
        """Insert the text at the cursor, as a paste does: a long one is held aside under a short name."""
        text = _plain(text)
        room = _CHARACTERS * _RESTORED - len(self.text)
        if _is_long(text) or len(text) > max(room, 200):
            text = self._held.hold(text)
        self.replace(text, *self.selection, maintain_selection_offset=False)

    def _restorable(self, text: str) -> str:
        text = _plain(text)
        return self._held.hold(text) if _is_long(text, _RESTORED) else text

    def _show(self, text: str, row: int | None = None) -> None:
        """Replace everything; the cursor goes to the end of the row, by default the last one."""
        self._dismissed_for = text
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        if row is not None:
            self.move_cursor((row, len(self.document.get_line(row))))

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.paste(event.text)

    def action_paste(self) -> None:
        """Paste what was copied inside the app."""
        self.paste(self.app.clipboard)

    def action_copy(self) -> None:
        """Copy the selection; without one the key goes on."""
        if self.selection.is_empty:
            raise SkipAction
        super().action_copy()

    @property
    def selected_text(self) -> str:
        """The selected text with held pastes written out."""
        return self._held.expand(super().selected_text)

    def edit(self, edit: Edit) -> EditResult:
        """Edit the text; the name of a held paste is one piece, it goes or stays as a whole."""
        top, bottom = edit.top, edit.bottom
        begin, end = self._around(top)[0], self._around(bottom)[1]
        if top == bottom:
            begin = end
        if (begin, end) != (top, bottom):
            edit = Edit(edit.text, begin, end, edit.maintain_selection_offset)
        return super().edit(edit)

    def _around(self, location: Location) -> tuple[Location, Location]:
        row, column = location
        if row >= self.document.line_count:
            return location, location
        start, end = self._held.around(self.document.get_line(row), column)
        return (row, start), (row, end)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """Brackets are not matched here: it reads the whole text at each key."""
        return None

    # Changes

    @on(TextArea.Changed)
    def _note_change(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.max_scroll_y > 0:
            # The text area scrolled before it knew its new height.
            self.scroll_cursor_visible()
        self._follow_completions()
        if self._edited_timer is None:
            self._edited_timer = self.set_timer(EDITED_SECONDS, self._tell_edited)

    def _tell_edited(self) -> None:
        self._edited_timer = None
        draft = self.draft
        if draft != self._told:
            self._told = draft
            self.post_message(self.Edited(draft))

    # Keys

    async def _on_key(self, event: events.Key) -> None:
        # Textual runs bindings only after the key has gone up to the app; what was typed behind it in one burst would
        # be in the text before an Enter or a backspace acts.
        if event.is_printable:
            return
        for binding in self._keys().key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

    def _keys(self) -> BindingsMap:
        """The prompt's own keys with the user's keymap applied."""
        keymap = self.app._keymap
        if self._mapped is None or self._mapped[0] is not keymap:
            bindings = self._bindings.copy()
            bindings.apply_keymap(keymap)
            self._mapped = (keymap, bindings)
        return self._mapped[1]

    def action_new_line(self) -> None:
        """Insert a newline."""
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_send(self) -> None:
        """Take the current completion, unless the text is one already; else ask."""
        current = self._open_completion()
        if current is not None and current.text.strip() != self.text.strip().casefold():
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
            self._recalled_text = self._unfinished if index < 0 else self._restorable(self.earlier[index])
            self._show(self._recalled_text, row=0 if up else None)

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
        self._follow_completions()
        return self._completions.current

    def _follow_completions(self) -> None:
        text = self.document.get_line(0) if self.document.line_count == 1 else ""
        if not text.startswith("/") or text == self._dismissed_for:
            self._completed_for = ""
            self._completions.close()
            return
        self._dismissed_for = ""
        if text != self._completed_for:
            self._completed_for = text
            items = tuple(self._complete(text))
            exact = next((index for index, item in enumerate(items) if item.text.strip() == text.strip().casefold()), 0)
            self._completions.open(items, exact)

    def _take(self, item: Completion) -> None:
        self._show(clean(item.text))
        self._dismissed_for = ""
        self._follow_completions()

    def _dismiss(self) -> None:
        self._dismissed_for = self.text
        self._completions.close()

    def _on_blur(self, event: events.Blur) -> None:
        self._completions.close()
        self._completed_for = ""
