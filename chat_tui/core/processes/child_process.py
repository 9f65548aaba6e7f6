"""Starts every process that this program starts; no other module does (`tests/core/test_child_processes.py`).

Two kinds of children:

* Python modules of this package, and pip (`python_command`): isolated from the working folder (`python -I`, no
  `PYTHON*` variable), in the root folder, with only the variables that they are allowed. They parse files that may be
  hostile, serve a model or compute prices, and never see a key; only the download from Hugging Face is given the
  token of that hub.
* Programs of the user (`program_command`): the command that prints a key, the editor, the clipboard's programs. Their
  names are never looked up in the working folder, even if `PATH` contains `.` or an empty entry.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)

PIPE, STDOUT, DEVNULL = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL

_LOCALE = tuple(
    f"LC_{name}"
    for name in [
        "ALL",
        "ADDRESS",
        "COLLATE",
        "CTYPE",
        "IDENTIFICATION",
        "MEASUREMENT",
        "MESSAGES",
        "MONETARY",
        "NAME",
        "NUMERIC",
        "PAPER",
        "TELEPHONE",
        "TIME",
    ]
)
ESSENTIAL = ("HOME", "LANG", "LANGUAGE", *_LOCALE, "LOGNAME", "PATH", "TEMP", "TMP", "TMPDIR", "TZ", "USER")
"""Variables for every child: exact names, here and below, since any name that fits a pattern may hold a key. Folders of
libraries are added by `variables`."""
DESKTOP = (
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_SEAT",
    "XDG_SESSION_CLASS",
    "XDG_SESSION_DESKTOP",
    "XDG_SESSION_ID",
    "XDG_SESSION_TYPE",
    "XDG_STATE_HOME",
    "XDG_VTNR",
)
"""For programs that use the desktop session, such as its keyring or its clipboard."""
KEYRING = (
    *DESKTOP,
    *[
        "GNOME_DESKTOP_SESSION_ID",
        "GNOME_KEYRING_CONTROL",
        "GNOME_KEYRING_PID",
        "KDE_FULL_SESSION",
        "KDE_SESSION_UID",
        "KDE_SESSION_VERSION",
        "GNUPGHOME",
        "GPG_AGENT_INFO",
        "GPG_TTY",
        "PASSWORD_STORE_DIR",
        "PASSWORD_STORE_GPG_OPTS",
        "PASSWORD_STORE_KEY",
        "KEYRING_PROPERTY_APPID",
        "KEYRING_PROPERTY_FILE_PATH",
        "KEYRING_PROPERTY_KEYCHAIN",
        "KEYRING_PROPERTY_KEYRING_KEY",
        "KEYRING_PROPERTY_PREFERRED_COLLECTION",
        "KEYRING_PROPERTY_SCHEME",
        "PYTHON_KEYRING_BACKEND",
    ],
)
"""For the library `keyring` and the stores that it can be set to."""
CLIPBOARD = (
    *DESKTOP,
    *[
        "SSH_CLIENT",
        "SSH_CONNECTION",
        "SSH_TTY",
        "TMUX",
        "TMUX_PANE",
        "TMUX_TMPDIR",
        "WSLENV",
        "WSL_DISTRO_NAME",
        "WSL_INTEROP",
        "__CF_USER_TEXT_ENCODING",
    ],
)
"""For programs that write to the clipboard or read it."""
DOWNLOADING = (
    *DESKTOP,
    *[
        "PIP_CACHE_DIR",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_CONFIG_FILE",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_KEYRING_PROVIDER",
        "PIP_NO_CACHE_DIR",
        "PIP_NO_INDEX",
        "PIP_PROXY",
        "PIP_RETRIES",
        "PIP_TIMEOUT",
        "PIP_TRUSTED_HOST",
        "PIP_USE_DEPRECATED",
        "PIP_USE_FEATURE",
        "NETRC",
        "ALL_PROXY",
        "FTP_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "all_proxy",
        "ftp_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NIX_SSL_CERT_FILE",
    ],
)
"""For pip: the index, the mirror, the proxy and the certificates that the user has chosen."""
HUB = (
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN",
    "HF_TOKEN_PATH",
)
"""For downloads from Hugging Face: its address, and where the token is."""
COMPUTING = (
    "CUDA_VISIBLE_DEVICES",
    "GGML_CUDA_DISABLE_GRAPHS",
    "GGML_CUDA_ENABLE_UNIFIED_MEMORY",
    "GGML_CUDA_FORCE_CUBLAS",
    "GGML_CUDA_FORCE_MMQ",
    "GGML_CUDA_NO_PINNED",
    "GGML_KLEIDIAI_SME",
    "GGML_METAL_NO_RESIDENCY",
    "GGML_METAL_PATH_RESOURCES",
    "GGML_OPENCL_DEVICE",
    "GGML_OPENCL_PLATFORM",
    "GGML_VK_DISABLE_F16",
    "GGML_VK_VISIBLE_DEVICES",
    "GOMP_CPU_AFFINITY",
    "GOMP_SPINCOUNT",
    "GOMP_STACKSIZE",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_HW_SUBSET",
    "KMP_SETTINGS",
    "KMP_STACKSIZE",
    "OMP_DISPLAY_ENV",
    "OMP_DYNAMIC",
    "OMP_MAX_ACTIVE_LEVELS",
    "OMP_NESTED",
    "OMP_NUM_THREADS",
    "OMP_PLACES",
    "OMP_PROC_BIND",
    "OMP_SCHEDULE",
    "OMP_STACKSIZE",
    "OMP_THREAD_LIMIT",
    "OMP_WAIT_POLICY",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_MAIN_FREE",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_VERBOSE",
)
"""For llama.cpp and its threads."""

_SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""Variables with lists of folders, in which a relative folder would mean the working folder."""
_READ_BYTES = 64 * 1024
_ROOT = os.path.abspath(os.sep)
_MAIN = Path(__file__).with_name("child_main.py")


