"""llama.cpp's module: the environment's, or fetched by a pinned hash into the cache, where only the child sees it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_tui.config.schema import Config, LocalModel, ModelRow
from chat_tui.core.errors import LocalModelError
from chat_tui.core.models import LOCAL_MODEL, SCRIPTED_MODEL
from chat_tui.core.request import Request
from chat_tui.engine.engine import Engine
from chat_tui.local import runtime as runtime_module
from chat_tui.local.local_files import LocalFiles
from chat_tui.local.runtime import Machine, Runtime, this_machine, wheel_for
from chat_tui.local.server import LocalServer
from chat_tui.local.weights import Weights
from chat_tui.local.wheel import Wheel
from chat_tui.local.wheel_fetch import FetchProgress
from tests.local.test_own import gguf
from tests.local.test_weights import Courier
from tests.support.isolated_engine import engine_with, standing
from tests.support.weights import ARTIFACT, left_in, weights_file

__all__ = ["weights_file"]

TABLE = msgspec.json.decode(Path(runtime_module.__file__).with_name("runtime.json").read_bytes(), type=dict[str, Wheel])
LINUX = Machine("linux", "x86_64", glibc=(2, 36))
MEMBERS = {
    "xllamacpp/__init__.py": b"answer = 42\n",
    "xllamacpp/xllamacpp.abi3.so": bytes(range(256)) * 100,
    "xllamacpp-1.0.dist-info/METADATA": b"Name: xllamacpp\n",
}


def wheel_of(members: Mapping[Any, bytes]) -> bytes:
    """A wheel with these members; each key is a name or a `ZipInfo`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), content)
    return out.getvalue()


WHEEL = wheel_of(dict(MEMBERS))


def runtime_in(
    folder: Path,
    download: Callable[..., object] | None,
    content: bytes = WHEEL,
    *,
    machine: Machine = LINUX,
    unpacked_bytes: int = 100_000,
    environment: Sequence[str] = (),
) -> Runtime:
    """A runtime whose table names one wheel, with this content."""
    wheel = Wheel("xllamacpp==1.0", len(content), hashlib.sha256(content).hexdigest(), unpacked_bytes)
    return Runtime(
        folder,
        download=download,  # type: ignore[arg-type]
        machine=lambda: machine,
        wheels={"linux-x86_64": wheel},
        import_folders=lambda: environment,
    )


def names_below(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


async def test_it_is_fetched_checked_and_found_ready_by_the_next_start(tmp_path: Path) -> None:
    courier = Courier(WHEEL)
    runtime = runtime_in(tmp_path / "runtime", courier)
    assert runtime.available
    assert runtime.ready() is None
    with pytest.raises(LocalModelError, match="is not installed yet"):
        await runtime.path()
    place = await runtime.fetch()
    assert place == runtime.ready() == await runtime.path() == await runtime.fetch()
    assert names_below(place) == {*MEMBERS, "installed.json"}
    assert (place / "xllamacpp" / "xllamacpp.abi3.so").read_bytes() == MEMBERS["xllamacpp/xllamacpp.abi3.so"]
    assert not [file for file in place.rglob("*") if file.stat().st_mode & 0o077]
    assert left_in(tmp_path / "runtime") == {place.name}
    assert runtime_in(tmp_path / "runtime", courier).ready() == place
    assert courier.calls == 1


async def test_several_callers_and_instances_fetch_once(tmp_path: Path) -> None:
    couriers = [Courier(WHEEL), Courier(WHEEL)]
    runtimes = [runtime_in(tmp_path, courier) for courier in couriers]
    places = await asyncio.gather(*(runtime.fetch() for runtime in runtimes for _ in range(3)))
    assert len(set(places)) == 1
    assert sum(courier.calls for courier in couriers) == 1


async def test_a_wrong_checksum_leaves_nothing(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path, Courier(WHEEL[:-1] + b"x"))
    with pytest.raises(LocalModelError, match=r"checksum of the downloaded file for llama\.cpp is wrong") as caught:
        await runtime.fetch()
    assert "[local]" in caught.value.hint
    assert "GGUF" not in caught.value.hint
    assert left_in(tmp_path) == set()
    assert runtime.ready() is None


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "member",
    [
        "../outside.py",
        "xllamacpp/../../outside.py",
        "/outside.py",
        "xllamacpp//outside.py",
        "./outside.py",
        "..\\outside.py",
        "C:outside.py",
        "xllamacpp/\x1b[2J.py",
        link("xllamacpp/link.py"),
    ],
)
async def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, member: str | zipfile.ZipInfo) -> None:
    content = wheel_of({**MEMBERS, member: b"outside"})
    runtime = runtime_in(tmp_path / "cache", Courier(content), content)
    with pytest.raises(LocalModelError):
        await runtime.fetch()
    assert left_in(tmp_path / "cache") == set()
    assert names_below(tmp_path) == {"cache/fetch.lock"}


