"""What is summed up of a store's answers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat_tui.core.chunks import State, Timings, Usage
from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.core.usage.usage import UsageTotals
from chat_tui.history.queries import costs, deletion, usage, writes
from chat_tui.history.queries.usage import ANSWERS, statistics
from chat_tui.history.store import Store

TODAY = now().replace(hour=0, minute=0, second=0, microsecond=0)
SINCE = TODAY - timedelta(days=29)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "history.db")
    await store.write(writes.add_conversation, Conversation("c1", "One", created=now()))
    yield store
    await store.close()


class Answers:
    def __init__(self, store: Store) -> None:
        self.store, self.count = store, 0

    async def add(
        self,
        at: datetime,
        model: str = "box/a",
        strategy: str = "balanced",
        cost: float | None = None,
        ttft: float | None = None,
        rate: float | None = None,
        tokens: tuple[int, int] | None = None,
        state: State = "complete",
        verdict: bool | None = None,
    ) -> None:
        self.count += 1
        turn = Turn(
            "assistant",
            "x",
            id=f"t{self.count}",
            created=at,
            model=model,
            strategy=strategy,
            state=state,
            usage=Usage(*tokens, sum(tokens)) if tokens else None,
            timings=Timings(ttft, 1.0, rate) if ttft or rate else None,
            cost=cost,
            verdict=verdict,
        )
        await self.store.write(writes.add_turn, "c1", Turn("user", "q", id=f"q{self.count}", created=at))
        await self.store.write(writes.add_turn, "c1", turn)


async def test_answers_are_summed_up_by_day_model_and_strategy(store: Store) -> None:
    answers = Answers(store)
    await answers.add(TODAY, cost=0.5, ttft=0.2, rate=10, tokens=(100, 20), verdict=True)
    await answers.add(TODAY, "box/b", cost=0.25, ttft=0.4, rate=30, tokens=(1, 2), verdict=False)
    await answers.add(TODAY - timedelta(seconds=1), strategy="learned", ttft=1.0, rate=40)
    await answers.add(SINCE, state="cancelled")
    await answers.add(SINCE - timedelta(seconds=1), cost=99)
    await answers.add(TODAY, state="failed")
    found = await store.read(usage.statistics, SINCE)
    assert found.whole == UsageTotals("", 4, 101, 22, 0.75, 0.4, 30, 1, 1)
    assert len(found.days) == 30
    assert [(day.name, day.answers) for day in found.days if day.answers] == [
        (TODAY.date().isoformat(), 2),
        ((TODAY - timedelta(days=1)).date().isoformat(), 1),
        (SINCE.date().isoformat(), 1),
    ]
    assert [(model.name, model.answers, model.cost) for model in found.models] == [
        ("box/a", 3, 0.5),
        ("box/b", 1, 0.25),
    ]
    assert [(one.name, one.ttft_seconds) for one in found.strategies] == [
        ("balanced", pytest.approx(0.3)),
        ("learned", 1.0),
    ]
    assert not found.newest_only


async def test_a_store_without_answers_has_thirty_empty_days(store: Store) -> None:
    found = await store.read(usage.statistics, SINCE)
    assert (found.whole, found.models, found.strategies) == (UsageTotals(), (), ())
    assert len(found.days) == 30


async def test_a_clock_that_was_ahead_counts_for_today(store: Store) -> None:
    await Answers(store).add(TODAY + timedelta(days=3))
    assert (await store.read(usage.statistics, SINCE)).days[0].answers == 1


async def test_an_answer_that_grows_is_not_counted(store: Store) -> None:
    await Answers(store).add(TODAY, state="streaming")
    assert (await store.read(usage.statistics, SINCE)).whole.answers == 0


async def test_only_the_newest_answers_are_looked_at_in_a_large_store(store: Store, tmp_path: Path) -> None:
    answers = Answers(store)
    for day in range(5):
        await answers.add(TODAY - timedelta(days=day), cost=1.0)
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        found = statistics(db, SINCE, most=3)
        assert found.newest_only
        assert [day.answers for day in found.days[:5]] == [1, 1, 1, 0, 0]
        assert not statistics(db, SINCE, most=5).newest_only


async def test_tokens_that_nobody_knows_are_none_and_estimates_are_marked(store: Store) -> None:
    answers = Answers(store)
    await answers.add(TODAY, "box/imported")
    await answers.add(TODAY, "box/known", tokens=(10, 5))
    models = {sums.name: sums for sums in (await store.read(usage.statistics, SINCE)).models}
    assert (models["box/imported"].prompt_tokens, models["box/imported"].completion_tokens) == (None, None)
    assert (models["box/known"].completion_tokens, models["box/known"].tokens_estimated) == (5, False)
    turn = Turn("assistant", "x", id="about", created=TODAY, model="box/about", usage=Usage(1, 2, 3, estimated=True))
    await store.write(writes.add_turn, "c1", turn)
    whole = (await store.read(usage.statistics, SINCE)).whole
    assert (whole.completion_tokens, whole.tokens_estimated) == (7, True)


async def test_answers_of_deleted_conversations_are_not_counted_but_their_cost_is_for_the_day(store: Store) -> None:
    await Answers(store).add(TODAY, cost=0.5, tokens=(10, 5))
    await store.write(deletion.delete, "c1")
    assert (await store.read(usage.statistics, SINCE)).whole.answers == 0
    assert await store.read(costs.total_since, TODAY) == 0.5
    await store.write(deletion.restore, "c1")
    assert (await store.read(usage.statistics, SINCE)).whole.answers == 1


async def test_no_turn_is_read_that_is_older(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {ANSWERS}", (0, 1))]
    assert steps[0] == "SEARCH turn USING INDEX turn_answered (created>?)"
    assert all("conversation USING COVERING INDEX conversation_deleted" in step for step in steps[2:])


async def test_details_that_cannot_be_read_do_not_hide_the_rest(store: Store, tmp_path: Path) -> None:
    await Answers(store).add(TODAY, tokens=(5, 5))
    await store.write(
        writes.add_turn, "c1", Turn("assistant", "x", id="x", created=datetime.now(UTC), model="box/a", cost=1.0)
    )
    with closing(sqlite3.connect(tmp_path / "history.db")) as db, db:
        db.execute("UPDATE turn SET details = '{\"usage\": 7' WHERE id = 'x'")
    whole = (await store.read(usage.statistics, SINCE)).whole
    assert (whole.answers, whole.cost, whole.prompt_tokens) == (2, 1.0, 5)


async def test_what_was_spent_stays_spent_when_the_conversation_is_erased(store: Store) -> None:
    answers = Answers(store)
    await answers.add(TODAY, cost=0.5)
    await answers.add(TODAY + timedelta(minutes=7), cost=0.25)
    await answers.add(TODAY - timedelta(seconds=1), cost=4.0)
    await answers.add(TODAY - timedelta(days=9), cost=32.0)
    await store.erase("c1")
    assert await store.read(costs.total_since, TODAY) == 0.75
    assert await store.read(costs.total_since, TODAY - timedelta(days=1)) == 4.75
    # Longer ago nobody asks, and nothing is to tell of it.
    assert await store.read(costs.total_since, TODAY - timedelta(days=10)) == 4.75
    again = await Store.open(store.file)
    assert await again.read(costs.total_since, TODAY) == 0.75
    await again.close()


async def test_what_was_spent_on_erased_answers_survives_damage(tmp_path: Path, store: Store) -> None:
    await Answers(store).add(TODAY, cost=0.5)
    await store.erase("c1")
    await store.close()
    (tmp_path / "history.db.damaged").touch()
    recovered = await Store.open(tmp_path / "history.db")
    assert recovered.notice
    assert await recovered.read(costs.total_since, TODAY) == 0.5
    await recovered.close()
