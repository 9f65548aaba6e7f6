"""llama.cpp as a Python module (`xllamacpp`): the environment's own, or fetched from the package index into the cache.

Only the child process imports it. `runtime.json` names the wheel for each kind of machine, with its hash; each serves
all versions of CPython from 3.10 on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files import writing
from chat_tui.core.files.reading import read_regular
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.processes import child_process
from chat_tui.local.wheel import FetchCancelled, Stopped, Wheel, checked_wheel, unpack_tree
from chat_tui.local.wheel_download import Download, Subject, pip_download
from chat_tui.local.wheel_fetch import FetchProgress, WheelFetch, run_in_thread

MODULE = "xllamacpp"
OLDEST_VERSION = (2026, 10)
"""The oldest usable version in the environment: older ones end the child with SIGABRT."""
_SUBJECT = Subject(
    "llama.cpp, which runs local models,",
    "llama.cpp",
    "Without it, use a provider or a server: /provider on the screen or `chat-tui auth add` adds one. "
    "`pip install '.[local]'` in chat-tui's folder adds it to the environment.",
)
_TABLE = Path(__file__).with_name("runtime.json")
_MANIFEST = "installed.json"
_MANIFEST_BYTES = 100_000
_OLDEST_GLIBC, _OLDEST_MACOS = (2, 17), (13,)


class Machine(msgspec.Struct, frozen=True):
    """The properties that decide which wheel fits."""

    system: str
    """The value of `sys.platform`."""
    processor: str
    implementation: str = "cpython"
    free_threaded: bool = False
    """A Python without the global interpreter lock."""
    glibc: tuple[int, ...] = ()
    """The version of glibc; empty for other C libraries."""
    macos: tuple[int, ...] = ()


def this_machine() -> Machine:
    """The machine that this process runs on."""
    processor = os.uname().machine if hasattr(os, "uname") else ""
    free_threaded = "t" in getattr(sys, "abiflags", "")
    macos: tuple[int, ...] = ()
    if sys.platform == "darwin":
        import platform

        macos = _numbers(platform.mac_ver()[0])
    return Machine(sys.platform, processor, sys.implementation.name, free_threaded, _glibc_version(), macos)


def _glibc_version() -> tuple[int, ...]:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, OSError, ValueError):
        return ()
    return _numbers(version) if name == "glibc" else ()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdigit())


def wheel_for(machine: Machine, wheels: Mapping[str, Wheel]) -> Wheel | str:
    """The wheel for this machine, or a description of the machine if there is none."""
    if machine.implementation != "cpython":
        return "Python implementations other than CPython"
    if machine.free_threaded:
        return "Python without the global interpreter lock"
    if machine.system == "linux" and machine.glibc < _OLDEST_GLIBC:
        return "Linux without glibc 2.17 or newer, such as Alpine"
    # A Python built with an old SDK reports 10.16 on every newer system; pip decides then.
    if machine.system == "darwin" and machine.macos < _OLDEST_MACOS and machine.macos[:2] != (10, 16):
        return "macOS before 13"
    return wheels.get(f"{machine.system}-{machine.processor}") or f"{machine.system} on {machine.processor or '?'}"


class Runtime:
    """Locates llama.cpp for the child process, and downloads it if needed."""

    def __init__(
        self,
        folder: Path,
        *,
        download: Download | None = None,
        machine: Callable[[], Machine] = this_machine,
        wheels: Mapping[str, Wheel] | None = None,
        import_folders: Callable[[], Sequence[str]] = child_process.import_folders,
    ) -> None:
        """`folder` holds downloads; `import_folders` are the environment's."""
        self._folder = folder
        self._download = download or partial(pip_download, subject=_SUBJECT)
        self._machine, self._wheels, self._import_folders = machine, wheels, import_folders
        self._inspected = False
        self._environment: Path | None = None
        self._wheel: Wheel | str = ""
        self._fetch: WheelFetch | None = None
        self._manifest: dict[str, tuple[int, int]] | None = None

    def _inspect_machine(self) -> None:
        """Determine, once, what the environment has and which wheel fits; takes about a millisecond."""
        if self._inspected:
            return
        self._inspected = True
        self._environment = _find_module(self._import_folders())
        wheels = self._wheels
        if wheels is None:
            wheels = msgspec.json.decode(_TABLE.read_bytes(), type=dict[str, Wheel])
        self._wheel = wheel_for(self._machine(), wheels)
        if isinstance(self._wheel, Wheel):
            self._fetch = WheelFetch(
                self._folder,
                self._wheel,
                subject=_SUBJECT,
                download=self._download,
                find=self.path,
                install=self._install,
            )

    @property
    def available(self) -> bool:
        """Whether it is present or can be downloaded for this machine."""
        self._inspect_machine()
        return self._environment is not None or isinstance(self._wheel, Wheel)

    @property
    def fetch_bytes(self) -> int:
        """The size of the download."""
        self._inspect_machine()
        return self._wheel.bytes if isinstance(self._wheel, Wheel) else 0

    @property
    def fetching(self) -> bool:
        """Whether a download is running in this process."""
        return self._fetch is not None and self._fetch.running

    @property
    def progress(self) -> FetchProgress | None:
        """The progress of the running download; None if there is none."""
        return self._fetch.progress if self._fetch is not None else None

    def ready(self) -> Path | None:
        """The folder with the module, for the child's search path; None if it must be downloaded first. Costs a few
        system calls."""
        self._inspect_machine()
        if self._environment is not None:
            return self._environment
        place = self._place()
        return place if place is not None and self._is_whole(place) else None

    async def path(self) -> Path:
        """The folder with the module. Raises `LocalModelError` if it is missing."""
        if ready := await run_in_thread(lambda stopped: self.ready()):
            return ready
        raise self._missing_error()

    async def fetch(self, tell: Callable[[FetchProgress], None] | None = None) -> Path:
        """The folder with the module, downloaded if it is missing; `tell` is called with the progress.

        Callers share one download, which is cancelled with the last of them. Raises `LocalModelError`.
        """
        if ready := self.ready():
            return ready
        if self._fetch is None:
            raise self._missing_error()
        return await self._fetch.run(tell)

    def _missing_error(self) -> LocalModelError:
        if isinstance(self._wheel, Wheel):
            megabytes = round(self._wheel.bytes / 1e6)
            title = f"{_SUBJECT.name} is not installed yet."
            source = f"the package index ({megabytes} MB; /fetch on the screen)"
            hint = f"It can be downloaded from {source}. {_SUBJECT.without}"
        else:
            title = f"{_SUBJECT.name} has no build for {self._wheel}."
            hint = (
                "Everything else works: add a provider or a server (/provider on the screen, `chat-tui auth add`), or "
                "install `xllamacpp` into chat-tui's environment yourself."
            )
        return LocalModelError(title, hint, provider="local", model=LOCAL_MODEL)

    def _place(self) -> Path | None:
        """The folder of the download, named after its hash."""
        if not isinstance(self._wheel, Wheel):
            return None
        return self._folder / f"{self._wheel.requirement.replace('==', '-')}-{self._wheel.sha256[:16]}"

    def _is_whole(self, place: Path) -> bool:
        """Whether all files still have the size and time recorded when they were unpacked."""
        try:
            if self._manifest is None:
                content = read_regular(place / _MANIFEST, _MANIFEST_BYTES)
                self._manifest = msgspec.json.decode(content, type=dict[str, tuple[int, int]])
            if all(_mark(place / name) == mark for name, mark in self._manifest.items()):
                return True
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
            pass
        self._manifest = None
        return False

    def _install(self, stopped: Stopped, folder: Path) -> Path:
        import shutil

        place = self._place()
        assert place is not None
        assert isinstance(self._wheel, Wheel)
        file = checked_wheel(folder, self._wheel, _SUBJECT, stopped)
        unpacked = folder / "unpacked"
        unpack_tree(file, self._wheel, _SUBJECT, unpacked, stopped)
        found = {str(each.relative_to(unpacked)): _mark(each) for each in unpacked.rglob("*") if each.is_file()}
        writing.write(unpacked / _MANIFEST, msgspec.json.encode(found))
        if stopped():
            raise FetchCancelled
        # Another process may have loaded it from there; it keeps running without the files.
        for former in self._folder.glob(f"{MODULE}-*"):
            shutil.rmtree(former, ignore_errors=True)
        writing.move(unpacked, place, replace=True)
        self._manifest = None
        return place


def _mark(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _find_module(folders: Sequence[str]) -> Path | None:
    """The environment's folder that has the module in a recent enough version."""
    for folder in map(Path, folders):
        if (folder / MODULE / "__init__.py").is_file():
            # importlib.metadata would take longer to import than all of this.
            versions = [_numbers(each.name.split("-")[1]) for each in folder.glob(f"{MODULE}-*.dist-info")]
            return folder if not versions or max(versions) >= OLDEST_VERSION else None
    return None