async def test_a_wheel_that_unpacks_to_more_than_it_may_is_refused(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path, Courier(WHEEL), unpacked_bytes=20_000)
    with pytest.raises(LocalModelError):
        await runtime.fetch()
    assert left_in(tmp_path) == set()


@pytest.mark.parametrize("damage", ["cut", "gone", "no manifest", "odd manifest"])
async def test_a_damaged_one_is_fetched_again(tmp_path: Path, damage: str) -> None:
    place = await runtime_in(tmp_path, Courier(WHEEL)).fetch()
    library = place / "xllamacpp" / "xllamacpp.abi3.so"
    if damage == "cut":
        library.write_bytes(b"short")
    elif damage == "gone":
        library.unlink()
    elif damage == "no manifest":
        (place / "installed.json").unlink()
    else:
        (place / "installed.json").write_bytes(b"[" * 90_000)
    runtime = runtime_in(tmp_path, courier := Courier(WHEEL))
    assert runtime.ready() is None
    assert await runtime.fetch() == place
    assert library.read_bytes() == MEMBERS["xllamacpp/xllamacpp.abi3.so"]
    assert courier.calls == 1


async def test_a_cancel_and_a_kill_leave_nothing_and_a_newer_one_takes_the_place_of_the_former(tmp_path: Path) -> None:
    former = tmp_path / "xllamacpp-0.9-0123456789abcdef"
    for folder in (former, tmp_path / "partial"):
        folder.mkdir()
        (folder / "left.whl").write_bytes(b"of a fetch that was killed")
    courier = Courier(WHEEL)
    courier.open.clear()
    runtime = runtime_in(tmp_path, courier)
    fetch = asyncio.create_task(runtime.fetch())
    await courier.begun.wait()
    assert runtime.fetching
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    assert (runtime.fetching, left_in(tmp_path)) == (False, {former.name})
    courier.open.set()
    place = await runtime.fetch()
    assert left_in(tmp_path) == {place.name}


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (Machine("linux", "x86_64"), "Alpine"),
        (Machine("linux", "x86_64", glibc=(2, 12)), "glibc 2.17"),
        (Machine("linux", "riscv64", glibc=(2, 36)), "linux on riscv64"),
        (Machine("freebsd14", "amd64"), "freebsd14"),
        (Machine("win32", ""), "win32"),
        (Machine("darwin", "arm64", macos=(12, 7)), "macOS before 13"),
        (Machine("linux", "x86_64", "pypy", glibc=(2, 36)), "CPython"),
        (Machine("linux", "x86_64", free_threaded=True, glibc=(2, 36)), "global interpreter lock"),
    ],
)
async def test_where_there_is_no_wheel_one_sentence_says_so(tmp_path: Path, machine: Machine, said: str) -> None:
    courier = Courier(WHEEL)
    runtime = runtime_in(tmp_path, courier, machine=machine)
    assert not runtime.available
    for fetch in (runtime.fetch(), runtime.path()):
        with pytest.raises(LocalModelError, match=r"has no build for .*\.$") as caught:
            await fetch
        assert said in caught.value.title
        assert "Everything else works" in caught.value.hint
    assert courier.calls == 0


def test_the_table_has_a_wheel_for_each_machine_that_is_supported() -> None:
    machines = [
        Machine("linux", "x86_64", glibc=(2, 17)),
        Machine("linux", "aarch64", glibc=(2, 39)),
        Machine("darwin", "arm64", macos=(14, 1)),
        Machine("darwin", "x86_64", macos=(13,)),
        Machine("darwin", "arm64", macos=(10, 16)),
    ]
    wheels = [wheel_for(machine, TABLE) for machine in machines]
    assert len({wheel.sha256 for wheel in wheels if isinstance(wheel, Wheel)}) == 4
    for wheel in TABLE.values():
        assert re.fullmatch(r"xllamacpp==[\d.]+", wheel.requirement)
        assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
        assert 5_000_000 < wheel.bytes < wheel.unpacked_bytes < 200_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's C library")
def test_this_machine_is_told_as_it_is() -> None:
    machine = this_machine()
    assert machine.system == "linux"
    assert machine.processor == os.uname().machine
    assert machine.glibc == () or machine.glibc >= (2, 17)


def test_the_environments_own_is_taken_where_it_is_new_enough(tmp_path: Path) -> None:
    for version, wanted in (("2026.9.11063", None), ("2026.10.11549", True), ("2027.1.5", True)):
        folder = tmp_path / version
        (folder / "xllamacpp").mkdir(parents=True)
        (folder / "xllamacpp" / "__init__.py").write_text("")
        (folder / f"xllamacpp-{version}.dist-info").mkdir()
        runtime = runtime_in(tmp_path / "cache", Courier(), environment=["/no/such/folder", str(folder)])
        assert runtime.ready() == (folder if wanted else None)


