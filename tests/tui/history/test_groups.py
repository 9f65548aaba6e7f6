"""In which group a conversation stands, and that many cost no more than few."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

from chat_tui.core.conversation import ConversationSummary
from chat_tui.tui.history.groups import groups, time_in_group
from tests.support.time_limits import in_time, within

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
"""A Wednesday."""


def kept(*ages_days: float, pinned: int = 0, private: int = 0) -> list[ConversationSummary]:
    return [
        ConversationSummary(
            f"c{n}", "", NOW, NOW - timedelta(days=age), pinned=private <= n < private + pinned, private=n < private
        )
        for n, age in enumerate(ages_days)
    ]


def named(summaries: list[ConversationSummary], now: datetime = NOW) -> list[tuple[int, str]]:
    return groups(summaries, range(len(summaries)), now)


def test_conversations_stand_in_groups_by_when_they_were_last_used() -> None:
    rows = kept(0, 0.2, 1, 2, 3, 20, 40, 70, 500)
    assert named(rows) == [
        (0, "Today"),
        (2, "Yesterday"),
        (3, "This week"),
        (4, "This month"),
        (6, "October"),
        (7, "September"),
        (8, "July 2025"),
    ]


def test_private_and_pinned_ones_stand_before_all_whenever_they_were() -> None:
    rows = kept(3, 200, 0.1, 0, 1, pinned=2, private=1)
    assert named(rows) == [(0, "Private"), (1, "Pinned"), (3, "Today"), (4, "Yesterday")]


def test_a_row_tells_what_its_group_does_not() -> None:
    rows = kept(0.1, 1, 2, 20, 40, 500)
    assert [time_in_group(row, NOW) for row in rows] == ["12:06", "14:30", "Mon", "5 Nov", "16 Oct", "13 Jul 2025"]
    exact = [time_in_group(row, NOW, exact=True) for row in rows]
    assert exact == ["12:06", "14:30", "Mon 14:30", "5 Nov 14:30", "16 Oct 14:30", "13 Jul 2025 14:30"]
    assert [time_in_group(row, NOW) for row in kept(0, 1, pinned=1)] == ["14:30", "14:30"]
    assert time_in_group(kept(1, pinned=1)[0], NOW) == "yesterday"


def test_days_are_those_of_the_zone() -> None:
    at = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    rows = [ConversationSummary("c", "", at, at)]
    assert named(rows) == [(0, "Today")]
    assert named(rows, NOW.astimezone(timezone(timedelta(hours=-8)))) == [(0, "Yesterday")]


def test_a_filter_leaves_only_the_groups_it_needs() -> None:
    rows = kept(0, 1, 20, 40)
    assert groups(rows, [1, 3], NOW) == [(0, "Yesterday"), (1, "October")]
    assert groups(rows, [], NOW) == []


def test_clocks_that_went_wrong_break_nothing() -> None:
    rows = [
        ConversationSummary("c", "", NOW, NOW + timedelta(days=900)),
        ConversationSummary("d", "", NOW, datetime(1, 1, 1, tzinfo=UTC)),
    ]
    west = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert [name for _, name in named(rows, west)] == ["Today", "Older"]
    assert named(list(reversed(rows)))


@in_time
def test_twenty_thousand_conversations_are_grouped_in_a_moment() -> None:
    rows = kept(*(n / 20 for n in range(20_000)))
    begun = time.process_time()
    found = groups(rows, range(len(rows)), NOW)
    within(time.process_time() - begun, 0.02)
    assert len(found) > 30
