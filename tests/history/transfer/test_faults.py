"""An import of files that are damaged, hostile or large, and one that is killed."""

from __future__ import annotations

import asyncio
import io
import json
import random
import signal
import sqlite3
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from chat_tui.history.transfer.importer import ImportProgress, import_file
from chat_tui.history.transfer.json_records import NotAnObject, OversizedRecord, records
from chat_tui.history.transfer.records import ImportRefused
from tests.support.killed_children import KILLS
from tests.support.transfers import chatgpt, imported, node
from tests.wire.home import send_signal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    yield store
    await store.close()


class Dribbling(io.BytesIO):
    """Gives a few bytes at a time, wherever that cuts."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._size)


@given(st.lists(OBJECTS), st.integers(1, 9), st.sampled_from(["list", "indented", "lines", "named"]), st.booleans())
def test_records_come_out_as_they_went_in_however_they_are_cut(
    given: list[dict[str, object]], size: int, shape: str, ascii: bool
) -> None:
    if shape == "lines":
        text = "\n".join(json.dumps(each, ensure_ascii=ascii) for each in given)
    elif shape == "named":
        text = json.dumps({"conversations": given}, ensure_ascii=ascii)
    else:
        text = json.dumps(given, indent=2 if shape == "indented" else None, ensure_ascii=ascii)
    found = list(records(Dribbling(text.encode("utf-8", "surrogatepass"), size)))
    assert [json.loads(each) for each in found if isinstance(each, bytes)] == given


def test_a_record_that_is_too_long_is_passed_over() -> None:
    content = json.dumps([{"a": 1}, {"b": "x" * 5000, "c": ["}"]}, {"d": 2}]).encode()
    found = list(records(Dribbling(content, 100), limit=1000))
    assert isinstance(found[1], OversizedRecord)
    assert [json.loads(each) for each in found if isinstance(each, bytes)] == [{"a": 1}, {"d": 2}]


@given(st.lists(OBJECTS | st.text("a,{\\\"' é") | st.integers() | st.none() | st.booleans()), st.integers(1, 9))
def test_values_that_are_no_objects_stand_in_their_places(given: list[object], size: int) -> None:
    plain = [each for each in given if not (isinstance(each, str) and "{" in each)]
    found = list(records(Dribbling(json.dumps(plain).encode(), size)))
    read = [json.loads(each) if isinstance(each, bytes) else isinstance(each, NotAnObject) for each in found]
    assert read == [each if isinstance(each, dict) else True for each in plain]


async def test_records_of_ours_that_are_no_objects_are_told_as_skipped(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    ours = json.dumps(
        {"format": "chat-tui", "version": 1, "id": "c", "turns": [{"id": "q", "role": "user", "text": "Hi"}]}
    )
    other = ours.replace('"c"', '"d"').replace('"q"', '"r"')
    file.write_text(f'[1, {ours}, "two, or", null, [], {other}, false]')
    report = await imported(store, file)
    assert report.conversations == 2
    assert [skipped.record for skipped in report.skipped] == ["record 1", "record 3", "record 4", "record 6"]
    file.write_text(f'{{"conversations": [{ours}], "note": "n", "version": 7}}')
    assert (await imported(store, file)).skipped == ()


def good(id: str) -> str:
    return json.dumps(chatgpt(id, node("q", None, "user", "Hi"), node("a", "q", "assistant", "Hello")))


@pytest.mark.parametrize(
    "bad",
    [
        '{"mapping": {"a": nonsense}}',
        '{"mapping": ' + '{"a":' * 50_000 + "1" + "}" * 50_001,
        '{"mapping": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"title": "\x00\x01", "mapping": {}}',
        "{}",
        '{"mapping": {"\udcff": 1}}',
    ],
)
async def test_a_bad_record_is_told_and_the_others_come_in(store: Store, tmp_path: Path, bad: str) -> None:
    file = tmp_path / "conversations.json"
    file.write_bytes(f"[{good('1')},{bad},{good('2')}]".encode("utf-8", "surrogateescape"))
    report = await imported(store, file)
    assert (report.conversations, report.turns) == (2, 4)
    assert report.skipped_count == 1
    assert report.skipped[0].record == "record 2"


async def test_half_of_a_pair_of_surrogates_stops_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text("[" + good("1").replace("Hello", "Hel\\ud83d") + "]")
    assert (await imported(store, file)).turns == 2


async def test_a_file_that_was_cut_gives_what_is_whole(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(f"[{good('1')},{good('2')},{good('3')[:200]}")
    report = await imported(store, file)
    assert (report.conversations, report.skipped_count) == (2, 1)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[]", b"{}", b"[1, 2]", b"[{}]", b"GIF89a", b"SQLite format 3\0", b"{" * 9]
)
async def test_a_file_of_no_known_kind_is_refused(store: Store, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(ImportRefused):
        await imported(store, file)
    assert await store.read(reads.summaries) == []


async def test_a_folder_and_a_file_that_is_not_there_are_refused(store: Store, tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ImportRefused, match="cannot be read"):
            await imported(store, file)


async def test_a_database_of_another_program_is_refused(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute(
            "CREATE VIEW responses AS SELECT 1 AS id, 2 AS model, 3 AS prompt, 4 AS response, 5 AS conversation_id"
        )
        db.execute("CREATE TABLE message (id)")
        db.commit()
    with pytest.raises(ImportRefused, match="not in a format that chat-tui can import"):
        await imported(store, file)


async def test_a_zip_that_unpacks_to_far_too_much_is_refused(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped, zipped.open("conversations.json", "w") as inside:
        inside.write(f"[{good('1')},".encode())
        for _ in range(80):
            inside.write(b" " * 1_000_000)
    with pytest.raises(ImportRefused, match="expands to far more"):
        await imported(store, file)


async def test_a_zip_that_lies_about_its_size_is_found_out(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    content = f"[{good('1')}]".encode() + b" " * 80_000_000
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("conversations.json", content)
    raw = file.read_bytes().replace(len(content).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    file.write_bytes(raw)
    with pytest.raises(ImportRefused):
        await imported(store, file)


async def test_a_damaged_zip_is_told_and_what_came_before_is_kept(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    chats = [good(str(number)) for number in range(500)]
    random.Random(1).shuffle(chats)
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        zipped.writestr("conversations.json", "[" + ",".join(chats) + "]")
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 64] = zlib.compress(b"?")[:1] * 64
    file.write_bytes(raw)
    with pytest.raises(ImportRefused, match="cannot be read"):
        await imported(store, file)
    assert (await store.read(reads.summaries, limit=1))[0].turns == 2


async def test_a_zip_without_conversations_is_refused(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "photos.zip"
    with ZipFile(file, "w") as zipped:
        zipped.writestr("../conversations.txt", "[]")
    with pytest.raises(ImportRefused, match="not in a format that chat-tui can import"):
        await imported(store, file)


async def test_a_cancel_keeps_what_has_come_and_the_next_import_completes_it(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text("[" + ",".join(good(str(number)) for number in range(400)) + "]")
    running: list[asyncio.Task[object]] = []

    def after_some(progress: ImportProgress) -> None:
        if progress.turns >= 100:
            running[0].cancel()

    running.append(asyncio.create_task(import_file(store, file, after_some)))
    with pytest.raises(asyncio.CancelledError):
        await running[0]
    there = len(await store.read(reads.summaries, limit=1000))
    assert 50 <= there < 400
    report = await imported(store, file)
    assert (report.conversations, report.known) == (400 - there, there)


ROLES = ("user", "assistant")

KILLED = """
import asyncio, sys
from pathlib import Path
from chat_tui.history.store import Store
from chat_tui.history.transfer.importer import import_file

