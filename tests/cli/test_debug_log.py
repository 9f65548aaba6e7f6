"""`--debug` and `CHAT_TUI_LOG`: what is written, what never is, and where it cannot be written."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from chat_tui.cli.debug_log import MOST_BYTES
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import StoreSettings, owners_folder, writer
from tests.doubles.model_server import ModelServer
from tests.support.pty_terminal import PtyTerminal
from tests.wire.home import Home
from tests.wire.raw_server import GOOD, Asked, RawServer, chunked, saying, whole

KEY = "local-hunter2-QWERTYUIOP"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ chat_tui[\w.]* \S.*")


def debug_log(home: Home) -> Path:
    return next(home.folder.rglob("debug.log"))


async def test_a_question_leaves_its_route_its_tries_and_its_requests(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    ran = await home.run("--debug", "ask", "--model", "box/t2", "hello")
    assert ran.code == 0
    file = debug_log(home)
    assert ran.told() == f"chat-tui: Writing a debug log to {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert all(LINE.fullmatch(line) for line in text.splitlines()), text
    for part in (
        r"chat-tui \S+, Python 3\.\d+",
        r"store: created with schema 10",
        r"route: request=\w+ strategy=fixed chosen=box/t2 .*ranked=box/t2:1\.00",
        r"http: POST 127\.0\.0\.1:\d+ /v1/chat/completions -> 200 in [\d.]+ seconds",
        r"try: request=\w+ model=box/t2 attempt=1 outcome=answered waited=[\d.]+ seconds=[\d.]+",
        r"end: request=\w+ model=box/t2 state=complete finish=stop",
    ):
        assert re.search(part, text), f"{part}\n{text}"


async def test_a_retry_and_a_fallback_are_written_with_their_delay(home: Home, server: ModelServer) -> None:
    more = "[error_handling]\nretry_attempts = 2\nretry_delay_seconds = 0.01\nexponential_backoff = false\n\n"
    home.serve(server.base_url, "error500", "t2", more=f'fallbacks = ["box/t2"]\n{more}')
    assert (await home.run("ask", "--debug", "hello")).code == 0
    text = debug_log(home).read_text()
    assert re.search(r"http: POST \S+ \S+ -> 500", text)
    assert re.search(r"try: request=\w+ model=box/error500 attempt=1 outcome=\w+", text)
    assert re.search(r"next: request=\w+ model=box/error500 step=Retry delay=0\.010", text)
    assert re.search(r"try: request=\w+ model=box/t2 attempt=1 outcome=answered", text)


async def test_neither_keys_nor_texts_are_written(home: Home, tmp_path: Path) -> None:
    # The server repeats in its error, and in its answer, all that it was sent.
    def echoing(asked: Asked) -> bytes:
        told = f"{asked.headers} {asked.body.decode()} {asked.line}"
        return whole(json.dumps({"error": {"message": told}}).encode(), "400 Bad Request")

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(echoing(asked))

    attached = tmp_path / "CONTENT.txt"
    attached.write_text("FILE-CONTENT-MARK")
    home.environment |= {"BOX_KEY": KEY, "CHAT_TUI_LOG": str(tmp_path / "my.log")}
    for server in (RawServer(answer), RawServer(saying(chunked(GOOD.replace(b"Hello", b"ANSWER-MARK"))))):
        async with server:
            address = server.base_url.replace("http://", "http://someone:hunter2-pass@") + "?token=hunter2-query"
            home.config.write_text(
                'system_prompt = "SYSTEM-MARK"\nmodel = "box/m"\n'
                f'[error_handling]\nretry_attempts = 1\n[[providers]]\nname = "box"\nbase_url = "{address}"\n'
                'api_key_env = "BOX_KEY"\nmodels = ["m"]\nheaders = { "X-Secret" = "hunter2-header" }\n'
            )
            await home.run("ask", "--attach", str(attached), "PROMPT-MARK")
            assert "hunter2-header" in server.asked[-1].headers.values()
            assert b"SYSTEM-MARK" in server.asked[-1].body
    text = (tmp_path / "my.log").read_text()
    assert "-> 400" in text
    assert "state=complete" in text
    for mark in ("hunter2", "QWERTY", "PROMPT-MARK", "SYSTEM-MARK", "FILE-CONTENT-MARK", "ANSWER-MARK", "?token"):
        assert mark not in text, text


async def test_without_the_switch_nothing_is_written(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    assert (await home.run("ask", "hello")).told() == ""
    assert not list(home.folder.rglob("*.log"))


async def test_a_log_that_cannot_be_written_is_told_once_and_the_answer_comes(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    home.environment["CHAT_TUI_LOG"] = str(home.folder)
    ran = await home.run("ask", "hello")
    assert (ran.code, ran.told().count("cannot be written: Is a directory.")) == (0, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
async def test_a_device_is_no_log(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    home.environment["CHAT_TUI_LOG"] = "/dev/full"
    ran = await home.run("ask", "hello")
    assert (ran.code, ran.told().count("cannot be written: it is not a regular file.")) == (0, 1)


async def test_a_disk_that_fills_up_is_told_once_at_the_end(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t2")
    # A limit of the size of files, as a full disk would be.
    line = "ulimit -f 1; chat-tui settings >/dev/null; head -c 1024 /dev/zero > my.log"
    home.environment["CHAT_TUI_LOG"] = str(home.folder / "my.log")
    # Python takes a byte-code file that was cut at the limit for a whole one.
    home.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    ran = await home.shell(f"cd {home.folder}; {line}; chat-tui ask --no-save hello")
    assert (ran.code, ran.told().count("cannot be written: File too large.")) == (0, 1)


async def test_a_file_that_existed_becomes_private_and_is_appended_to(home: Home) -> None:
    file = home.folder / "my.log"
    file.write_text("before\n")
    file.chmod(0o644)
    home.environment["CHAT_TUI_LOG"] = str(file)
    await home.run("settings")
    assert file.read_text().startswith("before\n2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_large_log_in_the_state_folder_is_begun_anew(home: Home) -> None:
    await home.run("--debug", "settings")
    debug_log(home).write_bytes(b"x" * (MOST_BYTES + 1))
    await home.run("--debug", "settings")
    assert debug_log(home).read_text().startswith("20")


async def test_a_child_leaves_its_start_and_its_end(home: Home, server: ModelServer) -> None:
    home.config.write_text(
        f'model = "box/t2"\n[[providers]]\nname = "box"\nbase_url = "{server.base_url}"\nmodels = ["t2"]\n'
        f'api_key_cmd = "echo {KEY}"\n'
    )
    assert (await home.run("--debug", "ask", "hello")).code == 0
    text = debug_log(home).read_text()
    assert re.search(r"child: echo started, process=\d+", text)
    assert re.search(r"child: echo ended, process=\d+ code=0 seconds=", text)
    assert KEY not in text


def test_on_the_screen_a_notice_and_the_help_tell_the_path(home: Home) -> None:
    home.config.write_text('model = "scripted/demo"\n')
    with PtyTerminal([sys.executable, "-m", "chat_tui", "--debug"], env=home.environment, columns=200) as terminal:
        terminal.wait_for("Writing a debug log to")
        before = terminal.written
        terminal.send("/help\r")
        terminal.wait_for("A debug log is being written to", offset=before)
        terminal.send(b"\x1b")
        terminal.send(b"\x11")
        assert terminal.wait_exit() == 0
    assert "closed" in debug_log(home).read_text()


def _no_change(db: sqlite3.Connection) -> None:
    pass


def test_each_migration_of_an_older_store_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "history.db"
    with caplog.at_level("INFO", "chat_tui.history.opening"):
        for migrations in (MIGRATIONS, (*MIGRATIONS, _no_change, _no_change)):
            owner = ProcessLock(owners_folder(file))
            db, _ = writer(file, owner, StoreSettings(migrations=migrations))
            owner.release()
            db.close()
    told = [re.sub(r" in [\d.]+ seconds", "", record.getMessage()) for record in caplog.records]
    assert told == ["store: created with schema 10", "store: migrated to schema 11", "store: migrated to schema 12"]
