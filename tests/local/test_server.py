"""The child process of the built-in model: it answers, stops at once, and never outlives its parent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat_tui.core.errors import LocalModelError, WeightsMissing
from chat_tui.local.server import LocalServer, ServerAddress, default_threads
from chat_tui.local.weights import Weights
from tests.support.weights import weights_file

__all__ = ["weights_file"]

LONG_PROMPT = "The quick brown fox jumps over the lazy dog. " * 180


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, in which the server makes its socket's folder. A socket's path may be no longer
    than some hundred bytes, which a test's own folder may be already."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@contextlib.asynccontextmanager
async def running(file: Path, **options: Any) -> AsyncIterator[LocalServer]:
    """A server for the test. Two threads that wait for each other compute twice as long beside other tests."""
    server = LocalServer(Weights(file.parent, own_file=file), threads=1, **options)
    try:
        yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def client_of(address: ServerAddress) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server, with its key."""
    transport = httpx.AsyncHTTPTransport(uds=address.socket_path)
    headers = {"Authorization": f"Bearer {address.api_key}", "Connection": "close"}
    async with httpx.AsyncClient(
        transport=transport, base_url=address.base_url, headers=headers, timeout=60, trust_env=False
    ) as client:
        yield client


def asking(text: str, **settings: Any) -> dict[str, Any]:
    return {
        "model": "smollm2-135m",
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        "stream_options": {"include_usage": True},
        **settings,
    }


async def events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[6:])


async def answer(client: httpx.AsyncClient, **request: Any) -> tuple[str, list[dict[str, Any]]]:
    async with client.stream("POST", "chat/completions", json=request) as response:
        assert response.status_code == 200
        said = [event async for event in events(response)]
    pieces = [choice["delta"].get("content") or "" for event in said for choice in event["choices"]]
    return "".join(pieces), said


def left_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def socket_folder_of(address: ServerAddress) -> bool:
    """The folder of the server's socket is there."""
    return bool(address.socket_path) and Path(address.socket_path or "").parent.exists()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def used_in(pid: int, watch_seconds: float) -> float:
    """Processor time that the process uses in so many seconds from now on."""
    before = cpu_seconds(pid)
    await asyncio.sleep(watch_seconds)
    return cpu_seconds(pid) - before


def gone(pid: int) -> bool:
    """The process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.mark.weights
async def test_the_child_streams_an_answer_with_usage_and_timings_at_the_end(
    weights_file: Path, short_folder: Path
) -> None:
    async with running(weights_file) as server:
        address = await server.address()
        assert address.socket_path
        assert server.alive
        assert Path(address.socket_path).parent.stat().st_mode & 0o777 == 0o700
        async with client_of(address) as client:
            text, said = await answer(client, **asking("Tell me about the sea.", max_tokens=12, temperature=0))
            refused = await client.get("models", headers={"Authorization": "Bearer wrong"})
        assert text.strip()
        assert said[-1]["usage"]["completion_tokens"] == 12
        assert said[-1]["timings"]["predicted_per_second"] > 0
        assert said[-2]["choices"][0]["finish_reason"] == "length"
        assert {event["model"] for event in said} == {"smollm2-135m"}
        assert str(weights_file) not in json.dumps(said)
        assert refused.status_code == 401
    assert (server.alive, server.last_exit()) == (False, None)
    assert left_in(short_folder) == []


@pytest.mark.weights
@linux
async def test_closing_the_connection_stops_the_computation(weights_file: Path) -> None:
    async with running(weights_file) as server, client_of(await server.address()) as client:
        pid = server.pid
        assert pid is not None
        async with client.stream("POST", "chat/completions", json=asking("Write a long story.")) as response:
            count = 0
            async for _ in events(response):
                count += 1
                if count == 8:
                    break
        assert await used_in(pid, 1.5) < 0.5

        asked = asyncio.create_task(answer(client, **asking(LONG_PROMPT)))
        before = cpu_seconds(pid)
        await until(lambda: cpu_seconds(pid) - before >= 0.3)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await used_in(pid, 3.0) < 2.0


@pytest.mark.weights
async def test_the_whole_window_is_there_for_each_of_two_answers(weights_file: Path) -> None:
    async with running(weights_file, context_window=256) as server, client_of(await server.address()) as client:
        words = "sea " * 200
        both = await asyncio.gather(*(answer(client, **asking(f"{n} {words}", max_tokens=3)) for n in range(2)))
        assert all(said[-1]["usage"]["prompt_tokens"] > 200 for _, said in both)
        too_long = await client.post("chat/completions", json=asking("sea " * 350))
        assert too_long.status_code == 400
        error = too_long.json()["error"]
        assert error["type"] == "exceed_context_size_error"
        assert error["n_ctx"] == 256
        assert error["n_prompt_tokens"] > 350


@pytest.mark.weights
async def test_a_conversation_that_goes_on_reuses_its_prefix(weights_file: Path) -> None:
    async with running(weights_file) as server, client_of(await server.address()) as client:
        first = asking("Tell me about the sea. " * 8, max_tokens=5, temperature=0)
        text, _ = await answer(client, **first)
        first["messages"] += [{"role": "assistant", "content": text}, {"role": "user", "content": "And the sky?"}]
        _, said = await answer(client, **first)
        assert said[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] > 50


@pytest.mark.weights
async def test_callers_share_one_start_and_a_dead_child_is_started_again(
    weights_file: Path, short_folder: Path
) -> None:
    async with running(weights_file) as server:
        one, other = await asyncio.gather(server.address(), server.address())
        assert one == other
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: not server.alive)
        assert ("SIGKILL" in (server.last_exit() or ""), server.pid) == (True, None)
        again = await server.address()
        assert server.pid not in (None, first)
        assert again.api_key != one.api_key
        assert len(left_in(short_folder)) == 1
    assert left_in(short_folder) == []


@pytest.mark.weights
@linux
async def test_a_cancelled_start_goes_on_and_stop_leaves_neither_process_nor_folder(
    weights_file: Path, short_folder: Path
) -> None:
    for delay in (0.0, 0.02, 0.2):
        server = LocalServer(Weights(weights_file.parent, own_file=weights_file))
        task = asyncio.create_task(server.address())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.stop()
        assert not server.alive
        assert left_in(short_folder) == []
        assert children() == []
    async with running(weights_file) as server:
        task = asyncio.create_task(server.address())
        await asyncio.sleep(0.02)
        task.cancel()
        assert (await server.address()).socket_path


def children() -> list[int]:
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    return [int(pid) for pid, parent, command in rows if int(parent) == os.getpid() and "child.py" in command]


PARENT = """
import asyncio, sys
from pathlib import Path
from chat_tui.local.server import LocalServer
from chat_tui.local.weights import Weights

