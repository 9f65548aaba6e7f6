"""What a user is promised of /stats."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.cells import cell_len

from chat_tui.core.usage.usage import UsageReport, UsageTotals
from chat_tui.tui.dialogs.statistics import StatisticsScreen, since, statistics_lines
from chat_tui.tui.history.sidebar import local_now
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.fake_engine import NOW
from tests.doubles.scripted_chat import scripted_chat
from tests.support.panels_app import EVIL

BEGUN = since(NOW)


def many() -> UsageReport:
    days = [
        UsageTotals(
            (BEGUN + timedelta(days=day)).date().isoformat(),
            day % 7 * 3,
            day * 900,
            day * 400,
            day / 90,
            0.4,
            41.0,
            day,
            1,
        )
        for day in range(30)
    ]
    return UsageReport(
        BEGUN,
        UsageTotals("", 251, 1_234_567, 98_765, 12.5, 0.41, 40.2, 12, 3),
        tuple(reversed(days)),
        (
            UsageTotals("anthropic/claude-sonnet-4-5-20250929", 151, 9, 9, 12.5),
            UsageTotals("local/smollm2-135m", 100, 9, 9, 0.0),
        ),
        (UsageTotals("balanced", 200), UsageTotals("", 51)),
        True,
    )


def test_days_without_answers_in_a_row_are_one_row() -> None:
    counts = (3, 0, 0, 0, 0, 5, 0, 1)
    days = tuple(UsageTotals(f"2026-11-{20 - day:02}", count) for day, count in enumerate(counts))
    shown = text_of(statistics_lines(UsageReport(BEGUN, UsageTotals("", 9), days), 76)).split("\n")
    begin = shown.index("By day") + 1
    assert [line.split("  ")[0].strip() for line in shown[begin : begin + 5]] == [
        *("Fri 20 Nov", "4 idle days", "Sun 15 Nov", "Sat 14 Nov", "Fri 13 Nov"),
    ]


@pytest.mark.parametrize("width", [36, 56, 76, 96])
def test_every_line_fits_and_what_matters_most_stays(width: int) -> None:
    evil = UsageReport(
        BEGUN, UsageTotals(EVIL, 10**12, 10**15, 10**15, 1e12, 1e9, 1e9, 10**9, 10**9), models=(UsageTotals(EVIL * 9),)
    )
    for found in (many(), evil, UsageReport(BEGUN)):
        lines = statistics_lines(found, width)
        if found is not evil:
            assert all(sum(cell_len(span.text) for span in line) <= width for line in lines)
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text_of(lines).replace("\n", ""))
    said = text_of(statistics_lines(many(), width))
    for word in (
        "answers",
        "All",
        "By day",
        "Mon 23 Nov",
        "By model",
        "smollm2-135m",
        "By strategy",
        "unknown",
        "251",
    ):
        assert word in said


def test_bars_stand_for_answers() -> None:
    rows = [row.split() for row in text_of(statistics_lines(many(), 96)).splitlines() if " Nov " in row]
    lengths = {row[1]: "".join(row).count("━") for row in rows}
    most = max(lengths.values())
    assert most >= 6
    assert lengths["9"] < most


def test_models_and_strategies_are_in_view_without_scrolling() -> None:
    shown = text_of(statistics_lines(many(), 96)).splitlines()
    assert shown.index("By model") < shown.index("By strategy") < 20
    assert shown.index("By strategy") < shown.index("By day")


def test_unknown_tokens_are_no_noughts_and_estimates_have_a_mark() -> None:
    models = (UsageTotals("imported", 3), UsageTotals("about", 2, 10_000, 500, tokens_estimated=True))
    rows = text_of(statistics_lines(UsageReport(BEGUN, UsageTotals("", 5), (), models), 96)).splitlines()
    (imported,) = (row.split() for row in rows if row.startswith("imported"))
    (about,) = (row for row in rows if row.startswith("about"))
    assert imported[-6:] == ["–"] * 6
    assert "≈500" in about
    assert "≈10.0k" in about


def test_it_says_when_only_the_newest_are_counted() -> None:
    assert "Only the newest 251 answers are counted" in text_of(statistics_lines(many(), 96))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_a_command_shows_what_answers_took_and_esc_leads_back(size: tuple[int, int]) -> None:
    async with scripted_chat(size=size, clock=local_now) as chat:
        await chat.ask("hello?")
        await chat.answered()
        await chat.ask("/stats")
        await chat.shows("The last 30 days", "answers", "All", "By day")
        assert isinstance(chat.app.screen, StatisticsScreen)
        await chat.pilot.press("end")
        await chat.until(lambda: "shelf/" in chat.shown() and "balanced" in chat.shown())
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)


def test_the_heading_of_ratings_is_a_word_that_is_explained_where_it_is_shown() -> None:
    assert "rated" in text_of(statistics_lines(many(), 98)[:1])
    wide, narrow = (" ".join(text_of(statistics_lines(many(), width)).split()) for width in (98, 40))
    assert "good (+) and bad (-)" in wide
    assert "good (+)" not in narrow
