"""Copies: which way is taken, that nothing is claimed falsely, and that nothing obeys what is copied."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from chat_tui.core.errors import ClipboardError
from chat_tui.core.processes.clipboard_programs import ClipboardProgram, copy_programs
from chat_tui.tui.terminal import clipboard
from chat_tui.tui.terminal.clipboard import OSC_BYTES, Clipboard, sequence
from tests.doubles.scripted_chat import scripted_chat

SSH = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}
X = {"DISPLAY": ":0"}
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}
WSL = {"WSL_DISTRO_NAME": "Debian"}
TMUX = {"TMUX": "/tmp/tmux-1000/default,1,0"}
ALL = ("pbcopy", "wl-copy", "xclip", "xsel", "clip.exe", "tmux")


def there(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in names else None


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", []),
        ({}, "darwin", ["pbcopy"]),
        (WAYLAND | X, "linux", ["wl-copy", "xclip", "xsel"]),
        (X, "linux", ["xclip", "xsel"]),
        (WSL, "linux", ["clip.exe"]),
        (TMUX, "linux", ["tmux"]),
        (X | TMUX, "linux", ["xclip", "xsel", "tmux"]),
        (SSH | X | WAYLAND | WSL, "linux", []),
        (SSH, "darwin", []),
        (SSH | {"DISPLAY": "localhost:10.0"}, "linux", ["xclip", "xsel"]),
        (SSH | TMUX, "linux", ["tmux"]),
    ],
)
def test_a_program_is_taken_only_where_its_display_is(
    environment: Mapping[str, str], platform: str, expected: Sequence[str]
) -> None:
    assert [program.command[0] for program in copy_programs(environment, there(*ALL), platform)] == expected


def test_a_program_that_is_not_installed_is_not_tried() -> None:
    assert copy_programs(WAYLAND | X | TMUX, there("xsel"), "linux")[0].command[0] == "xsel"


class Taken:
    """Programs that keep what they are given, but for those that fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.given: list[tuple[str, bytes]] = []
        self.sent: list[str] = []

    def run(self, program: ClipboardProgram, data: bytes) -> bool:
        self.given.append((program.command[0], data))
        return program.command[0] not in self.failing

    def clipboard(self, environment: Mapping[str, str], *names: str) -> Clipboard:
        return Clipboard(self.sent.append, environment, self.run, there(*names))


async def test_what_was_used_is_told() -> None:
    taken = Taken()
    copied = await taken.clipboard(WAYLAND, "wl-copy").copy("é" * 1204)
    assert (copied.title, copied.more) == ("Copied with wl-copy", "1,204 characters")
    assert taken.given == [("wl-copy", ("é" * 1204).encode())]
    assert not taken.sent


async def test_a_program_that_fails_is_not_said_to_have_copied() -> None:
    taken = Taken("wl-copy", "xclip")
    copied = await taken.clipboard(WAYLAND | X | TMUX, "wl-copy", "xclip", "tmux").copy("words")
    assert [name for name, _ in taken.given] == ["wl-copy", "xclip", "tmux"]
    assert "tmux" in copied.title


async def test_the_terminal_is_never_said_to_have_copied() -> None:
    taken = Taken("xclip")
    copied = await taken.clipboard(X, "xclip").copy("words")
    assert copied.title.startswith("Sent to the terminal")
    assert "do not confirm" in copied.more
    assert taken.sent == [f"\x1b]52;c;{base64.b64encode(b'words').decode()}\x07"]


async def test_control_sequences_are_not_copied_and_that_is_told() -> None:
    taken = Taken()
    copied = await taken.clipboard(X, "xclip").copy("rm\x1b[2J\x07 \x1b]0;title\x07-rf\n")
    assert taken.given == [("xclip", b"rm -rf\n")]
    assert "without control characters" in copied.more


async def test_windows_gets_the_text_as_it_reads_it() -> None:
    taken = Taken()
    await taken.clipboard(WSL, "clip.exe").copy("漢字")
    assert taken.given[0][1].decode("utf-16-le") == "漢字"


def test_more_than_terminals_take_is_refused_and_told() -> None:
    sequence("a" * OSC_BYTES, {})
    with pytest.raises(ClipboardError, match="Nothing was copied"):
        sequence("a" * (OSC_BYTES + 1), {})


def test_tmux_and_screen_pass_the_sequence_on() -> None:
    text = "漢" * 3000
    encoded = base64.b64encode(text.encode()).decode()
    in_tmux = sequence(text, TMUX)
    assert in_tmux == f"\x1bPtmux;\x1b\x1b]52;c;{encoded}\x07\x1b\\"
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", sequence(text, {"STY": "1.pts"}), re.DOTALL)
    assert "".join(pieces) == f"\x1b]52;c;{encoded}\x07"
    assert max(map(len, pieces)) < 768


def test_a_real_program_is_judged_by_its_exit_code() -> None:
    assert clipboard.run(ClipboardProgram("", ("sh", "-c", 'test "$(cat)" = words')), b"words")
    assert not clipboard.run(ClipboardProgram("", ("sh", "-c", "cat; exit 3")), b"words")
    assert not clipboard.run(ClipboardProgram("", ("/nowhere/at/all",)), b"words")
    assert clipboard.run(ClipboardProgram("", ("true",)), b"a" * 1_000_000)


def test_a_program_that_leaves_a_child_behind_is_not_waited_for() -> None:
    begun = time.monotonic()
    assert clipboard.run(ClipboardProgram("", ("sh", "-c", "cat >/dev/null; sleep 5 &")), b"words")
    assert time.monotonic() - begun < 5


async def test_the_screen_tells_how_it_copied() -> None:
    async with scripted_chat(["The **answer**."]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "y")
        await chat.until(lambda: "Sent to the terminal's clipboard" in chat.notices())
        assert "15 characters" in chat.notices()
        assert chat.app.clipboard == "The **answer**."
