"""Draws only what has changed: `draw` draws a few widgets now, without waiting for the toolkit's next tick and without
a look at the others; `ChangedRowsCompositor` composes an update of nothing but the rows that are part of it.

This is the one file that knows how Textual composes a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual._compositor import CompositorMap


class PaintedRows(CompositorUpdate):
    """Strips, each with the column and the row at which it is drawn."""

    def __init__(self, strips: Sequence[tuple[int, int, Strip]]) -> None:
        self.strips = strips

    def render_segments(self, console: Console) -> str:
        """The escape sequences and text for the terminal."""
        return "".join([f"{Control.move_to(x, y)}{strip.render(console)}" for x, y, strip in self.strips])


class ChangedRowsCompositor(Compositor):
    """Renders the rows of an update only, and only the widgets in them.

    Textual's own renders, for each update, all rows of every widget whose container touches the update, and all rows
    between its parts: with a prompt of three rows in a screen of forty these are most rows of the screen, several
    times over, and a title and a prompt that change together are the whole screen.
    """

    def render_partial_update(self) -> ChopsUpdate | None:
        """The update of what has changed; None: nothing has."""
        height = self.size.height
        spans = [span for span in self._regions_to_spans(self._dirty_regions) if 0 <= span[0] < height]
        self._dirty_regions.clear()
        if not spans:
            return None
        rows: dict[int, Mapping[int, Strip | None]] = {}
        for band in _bands(spans):
            rendered = self._render_chops(band, range(band.y, band.bottom).__contains__)
            rows |= {row: rendered[row] for row in range(band.y, band.bottom)}
        nothing: Mapping[int, Strip | None] = {}
        chops = [rows.get(row, nothing) for row in range(height)]
        return ChopsUpdate(chops, spans, [cuts[1:] for cuts in self.cuts])

    def _arrange_root(self, root: Widget, size: Size, visible_only: bool = True) -> tuple[CompositorMap, set[Widget]]:
        """As Textual's, whose recursive function is in a cycle with what it has collected: it keeps nothing of it."""
        places, widgets = super()._arrange_root(root, size, visible_only)
        arranged = dict(places), set(widgets)
        places.clear()
        widgets.clear()
        return arranged

    def clear(self) -> None:
        """Let go of all widgets: the screen is closed."""
        super().clear()
        self.root = None

    def _get_renders(self, crop: Region | None = None) -> Iterator[tuple[Region, Region, list[Strip]]]:
        """Yield region, clip and strips of the widgets in the region to be drawn; None: the whole screen.

        The clip is narrowed to the rows of `crop`, and the strips are those of these rows.
        """
        for widget, (region, clip) in self.visible_widgets.items():
            rows = clip
            if crop is not None:
                if not crop.overlaps(region):
                    continue
                rows = clip.intersection(Region(clip.x, crop.y, clip.width, crop.height))
            seen = region.intersection(rows)
            if seen:
                strips = widget.render_lines(seen.translate(-region.offset))
                yield region, rows, strips
                for strip in strips:
                    # One that fills its place is in its own cache now, where it would stay until a collection.
                    strip._divide_cache._cache.pop((strip.cell_length,), None)
            if crop is not None and seen.contains_region(crop):
                # The first that draws a cell wins: nothing of what is behind shows.
                return


def _bands(spans: Sequence[tuple[int, int, int]]) -> Iterator[Region]:
    """Regions that hold the spans (row, first column, column behind the last; in the order of the rows), one for each
    run of rows."""
    first = 0
    for number, (row, _, _) in enumerate(spans, 1):
        if number == len(spans) or spans[number][0] > row + 1:
            run = spans[first:number]
            left, right = min(span[1] for span in run), max(span[2] for span in run)
            yield Region(left, run[0][0], right - left, row + 1 - run[0][0])
            first = number


def draw(screen: Screen[Any], widgets: Iterable[Widget]) -> int:
    """Draw what has changed of these widgets; the rows that were drawn.

    A widget that something covers, or that is to be laid out anew, is left to Textual, which draws it a moment later.
    """
    app = screen.app
    if not screen.is_attached or screen is not app.screen or app._batch_count or screen._layout_required:
        return 0
    strips: list[tuple[int, int, Strip]] = []
    for widget in widgets:
        if not widget._repaint_regions or not _is_in_place(screen, widget):
            continue
        region, _ = screen._compositor.visible_widgets[widget]
        changed = Region.from_union(list(widget._repaint_regions)).translate(region.offset)
        if not any(place.overlaps(changed) for place in _before(screen, widget)):
            strips += _changed_strips(widget, region)
            widget._repaint_required = False
            screen._dirty_widgets.discard(widget)
    if strips:
        app._display(screen, PaintedRows(strips))  # type: ignore[arg-type]  # as Textual's own updates
    return len(strips)


def _is_in_place(screen: Screen[Any], widget: Widget) -> bool:
    """Whether the whole widget is where it was last drawn."""
    if any(isinstance(node, Widget) and node._layout_required for node in widget.ancestors_with_self):
        return False
    region, clip = screen._compositor.visible_widgets.get(widget, (Region(), Region()))
    return bool(region) and region.size == widget.outer_size and clip.contains_region(region)


def _before(screen: Screen[Any], widget: Widget) -> Iterator[Region]:
    """The regions of the widgets that cover it."""
    for other, (region, clip) in screen._compositor.visible_widgets.items():
        if other is widget:
            return
        yield region.intersection(clip)


def _changed_strips(widget: Widget, region: Region) -> Iterator[tuple[int, int, Strip]]:
    whole = Region(0, 0, region.width, region.height)
    parts = [part for each in widget._exchange_repaint_regions() if (part := each.intersection(whole))]
    if not parts:
        return
    # Asked for once: a widget looks up its colours each time.
    first, behind = min(part.y for part in parts), max(part.bottom for part in parts)
    strips = widget.render_lines(Region(0, first, region.width, behind - first))
    for part in sorted(parts, key=lambda each: each.y):
        for row in range(part.y, part.bottom):
            yield region.x + part.x, region.y + row, strips[row - first].crop(part.x, part.right)
