"""What is measured: the bare app and chat-tui, each started at a pseudo terminal against the same loopback server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.pty_terminal import PtyTerminal

ROOT = Path(__file__).parents[2]
PAINTED = "sk anything"
"""The placeholder of both prompts, less the letter under the cursor: the first frame holds it."""
QUIT = b"\x11"


@dataclass(frozen=True)
class Subject:
    """A program to be measured."""

    name: str
    command: tuple[str, ...]
    server_url: str

    def open(self, home: Path, *, columns: int = 120, rows: int = 40) -> PtyTerminal:
        """Start it with `home` for everything that it keeps."""
        return PtyTerminal(self.command, env=environment(home, self.server_url), columns=columns, rows=rows)


def bare(server_url: str) -> Subject:
    """The smallest Textual app."""
    return Subject("bare", (sys.executable, "-P", str(Path(__file__).with_name("bare.py"))), server_url)


def ours(server_url: str) -> Subject | None:
    """chat-tui as it is installed beside this Python; None when it is not."""
    script = Path(sys.executable).with_name("chat-tui")
    return Subject("chat-tui", (str(script),), server_url) if script.exists() else None


def environment(home: Path, server_url: str) -> dict[str, str]:
    """An environment with folders of its own, a config that names the server, and weights that are never loaded."""
    config = home / "config.toml"
    if not config.exists():
        weights = home / "weights.gguf"
        weights.write_bytes(b"GGUF" + bytes(1020))
        config.write_text(
            f'model = "bench/sample"\n[local]\nweights = "{weights}"\n'
            f'[[providers]]\nname = "bench"\nbase_url = "{server_url}"\nmodels = ["sample"]\n'
        )
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
        if name in os.environ
    }
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    return {
        **kept,
        **folders,
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "CHAT_TUI_CONFIG": str(config),
        "BENCH_URL": server_url,
    }


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A folder for one run, removed after it."""
    with tempfile.TemporaryDirectory(prefix="chat-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class ServerProcess:
    """The loopback model server in a process of its own, so that its CPU time is not counted."""

    def __init__(self, *options: str) -> None:
        command = (sys.executable, "-m", "tests.doubles.model_server", "--until-eof", *options)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def last(self) -> dict[str, Any]:
        """The newest exchange of its log; empty when there is none."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/log", timeout=5) as response:
            exchanges: list[dict[str, Any]] = json.load(response)["exchanges"]
        return exchanges[-1] if exchanges else {}

    def wait_last(self, field: str, after: int, timeout_seconds: float = 5) -> dict[str, Any]:
        """The newest exchange once its number is greater than `after` and `field` is set. Raises TimeoutError."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            last = self.last()
            if last and last["number"] > after and last[field] is not None:
                return last
            time.sleep(0.02)
        raise TimeoutError(f"no exchange after {after} came to {field}")

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
