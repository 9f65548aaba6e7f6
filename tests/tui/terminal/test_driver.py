"""The terminal's driver: the splitter cut at every place, and a small app at a real pty."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from textual import events

from chat_tui.tui.terminal.driver import driver_class
from chat_tui.tui.terminal.input_splitter import InputSplitter
from tests.support.input_pieces import typed_pieces

_ESC = "\x1b"
START, END = "\x1b[200~", "\x1b[201~"

APP = """
import json, os, sys, time
from textual.app import App
from chat_tui.tui.terminal.driver import driver_class

log = int(sys.argv[1])

def tell(*what):
    os.write(log, (json.dumps([*what, time.monotonic()]) + chr(10)).encode())

class Small(App):
    def on_ready(self):
        tell("ready", os.getpid())

    def on_key(self, event):
        tell("key", event.key, event.character)
        if event.key == "x":
            raise RuntimeError("dies")

    def on_paste(self, event):
        text = event.text
        tell("paste", len(text), text if len(text) < 2000 else text[:20])

    def on_unmount(self):
        tell("end")

app = Small(driver_class=driver_class())
app.run()
sys.exit(app.return_code)
"""


class Terminal:
    """A small app in a child process, seen from its terminal."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.tty = os.ttyname(slave)
        self.log, log = os.pipe()
        env = {key: value for key, value in os.environ.items() if key not in ("ESCDELAY", "TEXTUAL_DRIVER")}
        self.child = subprocess.Popen(
            [sys.executable, "-c", APP, str(log)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=[log],
            env=env | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        self.slave: int | None = slave
        os.close(log)
        self.output = self.rest = b""
        self.lines: list[list[Any]] = []
        self.until(lambda line: line[0] == "ready")

    def until(self, found: Callable[[list[Any]], bool], seconds: float = 10.0) -> list[Any]:
        """The first line of the app's log, from now on, for which it is true; what it writes is read meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            while self.lines:
                if found(line := self.lines.pop(0)):
                    return line
            self._pump(0.05)
        raise AssertionError(f"not seen: {self.output[-300:]!r}")

    def _pump(self, seconds: float) -> None:
        files = [self.log] if self.master < 0 else [self.log, self.master]
        ready, _, _ = select.select(files, [], [], seconds)
        if self.master in ready:
            with suppress(OSError):
                self.output += os.read(self.master, 65536)
        if self.log in ready:
            data = os.read(self.log, 65536)
            if not data:
                raise AssertionError(f"the app has ended: {self.output[-300:]!r}")
            *whole, self.rest = (self.rest + data).split(b"\n")
            self.lines += [json.loads(line) for line in whole]

    def send(self, data: bytes) -> float:
        """Types the bytes as they are; the time of the last one."""
        while data:
            _, writable, _ = select.select([], [self.master], [], 0)
            if writable:
                data = data[os.write(self.master, data[:4096]) :]
            self._pump(0)
        return time.monotonic()

    def keys_until(self, last: str) -> list[str]:
        keys: list[str] = []
        while not keys or keys[-1] != last:
            keys.append(self.until(lambda line: line[0] == "key")[1])
        return keys

    def hang_up(self) -> None:
        assert self.slave is not None
        os.close(self.slave)
        os.close(self.master)
        self.slave, self.master = None, -1

    def ended(self, seconds: float = 5.0) -> int:
        """The exit code; what the app still writes is read."""
        deadline = time.monotonic() + seconds
        while self.child.poll() is None and time.monotonic() < deadline:
            with suppress(AssertionError):
                self._pump(0.02)
        assert self.child.poll() is not None
        return self.child.returncode

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        for number in (self.master, self.slave, self.log):
            if number is not None and number >= 0:
                os.close(number)


@pytest.fixture(scope="module")
def shared() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def told(*pieces: str, quiet_after: bool = True) -> list[tuple[str, str]]:
    """What the splitter makes of the pieces, neighbouring texts joined."""
    splitter, found = InputSplitter(), list[tuple[str, str]]()
    out = [piece for text in pieces for piece in typed_pieces(splitter.feed(text))]
    if quiet_after:
        for _ in range(20):
            out += splitter.silence()
    for piece in out:
        if isinstance(piece, str):
            if found and found[-1][0] == "text":
                piece = found.pop()[1] + piece
            found.append(("text", piece))
        elif isinstance(piece, events.Paste):
            found.append(("paste", piece.text))
        else:
            assert isinstance(piece, events.Key)
            found.append(("key", piece.key))
    return found


SENT = f"a\x1b[Ab{START}one\r\ntwo\rthree\x1b[31m\x1b\x07{END}{START}{END}c\x1b\x1b[B\x1b[20~é\x1b"
MEANT = [
    ("text", "a\x1b[Ab"),
    ("paste", "one\ntwo\nthree"),
    ("paste", ""),
    ("text", "c\x1b\x1b[B\x1b[20~é"),
    ("key", "escape"),
]


def test_the_same_is_told_however_the_input_is_cut() -> None:
    assert told(SENT) == MEANT
    assert told(*SENT) == MEANT
    for cut in range(len(SENT)):
        assert told(SENT[:cut], SENT[cut:]) == MEANT


def test_a_lone_escape_is_waited_for_shortly_and_nothing_else_is() -> None:
    splitter = InputSplitter(escape_seconds=0.01)
    assert splitter.patience == 0.1
    assert splitter.feed("\x1b") == []
    assert splitter.patience == 0.01
    assert [piece.key for piece in splitter.silence() if isinstance(piece, events.Key)] == ["escape"]
    assert splitter.patience == 0.1
    splitter.feed(START + "\x1b")
    assert splitter.patience == 0.1


def test_escapes_before_a_paste_are_told_before_it() -> None:
    assert told(f"\x1b\x1b{START}x{END}") == [("key", "escape"), ("key", "escape"), ("paste", "x")]


def test_an_ending_inside_a_paste_types_nothing() -> None:
    assert told(f"{START}a{END}\rrm -rf x\r{END}b") == [("paste", "a\nrm -rf x\n"), ("text", "b")]
    assert told(f"{START}a\x1b[201\x1b[20\x9b201~\x1b{END}\r") == [("paste", "a[201[20"), ("text", "\r")]


def test_an_ending_and_a_beginning_inside_a_paste_type_nothing() -> None:
    evil = f"safe{END}rm -rf\r\x11{START}tail"
    assert told(f"{START}{evil}{END}x") == [("paste", "saferm -rf\ntail"), ("text", "x")]
    assert told(f"{START}a{END}{START}{evil}{END}") == [("paste", "a"), ("paste", "saferm -rf\ntail")]


def test_two_pastes_in_one_read_stay_two() -> None:
    assert told(f"{START}a{END}{START}b{END}") == [("paste", "a"), ("paste", "b")]


def test_a_paste_that_holds_a_beginning_still_ends() -> None:
    assert told(f"{START}a{START}b{END}c") == [("paste", "ab"), ("text", "c")]


def test_a_paste_without_an_ending_is_handed_over_and_typing_goes_on() -> None:
    splitter = InputSplitter()
    assert splitter.feed(START + "abc") == []
    out = [piece for _ in range(12) for piece in splitter.silence()]
    assert [piece.text for piece in out if isinstance(piece, events.Paste)] == ["abc"]
    assert splitter.feed("q\r") == ["q\r"]


def test_the_rest_of_a_paste_that_had_stalled_is_not_typed() -> None:
    splitter = InputSplitter()
    splitter.feed(START + "abc")
    for _ in range(12):
        splitter.silence()
    assert splitter.feed("line\r" * 20) == []
    assert splitter.feed(f"end{END}") == []
    (paste,) = splitter.silence()
    assert isinstance(paste, events.Paste)
    assert paste.text == "line\n" * 20 + "end"


def test_a_paste_is_bounded_and_its_rest_is_not_typed() -> None:
    splitter = InputSplitter(paste_limit=1000)
    assert [piece for _ in range(50) for piece in splitter.feed((START if _ == 0 else "") + "x\ry" * 100)] == []
    assert splitter.feed(END) == []
    (paste,) = splitter.silence()
    assert isinstance(paste, events.Paste)
    assert len(paste.text) == 1000


def test_an_ending_inside_a_paste_types_nothing_however_late_the_rest_is_read() -> None:
    rest = ["b" * 4000] * 50
    assert told(f"{START}a", f"{END}\rrm -rf x\r\x11", *rest, f"c{END}", "d") == [
        ("paste", "a\nrm -rf x\n" + "".join(rest) + "c"),
        ("text", "d"),
    ]


def test_a_mouse_that_moves_on_does_not_hold_a_paste() -> None:
    splitter = InputSplitter()
    moved = "\x1b[<35;5;5M"
    pieces = [piece for text in (f"{START}a{END}", moved, moved) for piece in splitter.feed(text)]
    assert isinstance(pieces[0], events.Paste)
    assert pieces[1:] == [moved * 2]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("\x1b[1089::99;5u", "\x1b[99;5u"),
        ("\x1b[1089::99;;1089u", "\x1b[1089;;1089u"),
        ("\x1b[97:65;2;65u", "\x1b[97;2;65u"),
        ("\x1b[97;1:1;97u\x1b[97;1:3u", "\x1b[97;1;97u"),
        ("\x1b[1;5:1D\x1b[1;5:3D", "\x1b[1;5D"),
        ("\x1b[0;;28450:23383u", "漢字"),
        ("\x1b[0;;20170:22825:22825:27668:24456u", "今天天气很"),
        ("\x1b[0;129;128104:8205:128105:8205:128103:65039u", "👨\u200d👩\u200d👧\ufe0f"),
        ("\x1b[0;;" + ":".join(["28450"] * 500) + "u", "漢" * 500),
        ("\x1b[0;;3:7:97:27:13:98u\x1b[13;;13u", "ab\x1b[13u"),
        ("\x1b[13;129u\x1b[13;66:1u\x1b[13;2:3u", "\x1b[13;129u\x1b[13;66u"),
        ("\x1b\r\x1b\n\x1b[27;3;13~\x1b[27;2;13~\x1b[27;5;13~", "\x1b[13;3u" * 3 + "\x1b[13;2u\x1b[13;5u"),
        ("\x1b[9999999999u\x1b[97;;9999999u\x1b[55296u\x1b[97;;57343u\x1b[u\x1b[;;u", ""),
    ],
)
def test_keys_of_kittys_protocol_become_what_can_be_read(sent: str, meant: str) -> None:
    assert "".join(text for kind, text in told(sent) if kind == "text") == meant


REPLIES = [
    "\x1b[?62;22;52c",
    "\x1b[>1;10;0c",
    "\x1b[=1;0c",
    "\x1bP!|00000000\x1b\\",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    "\x1b]10;rgb:cdcd/d6d6/f4f4\x1b\\",
    "\x1b]4;1;rgb:f3f3/8b8b/a8a8\x07",
    "\x1b]52;c;aGVsbG8gd29ybGQ=\x07",
    "\x1b]lTitle é\x1b\\",
    "\x1bP>|kitty(0.35.2)\x1b\\",
    "\x1bP1+r544e=787465726d\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b[?1u",
    "\x1b[?1;2$y",
    "\x1b[8;40;120t",
    "\x1b[4;800;1200t",
    "\x1b[?997;1n",
    "\x1b[0n",
    "\x1b[?12;40R",
]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_that_nobody_waits_for_is_dropped_whole_however_it_is_cut(reply: str) -> None:
    assert typed_pieces(InputSplitter().feed(reply)) == []
    assert told(f"a{reply}b") == [("text", "ab")]
    assert told(f"a{reply * 2}b", quiet_after=False) == [("text", "ab")]
    for first in range(1, len(reply)):
        for second in range(first, len(reply)):
            assert told("a", reply[:first], reply[first:second], reply[second:], "b") == [("text", "ab")]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_that_stalls_where_it_is_cut_is_dropped(reply: str) -> None:
    for cut in range(2, len(reply)):
        splitter = InputSplitter()
        pieces = splitter.feed(reply[:cut])
        pieces += splitter.silence()
        assert typed_pieces([*pieces, *splitter.feed(reply[cut:] + "b")]) == ["b"], cut
    # An Esc is told at once: what follows it shortly after is the reply all the same.
    splitter = InputSplitter()
    splitter.feed(_ESC)
    (escape,) = splitter.silence()
    assert isinstance(escape, events.Key)
    if len(reply) > 6:
        assert "".join(map(str, typed_pieces(splitter.feed(reply[1:] + "b")))) in ("b", reply[1:] + "b")


@pytest.mark.parametrize(
    "begun", ["\x1b]11;rgb:1e", "\x1bP>|never", "\x1b[?62;", "\x1b[" + "1;" * 9000, "\x1b_G" + "x" * 99999]
)
def test_a_reply_that_never_ends_is_given_up_and_types_nothing(begun: str) -> None:
    splitter = InputSplitter()
    assert splitter.feed(begun) == []
    assert [piece for _ in range(7) for piece in splitter.silence()] == []
    assert splitter.feed("hello") == ["hello"]
    # Keys that are pressed meanwhile are not a part of it.
    splitter.feed("\x1b]11;rgb:1e")
    splitter.silence()
    assert [piece for key in "hi\r" for piece in splitter.feed(key)] == ["h", "i", "\r"]
    assert splitter.feed("\x1b]11;rgb\x03x") == ["\x03x"]


def test_what_textual_waits_for_still_comes_and_so_do_keys_that_look_like_replies() -> None:
    kept = "\x1b[?2026;2$y\x1b[?2048;0$y\x1b[I\x1b[O\x1b[48;40;120;800;1200t\x1b[<0;5;5M\x1b[<35;-1;5m\x1b[3;7R"
    kept += "\x1b[1;5R\x1b[[A\x1b[3$\x1b[3;5~\x1b[1;2P\x1b[Z\x1bOP\x1b[97;5u"
    assert told(kept) == [("text", kept)]
    assert told(*kept) == [("text", kept)]
    assert told("\x1bP") == [("text", "\x1b[80;3u")]
    assert told("\x1b]", "x") == []


def test_keys_that_are_none_do_not_end_the_input(shared: Terminal) -> None:
    shared.send(b"\x1b[1089::99;5u\x1b[9999999999u\x1b[1:1R\x1b[")
    time.sleep(0.15)
    shared.send(b"97;1:1~")
    time.sleep(0.05)
    shared.send(b"z")
    assert shared.keys_until("z")[0] == "ctrl+c"


def test_escape_is_told_within_20_ms(shared: Terminal) -> None:
    delays = []
    for _ in range(7):
        sent = shared.send(b"\x1b")
        line = shared.until(lambda line: line[:2] == ["key", "escape"])
        delays.append(line[-1] - sent)
        time.sleep(0.03)
    # The best of them: on a busy machine some wait for the processor. Textual by itself takes 100 ms each time.
    assert min(delays) < 0.02, delays


def test_keys_and_characters_cut_in_the_middle_are_whole(shared: Terminal) -> None:
    for byte in "é漢😀".encode():
        shared.send(bytes([byte]))
        time.sleep(0.002)
    shared.send(b"\x1b[1;")
    time.sleep(0.03)
    shared.send(b"5D")
    assert shared.keys_until("ctrl+left") == ["é", "漢", "grinning_face", "ctrl+left"]


def test_bytes_that_are_no_text_do_not_end_the_app(shared: Terminal) -> None:
    shared.send(b"\xff\xc3(z")
    assert shared.keys_until("z")[-1] == "z"


def test_a_burst_of_keys_stays_in_order(shared: Terminal) -> None:
    typed = "abcdefghijklmnopqrstuvw" * 20
    shared.send(typed.encode() + b"\x1b[A\x1b[B\x1b\x1b[Cz")
    assert shared.keys_until("z") == [*typed, "up", "down", "escape", "right", "z"]


def test_a_paste_with_controls_arrives_as_one_clean_text(shared: Terminal) -> None:
    shared.send(f"{START}one\r\ntwo\rthree\x07\x1b[31m red\x1b]0;title\x07\x1b[201 \x1bé{END}k".encode())
    line = shared.until(lambda line: True)
    assert line[:3] == ["paste", line[1], "one\ntwo\nthree red[201 é"]
    assert shared.keys_until("k") == ["k"]


def test_a_megabyte_arrives_as_one_paste(shared: Terminal) -> None:
    shared.send(START.encode() + b"0123456789abcde\r" * 65536 + END.encode() + b"k")
    assert shared.until(lambda line: True)[:2] == ["paste", 1024 * 1024]
    assert shared.keys_until("k") == ["k"]


def test_an_idle_app_is_idle(shared: Terminal) -> None:
    def cpu_seconds() -> float:
        with open(f"/proc/{shared.child.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    if not os.path.exists("/proc/self/stat"):
        pytest.skip("no /proc here")
    before = cpu_seconds()
    time.sleep(1)
    assert cpu_seconds() - before <= 0.03


def test_closing_the_terminal_ends_the_app_in_order(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.until(lambda line: line[0] == "end")
    assert terminal.ended() == 128 + signal.SIGHUP


def test_a_second_hangup_signal_does_not_cut_the_exit_short(terminal: Terminal) -> None:
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGCONT, signal.SIGHUP):
        terminal.child.send_signal(number)
        time.sleep(0.01)
    assert terminal.until(lambda line: line[0] == "end")
    assert terminal.ended() == 128 + signal.SIGHUP


def test_sigterm_ends_the_app_in_order_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.child.send_signal(signal.SIGCONT)
    terminal.child.send_signal(signal.SIGTERM)
    assert terminal.ended() == 128 + signal.SIGTERM
    assert terminal.output.count(b"\x1b[?1049h") == 1
    assert terminal.output.rindex(b"\x1b[?1049l") > 0
    assert terminal.slave is not None
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_an_app_that_dies_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.send(b"x")
    assert terminal.ended() == 1
    for told_back in (b"\x1b[?1049l", b"\x1b[?2004l", b"\x1b[?1000l", b"\x1b[?25h"):
        assert told_back in terminal.output
    assert b"RuntimeError" in terminal.output
    assert terminal.slave is not None
    assert termios.tcgetattr(terminal.slave) == terminal.before


def test_there_is_a_driver_where_there_are_ptys() -> None:
    assert driver_class() is not None


def test_alt_with_a_letter_or_a_digit_is_a_key_and_writes_nothing(shared: Terminal) -> None:
    shared.send(b"\x1b1\x1b0\x1baw\x1bT")
    told = [shared.until(lambda line: line[0] == "key")[1:3] for _ in range(5)]
    assert told == [["alt+1", None], ["alt+0", None], ["alt+a", None], ["w", "w"], ["alt+T", None]]


def test_the_terminal_is_taken_back_from_a_shell_that_had_it_while_the_program_was_stopped(terminal: Terminal) -> None:
    assert terminal.slave is not None
    raw = termios.tcgetattr(terminal.slave)
    assert raw != terminal.before
    terminal.child.send_signal(signal.SIGSTOP)
    os.waitpid(terminal.child.pid, os.WUNTRACED)
    termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)
    terminal.send(b"ab")
    terminal.child.send_signal(signal.SIGCONT)
    terminal.send(b"cz")
    assert terminal.keys_until("z") == ["a", "b", "c", "z"]
    assert termios.tcgetattr(terminal.slave) == raw
    while (taken := terminal.output.count(b"\x1b[?2004h")) < 2 and terminal.child.poll() is None:
        terminal._pump(0.05)
    assert taken == 2
    terminal.child.send_signal(signal.SIGTERM)
    assert terminal.ended() == 128 + signal.SIGTERM
    assert termios.tcgetattr(terminal.slave) == terminal.before
