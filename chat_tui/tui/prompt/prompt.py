"""The prompt: a draft that is sent by Enter, with the prompts before it and with completions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Literal

from msgspec import Struct
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.document._edit import Edit
from textual.message import Message

from chat_tui.core.text.control_characters import clean
from chat_tui.tui.actions import bindings
from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.draft_area import DraftArea
from chat_tui.tui.prompt.mentions import mention_at, mention_of, mentions, pasted_paths
from chat_tui.tui.prompt.typed_characters import TypedCharacters

PLACEHOLDER = "Ask anything · / for commands · @ for files"
_MOST_NAMES = 10_000
"""A path is noted at each of its letters."""


def _same(one: str, other: str) -> bool:
    """Whether two texts differ only in case and in blanks around them."""
    return one.strip().casefold() == other.strip().casefold()


def _no_completions(text: str) -> Sequence[CompletionItem]:
    return ()


async def _no_files(typed: str) -> Sequence[CompletionItem]:
    return ()


class CompletionRange(Struct, frozen=True):
    """Some text of the prompt that could become another."""

    kind: Literal["command", "file", "path", "dropped"]
    begin: Location
    end: Location
    text: str


class Prompt(DraftArea):
    """Where people write. Enter asks, Ctrl+J makes a new line, Up at the first row brings an earlier prompt."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings.bindings("prompt"),
        Binding("escape", "close_completions", "Close the list", id="answer.cancel", show=False),
    ]

    class Asked(Message):
        """Enter was pressed, and nobody has taken the text at the key: it stays until `clear_draft`."""

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
        self.send: Callable[[str], bool] = self._ask
        """What Enter does with a text; True when it is taken. The prompt is cleared then, before the next key."""
        self.note_blank: Callable[[], None] = lambda: None
        """What Enter does where there are no words."""
        self.command_argument: Callable[[str], str] = lambda text: ""
        """Describes the argument of the slash command that a text begins; called for texts with a slash only."""
        self.before_path: Callable[[str], str] = lambda text: ""
        """Returns the part of a slash command before the path that it takes; empty if it takes none."""
        self.steer: Callable[[], bool] = lambda: False
        """What Tab does before it moves the focus: it steers the answer; False when that is not offered."""
        self._complete = complete
        self._completions = completions if completions is not None else CompletionList()
        self._completions.on_taken = self._take
        self._find_files = find_files
        self._completed: CompletionRange | None = None
        self._listed: CompletionRange | None = None
        self._dismissed: CompletionRange | None = None
        self._offered: CompletionRange | None = None
        self._named: set[str] = set()
        self._typed = TypedCharacters()
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
        super().show_text(text, row)
        self._reset_typed()
        self._dismissed = self._completion_range()

    def load_text(self, text: str) -> None:
        """Replace everything, without a way back."""
        super().load_text(text)
        self._reset_typed()

    def undo(self) -> None:
        """Take the last edit back."""
        super().undo()
        self._reset_typed()

    def redo(self) -> None:
        """Make the edit again that was taken back last."""
        super().redo()
        self._reset_typed()

    # Keys

    def action_send(self) -> None:
        """Take the current completion, unless the text is one already; else ask."""
        current = self._open_completion()
        if current is not None and not self._is_sent_as_words() and not _same(current.text, self._wanted_text()):
            self._take(current)
            return
        self._dismiss()
        draft = self.draft
        if not draft.strip():
            self.note_blank()
        elif self.send(draft):
            self.clear_draft()

    def _ask(self, text: str) -> bool:
        self.post_message(self.Asked(text))
        return False

    def _is_sent_as_words(self) -> bool:
        """A path was pasted among words: Enter sends them, and only Tab attaches the file.

        Alone it is offered to Enter as well, since as words it would be a command that there is not.
        """
        completed = self._completed
        return completed is not None and completed.kind == "dropped" and not self.text.startswith("/")

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up: in the open list, in the text, and from its first row to the prompt before."""
        if self._open_completion() is not None:
            self._completions.move(-1)
        elif select or not self.navigator.is_first_wrapped_line(self.cursor_location):
            super().action_cursor_up(select)
        elif self.text or not self.take_back():
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
        """Take the current completion; without one steer, where that is offered, else move the focus: at once, so that
        a letter typed behind it is for what has the keys then."""
        current = self._open_completion()
        if current is not None and current.text != self._wanted_text():
            self._take(current)
            return
        self._dismiss()
        if not self.steer():
            self.screen.focus_next()

    def action_close_completions(self) -> None:
        """Close the list; when it is closed the key goes on."""
        if self._open_completion() is None:
            raise SkipAction
        self._dismiss()

    def _open_completion(self) -> CompletionItem | None:
        """The current row for the text as it is now: a key may come before the message about the last change."""
        self.follow_change()
        # A list of files comes a moment after the letters that it is for.
        return self._completions.current if self._listed == self._completed else None

    def _completion_range(self) -> CompletionRange | None:
        """The piece of the text that could be completed."""
        offered = self._offered
        if offered is not None and self.get_text_range(offered.begin, offered.end) == offered.text:
            return offered
        self._offered = None
        row, column = self.cursor_location
        line = self.document.get_line(row)
        if row == 0 and line.startswith("/") and self.document.line_count == 1:
            if (command := self.before_path(line)) and column > 0:
                return CompletionRange("path", (0, len(command)), (0, len(line)), line.removeprefix(command))
            return CompletionRange("command", (0, 0), (0, len(line)), line)
        named = mention_at(line, column) if "@" in line else None
        if named is not None and self._typed.are_typed(row, named.begin, column):
            return CompletionRange("file", (row, named.begin), (row, column), line[named.begin : column])
        return None

    def _wanted_text(self) -> str:
        return self._completed.text if self._completed is not None else ""

    def follow_change(self) -> None:
        """Show what the text could become."""
        wanted = self._completion_range()
        if wanted is None or wanted == self._dismissed:
            self._completed = None
            self._completions.close()
            return
        self._dismissed = None
        if wanted == self._completed:
            return
        self._completed = wanted
        if wanted.kind == "command":
            self._offer(wanted, tuple(self._complete(wanted.text)))
        elif wanted.kind in ("file", "path"):
            self.run_worker(self._find(wanted), group="files")

    async def _find(self, wanted: CompletionRange) -> None:
        if wanted == self._completed:
            found = await self._find_files(wanted.text)
            if wanted.kind == "path":
                found = [CompletionItem(one.text.strip().removeprefix("@"), one.help) for one in found]
            self._offer(wanted, found)

    def _offer(self, wanted: CompletionRange, items: Sequence[CompletionItem]) -> None:
        if wanted == self._completed:
            exact = next((index for index, item in enumerate(items) if _same(item.text, wanted.text)), 0)
            self._listed = wanted
            self._completions.open(items, exact)

    def _take(self, item: CompletionItem) -> None:
        wanted, text = self._completed, clean(item.text)
        self._dismissed, self._offered = None, None
        if wanted is None or wanted.kind == "command":
            self.show_text(text)
        else:
            self.replace(text, wanted.begin, wanted.end, maintain_selection_offset=False)
            self.move_cursor((wanted.begin[0], wanted.begin[1] + len(text)))
            for found in mentions(text):
                self._named.add(found.path)
        self._dismissed = None
        self.follow_change()

    def _dismiss(self) -> None:
        self._dismissed = self._completion_range()
        self._completions.close()

    def _on_blur(self, event: events.Blur) -> None:
        self._completions.close()
        self._completed = None

    # Files

    def names(self) -> list[str]:
        """The paths that the text names and that somebody has typed or chosen: what was pasted names nothing."""
        if not self._named or "@" not in self.text:
            return []
        found = [
            named.path
            for row, line in enumerate(self.document.lines)
            for named in mentions(line)
            if named.path in self._named and self._typed.are_typed(row, named.begin, named.end)
        ]
        return list(dict.fromkeys(found))

    def take_name(self, path: str) -> None:
        """Take a name as that of its file, wherever the text has it."""
        if path:
            self._named.add(path)
            self._reset_typed()

    def forget_name(self, path: str) -> None:
        """Take a name as plain text from now on."""
        self._named.discard(path)

    def follow_edit(self, edit: Edit, result: EditResult) -> None:
        """A file that is named by typing is meant, as long as nothing of its name was pasted."""
        row, column = result.end_location
        inserted = edit.text.splitlines() or [""]
        if len(inserted) <= row - edit.top[0]:
            inserted.append("")
        self._typed.replace(edit.top, edit.bottom, inserted, typed=not self.is_bulk)
        if not self.is_bulk and len(self._named) < _MOST_NAMES:
            named = mention_at(self.document.get_line(row), column)
            if named is not None and named.path and self._typed.are_typed(row, named.begin, named.end):
                self._named.add(named.path)

    def _reset_typed(self) -> None:
        """The text came back as a whole: from a draft, a question before, or by undo."""
        self._typed.reset(self.document.lines, self._named)

    def paste(self, text: str) -> None:
        """Insert the text; the path of a file is offered to go along."""
        begin = self.selection.start if self.selection.start <= self.selection.end else self.selection.end
        super().paste(text)
        if paths := pasted_paths(text):
            piece = CompletionRange(
                "dropped", begin, self.cursor_location, self.get_text_range(begin, self.cursor_location)
            )
            self.run_worker(self._offer_files(piece, paths), group="files")

    async def _offer_files(self, piece: CompletionRange, paths: Sequence[str]) -> None:
        if await asyncio.to_thread(_all_files, paths) and self.get_text_range(piece.begin, piece.end) == piece.text:
            self._offered, self._dismissed = piece, None
            self.follow_change()
            what = "attach this file" if len(paths) == 1 else f"attach these {len(paths)} files"
            self._offer(
                piece,
                [CompletionItem(" ".join(map(mention_of, paths)) + " ", f"Tab: {what} · Enter: send the text")],
            )

    def action_delete_left(self) -> None:
        """Delete to the left; at the very start there may be a file to be taken off."""
        if self.selection.is_empty and self.cursor_location == (0, 0):
            self.post_message(self.Backed())
        else:
            super().action_delete_left()


def _all_files(paths: Sequence[str]) -> bool:
    return all(os.path.isfile(os.path.expanduser(path)) for path in paths)
