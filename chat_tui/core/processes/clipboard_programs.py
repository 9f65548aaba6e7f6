"""The programs that reach the clipboard of the person at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from chat_tui.core.processes import child_process


class ClipboardProgram(msgspec.Struct, frozen=True):
    """A program that takes the text from its standard input."""

    told: str
    """What is said when it took the text."""
    command: tuple[str, ...]
    encoding: str = "utf-8"


def programs(
    environment: Mapping[str, str],
    find: Callable[[str], str | None] | None = None,
    platform: str = sys.platform,
) -> list[ClipboardProgram]:
    """The clipboard programs to try here, the most reliable first."""
    find = find or partial(child_process.find_program, environment=environment)
    remote = "SSH_CONNECTION" in environment or "SSH_TTY" in environment
    display = environment.get("DISPLAY", "")
    found: list[ClipboardProgram] = []

    def add(name: str, *arguments: str, encoding: str = "utf-8", told: str = "") -> None:
        if find(name):
            found.append(ClipboardProgram(told or f"Copied with {name}", (name, *arguments), encoding))

    if not remote:
        if platform == "darwin":
            add("pbcopy")
        if environment.get("WAYLAND_DISPLAY"):
            add("wl-copy", "--type", "text/plain;charset=utf-8")
    # Over ssh a display with a host's name is the user's own, forwarded; `:0` is the other machine's.
    if display and not (remote and display.startswith(":")):
        add("xclip", "-selection", "clipboard")
        add("xsel", "--clipboard", "--input")
    if not remote and "WSL_DISTRO_NAME" in environment:
        add("clip.exe", encoding="utf-16-le")
    if environment.get("TMUX"):
        add("tmux", "load-buffer", "-w", "-", told="Copied to tmux's buffer and sent to the terminal")
    return found