class ChildCommand(msgspec.Struct, frozen=True):
    """A process to start."""

    arguments: tuple[str, ...]
    """The program, as a full path, and its arguments."""
    environment: dict[str, str]
    folder: str | None = None
    """Folder in which it starts; None: that of this process."""

    @property
    def name(self) -> str:
        """The module, or the name of the program, for the log: arguments may contain a key."""
        if str(_MAIN.absolute()) in self.arguments:
            return self.arguments[self.arguments.index(str(_MAIN.absolute())) + 2]
        return os.path.basename(self.arguments[0])


class ChildResult(msgspec.Struct, frozen=True):
    """The exit code of a process, and its output if that was caught."""

    code: int
    output: bytes = b""
    errors: bytes = b""


def python_command(
    module: str,
    *arguments: str,
    allowed: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    flags: Sequence[str] = (),
    python: str = sys.executable,
    folder: str | None = _ROOT,
    found_in: Sequence[str] = (),
) -> ChildCommand:
    """Return the command for a module in an isolated Python, which finds this package and its dependencies as this
    process does.

    `allowed` are names of variables besides the essential ones; `found_in` are more folders of modules. Paths among
    the arguments must be absolute.
    """
    return ChildCommand(
        (python, "-I", *flags, str(_MAIN.absolute()), json.dumps([*import_folders(), *found_in]), module, *arguments),
        variables(environment, *ESSENTIAL, *allowed),
        folder,
    )


def program_command(
    arguments: Sequence[str], environment: Mapping[str, str], *, allowed: Sequence[str] | None = None
) -> ChildCommand:
    """Return the command for a program of the user's, found outside the working folder, which starts in the user's
    home.

    `allowed` are names of variables besides the essential ones; None: all variables, as in the user's shell. Raises
    FileNotFoundError.
    """
    found = find_program(arguments[0], environment) if arguments else None
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), *arguments[:1])
    chosen = variables(environment, *(environment if allowed is None else (*ESSENTIAL, *allowed)))
    home = os.path.expanduser("~")
    return ChildCommand((found, *arguments[1:]), chosen, home if os.path.isdir(home) else _ROOT)


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the full path of a program by its name or full path (`~` is the home folder), never one in the working
    folder."""
    import shutil

    name = os.path.expanduser(name)
    if os.path.dirname(name) and not os.path.isabs(name):
        return None
    return shutil.which(name, path=_absolute(environment.get("PATH", os.defpath)))


def variables(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    """Return the variables with these names, and the search paths without entries that depend on the working folder."""
    kept = {name: environment[name] for name in names if name in environment}
    for name in _SEARCH_PATHS:
        if name in environment:
            kept[name] = _absolute(environment[name])
    return {name: value for name, value in kept.items() if value or name not in _SEARCH_PATHS}


def _absolute(search_path: str) -> str:
    return os.pathsep.join(folder for folder in search_path.split(os.pathsep) if os.path.isabs(folder))


def import_folders() -> list[str]:
    """Return the folders in which this process and its children find modules, without the working folder."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    return [entry for entry in sys.path if os.path.isabs(entry) and not _same(entry, here)]


