"""The programs that reach the clipboard of the person at the terminal, to copy and to paste."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, TypeAlias

import msgspec

from chat_tui.core.processes import child_process

Find: TypeAlias = Callable[[str], str | None]
"""Returns the full path of a program by its name, or None."""
Place: TypeAlias = Literal["macOS", "Wayland", "X11", "WSL"]

MEDIA_TYPE = "{media type}"
"""In the arguments of a `PasteProgram`: one of the types that it lists."""
_POWERSHELL = ("powershell.exe", "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe")
"""By its full path where WSL does not add the folders of Windows to PATH."""
_POWERSHELL_SCRIPT = (
    "$ErrorActionPreference='Stop';Add-Type -AssemblyName System.Windows.Forms,System.Drawing;"
    "$image=[Windows.Forms.Clipboard]::GetImage();"
    "if($image){$stream=New-Object IO.MemoryStream;$image.Save($stream,[Drawing.Imaging.ImageFormat]::Png);"
    "$bytes=$stream.ToArray()}"
    "else{$bytes=[Text.Encoding]::UTF8.GetBytes([Windows.Forms.Clipboard]::GetText())};"
    "[Console]::Out.Write([Convert]::ToBase64String($bytes))"
)
INSTEAD = "save the image as a file and attach it with @path, and paste text with the terminal's own key"
REMOTE_HINT = "Copy the image here with scp and attach it with @path; paste text with the terminal's own key."


class ClipboardProgram(msgspec.Struct, frozen=True):
    """A program that takes the text from its standard input."""

    told: str
    """What is said when it took the text."""
    command: tuple[str, ...]
    encoding: str = "utf-8"


class PasteProgram(msgspec.Struct, frozen=True):
    """A program that writes what is in the clipboard to its standard output."""

    name: str
    gives: Literal["image", "text", "either"]
    """`either`: an image, or the text if there is none."""
    command: tuple[str, ...]
    list_types: tuple[str, ...] = ()
    """The command that lists the media types in the clipboard, one a line; empty: `command` needs none."""
    form: Literal["bytes", "base64", "AppleScript"] = "bytes"
    """How the content is written; AppleScript writes `«data PNGf`, hexadecimal digits and `»`."""
    seconds: float = 5.0
    """How long it may take."""


def is_remote(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal is reached by ssh."""
    return "SSH_CONNECTION" in environment or "SSH_TTY" in environment


def install_hint(environment: Mapping[str, str]) -> str:
    """Return which program to install for the clipboard, without a full stop."""
    program = "wl-clipboard" if environment.get("WAYLAND_DISPLAY") else "xclip" if environment.get("DISPLAY") else ""
    return f"Install {program}" if program else "Install wl-clipboard (Wayland) or xclip (X11)"


def clipboard_places(environment: Mapping[str, str], platform: str = sys.platform) -> Collection[Place]:
    """Return the clipboards that programs can reach from here."""
    places: list[Place] = []
    remote, display = is_remote(environment), environment.get("DISPLAY", "")
    if platform == "darwin" and not remote:
        places.append("macOS")
    if environment.get("WAYLAND_DISPLAY") and not remote:
        places.append("Wayland")
    # Over ssh a display with a host's name is the user's own, forwarded; `:0` is the other machine's.
    if display and not (remote and display.startswith(":")):
        places.append("X11")
    if "WSL_DISTRO_NAME" in environment and not remote:
        places.append("WSL")
    return places


def copy_programs(
    environment: Mapping[str, str], find: Find | None = None, platform: str = sys.platform
) -> list[ClipboardProgram]:
    """The programs that can copy a text here, the most reliable first."""
    find = find or partial(child_process.find_program, environment=environment)
    places = clipboard_places(environment, platform)
    found: list[ClipboardProgram] = []

    def add(name: str, *arguments: str, encoding: str = "utf-8", told: str = "") -> None:
        if find(name):
            found.append(ClipboardProgram(told or f"Copied with {name}", (name, *arguments), encoding))

    if "macOS" in places:
        add("pbcopy")
    if "Wayland" in places:
        add("wl-copy", "--type", "text/plain;charset=utf-8")
    if "X11" in places:
        add("xclip", "-selection", "clipboard")
        add("xsel", "--clipboard", "--input")
    if "WSL" in places:
        add("clip.exe", encoding="utf-16-le")
    if environment.get("TMUX"):
        add("tmux", "load-buffer", "-w", "-", told="Copied to tmux's buffer and sent to the terminal")
    return found


def paste_programs(
    environment: Mapping[str, str], find: Find | None = None, platform: str = sys.platform
) -> list[PasteProgram]:
    """The programs that can read the clipboard here: those that give images, then those that give text, each the most
    reliable first."""
    find = find or partial(child_process.find_program, environment=environment)
    places = clipboard_places(environment, platform)
    rows: list[PasteProgram] = []
    if "macOS" in places:
        script = ("osascript", "-e", "get the clipboard as «class PNGf»")
        rows += [
            PasteProgram("pngpaste", "image", ("pngpaste", "-")),
            PasteProgram("osascript", "image", script, form="AppleScript"),
            PasteProgram("pbpaste", "text", ("pbpaste",)),
        ]
    if "Wayland" in places:
        listed = ("wl-paste", "--list-types")
        rows += [
            PasteProgram("wl-paste", "image", ("wl-paste", "--no-newline", "--type", MEDIA_TYPE), listed),
            PasteProgram("wl-paste", "text", ("wl-paste", "--no-newline", "--type", "text")),
        ]
    if "X11" in places:
        xclip = ("xclip", "-selection", "clipboard", "-out")
        rows += [
            PasteProgram("xclip", "image", (*xclip, "-target", MEDIA_TYPE), (*xclip, "-target", "TARGETS")),
            PasteProgram("xclip", "text", xclip),
            PasteProgram("xsel", "text", ("xsel", "--clipboard", "--output")),
        ]
    if "WSL" in places:
        program = next((name for name in _POWERSHELL if find(name)), _POWERSHELL[0])
        command = (program, "-NoProfile", "-NonInteractive", "-Sta", "-Command", _POWERSHELL_SCRIPT)
        # Its start alone takes seconds.
        rows.append(PasteProgram("PowerShell", "either", command, form="base64", seconds=20.0))
    return sorted((row for row in rows if find(row.command[0])), key=lambda row: row.gives == "text")