async def main():
    file = Path(sys.argv[1])
    server = LocalServer(Weights(file.parent, own_file=file))
    address = await server.address()
    print(server.pid, address.socket_path, address.api_key, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def parent(weights_file: Path) -> Iterator[tuple[subprocess.Popen[str], int, ServerAddress]]:
    """A process of its own that has started a server: itself, the child's pid and its address."""
    process = subprocess.Popen([sys.executable, "-c", PARENT, str(weights_file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, path, key = process.stdout.readline().split()
    yield process, int(pid), ServerAddress(path, "http://localhost/v1", key)
    process.kill()
    process.wait()
    process.stdout.close()
    # A child that was ended by a signal cannot tidy up, and its killed parent neither.
    shutil.rmtree(Path(path).parent, ignore_errors=True)


@pytest.mark.weights
@linux
async def test_the_child_ends_when_its_parent_is_killed_even_in_a_long_prompt(
    parent: tuple[subprocess.Popen[str], int, ServerAddress],
) -> None:
    process, child, address = parent
    assert address.socket_path
    async with client_of(address) as client:
        asked = asyncio.create_task(answer(client, **asking(LONG_PROMPT)))
        before = cpu_seconds(child)
        await until(lambda: cpu_seconds(child) - before >= 0.2)
        process.kill()
        await until(lambda: gone(child))
        with pytest.raises(httpx.HTTPError):
            await asked
    assert not socket_folder_of(address)


@pytest.mark.weights
@linux
def test_ctrl_c_is_the_parents_and_sigterm_ends_the_child(
    parent: tuple[subprocess.Popen[str], int, ServerAddress],
) -> None:
    _, child, _ = parent
    os.kill(child, signal.SIGINT)
    time.sleep(0.2)
    assert not gone(child)
    os.kill(child, signal.SIGTERM)
    time.sleep(0.5)
    assert gone(child)


@pytest.mark.weights
async def test_loopback_with_a_key_serves_where_there_are_no_unix_sockets(weights_file: Path) -> None:
    async with running(weights_file, unix_socket=False) as server:
        address = await server.address()
        assert address.socket_path is None
        assert address.base_url.startswith("http://127.0.0.1:")
        async with client_of(address) as client:
            text, _ = await answer(client, **asking("Hello", max_tokens=4))
            refused = await client.post("chat/completions", json=asking("Hello"), headers={"Authorization": "Bearer x"})
        assert text
        assert refused.status_code == 401


async def test_missing_weights_are_told_before_anything_starts(tmp_path: Path, short_folder: Path) -> None:
    server = LocalServer(Weights(tmp_path / "none"))
    with pytest.raises(WeightsMissing):
        await server.address()
    assert left_in(short_folder) == []
    await server.stop()


async def test_a_file_that_llama_cpp_cannot_load_is_an_error_with_its_last_words(
    tmp_path: Path, short_folder: Path
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF" + b"\0" * 1000)
    async with running(own) as server:
        with pytest.raises(LocalModelError, match="cannot run") as caught:
            await server.address()
        assert "weights" in caught.value.hint
        assert not server.alive
    assert left_in(short_folder) == []


@pytest.mark.parametrize(
    ("child", "told", "hint"),
    [
        ('printf "boom\\033[2J\\n" >&2; exit 3', "code 3: boom", "Try again"),
        ("kill -9 $$", "SIGKILL", "memory"),
        (
            'echo \'{"error": "libgomp.so.1: cannot open shared object file", "platform": true}\'',
            "libgomp",
            "libgomp1",
        ),
        (
            'echo \'{"error": "No module named xllamacpp", "platform": true}\'',
            "not available for this machine",
            "xllamacpp",
        ),
        ("echo what", "ended with code 0", "Try again"),
    ],
)
async def test_why_a_child_did_not_start_is_told(
    tmp_path: Path, short_folder: Path, child: str, told: str, hint: str
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nread line\n{child}\n")
    python.chmod(0o755)
    async with running(own, python=str(python)) as server:
        with pytest.raises(LocalModelError) as caught:
            await server.address()
    assert told in caught.value.title
    assert hint in caught.value.hint
    assert "\x1b" not in str(caught.value)
    assert left_in(short_folder) == []


async def test_a_python_that_is_not_there_is_an_error_for_people(tmp_path: Path, short_folder: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    async with running(own, python=str(tmp_path / "no-python")) as server:
        with pytest.raises(LocalModelError, match="cannot be started"):
            await server.address()
    assert left_in(short_folder) == []


def test_threads_leave_the_second_half_of_many_cores_alone() -> None:
    assert [default_threads(cores) for cores in (1, 2, 4, 8, 16, 64)] == [1, 2, 2, 4, 8, 8]
