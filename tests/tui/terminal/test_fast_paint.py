"""What is drawn: only what has changed, one column at a time, and never over what stands before it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

from chat_tui.core.conversation import Turn
from chat_tui.tui.compare.columns import ColumnText
from chat_tui.tui.terminal import fast_paint
from chat_tui.tui.terminal.fast_paint import ChangedRowsCompositor, PaintedRows
from chat_tui.tui.transcript.frames import Frames
from tests.support.comparison_screen import compared
from tests.support.scripted_router import endless

COLUMNS, WIDTH, HEIGHT = 4, 50, 60


class Drawing(App[None]):
    """Four columns that share their turns, and what was drawn of them."""

    def __init__(self) -> None:
        super().__init__()
        turns = Frames(panes=COLUMNS)
        self.texts = [ColumnText(turns) for _ in range(COLUMNS)]
        self.drawn: list[object] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield from self.texts

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if renderable is not None:
            self.drawn.append(renderable)
        super()._display(screen, renderable)

    def rows(self) -> list[PaintedRows]:
        """What was drawn out of turn."""
        return [each for each in self.drawn if isinstance(each, PaintedRows)]


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await pilot.pause(0.005)


def columns_of(rows: PaintedRows) -> set[int]:
    return {x // WIDTH for x, _, _ in rows.strips}


async def test_no_step_of_painting_draws_more_than_one_column() -> None:
    app = Drawing()
    async with app.run_test(size=(COLUMNS * WIDTH, HEIGHT)) as pilot:
        for number, text in enumerate(app.texts):
            text.add(Turn("assistant", "", id=str(number), state="streaming"))
            text.live.append("begin\n\n")
        await until(pilot, lambda: all(text.renderer.ready and not text.is_busy for text in app.texts))
        await pilot.pause(0.2)
        app.drawn.clear()
        for step in range(3):
            for text in app.texts:
                text.live.append("\n\n".join(f"line {step} {line}" for line in range(HEIGHT)))
            await until(pilot, lambda: not any(text.is_busy for text in app.texts))
        seen = [columns_of(each) for each in app.rows()]
        assert all(len(each) == 1 for each in seen)
        assert set.union(*seen) == set(range(COLUMNS))
        assert max(len(each.strips) for each in app.rows()) <= 2 * HEIGHT, "each row at most once, and its scroll bar"
        wide = [each for each in app.drawn if not isinstance(each, PaintedRows)]
        assert not wide, "the toolkit draws all columns in one go"


async def test_what_has_changed_is_drawn_where_it_stands() -> None:
    app = Drawing()
    async with app.run_test(size=(COLUMNS * WIDTH, HEIGHT)) as pilot:
        app.texts[2].add(Turn("assistant", "", id="a", state="streaming"))
        await until(pilot, lambda: app.texts[2].renderer.ready and not app.texts[2].is_busy)
        await pilot.pause(0.2)
        app.drawn.clear()
        app.texts[2].live.append("words")
        await until(pilot, lambda: "words" in "".join(strip.text for each in app.rows() for _, _, strip in each.strips))
        (place,) = [(x, y) for each in app.rows() for x, y, strip in each.strips if "words" in strip.text]
        column, row = place
        assert column == 2 * WIDTH
        assert f"\x1b[{row + 1};{column + 1}H" in app.rows()[-1].render_segments(Console())


async def test_what_is_covered_or_moves_is_left_to_the_toolkit() -> None:
    app = Drawing()
    async with app.run_test(size=(COLUMNS * WIDTH, HEIGHT), notifications=True) as pilot:
        await pilot.pause()
        text = app.texts[0]

        def drawn(change: Callable[[], object] = lambda: None) -> int:
            text.refresh(Region(0, 1, 10, 2))
            change()
            return fast_paint.draw(app.screen, (text,))

        assert drawn() == 2
        assert drawn(lambda: text.refresh(layout=True)) == 0
        await pilot.pause(0.1)
        app.notify("Stands before the last column.")
        await until(pilot, lambda: app.screen.query("Toast"))
        await pilot.pause(0.1)
        assert drawn() > 0
        covered = app.texts[-1].refresh(Region(0, 0, WIDTH - 2, HEIGHT))
        assert fast_paint.draw(app.screen, (covered,)) == 0
        await app.push_screen(Screen[None]())
        assert drawn() == 0


async def test_tab_is_seen_at_once_and_draws_no_pane() -> None:
    async with compared(*[endless()] * COLUMNS, size=(COLUMNS * WIDTH, HEIGHT)) as on:
        await on.begin()
        await on.grown()
        await on.press("f6", "tab", "f6", "tab", "f6", "tab", "f6")
        await on.until(lambda: all(answer.paused for answer in on.comparison.answers))
        await on.until(lambda: not any(column.text.is_busy for column in on.screen.columns))
        before: Sequence[int] = [column.text._layout_updates for column in on.screen.columns]
        on.screen.action_column(1)
        assert [column.is_current for column in on.screen.columns] == [True, False, False, False]
        assert not any(column.head._repaint_regions for column in on.screen.columns), "they are drawn already"
        assert not any(column.text._repaint_regions for column in on.screen.columns)
        assert [column.text._layout_updates for column in on.screen.columns] == before


class CountedRows(Static):
    """Text that notes which rows it is asked to render."""

    def __init__(self, id: str, rows: int) -> None:
        super().__init__("\n".join(f"{id} {row}" for row in range(rows)), id=id)
        self.rendered: list[int] = []

    def render_lines(self, crop: Region) -> list[Strip]:
        self.rendered += crop.line_range
        return super().render_lines(crop)


class Panes(App[None]):
    """A tall pane over a low one, a pane beside both, and one that floats over them; notes each update."""

    CSS = """
    Screen { layers: below above; }
    #tall { height: 1fr; border: round green; }
    #low { height: 3; border: round red; margin: 0 1; }
    #side { width: 20; height: 1fr; }
    #float { layer: above; offset: 30 10; width: 8; height: 6; background: blue; }
    """

    def __init__(self, screen: Screen[None]) -> None:
        super().__init__()
        self._first = screen
        self.panes = {
            "tall": CountedRows("tall", 40),
            "low": CountedRows("low", 1),
            "side": CountedRows("side", 24),
            "float": CountedRows("float", 6),
        }
        self.updates: list[str] = []

    def get_default_screen(self) -> Screen[None]:
        return self._first

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical():
                yield self.panes["tall"]
                yield self.panes["low"]
            yield self.panes["side"]
        yield self.panes["float"]

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if renderable is not None:
            written = renderable.render_segments(self.console)
            # A place at which nothing is written.
            self.updates.append(re.sub(r"\x1b\[\d+;\d+H(?=\x1b\[\d+;\d+H|\n|$)", "", written))
        super()._display(screen, renderable)


class ChangedRowsScreen(Screen[None]):
    """A screen of which only the changed rows are rendered."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = ChangedRowsCompositor()


