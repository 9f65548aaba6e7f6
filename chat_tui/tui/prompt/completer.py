"""What the text of the prompt could become: a command, its argument, a file. Keeps the popup up to date."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct

from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.draft_area import DraftArea
from chat_tui.tui.prompt.named_files import Location, NamedFiles


class CompletionRange(Struct, frozen=True):
    """Some text of the prompt that could become another."""

    kind: Literal["command", "file", "path", "dropped"]
    begin: Location
    end: Location
    text: str


class PromptCompleter:
    """Offers completions in a popup, and puts the one that is taken into the text.

    `complete` gives the completions of a text that begins with a slash, `find_files` those of the beginning of a path.
    """

    def __init__(
        self,
        area: DraftArea,
        popup: CompletionList,
        named: NamedFiles,
        complete: Callable[[str], Sequence[CompletionItem]],
        find_files: Callable[[str], Awaitable[Sequence[CompletionItem]]],
    ) -> None:
        self._area, self._named = area, named
        self.popup = popup
        popup.on_taken = self.take
        self._complete, self._find_files = complete, find_files
        self.before_path: Callable[[str], str] = lambda text: ""
        """Returns the part of a slash command before the path that it takes; empty if it takes none."""
        self._wanted: CompletionRange | None = None
        """What could be completed now; None: nothing, or the popup was dismissed."""
        self._listed: CompletionRange | None = None
        """What the rows of the popup are for: files come a moment after the letters that they are for."""
        self._dismissed: CompletionRange | None = None
        self._dropped: CompletionRange | None = None
        """A pasted path that is offered as a file as long as it is unchanged."""

    def current(self) -> CompletionItem | None:
        """Return the current row for the text as it is now: a key may come before the message about the last edit."""
        self.follow()
        return self.popup.current if self._listed == self._wanted else None

    def changes(self, item: CompletionItem, *, exactly: bool = False) -> bool:
        """Whether taking this row would change the text; unless `exactly`, case and blanks around it do not count."""
        text = self._wanted.text if self._wanted is not None else ""
        return item.text != text if exactly else not _same(item.text, text)

    def is_sent_as_words(self) -> bool:
        """Whether a path was pasted among words: Enter sends them, and only Tab attaches the file.

        Alone it is offered to Enter as well, since as words it would be an unknown command.
        """
        return self._wanted is not None and self._wanted.kind == "dropped" and not self._area.text.startswith("/")

    def follow(self) -> None:
        """Show what the text could become now."""
        wanted = self.range_at_cursor()
        if wanted is None or wanted == self._dismissed:
            self.close()
            return
        self._dismissed = None
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted.kind == "command":
            self._offer(wanted, tuple(self._complete(wanted.text)))
        elif wanted.kind in ("file", "path"):
            self._area.run_worker(self._find(wanted), group="files")

    def refresh(self) -> None:
        """Complete the text as it is once more, since more is known now; the current row stays the current one."""
        if self._wanted is not None:
            self._wanted = None
            self.follow()

    def take(self, item: CompletionItem) -> None:
        """Put a row into the text."""
        area, wanted, text = self._area, self._wanted, item.text
        self._dismissed, self._dropped = None, None
        if wanted is None or wanted.kind == "command":
            area.show_text(text)
        else:
            from chat_tui.core.attachments.mentions import mentions

            area.replace(text, wanted.begin, wanted.end, maintain_selection_offset=False)
            area.move_cursor((wanted.begin[0], wanted.begin[1] + len(text)))
            for mention in mentions(text):
                self._named.add(mention.path)
        self._dismissed = None
        self.follow()

    def close(self) -> None:
        """Close the popup; it opens again as soon as there is something to offer."""
        self._wanted = None
        self.popup.close()

    def dismiss(self) -> None:
        """Close the popup until the text is edited."""
        self._dismissed = self.range_at_cursor()
        self.popup.close()

    def dismiss_text(self) -> None:
        """Offer nothing for the text as it is now, which was put there as a whole."""
        self._dismissed = self.range_at_cursor()

    def take_pasted_address(self, begin: Location, text: str) -> bool:
        """If the address of a web page was pasted at `begin`, behind an @ that was typed, take it as a mention."""
        from chat_tui.core.attachments.mentions import pasted_address

        address = pasted_address(text)
        if not address or not self._named.take_pasted(begin, address):
            return False
        self.follow()
        return True

    def offer_pasted(self, begin: Location, text: str) -> None:
        """If the text that was pasted at `begin` is the paths of files, or the address of a page, offer to attach
        these."""
        from chat_tui.core.attachments.mentions import mention_of, pasted_address, pasted_paths

        if address := pasted_address(text):
            self._offer_dropped(self._range_to_cursor(begin), f"{mention_of(address)} ", "attach this page")
        elif paths := pasted_paths(text):
            self._area.run_worker(self._offer_files(self._range_to_cursor(begin), paths), group="files")

    def _range_to_cursor(self, begin: Location) -> CompletionRange:
        end = self._area.cursor_location
        return CompletionRange("dropped", begin, end, self._area.get_text_range(begin, end))

    async def _offer_files(self, dropped: CompletionRange, paths: Sequence[str]) -> None:
        from chat_tui.core.attachments.mentions import mention_of

        if await asyncio.to_thread(_all_files, paths) and self._is_unchanged(dropped):
            what = "attach this file" if len(paths) == 1 else f"attach these {len(paths)} files"
            self._offer_dropped(dropped, " ".join(map(mention_of, paths)) + " ", what)

    def _offer_dropped(self, dropped: CompletionRange, text: str, what: str) -> None:
        self._dropped, self._dismissed = dropped, None
        self.follow()
        self._offer(dropped, [CompletionItem(text, f"Tab: {what} · Enter: send the text")])

    def _is_unchanged(self, part: CompletionRange) -> bool:
        return self._area.get_text_range(part.begin, part.end) == part.text

    def range_at_cursor(self) -> CompletionRange | None:
        """Return the part of the text that could be completed; None for none."""
        if self._dropped is not None and self._is_unchanged(self._dropped):
            return self._dropped
        self._dropped = None
        row, column = self._area.cursor_location
        line = self._area.document.get_line(row)
        if row == 0 and line.startswith("/") and self._area.document.line_count == 1:
            if (command := self.before_path(line)) and column > 0:
                return CompletionRange("path", (0, len(command)), (0, len(line)), line.removeprefix(command))
            return CompletionRange("command", (0, 0), (0, len(line)), line)
        if "@" in line:
            from chat_tui.core.attachments.mentions import mention_at

            mention = mention_at(line, column)
            if mention is not None and self._named.are_typed(row, mention.begin, column):
                return CompletionRange("file", (row, mention.begin), (row, column), line[mention.begin : column])
        return None

    async def _find(self, wanted: CompletionRange) -> None:
        if wanted == self._wanted:
            found = await self._find_files(wanted.text)
            if wanted.kind == "path":
                found = [CompletionItem(one.text.strip().removeprefix("@"), one.help) for one in found]
            elif wanted.text.endswith("/") and found and found[0].text.startswith(wanted.text):
                found = [_whole_folder(wanted.text), *found]
            self._offer(wanted, found)

    def _offer(self, wanted: CompletionRange, items: Sequence[CompletionItem]) -> None:
        if wanted == self._wanted:
            exact = next((index for index, item in enumerate(items) if _same(item.text, wanted.text)), 0)
            if wanted.kind == "file" and wanted.text.endswith("/") and len(items) > 1:
                # Enter goes on in the folder; the row for the whole folder is above.
                exact = 1
            if self._listed == wanted and self.popup.current in items:
                exact = items.index(self.popup.current)
            self._listed = wanted
            self.popup.open(items, exact)


def _whole_folder(mention: str) -> CompletionItem:
    """Return the row that attaches all files of the folder that a mention names so far."""
    quote = '"' if mention.startswith('@"') else ""
    return CompletionItem(f"{mention}{quote} ", "attach its files")


def _same(one: str, other: str) -> bool:
    """Whether two texts differ only in case and in blanks around them."""
    return one.strip().casefold() == other.strip().casefold()


def _all_files(paths: Sequence[str]) -> bool:
    return all(os.path.isfile(os.path.expanduser(path)) for path in paths)