def _same(one: str, other: str) -> bool:
    return bool(other) and os.path.realpath(one) == os.path.realpath(other)


async def start(
    command: ChildCommand,
    *,
    stdin: int | None = DEVNULL,
    stdout: int | None = DEVNULL,
    stderr: int | None = DEVNULL,
    new_session: bool = False,
) -> Process:
    """Start the process; None lets it share this process's own stream. Raises OSError, ValueError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=command.environment,
            cwd=command.folder,
            start_new_session=new_session,
        )
    except (OSError, ValueError) as error:
        log.info("child: %s cannot be started: %s", command.name, error)
        raise
    if log.isEnabledFor(logging.INFO):
        log.info("child: %s started, process=%d", command.name, process.pid)
        watcher = asyncio.ensure_future(_log_end(command.name, process, time.monotonic()))
        _watchers.add(watcher)
        watcher.add_done_callback(_watchers.discard)
    return process


_watchers: set[asyncio.Future[None]] = set()
"""Tasks that wait for children only to log their ends; the event loop alone would not keep them."""


async def _log_end(name: str, process: Process, started: float) -> None:
    code = await process.wait()
    log.info("child: %s ended, process=%d code=%d seconds=%.1f", name, process.pid, code, time.monotonic() - started)


def run(
    command: ChildCommand, content: bytes = b"", *, seconds: float, catch: bool = True, new_session: bool = False
) -> ChildResult:
    """Run the process to its end with this content on stdin. Blocks. Raises OSError, and TimeoutError after `seconds`.

    Without `catch`, its output is discarded and not waited for: it may leave a child that keeps the pipes open.
    """
    output = PIPE if catch else DEVNULL
    started = time.monotonic()
    log.info("child: %s started", command.name)
    try:
        done = subprocess.run(
            command.arguments,
            input=content,
            stdout=output,
            stderr=output,
            timeout=seconds,
            check=False,
            env=command.environment,
            cwd=command.folder,
            start_new_session=new_session,
        )
    except subprocess.TimeoutExpired:
        log.info("child: %s killed after %.1f seconds", command.name, seconds)
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
    except OSError as error:
        log.info("child: %s cannot be started: %s", command.name, error)
        raise
    took = time.monotonic() - started
    log.info("child: %s ended, code=%d seconds=%.1f", command.name, done.returncode, took)
    return ChildResult(done.returncode, done.stdout or b"", done.stderr or b"")


async def start_with_pipe(
    command: ChildCommand, *, stderr: int | None = DEVNULL
) -> tuple[Process, asyncio.StreamReader, asyncio.ReadTransport]:
    """Start a process in a session of its own; returns its standard output, too, and the pipe that it comes through.

    The pipe can be closed while the process, or a child that it leaves, keeps its end open. Raises OSError, ValueError.
    """
    read_end, write_end = os.pipe()
    stream = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        process = await start(command, stdout=write_end, stderr=stderr, new_session=True)
    except BaseException:
        pipe.close()
        raise
    finally:
        os.close(write_end)
    return process, stream, pipe


async def read_output(command: ChildCommand, *, most_bytes: int, seconds: float) -> ChildResult:
    """Run the process to its end, without input, and return what it writes to standard output.

    It is killed when it has written more than `most_bytes`; its output is then one byte longer than that. Raises
    OSError, ValueError, and TimeoutError after `seconds`.
    """
    process, stream, pipe = await start_with_pipe(command)
    output = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while len(output) <= most_bytes and (piece := await stream.read(_READ_BYTES)):
                output += piece
            if len(output) <= most_bytes:
                await process.wait()
    finally:
        pipe.close()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    del output[most_bytes + 1 :]
    return ChildResult(process.returncode or 0, bytes(output))
