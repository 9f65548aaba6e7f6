"""Whatever a store or a widget holds, no control character of it reaches the terminal."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.strip import Strip
from textual.widgets import Static

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.route import Route, Try
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.tui.terminal.control_filter import ControlFilter
from tests.doubles.scripted_chat import scripted_chat
from tests.support.screen_terminal import screen_terminal
from tests.tui.chat.test_window_title import home

EVIL = "\x1b]2;PWNED\x07\x1b[31m\x9b7m\u202eevil"
BLACK = Color(0, 0, 0)


def test_text_and_links_lose_their_controls_and_the_width_stays() -> None:
    strip = Strip([Segment("a\x1b[31mb\x07\x9b", Style(bold=True)), Segment("c\td\n", Style(link="http://x/\x1b\\"))])
    safe = strip.apply_filter(ControlFilter(), BLACK)
    assert safe.text == "a[31mbcd"
    assert safe.cell_length == strip.cell_length
    assert [segment.style.bold for segment in safe if segment.style] == [True, None]
    assert not any(segment.style and segment.style.link for segment in safe)


def test_a_clean_line_is_left_as_it_is() -> None:
    segments = [Segment("words 你好 👩‍💻", Style(link="http://x/")), Segment(" ")]
    assert all(one is other for one, other in zip(ControlFilter().apply(segments, BLACK), segments, strict=True))


async def test_every_widget_of_the_screen_draws_through_it() -> None:
    async with scripted_chat() as on:
        widget = Static(Text(f"before {EVIL} behind"), markup=False)
        await on.app.screen.mount(widget)
        await on.pilot.pause()
        (line, *_) = widget.render_lines(widget.region.reset_offset)
        assert "before ]2;PWNED[31m7mevil behind" in line.text


def store_with_raw_names(file: Path) -> None:
    """A history as earlier versions imported it."""

    async def fill() -> None:
        now = datetime.now(UTC)
        store = await Store.open(file)
        question = Turn("user", "Why?", id="q", created=now, attachments=(Attachment("a.txt", "text/plain", b"x"),))
        await store.write(
            writes.add_conversation, Conversation("c", "Title", created=now, updated=now, path=(question,))
        )
        await store.write(
            writes.add_turn, "c", Turn("assistant", "", id="a", parent="q", created=now, state="streaming")
        )
        answer = Turn("assistant", "Because.", id="a", parent="q", created=now, model="x/y", strategy="fastest")
        await store.write(writes.finish, answer, Route(EVIL, tries=(Try(EVIL, 1, EVIL, EVIL),), needs=EVIL))
        await store.close()

    asyncio.run(fill())
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE conversation SET id = ?, title = ?", (EVIL, EVIL))
        db.execute("UPDATE turn SET id = id || ?", (EVIL,))
        db.execute("UPDATE turn SET text = ? WHERE role = 'assistant'", (f"Because [x](http://y/{EVIL}) `{EVIL}`",))
        db.execute("UPDATE turn SET text = text || ?, model = ?, strategy = ?", (EVIL, f"x/{EVIL}", EVIL))
        db.execute("UPDATE attachment SET name = ?", (EVIL,))


def test_raw_names_in_an_old_store_reach_no_terminal(tmp_path: Path) -> None:
    store_with_raw_names(tmp_path / "data" / "chat-tui" / "history.db")
    command = (sys.executable, "-m", "chat_tui", "--model", "scripted/demo")
    with screen_terminal(command, env=home(tmp_path), columns=160) as terminal:
        terminal.wait_for("Ask anything", 30)
        terminal.wait_for("evil", 20)
        for keys, shown in (("\x12", "search messages"), ("Because", "evil"), ("\r", "Because"), ("/route\r", "evil")):
            start = terminal.written
            terminal.send(keys)
            terminal.wait_for(re.compile(shown.encode()), 20, offset=start)
        terminal.wait_quiet(0.3)
        raw = terminal.raw()
    assert b"\x1b]2;PWNED" not in raw
    assert b"\x07\x1b[31m" not in raw
    assert "\u202e".encode() not in raw
    assert "\x9b7m".encode() not in raw