async def updates(screen: Screen[None]) -> list[str]:
    """What is written for a series of changes, all rows first."""
    app = Panes(screen)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.05)
        tall, low, side, floating = app.panes.values()
        low.update("other words")
        await pilot.pause(0.05)
        tall.refresh(Region(3, 2, 5, 2), Region(0, 9, 40, 1))
        await pilot.pause(0.05)
        side.refresh(Region(0, 4, 3, 1))
        low.refresh(Region(2, 1, 4, 1))
        await pilot.pause(0.05)
        floating.update("moved\nhere")
        await pilot.pause(0.05)
        floating.display = False
        await pilot.pause(0.05)
        app.query_one(Vertical).refresh(Region(0, 0, 2, 2))
        await pilot.pause(0.05)
    return app.updates


async def test_an_update_of_changed_rows_writes_the_same_as_one_of_all() -> None:
    narrow, whole = await updates(ChangedRowsScreen()), await updates(Screen[None]())
    assert len(narrow) >= 6
    assert narrow == whole


async def test_an_update_renders_nothing_but_the_changed_rows() -> None:
    app = Panes(ChangedRowsScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.05)
        for pane in app.panes.values():
            pane.rendered.clear()
        app.panes["low"].refresh()
        await pilot.pause(0.05)
        assert {name: pane.rendered for name, pane in app.panes.items() if pane.rendered} == {"low": [0, 1, 2]}
        app.panes["low"].rendered.clear()
        app.panes["tall"].refresh(Region(0, 12, 50, 1))
        await pilot.pause(0.05)
        assert {name: pane.rendered for name, pane in app.panes.items() if pane.rendered} == {
            "tall": [13],
            "float": [3],
        }


async def test_what_is_between_two_changed_rows_is_not_rendered() -> None:
    app = Panes(ChangedRowsScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.05)
        for pane in app.panes.values():
            pane.rendered.clear()
        app.panes["tall"].refresh(Region(0, 0, 50, 1))
        app.panes["low"].refresh(Region(2, 1, 4, 1))
        await pilot.pause(0.05)
        assert {name: pane.rendered for name, pane in app.panes.items() if pane.rendered} == {"tall": [1], "low": [2]}
