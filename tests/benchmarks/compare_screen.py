"""Four columns of 500 tokens a second on the screen: a key's echo, CPU per token beside one chat of the same rate.

`python -m tests.benchmarks.compare_screen [columns rows]`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.benchmarks.figures import at_percentile
from tests.benchmarks.session import LETTERS, Session, quit_politely
from tests.benchmarks.subjects import PAINTED, ServerProcess, fresh_home, ours
from tests.support.pty_terminal import PtyTerminal

COLUMNS, ROWS = (int(size) for size in sys.argv[1:3]) if len(sys.argv) == 3 else (200, 60)
RATE, STREAMS, SECONDS, ROUNDS = 500, 4, 8, 3
TOKENS = RATE * SECONDS
MANY = [f"t{TOKENS}-r{RATE}-mark{number}" for number in range(STREAMS)]
ALL_IN_ONE, ONE = f"t{TOKENS * STREAMS}-r{RATE * STREAMS}", f"t{TOKENS}-r{RATE}"


@contextmanager
def _session(server_url: str) -> Iterator[Session]:
    subject = ours(server_url)
    assert subject is not None, "chat-tui is not installed beside this Python"
    with fresh_home() as home:
        _configure(home, server_url)
        with subject.open(home, columns=COLUMNS, rows=ROWS) as terminal:
            terminal.wait_for(PAINTED, 30)
            session = Session(terminal)
            time.sleep(0.5)
            session.settle()
            session.ask("t30")
            session.idle_share = session.measure_idle(2)
            yield session
            quit_politely(terminal)


def _configure(home: Path, server_url: str) -> None:
    weights = home / "weights.gguf"
    weights.write_bytes(b"GGUF" + bytes(1020))
    models = ", ".join(f'"{name}"' for name in ("sample", *MANY))
    (home / "config.toml").write_text(
        f'model = "bench/sample"\n[local]\nweights = "{weights}"\n[performance]\nmax_concurrent_streams = {STREAMS}\n'
        f'[[providers]]\nname = "bench"\nbase_url = "{server_url}"\nmodels = [{models}]\n'
    )


def _compare(terminal: PtyTerminal, number: int) -> None:
    written = terminal.written
    terminal.send(f"/compare {' '.join(f'bench/{name}' for name in MANY)}\r")
    terminal.wait_for("compare bench", 10, written)
    time.sleep(0.3)
    terminal.send(f"Which {number}?\r")


def _per_token(session: Session, number: int) -> Iterator[float]:
    """Microseconds of CPU a token: of four columns, of a chat as fast as all of them, of a chat as fast as one."""
    terminal = session.terminal
    for wanted in ("", ALL_IN_ONE, ONE):
        cpu, written, begun = terminal.cpu_seconds(), terminal.written, time.monotonic()
        if wanted:
            session.ask(wanted, 120)
        else:
            _compare(terminal, number)
            terminal.wait_for("all done", 120, written)
            session.settle()
        seconds = terminal.cpu_seconds() - cpu - session.idle_share * (time.monotonic() - begun)
        yield seconds / (TOKENS if wanted == ONE else TOKENS * STREAMS) * 1e6
        if not wanted:
            terminal.send("\x1b")
            terminal.wait_for("No answer was chosen", 10, written)
            session.settle()


def _echoes(terminal: PtyTerminal) -> Iterator[float]:
    """Milliseconds from Tab until the head of the next column is painted with its mark."""
    time.sleep(1.5)
    end, place = time.monotonic() + SECONDS - 3, 1
    while time.monotonic() < end:
        written = terminal.written
        sent = terminal.send("\t")
        yield (terminal.wait_for(f"{place + 1} bench/{MANY[place]}", 5, written) - sent) * 1000
        place = (place + 1) % STREAMS
        time.sleep(0.07)


def _echoes_of_one(terminal: PtyTerminal) -> Iterator[float]:
    """Milliseconds from a letter until it stands in the prompt, while one answer streams as fast as all four."""
    terminal.send(f"[{ALL_IN_ONE}]\r")
    time.sleep(1.5)
    end = time.monotonic() + SECONDS - 3
    while time.monotonic() < end:
        for letter in LETTERS:
            if time.monotonic() < end:
                written = terminal.written
                sent = terminal.send(letter)
                yield (terminal.wait_for(letter, 5, written) - sent) * 1000
                time.sleep(0.07)
        terminal.send(b"\x7f" * len(LETTERS))
        time.sleep(0.3)


def _echoes_of_focus(terminal: PtyTerminal) -> Iterator[float]:
    """Milliseconds from Tab or Shift+Tab until the keys of the pane with the focus are told: the same kind of key in
    the chat, while one answer streams as fast as all four."""
    terminal.send(f"[{ALL_IN_ONE}]\r")
    time.sleep(1)
    terminal.send("\t")
    time.sleep(0.5)
    end = time.monotonic() + SECONDS - 3
    while time.monotonic() < end:
        for key, told in (("\t", "rename"), ("\x1b[Z", "pause")):
            written = terminal.written
            sent = terminal.send(key)
            yield (terminal.wait_for(told, 5, written) - sent) * 1000
            time.sleep(0.07)


def _told(echoes: Sequence[float]) -> str:
    shares = (("min", min(echoes)), ("p50", median(echoes)), ("p99", at_percentile(echoes, 99)), ("max", max(echoes)))
    return f"{len(echoes)} keys: " + ", ".join(f"{name} {value:.1f}" for name, value in shares) + " ms"


def main() -> None:
    """Run and print."""
    server = ServerProcess()
    echoes: list[float] = []
    alone: list[float] = []
    moved: list[float] = []
    many: list[float] = []
    all_in_one: list[float] = []
    one: list[float] = []
    try:
        for number in range(ROUNDS):
            with _session(server.url) as session:
                for figures, spent in zip((many, all_in_one, one), _per_token(session, number), strict=True):
                    figures.append(spent)
            with _session(server.url) as session:
                _compare(session.terminal, number)
                echoes += _echoes(session.terminal)
            with _session(server.url) as session:
                alone += _echoes_of_one(session.terminal)
            with _session(server.url) as session:
                moved += _echoes_of_focus(session.terminal)
    finally:
        server.close()
    four = median(many)
    sys.stdout.write(
        f"{STREAMS} x {RATE} tokens/s in columns of a {COLUMNS}x{ROWS} screen: {four:.0f} µs CPU a token; one chat of "
        f"{RATE}/s: {median(one):.0f} µs, ratio {four / median(one):.2f} (<= 1.2); one chat of {RATE * STREAMS}/s: "
        f"{median(all_in_one):.0f} µs, ratio {four / median(all_in_one):.2f}\n"
        f"Tab to mark, {_told(echoes)} (p99 <= 50); in one chat of {RATE * STREAMS}/s Tab to the pane's keys, "
        f"{_told(moved)}, a letter, {_told(alone)}; ratio of Tab here to there: "
        f"p50 {median(echoes) / median(moved):.2f}, "
        f"p99 {at_percentile(echoes, 99) / at_percentile(moved, 99):.2f}\n"
    )


if __name__ == "__main__":
    main()
