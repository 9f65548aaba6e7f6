"""Conversations with a summary of earlier messages: branches, search, export and import, and a check of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Conversation, SummarizedTurns, Turn, now, summary_title
from chat_tui.history.queries import branches, reads, usage, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.exporting import export_text
from tests.support.transfers import imported

WHEN = now()
SUMMARY = Turn(
    "summary",
    "**Twelve** boats, <b>said</b> the harbour.",
    id="s",
    parent="a2",
    created=WHEN,
    model="box/m",
    cost=0.5,
    usage=Usage(100, 20, 120),
    summarized=SummarizedTurns(2, 2),
)
TURNS = [
    Turn("user", "What is in the harbour?", id="q1", created=WHEN),
    Turn("assistant", "Boats.", id="a1", parent="q1", created=WHEN, model="box/m"),
    Turn("user", "How many?", id="q2", parent="a1", created=WHEN),
    Turn("assistant", "A dozen.", id="a2", parent="q2", created=WHEN, model="box/m"),
    SUMMARY,
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "history.db")
    await store.write(writes.add_conversation, Conversation("c", "Harbour", created=WHEN, updated=WHEN))
    for each in TURNS:
        await store.write(writes.add_turn, "c", each)
    yield store
    await store.close()


async def path(store: Store) -> list[str]:
    return [each.id for each in (await store.read(reads.conversation, "c")).path]


async def test_it_is_stored_with_what_it_replaces_and_found_by_its_words(store: Store) -> None:
    read = (await store.read(reads.conversation, "c")).path[-1]
    assert read == SUMMARY
    assert [(hit.turn, hit.role) for hit in await store.search("twelve")] == [("s", "summary")]
    assert [hit.turn for hit in await store.search("role:summary said")] == ["s"]
    assert (await store.check()).ok
    # It is no answer, but it has cost something.
    report = await store.read(usage.statistics, WHEN)
    assert report.whole.answers == 2
    assert (await store.read(reads.summaries))[0].cost == 0.5


async def test_a_question_beside_it_is_no_other_version_of_it(store: Store) -> None:
    await store.write(branches.end_at, "c", "a2")
    assert (await store.read(reads.conversation, "c")).below == ()
    await store.write(writes.add_turn, "c", Turn("user", "And now?", id="q3", parent="a2", created=WHEN))
    conversation = await store.read(reads.conversation, "c")
    assert ([each.id for each in conversation.path][-1], conversation.forks) == ("q3", {})


async def test_one_that_was_taken_back_is_not_returned_to_unless_it_is_chosen(store: Store) -> None:
    await store.write(writes.add_turn, "c", replace(TURNS[2], id="q9"))
    await store.write(branches.select, "c", "q2")
    assert await path(store) == ["q1", "a1", "q2", "a2"]
    await store.write(branches.select, "c", "s")
    await store.write(branches.select, "c", "q9")
    # The user was there last.
    await store.write(branches.select, "c", "q2")
    assert await path(store) == ["q1", "a1", "q2", "a2", "s"]
    await store.write(branches.end_at, "c", "a2", takes_back=True)
    await store.write(branches.select, "c", "q9")
    await store.write(branches.select, "c", "q2")
    assert await path(store) == ["q1", "a1", "q2", "a2"]
    await store.write(branches.select, "c", "s")
    await store.write(writes.add_turn, "c", Turn("user", "On?", id="q3", parent="s", created=WHEN))
    await store.write(branches.select, "c", "q9")
    await store.write(branches.select, "c", "q2")
    assert await path(store) == ["q1", "a1", "q2", "a2", "s", "q3"]


async def test_json_restores_it(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(await export_text(store, await store.read(reads.tree, "c"), "json"))
    other = await Store.open(tmp_path / "other.db")
    try:
        await imported(other, file)
        (row,) = await other.read(reads.summaries)
        back = (await other.read(reads.conversation, row.id)).path[-1]
        assert replace(back, id="s", parent="a2") == SUMMARY
    finally:
        await other.close()


async def test_markdown_and_html_show_it_as_a_summary(store: Store) -> None:
    tree = await store.read(reads.tree, "c")
    text = await export_text(store, tree, "markdown")
    assert "\n## Summary of 2 earlier messages\n\n**Twelve** boats" in text
    assert '<!-- turn id="s" role="summary"' in text
    page = await export_text(store, tree, "html")
    assert (
        '<article class="turn summary"><details class="aside"><summary>Summary of 2 earlier messages</summary>' in page
    )
    assert "<strong>Twelve</strong>" in page
    assert "<b>said" not in page


@pytest.mark.parametrize(
    ("summarized", "title"),
    [
        (SummarizedTurns(2, 1), "Summary of 1 earlier message"),
        (SummarizedTurns(9, -1), "Summary of earlier messages"),
        (None, "Summary of earlier messages"),
    ],
)
def test_its_heading_tells_how_much_it_is_about(summarized: SummarizedTurns | None, title: str) -> None:
    assert summary_title(replace(SUMMARY, summarized=summarized)) == title