async def test_a_failed_fetch_says_how_to_do_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        LocalModelError, match=r"llama\.cpp, which .* could not be downloaded: the package index"
    ) as caught:
        await runtime_in(tmp_path, None).fetch()
    assert "[local]" in caught.value.hint
    assert "GGUF" not in caught.value.hint


async def test_both_fetches_are_counted_together(tmp_path: Path) -> None:
    couriers = Courier(WHEEL), Courier()
    weights = Weights(tmp_path / "weights", artifact=ARTIFACT, download=couriers[1])
    needed = LocalFiles((runtime_in(tmp_path / "runtime", couriers[0]), weights))
    assert not needed.ready
    assert needed.progress is None
    for courier in couriers:
        courier.open.clear()
    fetch = asyncio.create_task(needed.fetch())
    await couriers[0].begun.wait()
    total = len(WHEEL) + ARTIFACT.wheel_bytes
    assert progress_of(needed) == (0, total)
    couriers[0].open.set()
    await couriers[1].begun.wait()
    assert progress_of(needed) == (len(WHEEL), total)
    couriers[1].open.set()
    await fetch
    assert (needed.ready, needed.progress) == (True, None)


def progress_of(needed: LocalFiles) -> tuple[int, int]:
    progress = needed.progress
    assert isinstance(progress, FetchProgress)
    return progress.received_bytes, progress.total_bytes


def own_model(folder: Path) -> Config:
    """A config with a model of the user's own and the built-in one's place taken by the same file."""
    file = folder / "own.gguf"
    file.write_bytes(gguf())
    return Config(models=(ModelRow("local/own", path=str(file)),), local=LocalModel(weights=str(file)))


async def said_by(engine: Engine, model: str) -> tuple[str, str]:
    """How an answer ended, and all its chunks."""
    answer = await engine.ask(None, "Hello", Request(model=model))
    chunks = [chunk async for chunk in answer.follow()]
    return answer.turn.state, str(chunks)


async def test_where_there_is_no_build_other_models_answer(tmp_path: Path) -> None:
    runtime = runtime_in(tmp_path / "runtime", Courier(WHEEL), machine=Machine("linux", "x86_64"))
    async with engine_with(own_model(tmp_path), runtime=runtime) as engine:
        for name in (LOCAL_MODEL, "local/own"):
            found = standing(engine, name)
            assert found is not None
            assert (found.state, found.usable) == ("no build", False)
            state, chunks = await said_by(engine, name)
            assert state == "failed"
            assert "has no build for Linux without glibc" in chunks
        assert (await said_by(engine, SCRIPTED_MODEL))[0] == "complete"


async def test_a_model_of_ones_own_waits_for_the_fetch_too(tmp_path: Path) -> None:
    courier = Courier(WHEEL)
    runtime = runtime_in(tmp_path / "runtime", courier)
    async with engine_with(own_model(tmp_path), runtime=runtime) as engine:
        found = standing(engine, "local/own")
        assert found is not None
        assert found.model.to_be_fetched
        _, chunks = await said_by(engine, "local/own")
        assert "event='fetching'" in chunks
        assert courier.calls == 1
        found = standing(engine, "local/own")
        assert found is not None
        assert not found.model.to_be_fetched


def test_the_program_itself_never_imports_it() -> None:
    script = (
        "import asyncio, sys\n"
        "from chat_tui.bootstrap.open_engine import open_engine\n"
        "from chat_tui.config.schema import Config\n"
        "async def main():\n"
        "    engine = await open_engine(Config(), save=False, tell=print, environ={}, known={})\n"
        "    engine.models.status()\n"
        "    await engine.close()\n"
        "asyncio.run(main())\n"
        "print(sorted(name for name in sys.modules if name.startswith('xllamacpp')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("[]"), done.stderr


@pytest.mark.weights
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")
async def test_the_real_one_is_fetched_and_the_child_runs_it(tmp_path: Path, weights_file: Path) -> None:
    runtime = Runtime(tmp_path / "runtime", import_folders=lambda: ())
    told: list[FetchProgress] = []
    place = await runtime.fetch(told.append)
    assert told[-1].received_bytes == told[-1].total_bytes == runtime.fetch_bytes
    assert not [name for name in sys.modules if name.startswith("xllamacpp")]
    server = LocalServer(Weights(weights_file.parent, own_file=weights_file), runtime=runtime)
    try:
        await server.address()
        loaded = await asyncio.to_thread(Path(f"/proc/{server.pid}/maps").read_text)
    finally:
        await server.stop()
    assert str(place / "xllamacpp" / "xllamacpp.abi3.so") in loaded
    manifest = json.loads((place / "installed.json").read_bytes())
    assert sum(size for size, _ in manifest.values()) == TABLE[f"linux-{os.uname().machine}"].unpacked_bytes
