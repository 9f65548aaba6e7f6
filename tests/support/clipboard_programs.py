"""Stand-ins for the programs that read the clipboard, to be put first on PATH."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A picture of one pixel."""
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}


def put_program(folder: Path, name: str, script: str) -> None:
    """Put a program there, which is a script for `sh`; beside the shell's own commands it has `/bin/cat` only."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def put_wl_paste(folder: Path, *, types: str = "", image: bytes = b"", text: bytes = b"") -> None:
    """Put a `wl-paste` there for a clipboard with these media types, this image and this text."""
    (folder / "image").write_bytes(image)
    (folder / "text").write_bytes(text)
    shown = "".join(f"echo {name};" for name in types.split())
    put_program(
        folder,
        "wl-paste",
        f'case "$*" in *--list-types*) {shown} exit 0;; *"--type text"*) exec /bin/cat {folder}/text;;'
        f" *) exec /bin/cat {folder}/image;; esac",
    )


def with_programs(folder: Path, environment: Mapping[str, str] = WAYLAND) -> dict[str, str]:
    """Return the environment of a desktop on which only the programs of this folder are installed."""
    return {"PATH": str(folder), "HOME": os.environ.get("HOME", "/"), **environment}
