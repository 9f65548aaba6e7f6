"""Opening a saved conversation of 10 and of 10,000 turns from the history: until its end shows, until a key does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from chat_tui.history.queries import writes
from tests.benchmarks.figures import Figure, Room, Samples
from tests.benchmarks.session import LETTERS, quit_politely
from tests.benchmarks.subjects import PAINTED, Subject, fresh_home
from tests.doubles.sample_markdown import tokens
from tests.support.pty_terminal import PtyTerminal

FIGURES = (
    Figure("shown_10", "10 turns: Enter in the history to their end shown", "s", digits=3),
    Figure("shown_10000", "10,000 turns: Enter in the history to their end shown", "s", digits=3),
    Figure("key_10", "10 turns: Enter in the history to a key shown", "s", digits=3),
    Figure("key_10000", "10,000 turns: Enter in the history to a key shown", "s", "<= 1 s more than 10 turns", 3),
    Figure("memory_10", "10 turns: memory grows by", "MB", digits=1),
    Figure("memory_10000", "10,000 turns: memory grows by", "MB", "<= 60", 1),
    Figure("home_10000", "10,000 turns: Home key to the first turn shown", "s", digits=3),
    Figure("start_10000", "start with the 10,000 turns saved, to a key shown", "s", digits=2),
)

SIZES = (10, 10_000)


def measure(room: Room) -> Samples:
    """chat-tui alone: the bare app keeps nothing."""
    samples = Samples()
    subject = next((subject for subject in room.subjects if subject.name == "chat-tui"), None)
    if subject is None:
        return samples
    for size in SIZES:
        alone = Room((subject,), room.server, room.quick)
        part = alone.alternate(3, partial(_opened, size=size))
        samples.notes += part.notes
        samples.values.update(part.values)
    return samples


def _opened(subject: Subject, size: int) -> Mapping[str, float]:
    with fresh_home() as home:
        asyncio.run(_fill(home / "data" / "chat-tui" / "history.db", size))
        with subject.open(home) as terminal:
            terminal.wait_for(PAINTED, 30)
            terminal.wait_quiet(0.5)
            written = terminal.written
            terminal.send(b"\x12")
            terminal.wait_for("Kept talk", 10, written)
            terminal.wait_quiet(0.5)
            memory, written = terminal.resident_bytes(), terminal.written
            chosen = terminal.send("\r")
            shown = terminal.wait_for(f"Finis{size}", 30, written)
            terminal.send(LETTERS[0])
            key = terminal.wait_for(LETTERS[0], 30, written)
            time.sleep(1)
            grown = terminal.resident_bytes() - memory
            figures = {
                f"shown_{size}": shown - chosen,
                f"key_{size}": key - chosen,
                f"memory_{size}": grown / 1e6,
            }
            if size == SIZES[-1]:
                figures[f"home_{size}"] = _to_the_beginning(terminal)
            quit_politely(terminal)
        if size == SIZES[-1]:
            with subject.open(home) as terminal:
                terminal.wait_for(PAINTED, 30)
                terminal.send(LETTERS[1])
                figures[f"start_{size}"] = terminal.wait_for(LETTERS[1], 30) - terminal.started
                quit_politely(terminal)
    return figures


def _to_the_beginning(terminal: PtyTerminal) -> float:
    """Seconds from the Home key in the transcript until the first turn shows, wherever Tab leads first."""
    terminal.send(b"\x7f")
    for _ in range(3):
        terminal.send(b"\t")
        terminal.wait_quiet(0.3)
        written = terminal.written
        sent = terminal.send(b"\x1b[H")
        try:
            return terminal.wait_for("Incipit", 3, written) - sent
        except TimeoutError:
            continue
    raise TimeoutError("Home never led to the first turn")


async def _fill(file: Path, size: int) -> None:
    from chat_tui.core.conversation import Conversation, Role, Turn, new_id, now
    from chat_tui.history.store import Store

    answer = "".join(tokens(125))
    turns: list[Turn] = []
    for number in range(size):
        role: Role = "assistant" if number % 2 else "user"
        text = f"{number}: {answer}"
        if number == 0:
            text = f"Incipit {text}"
        elif number == size - 1:
            text = f"{answer[:200]}\n\nFinis{size}\n"
        parent = turns[-1].id if turns else None
        turns.append(Turn(role, text, new_id(), parent, now(), model="bench/sample" if number % 2 else ""))
    store = await Store.open(file)
    conversation = Conversation(new_id(), "Kept talk", None, now(), now(), tuple(turns))
    try:
        await store.write(writes.add_conversation, conversation)
    finally:
        await store.close()
