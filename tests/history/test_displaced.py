"""The store's file is deleted, moved away or replaced while it is in use: nothing is lost, and it is told."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.schema import Config
from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ChatTuiError, HistoryError
from chat_tui.history.queries import reads, turn_deltas, writes
from chat_tui.history.store import Store
from tests.support.scripted_engine import in_loop, stage
from tests.support.scripted_router import slowly

Displaced = list[tuple[HistoryError, bool]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = await Store.open(file)
    parents = (None, *(f"c{number}" for number in range(4)))
    turns = [Turn("user", f"question {n}", id=f"c{n}", parent=parent) for n, parent in enumerate(parents)]
    await store.write(writes.add_conversation, Conversation("c", "A title", path=tuple(turns)))
    await store.write(writes.add_turn, "c", Turn("assistant", "", id="grows", parent="c4", state="streaming"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("grows", "a part")])
    assert await store.search("question")
    assert await store.read(reads.summaries)
    yield store
    await store.close()


def told_by(store: Store) -> Displaced:
    told: Displaced = []
    store.when_displaced = lambda warning, replaced: told.append((warning, replaced))
    return told


def delete(file: Path) -> None:
    for each in file.parent.glob("history.db*"):
        if each.is_file():
            each.unlink()


def delete_the_file_alone(file: Path) -> None:
    file.unlink()


def link_to(real: Path, link: Path) -> None:
    real.parent.mkdir()
    link.symlink_to(real)


def empty(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()


def move_away(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def delete_the_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def move_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("moved"))


WAYS = [delete, delete_the_file_alone, move_away, delete_the_folder, move_the_folder]


async def texts(file: Path, id: str = "c") -> list[str]:
    """What another process finds there."""
    store = await Store.open(file)
    try:
        assert store.notice == ""
        assert (await store.check()).ok
        return [turn.text for turn in (await store.read(reads.conversation, id)).path]
    finally:
        await store.close()


@pytest.mark.parametrize("displace", WAYS)
async def test_the_next_save_writes_all_of_it_to_a_new_file_and_tells(
    store: Store, file: Path, displace: Callable[[Path], None]
) -> None:
    told = told_by(store)
    displace(file)
    await store.write(turn_deltas.append_deltas, [TurnDelta("grows", " and more")])
    ((warning, replaced),) = told
    assert "was deleted or moved away while chat-tui was running" in str(warning)
    assert str(file) in str(warning)
    assert not replaced
    assert os.stat(file).st_mode & 0o777 == 0o600
    # Readers and searches go on in the new file; so does the answer that grows, also in others' eyes.
    assert (await store.read(reads.conversation, "c")).path[-1].text == "a part and more"
    assert len(await store.search("question")) == 5
    other = await Store.open(file)
    assert (await other.read(reads.conversation, "c")).path[-1].state == "streaming"
    await other.close()
    await store.write(writes.finish, Turn("assistant", "the whole", id="grows"), None)
    await store.close()
    assert len(told) == 1
    assert (await texts(file))[-2:] == ["question 4", "the whole"]


@pytest.mark.parametrize("displace", WAYS)
async def test_the_end_of_the_program_is_early_enough(
    store: Store, file: Path, displace: Callable[[Path], None]
) -> None:
    displace(file)
    await store.close()
    assert (await texts(file))[:-1] == [f"question {number}" for number in range(5)]


async def test_a_search_that_comes_first_notices_it_too(file: Path) -> None:
    store = await Store.open(file)
    await store.write(writes.add_conversation, Conversation("c", path=(Turn("user", "question", id="q"),)))
    delete(file)
    assert len(await store.search("question")) == 1
    assert len(await store.read(reads.summaries)) == 1
    await store.close()
    assert await texts(file) == ["question"]


async def test_a_moved_file_has_all_that_was_written_before(store: Store, file: Path) -> None:
    moved = file.with_name("elsewhere.db")
    move_away(file)
    await store.write(writes.save_draft, "", "words")
    assert len(await texts(moved)) == 6


async def test_where_no_file_can_be_written_it_is_told_until_one_can(store: Store, file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")
    for _ in range(2):
        with pytest.raises(HistoryError, match="The history file is gone, and a new one could not be written"):
            await store.write(writes.add_turn, "c", Turn("user", "lost?", id="lost", parent="c4"))
    assert len((await store.read(reads.conversation, "c")).path) == 6
    file.parent.unlink()
    await store.write(writes.add_turn, "c", Turn("user", "saved", id="saved", parent="c4"))
    await store.close()
    assert (await texts(file))[-1] == "saved"


async def test_another_store_in_its_place_is_used_and_the_former_one_is_kept(store: Store, file: Path) -> None:
    told = told_by(store)
    other = await Store.open(file.with_name("other.db"))
    await other.write(writes.add_conversation, Conversation("theirs", path=(Turn("user", "their question", id="t"),)))
    await other.close()
    # As `mv` does: the log of the former file stays.
    file.with_name("other.db").replace(file)
    with pytest.raises(HistoryError):
        await store.write(writes.add_turn, "c", Turn("user", "new", id="new", parent="c4"))
    ((warning, replaced),) = told
    assert replaced
    assert "The history file was replaced by another one" in warning.title
    assert [row.id for row in await store.read(reads.summaries)] == ["theirs"]
    (aside,) = file.parent.glob("history.replaced-*.db")
    assert str(aside) in warning.hint
    await store.close()
    assert await texts(file, "theirs") == ["their question"]
    assert (await texts(aside))[:5] == [f"question {number}" for number in range(5)]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
async def test_what_cannot_be_used_in_its_place_costs_one_copy(
    store: Store, file: Path, make: Callable[[Path], None]
) -> None:
    delete(file)
    make(file)
    for number in range(3):
        with pytest.raises(HistoryError, match="is not a regular file") as caught:
            await store.write(writes.add_turn, "c", Turn("user", "lost?", id=f"lost{number}", parent="c4"))
    (aside,) = file.parent.glob("history.replaced-*.db")
    assert str(aside) in caught.value.hint
    move_away(file)
    await store.write(writes.add_turn, "c", Turn("user", "saved", id="saved", parent="c4"))
    await store.close()
    assert (await texts(file))[-1] == "saved"
    assert (await texts(aside))[:5] == [f"question {number}" for number in range(5)]


async def test_a_store_behind_a_link_is_written_anew_behind_it(tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.db", tmp_path / "history.db"
    link_to(real, link)
    store = await Store.open(link)
    await store.write(writes.add_conversation, Conversation("c", "A title", path=(Turn("user", "question", id="c0"),)))
    empty(real.parent)
    await store.write(writes.add_turn, "c", Turn("user", "more", id="more", parent="c0"))
    await store.close()
    assert await texts(real) == await texts(link) == ["question", "more"]


async def test_two_who_share_a_store_end_in_one_file(store: Store, file: Path) -> None:
    other = await Store.open(file)
    assert await other.search("question")
    told, told_other = told_by(store), told_by(other)
    delete(file)
    await store.write(writes.add_turn, "c", Turn("user", "one", id="one", parent="c4"))
    await other.write(writes.add_turn, "c", Turn("user", "two", id="two", parent="one"))
    await store.write(writes.add_turn, "c", Turn("user", "three", id="three", parent="two"))
    assert [replaced for _, replaced in (*told, *told_other)] == [False, False]
    assert not list(file.parent.glob("history.replaced-*"))
    await other.close()
    await store.write(writes.add_turn, "c", Turn("user", "four", id="four", parent="three"))
    await store.close()
    assert (await texts(file))[-4:] == ["one", "two", "three", "four"]


async def test_a_log_that_is_deleted_costs_nothing(store: Store, file: Path) -> None:
    told = told_by(store)
    for ending in ("-wal", "-shm"):
        file.with_name(f"history.db{ending}").unlink()
    await store.write(writes.add_turn, "c", Turn("user", "one", id="one", parent="c4"))
    assert "The history's write-ahead log was deleted" in told[0][0].title
    assert len(await store.search("question")) == 5
    assert (await texts(file))[-1] == "one"
    await store.close()
    assert (await texts(file))[-1] == "one"


async def test_a_store_that_is_left_alone_stays_as_it_is(store: Store, file: Path) -> None:
    told = told_by(store)
    inode = os.stat(file).st_ino
    for number in range(3):
        await store.write(writes.save_draft, "", f"words {number}")
        await (await Store.open(file)).close()
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (os.stat(file).st_ino, told) == (inode, [])


async def test_an_engine_saves_what_is_open_in_a_store_that_took_the_place(file: Path) -> None:
    store = await Store.open(file)
    async with stage(slowly("Yes"), history=store) as rig:
        store.when_displaced = in_loop(rig.engine.conversations.note_displaced)
        first = await rig.engine.ask(None, "First")
        await first.saved.wait()
        other = await Store.open(file.with_name("other.db"))
        await other.close()
        file.with_name("other.db").replace(file)
        second = await rig.engine.ask(first.conversation_id, "Second")
        await second.saved.wait()
        titles = [error.title for error in rig.told]
        assert titles == ["The history file was replaced by another one while chat-tui was running."]
    assert await texts(file, first.conversation_id) == ["First", "Yes", "Second", "Yes"]


async def test_an_engine_tells_that_the_file_was_deleted(file: Path) -> None:
    told: list[ChatTuiError] = []
    engine = await open_engine(Config(), tell=told.append, store_file=file, environ={}, known={})
    delete(file)
    await engine.drafts.save(None, "words")
    await engine.close()
    assert [error.title for error in told] == ["The history file was deleted or moved away while chat-tui was running."]
    store = await Store.open(file)
    assert await store.read(reads.draft, "") == "words"
    await store.close()