async def main(store, file):
    print("begun", flush=True)
    await import_file(await Store.open(Path(store)), Path(file), lambda _: None)
    print("ended", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_kill_in_the_middle_leaves_a_good_store_and_the_next_import_completes_it(tmp_path: Path) -> None:
    file, kept = tmp_path / "conversations.json", tmp_path / "history.db"
    chain = [node("0", None, "user", "word " * 50)]
    chain += [
        node(str(number), str(number - 1), ("user", "assistant")[number % 2], "word " * 50) for number in range(1, 90)
    ]
    file.write_text(json.dumps([chatgpt(f"u-{number}", *chain) for number in range(15)]))
    chance = random.Random(7)
    for _ in range(max(3, KILLS // 8)):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, str(kept), str(file), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"begun\n"
        await asyncio.sleep(chance.uniform(0.01, 0.25))
        send_signal(child, signal.SIGKILL)
        await child.wait()
        store = await Store.open(kept)
        assert not store.notice
        assert (await store.check()).ok
        for row in await store.read(reads.summaries):
            path = (await store.read(reads.conversation, row.id)).path
            assert len(path) == row.turns
            assert [turn.role for turn in path] == [ROLES[number % 2] for number in range(len(path))]
        await store.close()
    store = await Store.open(kept)
    await imported(store, file)
    assert [row.turns for row in await store.read(reads.summaries)] == [90] * 15
    await store.close()


async def test_two_imports_of_one_file_at_once_make_no_doubles(tmp_path: Path) -> None:
    file, kept = tmp_path / "conversations.json", tmp_path / "history.db"
    file.write_text("[" + ",".join(good(str(number)) for number in range(100)) + "]")
    one, two = await Store.open(kept), await Store.open(kept)
    reports = await asyncio.gather(imported(one, file), imported(two, file))
    assert sum(report.turns for report in reports) == 200
    assert len(await one.read(reads.summaries, limit=1000)) == 100
    assert (await two.check()).ok
    await one.close()
    await two.close()
