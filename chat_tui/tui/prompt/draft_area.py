"""A text area for a draft: it grows, takes a paste of any size at once, and tells of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._edit import Edit
from textual.document._wrapped_document import WrappedDocument
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from chat_tui.core.text.graphemes import is_boundary, is_typed, next_boundary, previous_boundary
from chat_tui.tui.actions.widget_keys import WidgetKeys
from chat_tui.tui.prompt.paste_placeholders import PastePlaceholders
from chat_tui.tui.widgets.delayed_calls import call_after

EDITED_SECONDS = 0.2
"""How long after a change `Edited` tells of it; more changes meanwhile do not put it off."""

# Text areas, at least the older ones, have a use for these; here they belong to the screen.
_SCREEN_KEYS = ("f6", "ctrl+f", "pageup", "pagedown")


class CharacterNavigator(DocumentNavigator):
    """Moves the cursor by whole characters, however many code points they are composed of."""

    def __init__(self, wrapped_document: WrappedDocument) -> None:
        super().__init__(wrapped_document)
        self._lines = wrapped_document.document

    def get_location_left(self, location: Location) -> Location:
        """Return the location before the character to the left."""
        row, column = location
        if not column:
            return super().get_location_left(location)
        return row, previous_boundary(self._lines.get_line(row), column)

    def get_location_right(self, location: Location) -> Location:
        """Return the location behind the character to the right."""
        row, column = location
        line = self._lines.get_line(row)
        return (row, next_boundary(line, column)) if column < len(line) else super().get_location_right(location)

    def get_location_above(self, location: Location) -> Location:
        """Return the location above, never in the middle of a character."""
        return self.character_start(super().get_location_above(location))

    def get_location_below(self, location: Location) -> Location:
        """Return the location below, never in the middle of a character."""
        return self.character_start(super().get_location_below(location))

    def character_start(self, location: Location) -> Location:
        """Return the location, or the start of the character that it is in the middle of."""
        row, column = location
        line = self._lines.get_line(row)
        return location if is_boundary(line, column) else (row, previous_boundary(line, column))


class DraftStyles(TextAreaTheme):
    """The styles of cursor, selection and placeholder, looked up again only after CSS or theme have changed.

    A text area looks them up for each update, which takes longer than the update.
    """

    _looked_up: tuple[object, ...] = ()
    """What they were made of."""

    def apply_css(self, text_area: TextArea) -> None:
        """Look the styles up, if they may be others than before."""
        made_of = (text_area.app.theme, text_area.rich_style, [*text_area._component_styles.values()])
        if made_of != self._looked_up:
            self._looked_up = made_of
            super().apply_css(text_area)


class DraftArea(TextArea, inherit_bindings=False):
    """A text area of one to ten rows. `text` is what it shows, `draft` the same with held pastes written out."""

    DEFAULT_CSS = """
    DraftArea {
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
        & .text-area--cursor, &:light .text-area--cursor, &:dark .text-area--cursor {
            background: $foreground; color: $background;
        }
        &:focus { border: round $border; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in TextArea.BINDINGS if isinstance(binding, Binding) and binding.key not in _SCREEN_KEYS),
        Binding("alt+d", "delete_word_right", "Delete a word to the right", show=False),
        # By this id the key that is bound to it comes before what a text area does with that key.
        Binding("ctrl+c", "copy", "Copy", id="copy.or_cancel", show=False),
    ]

    class Edited(Message, namespace="prompt"):
        """The draft has changed, at most a fifth of a second ago."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self, *, blink: bool = False, placeholder: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(
            id=id, classes=classes, highlight_cursor_line=False, placeholder=placeholder, tab_behavior="focus"
        )
        self.cursor_blink = blink
        self.match_cursor_bracket = False
        self.register_theme(DraftStyles("draft"))
        self.theme = "draft"
        self.read_clipboard: Callable[[], None] = lambda: self.paste(self.app.clipboard)
        """What Ctrl+V does, and a paste of nothing, which terminals send for an image."""
        self._held = PastePlaceholders()
        self.is_bulk = False
        """What is inserted now was not typed."""
        self._told = ""
        self._edited_timer: asyncio.TimerHandle | None = None
        self._own_keys = WidgetKeys(self._bindings)

    # The draft

    @property
    def draft(self) -> str:
        """The text that would be sent, with held pastes written out."""
        return self._held.expand(self.text)

    def set_draft(self, text: str) -> None:
        """Put this text in place of what is there (undo brings that back), with the cursor at its end."""
        self.show_text(self._held.restore(text))

    def clear_draft(self, recoverable: bool = False) -> None:
        """Empty the prompt; recoverable means that undo brings the text back."""
        if recoverable:
            self.show_text("")
        else:
            self.load_text("")
            self._held.forget()

    def paste(self, text: str) -> None:
        """Insert the text at the cursor, as a paste does: a long one is held aside under a short name."""
        self._insert_whole(self._held.shorten(text, beside=len(self.text)), *self.selection)

    def _insert_whole(self, text: str, begin: Location, end: Location) -> None:
        self.is_bulk = True
        try:
            self.replace(text, begin, end, maintain_selection_offset=False)
        finally:
            self.is_bulk = False

    def show_text(self, text: str, row: int | None = None) -> None:
        """Replace everything; the cursor goes to the end of the row, by default the last one."""
        self._insert_whole(text, (0, 0), self.document.end)
        if row is not None:
            self.move_cursor((row, len(self.document.get_line(row))))

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop().prevent_default()
        if event.text:
            self.paste(event.text)
        else:
            self.action_paste()

    def action_paste(self) -> None:
        """Paste from the clipboard."""
        self.read_clipboard()

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
        result = super().edit(edit)
        self._follow_edit(edit, result)
        return result

    def _follow_edit(self, edit: Edit, result: EditResult) -> None:
        """The text was edited so, by a key or by us; not by undo."""

    def _around(self, location: Location) -> tuple[Location, Location]:
        row, column = location
        if row >= self.document.line_count:
            return location, location
        start, end = self._held.around(self.document.get_line(row), column)
        return (row, start), (row, end)

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(text, language)
        self.navigator = self._characters = CharacterNavigator(self.wrapped_document)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """Match no brackets: that would read the whole text at each key."""
        return None

    def render_line(self, y: int) -> Strip:
        """Draw a row; none if a narrow terminal leaves no column, into which Textual would wrap the placeholder."""
        return super().render_line(y) if self.content_size.width > 0 else Strip([])

    # Changes

    @on(TextArea.SelectionChanged)
    def _stop_selection(self, event: TextArea.SelectionChanged) -> None:
        # Nobody listens, and each key would go through the queues of all ancestors once more.
        event.stop()

    @on(TextArea.Changed)
    def _note_change(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.max_scroll_y > 0:
            # The text area scrolled before it knew its new height.
            self.scroll_cursor_visible()
        self._follow_change()
        if self._edited_timer is None:
            self._edited_timer = call_after(self, EDITED_SECONDS, self._post_edited)

    def _follow_change(self) -> None:
        """The text has changed."""

    def _post_edited(self) -> None:
        self._edited_timer = None
        draft = self.draft
        if draft != self._told:
            self._told = draft
            self.post_message(self.Edited(draft))

    # Keys

    async def _on_key(self, event: events.Key) -> None:
        # Textual runs bindings only after the key has gone up to the app; what was typed behind it in one burst would
        # be in the text before an Enter or a backspace acts.
        if self.screen.focused not in (None, self):
            # A key before it in the burst has moved the focus.
            self.screen.focused.post_message(events.Key(event.key, event.character))
            event.stop()
            event.prevent_default()
            return
        if event.is_printable:
            return
        if event.character and is_typed(event.character):
            # Textual takes the joiners of composed characters for unprintable.
            self.replace(event.character, *self.selection, maintain_selection_offset=False)
            event.stop()
            event.prevent_default()
            return
        for action in self._own_keys.actions(event.key, self.app._keymap):
            if await self.app.run_action(action, self):
                event.stop()
                event.prevent_default()
                return

    def get_target_document_location(self, event: events.MouseEvent) -> Location:
        """The location that a click sets the cursor to."""
        return self._characters.character_start(super().get_target_document_location(event))

    def handles(self, key: str) -> bool:
        """Whether this key acts on the text, or is tried there first."""
        return bool(self._own_keys.actions(key, self.app._keymap))

    def action_new_line(self) -> None:
        """Insert a newline."""
        self.replace("\n", *self.selection, maintain_selection_offset=False)
