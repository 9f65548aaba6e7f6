"""A store and a config file that an earlier version made (tests/data/README.md) go on working."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from chat_tui.config.load import parse
from chat_tui.history.queries import attachments, reads
from chat_tui.history.store import Store
from tests.support.scripted_engine import ended, stage
from tests.support.whole_config import TOOLS, WHOLE

DATA = Path(__file__).parents[1] / "data" / "8bb0e8f"
WORTHS = ("good_answer_dollars = 7\n", "good_answer_seconds = 8\n", "min_success = 0.9\n")
ROUND_ROBIN = f"""[strategies.round-robin]
{"".join(WORTHS)}quality = 1
speed = 2
cost = 3
load = 4
fit = 5
learned = 6
"""
ALIASES = 'aliases = { "gpt-4o" = "fast" }\n'
ADDED_LATER = (
    "prompt_cache = false\n",
    "working_seconds = 90\n",
    ", links = false",
    "enabled = false\n",
    ROUND_ROBIN,
    *WORTHS,
    TOOLS,
    ALIASES,
    'proxies = ["127.0.0.1"]\nroot_path = "/chat"\n',
    "unauthenticated_per_minute = 90\nunauthenticated_connections = 50\n",
    "orphan_seconds = 60\n",
)
"""Settings that there were not yet."""
PATH = [
    ("user", "Why is the sky blue? 空", "complete"),
    ("assistant", "Rayleigh scattering.", "complete"),
    ("user", "And at night?", "complete"),
    ("assistant", "Half of ", "broken"),
    ("user", "And on Mars?", "complete"),
    ("assistant", "from b", "complete"),
]


async def earlier_store(folder: Path) -> Store:
    file = folder / "history.db"
    file.write_bytes(gzip.decompress((DATA / "history.db.gz").read_bytes()))
    return await Store.open(file)


async def test_the_conversations_of_an_earlier_version_are_there_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    store = await earlier_store(tmp_path)
    [row] = await store.read(reads.summaries)
    assert (row.title, row.turns, row.pinned) == ("Colours of the sky", 7, True)
    path = (await store.read(reads.conversation, row.id)).path
    assert [(turn.role, turn.text, turn.state) for turn in path] == PATH
    assert [turn.text for turn in await store.read(reads.siblings, path[1].id)] == [
        "The sky scatters blue light.",
        "Rayleigh scattering.",
    ]
    assert path[1].verdict is True
    assert [
        (file.name, file.content) for file in (await store.read(attachments.contents, [path[0].id]))[path[0].id]
    ] == [("notes.txt", b"It was noon.")]
    route = await store.read(reads.route, path[-1].id)
    assert route is not None
    assert [(step.model, step.outcome) for step in route.tries][-1] == ("two/b", "answered")
    assert await store.read(reads.draft, row.id) == "an unsent draft"
    assert await store.read(reads.place, "open conversation") == row.id
    await store.close()


async def test_an_earlier_store_is_searched(tmp_path: Path) -> None:
    store = await earlier_store(tmp_path)
    path = (await store.read(reads.conversation, (await store.read(reads.summaries))[0].id)).path
    for query, turn in (("空", path[0]), ("cattering", path[1]), ("half of", path[3])):
        assert [hit.turn for hit in await store.search(query)] == [turn.id]
    assert await store.search("deleted question") == []
    await store.close()


async def test_a_conversation_of_an_earlier_version_is_exported_and_goes_on(tmp_path: Path) -> None:
    store = await earlier_store(tmp_path)
    id = (await store.read(reads.summaries))[0].id
    async with stage(["Newly asked."], history=store) as on:
        assert "Rayleigh scattering." in await on.engine.conversations.export(id, "markdown")
        record = json.loads(await on.engine.conversations.export(id, "json"))
        assert len(record["turns"]) == 7
        answer = await ended(await on.engine.ask(id, "And today?"))
        await answer.saved.wait()
    store = await Store.open(tmp_path / "history.db")
    path = (await store.read(reads.conversation, id)).path
    assert [(turn.role, turn.text, turn.state) for turn in path] == [
        *PATH,
        ("user", "And today?", "complete"),
        ("assistant", "Newly asked.", "complete"),
    ]
    assert [hit.turn for hit in await store.search("newly asked")] == [path[-1].id]
    await store.close()


def test_a_config_file_of_an_earlier_version_sets_what_it_set() -> None:
    today = WHOLE
    for line in ADDED_LATER:
        assert line in today
        today = today.replace(line, "")
    assert parse((DATA / "config.toml").read_bytes(), "config.toml") == parse(today.encode(), "config.toml")
