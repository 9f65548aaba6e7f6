"""Paints the line model: what is in view, when it changes, and where it stands. Knows Textual, not turns' meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from chat_tui.tui.theme.ink import Ink, plain_ink
from chat_tui.tui.transcript.find import FindHighlights
from chat_tui.tui.transcript.frames import Frames
from chat_tui.tui.transcript.model.line_model import START, LineModel, Position, Row
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.strips import (
    BAR,
    MARGIN,
    RIGHT_MARGIN,
    THICK_BAR,
    Overlay,
    changed_regions,
    offset_strip,
    overlaid_strip,
    reversed_line,
    strip_of,
)
from chat_tui.tui.transcript.render.wrapping import Line
from chat_tui.tui.transcript.scroll_slack import ScrollSlack

SLICE_SECONDS, PAUSE_SECONDS = 0.004, 0.001
"""Text that comes faster than it can be laid out is worked in for so long at a time, and keys are answered between."""
FRAME_SLICE_SECONDS = 0.015
"""A frame works in as much itself."""
ALLOWED_BEHIND = 16_000
"""Characters that may wait for the next frame."""
SCROLLBAR_SECONDS = 0.5
"""Between two drawings of the scroll bar while an answer streams: its thumb hardly moves then."""


class LinePane(ScrollView, can_focus=True):
    """Lines in a scrolling pane that follows its end, or holds still while unseen heights are corrected."""

    ALLOW_SELECT = True

    class MoreBelow(Message):
        """So many lines are below the pane now; 0: all are in view again."""

        def __init__(self, lines: int) -> None:
            super().__init__()
            self.lines = lines

    lines_below: var[int] = var(0)
    """Lines below the last one in view; estimated where they have not been seen."""

    def __init__(
        self,
        ink: Ink | None = None,
        *,
        frames: Frames | None = None,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._frames = frames or Frames()
        self._renderer = Renderer(ink or plain_ink())
        self._model = LineModel(self._renderer)
        self.found = FindHighlights()
        """Words that are looked for."""
        self._follow = True
        self._stays = False
        """What followed was cut: the place is held, though rows below it stay empty."""
        self._top = START
        self._rows: list[Row | None] = []
        self._strips: list[Strip] = []
        self._cursor: int | None = None
        self._marked: tuple[int, int] | None = None
        """A code block by its turn and number."""
        self._headroom = ScrollSlack()
        self._bar_at = 0.0
        self._sizing = self._loading = self._held = False

    # Painting.

    def _ask_frame(self) -> None:
        """Have what changed painted with the next frame."""
        self._frames.ask(self._paint)

    def _paint(self) -> None:
        """Lay the rows in view anew and have those that changed drawn."""
        self._frames.forget(self._paint)
        if not self.is_attached or not self.size.height or self._held or not self.in_sight:
            return
        begun = monotonic()
        if self._live:
            view = self._model.views[-1]
            view.flush(FRAME_SLICE_SECONDS)
            self._model.changed(len(self._model.views) - 1)
            if view.behind:
                self._ask_frame()
        self._lay()
        self._draw()
        self._load_lexers()
        self._frames.painted(begun)

    async def keep_up(self, allowed: int = ALLOWED_BEHIND) -> None:
        """Where more characters than this wait to be painted, work them in; keys are answered meanwhile."""
        while self._live and self._model.views[-1].behind > allowed:
            self._model.views[-1].flush(SLICE_SECONDS)
            self._ask_frame()
            await asyncio.sleep(PAUSE_SECONDS)

    @property
    def in_sight(self) -> bool:
        """Nothing stands in its place: neither another tab nor a screen that lets nothing through."""
        stack = self.app.screen_stack
        above = stack[stack.index(self.screen) + 1 :] if self.screen in stack else []
        return all(screen.is_modal for screen in above) and all(
            node.display for node in self.ancestors_with_self if isinstance(node, Widget)
        )

    def _lay(self) -> None:
        """Find the rows in view; heights of parts seen for the first time become true by it."""
        model, height = self._model, self.size.height
        if not self._live and (not self._follow or model.views.width != self._text_width()):
            self._headroom.forget()
        model.set_width(self._text_width())
        rows: list[Row]
        slack = 0
        if not self._follow:
            self._top = model.clamp(self._top)
            rows = model.next_rows(self._top, height)
            full = len(rows) >= height
            # An answer that streams into the empty rows is followed once they are full.
            self._follow = full and self._live if self._stays else not full
        if self._follow:
            self._stays = False
            rows = model.last_rows(height)
            slack = self._headroom.rows(model.height, height, live=self._live)
            rows = rows[slack:]
        if rows:
            self._top = rows[0].position
        left, self._rows = self._rows, [*rows, *[None] * (height - len(rows))]
        self._forget_strips(left)
        total = model.height
        y = model.y_of(self._top)
        self._set_scroll(y, max(total + slack, y + height if total > height or y else total))
        below = max(0, total - y - len(rows)) if not self._follow else 0
        before = self.lines_below
        self.lines_below = below
        if below != before:
            self.post_message(self.MoreBelow(below))

    @property
    def _live(self) -> bool:
        """The last turn still streams."""
        return bool(self._model.views) and self._model.views[-1].live

    def _forget_strips(self, left: Sequence[Row | None]) -> None:
        """Rows that are out of view keep their lines but not their strips, which are a dozen objects each."""
        seen = {id(row.line) for row in self._rows if row is not None}
        for row in left:
            if row is not None and id(row.line) not in seen:
                row.line.painted = None

    def _set_scroll(self, y: int, height: int) -> None:
        """Tell Textual where the pane stands, without the layout that its own setters would cause."""
        size = Size(self.size.width, height)
        moved = size != self.virtual_size or y != self.scroll_y
        self.set_reactive(Widget.virtual_size, size)
        self.set_reactive(Widget.scroll_y, float(y))
        self.set_reactive(Widget.scroll_target_y, float(y))
        live = self._live and self._follow
        if not self.show_vertical_scrollbar or (live and monotonic() - self._bar_at < SCROLLBAR_SECONDS):
            return
        bar = self.vertical_scrollbar
        if moved or bar.window_virtual_size != height:
            self._bar_at = monotonic()
            bar.window_size = self.size.height
            bar.window_virtual_size = height
            bar.position = y

    def _draw(self) -> None:
        strips = self._all_strips()
        old, self._strips = self._strips, strips
        regions = changed_regions(old, strips, self.size.width)
        if regions:
            self.refresh(*regions)

    def _all_strips(self) -> list[Strip]:
        width, base = self.size.width, self._renderer.base
        blank = Strip.blank(width, base)
        selection = self.text_selection if self.is_attached else None
        strips: list[Strip] = []
        for row in self._rows:
            if row is None:
                strips.append(blank)
                continue
            bar, style = self._bar(row)
            overlays = self._overlays(row, selection)
            line = self._drawn(row)
            if overlays:
                strips.append(overlaid_strip(line, overlays, bar, style, width, base))
            else:
                strips.append(strip_of(line, bar, style, width, base))
        return strips

    def _is_marked(self, row: Row) -> bool:
        """It is the line over the marked code block."""
        return bool(row.line.code) and self._marked == (row.position.turn, row.line.code)

    def _drawn(self, row: Row) -> Line:
        """A row's line with its marks."""
        return reversed_line(row.line) if self._is_marked(row) else row.line

    def _overlays(self, row: Row, selection: Selection | None) -> list[Overlay]:
        """What was found in a row, and what is selected there."""
        turn, part, line = row.position
        ink = self._renderer.ink
        overlays: list[Overlay] = []
        if self.found.wanted:
            lines = self._model.lines(turn, self._model.views[turn].parts()[part])
            other = ink.selection + Style(underline=True)
            found = self.found.ranges(turn, part, line, lines)
            overlays += [(start, end, ink.found if is_now else other) for (start, end), is_now in found]
        span = selection.get_span(row.position.code) if selection is not None else None
        if span is not None:
            overlays.append((span[0], len(row.line.text) if span[1] < 0 else span[1], ink.selection))
        return overlays

    def _bar(self, row: Row) -> tuple[str, Any]:
        view = self._model.views[row.position.turn]
        user = view.turn.role == "user"
        style = self._renderer.ink.user_bar if user else self._renderer.ink.assistant_bar
        if row.position.part == len(view.parts()) - 1:
            return "", style
        if self.has_focus and row.position.turn == self._cursor:
            return THICK_BAR, style
        return (BAR if user else ""), style

    def _text_width(self) -> int:
        return max(self.size.width - MARGIN - RIGHT_MARGIN, 8)

    # Loading late: the Markdown parser and lexers are imported on a thread.

    def _load(self) -> None:
        """Have the Markdown parser loaded, if that has not happened yet."""
        if not self._renderer.ready and not self._loading and self.is_attached:
            self._loading = True
            self._on_thread(self._renderer.load)

    def _load_lexers(self) -> None:
        """Have the lexers loaded for which the highlighter has asked."""
        wanted = self._renderer.highlighter.wanted
        if wanted and not self._loading:
            languages = set(wanted)
            wanted.clear()
            self._loading = True
            self._on_thread(lambda: self._renderer.highlighter.load(languages))

    def _on_thread(self, work: Callable[[], None]) -> None:
        future = asyncio.get_running_loop().run_in_executor(None, work)
        future.add_done_callback(self._loaded)

    def _loaded(self, future: asyncio.Future[None]) -> None:
        self._loading = self._held = False
        if future.cancelled() or not self.is_attached:
            return
        future.result()
        self._model.forget_lines()
        self._paint()

    # What Textual calls.

    def on_mount(self) -> None:
        """Text may have been given before."""
        super().on_mount()  # type: ignore[no-untyped-call]
        if self._model.views:
            self._load()

    def on_unmount(self) -> None:
        """No painting after this."""
        self._frames.forget(self._paint)

    def look_again(self) -> None:
        """It is in sight again: paint what came meanwhile."""
        self._paint()

    def on_show(self) -> None:
        """The same."""
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap anew; the line at the top stays."""
        self._paint()

    def on_focus(self) -> None:
        """The chosen turn is marked while the pane has the focus."""
        self._paint()

    def on_blur(self) -> None:
        """The mark goes."""
        self._paint()

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        self._sizing = True
        try:
            changed = super()._size_updated(size, virtual_size, container_size, layout)
        finally:
            self._sizing = False
        if changed:
            # The rows are asked for before the message of the new size comes.
            self._paint()
        return changed

    def _scroll_to(self, x: float | None = None, y: float | None = None, **options: Any) -> bool:
        # Corrected heights move the target of an animation while it runs, and each step is sent over the line.
        options["animate"] = False
        return super()._scroll_to(x, y, **options)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The user has scrolled: near by, count true lines; far off, go by estimates."""
        delta = round(new_value) - round(old_value)
        if not delta or self._sizing or not self.is_attached:
            return
        if abs(delta) <= 2 * self.size.height:
            self._top = self._model.moved(self._top, delta)
        else:
            self._top = self._model.at(round(new_value))
        self._follow, self._stays = new_value >= self.max_scroll_y, False
        self._paint()

    def scroll_lines(self, delta: int) -> None:
        """Move by true lines, down or (negative) up."""
        self._top, self._stays = self._model.moved(self._top, delta), False
        if delta < 0:
            self._follow = False
        self._paint()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips in view, as they are kept: a scrolled line is not made again."""
        width = self.size.width
        if len(self._strips) != self.size.height or (self._strips and self._strips[0].cell_length != width):
            blank = Strip.blank(width, self._renderer.base)
            strips = [blank] * crop.height
            self._strips = []
        else:
            strips = self._strips[crop.y : crop.bottom]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """A row with the place of each character, for Textual's selection."""
        width = self.size.width
        row = self._rows[y] if 0 <= y < len(self._rows) else None
        if row is not None:
            return offset_strip(row.line, row.position.code, width, self._renderer.base)
        last = next((row for row in reversed(self._rows) if row is not None), None)
        blank = Strip.blank(width, self._renderer.base)
        if last is None:
            return blank
        return blank.apply_style(Style.from_meta({"offset": (len(last.line.text), last.position.code)}))

    def selection_updated(self, selection: Selection | None) -> None:
        """Show what the mouse has selected."""
        self._draw()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text: broken lines joined again, without bars and other decoration."""
        if not self._model.views:
            return None

        def place(offset: Offset | None) -> tuple[int, Position] | None:
            return (offset.x, Position.from_code(offset.y)) if offset is not None else None

        start = place(selection.start) or (0, START)
        end = place(selection.end) or (1 << 30, self._model.end())
        return self._model.text_between(start, end), "\n"
