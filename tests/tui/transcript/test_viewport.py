"""Which rows are in view: without an app, since a viewport knows no Textual."""

from __future__ import annotations

from chat_tui.core.conversation import Turn
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.model.line_model import Anchor, LineModel, Position
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.viewport import Viewport
from tests.support.transcript_app import answer, question

LINES = "\n\n".join(f"line {number}" for number in range(40))


def viewport(*turns: Turn, height: int = 10) -> Viewport:
    model = LineModel(Renderer(plain_ink()))
    model.replace(turns)
    found = Viewport(model)
    found.lay_out(60, height)
    return found


def texts(view: Viewport) -> list[str]:
    return [row.line.text for row in view.filled_rows()]


def test_it_opens_at_the_end_and_follows_what_is_added() -> None:
    view = viewport(question(), answer(LINES))
    assert (view.follows, view.lines_below) == (True, 0)
    view.model.add(question("And more?", id="q2"))
    view.follow_added()
    view.lay_out(60, 10)
    assert "And more?" in texts(view)


def test_scrolling_up_holds_the_line_at_the_top_until_the_end_is_in_view_again() -> None:
    view = viewport(question(), answer(LINES))
    view.scroll(-15)
    view.lay_out(60, 10)
    held = texts(view)
    assert (view.follows, view.lines_below > 0) == (False, True)
    view.model.add(question("And more?", id="q2"))
    view.lay_out(60, 10)
    assert texts(view) == held
    view.scroll(200)
    view.lay_out(60, 10)
    assert (view.follows, view.lines_below) == (True, 0)


def test_a_reading_position_is_found_again_in_another_width() -> None:
    turns = question(), answer("word " * 400)
    view = viewport(*turns)
    view.scroll(-12)
    view.lay_out(60, 10)
    anchor = view.reading_position
    assert anchor is not None
    view.restore(None)
    view.lay_out(40, 10)
    assert view.follows
    view.restore(anchor)
    view.lay_out(60, 10)
    assert view.reading_position == anchor
    view.restore(Anchor("not there"))
    assert view.follows


def test_a_turn_that_is_chosen_comes_into_view_by_its_first_line() -> None:
    view = viewport(question(), answer(LINES))
    view.choose(0)
    view.lay_out(60, 10)
    assert (view.cursor, view.shows(Position(0, 0, 0))) == (0, True)
    view.choose(7)
    assert view.cursor == 0


def test_turns_that_are_cut_away_leave_the_others_where_they_are() -> None:
    view = viewport(question(), answer(LINES, id="a"), question(id="q2"), answer(LINES, id="b"))
    view.choose(2)
    view.scroll(-5)
    view.lay_out(60, 10)
    first = texts(view)[0]
    view.hold_cut(2)
    view.model.cut(2)
    view.lay_out(60, 10)
    assert (view.cursor, view.follows, view.rows[-1]) == (None, False, None)
    assert texts(view)[0] == first


def test_changes_are_reported_to_whoever_paints() -> None:
    painted: list[int] = []
    model = LineModel(Renderer(plain_ink()))
    model.replace([question(), answer(LINES)])
    view = Viewport(model, lambda: painted.append(view.top.line))
    view.lay_out(60, 10)
    view.scroll(-3)
    view.choose_id("q")
    view.follow()
    assert len(painted) == 3
