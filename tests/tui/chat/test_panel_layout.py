"""Which panels are shown at a size, and which keys the last row names: pure functions."""

from __future__ import annotations

import pytest

from chat_tui.tui.actions.table import TABLE
from chat_tui.tui.chat.controllers.panel_layout import CHAT_COLUMNS, HISTORY_COLUMNS, SIDE_COLUMNS, PanelLayout
from chat_tui.tui.chat.screen import key_hints
from chat_tui.tui.chat.screen.key_hints import HintState, Place

PLACES: list[Place] = ["prompt", "completions", "transcript", "selection", "find bar", "history", "picker"]


@pytest.mark.parametrize(
    ("width", "history", "stats"),
    [
        (145, True, True),
        (144, False, True),
        (115, False, True),
        (114, False, False),
        (80, False, False),
        (79, False, False),
    ],
)
def test_panels_open_by_themselves_where_the_chat_keeps_its_columns(width: int, history: bool, stats: bool) -> None:
    shown = PanelLayout({}).at(width, 40)
    assert (shown.history, shown.stats) == (history, stats)
    assert shown.narrow == (width < 80)


def chat_columns(layout: PanelLayout, width: int) -> int:
    """What is left for the chat; a list or figures in a narrow terminal are not beside it."""
    shown = layout.at(width, 40)
    beside = 0 if shown.narrow else HISTORY_COLUMNS * shown.history + SIDE_COLUMNS * shown.stats
    return width - beside - shown.margin


def test_the_chat_never_gets_narrower_as_the_terminal_gets_wider() -> None:
    layout = PanelLayout({})
    columns = [chat_columns(layout, width) for width in range(40, 251)]
    assert columns == sorted(columns)
    assert all(kept >= min(width, CHAT_COLUMNS) for width, kept in zip(range(40, 251), columns, strict=True))


def test_panels_opened_by_hand_leave_the_chat_forty_columns() -> None:
    wanted = {f"{panel}.{room}": True for panel in ("history", "stats") for room in ("middle", "wide")}
    layout = PanelLayout(wanted)
    assert min(chat_columns(layout, width) for width in range(80, 251)) == 40
    assert all(layout.at(width, 40).history for width in range(80, 251))
    assert [layout.at(width, 40).stats for width in (101, 102)] == [False, True]


def test_who_closes_the_panels_by_hand_gets_all_columns_for_the_chat() -> None:
    layout = PanelLayout({})
    assert layout.at(130, 40).margin == 15
    layout.want("stats", 130, open=False)
    assert chat_columns(layout, 130) == 130


def test_a_panel_that_was_wanted_is_shown_wherever_there_is_as_much_room() -> None:
    layout = PanelLayout({"stats.wide": False})
    assert layout.want("history", 105, open=True) == "history.middle"
    assert layout.at(100, 40).history
    assert not layout.at(120, 40).history
    assert not layout.at(120, 40).stats
    assert layout.at(60, 40).history is False


def test_the_figures_make_room_for_a_history_list_that_leaves_the_chat_too_little() -> None:
    layout = PanelLayout({"history.middle": True, "stats.middle": True, "insights": True})
    assert layout.excludes_both(90)
    assert not layout.at(90, 40).stats
    assert not layout.at(90, 40).insights
    assert layout.at(102, 40).stats


def test_a_list_over_a_narrow_chat_is_not_kept_for_the_next_start() -> None:
    layout = PanelLayout({})
    assert layout.want("history", 60, open=True) == ""
    assert layout.at(60, 40).history


@pytest.mark.parametrize(("size", "too_small"), [((40, 12), False), ((39, 12), True), ((40, 11), True)])
def test_nothing_is_shown_in_too_small_a_terminal(size: tuple[int, int], too_small: bool) -> None:
    assert PanelLayout({}).at(*size).too_small == too_small


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_every_key_that_is_named_is_in_the_table(place: Place, busy: bool) -> None:
    known = {row.id for row in TABLE}
    state = HintState(place, on_row=True, busy=busy, has_versions=True, has_code=True, can_continue=True)
    assert key_hints.ids(state)
    assert {*key_hints.ids(state), *key_hints.words(state)} <= known


def test_keys_that_do_nothing_in_this_conversation_are_not_named() -> None:
    named = key_hints.ids(HintState("transcript"))
    assert "question.edit" in named
    assert not {"version.before", "version.after", "version.compare", "code.after", "answer.continue"} & {*named}
    assert "version.before" in key_hints.ids(HintState("transcript", has_versions=True))


def test_while_an_answer_runs_the_keys_are_about_it_but_a_list_keeps_its_own() -> None:
    assert key_hints.ids(HintState("prompt", busy=True))[:2] == ("answer.cancel", "answer.pause")
    assert key_hints.words(HintState("prompt", busy=True, paused=True)) == {"answer.pause": "resume"}
    assert key_hints.ids(HintState("history", on_row=True, busy=True))[0] == "list.choose"
    assert "list.choose" not in key_hints.ids(HintState("history"))


def test_a_panel_that_was_opened_and_closed_again_leaves_the_chat_where_it_was() -> None:
    layout = PanelLayout({})
    before = layout.at(120, 40)
    layout.want("history", 120, open=True)
    layout.want("history", 120, open=False)
    assert layout.at(120, 40) == before


def test_the_messages_name_the_key_that_copies_code_where_there_is_some() -> None:
    assert "code.copy" in key_hints.ids(HintState("transcript", has_code=True))
    assert "code.copy" not in key_hints.ids(HintState("transcript"))
