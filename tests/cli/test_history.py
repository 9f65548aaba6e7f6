"""`chat-tui history` as a person and a script use it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chat_tui.cli import main
from chat_tui.cli.commands.history.command import cancel_on_signals
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Conversation, SummarizedTurns, Turn
from chat_tui.core.files import writing
from chat_tui.core.route import Route, Try
from chat_tui.core.text.control_characters import clean
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store
from tests.support.pty_terminal import PtyTerminal

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILE = Attachment("dot.txt", "text/plain", b"a dot")
QUESTION = Turn("user", "Why is \x1b[31mthe sky\x1b[0m blue?", id="q1", created=WHEN, attachments=(FILE,))
ANSWER = Turn(
    "assistant",
    "# Because\n\nLight \u202escatters.",
    id="a1",
    parent="q1",
    created=WHEN,
    model="local/x",
    usage=Usage(3, 4, 7),
    cost=0.25,
)
SECOND = Turn("assistant", "Nobody knows.", id="a2", parent="q1", created=WHEN, model="local/y", state="cancelled")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def store_file(home: Path) -> Path:
    return home / "data" / "chat-tui" / "history.db"


@pytest.fixture
def kept(home: Path) -> Path:
    """A history with two conversations."""

    async def fill() -> None:
        store = await Store.open(store_file(home))
        await store.write(
            writes.add_conversation, Conversation("abc1", "The sky", "Be brief.", WHEN, WHEN, (QUESTION,))
        )
        await store.write(
            writes.add_turn, "abc1", Turn("assistant", "", id="a1", parent="q1", created=WHEN, state="streaming")
        )
        await store.write(writes.finish, ANSWER, Route("fastest", tries=(Try("local/x", 1, "answered"),)))
        await store.write(writes.add_turn, "abc1", SECOND)
        await store.write(
            writes.add_conversation, Conversation("abd2", "Another\x1b]0;pwned\x07 one", created=WHEN, updated=WHEN)
        )
        await store.close()

    asyncio.run(fill())
    return home


def history(*arguments: str) -> int:
    return main.main(["history", *arguments])


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What the command said as JSON; it must have gone well."""
    assert history(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_looking_at_a_history_that_is_not_there_makes_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "list") == []
    assert told(capsys, "search", "x") == []
    assert told(capsys, "check")["ok"] is True
    for arguments in (["show", "last"], ["export", "last"], ["delete", "last"], ["backup"]):
        assert history(*arguments) == 1
        assert "No conversations have been saved yet." in capsys.readouterr().err
    assert list(home.rglob("*")) == []


def test_conversations_are_listed(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in told(capsys, "list")}
    assert rows["abc1"]["turns"] == 3
    assert rows["abc1"]["title"] == "The sky"
    assert rows["abc1"]["created"] == "2026-01-02T03:04:05Z"
    assert {"id", "title", "created", "updated", "turns", "pinned", "model", "cost"} <= rows["abd2"].keys()
    assert len(told(capsys, "list", "--limit", "1")) == 1


async def add_turn(home: Path, turn: Turn) -> None:
    store = await Store.open(store_file(home))
    await store.write(writes.add_turn, "abc1", turn)
    await store.close()


def test_a_summary_is_shown_with_its_heading_and_found(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(add_turn(kept, Turn("summary", "It scatters.", "s1", "a2", WHEN, summarized=SummarizedTurns(2, 2))))
    history("show", "abc1")
    assert "── Summary of 2 earlier messages · 2026-01-02" in capsys.readouterr().out
    assert [hit["turn"] for hit in told(capsys, "search", "role:summary scatters")] == ["s1"]


def test_a_conversation_is_shown_by_its_current_path_or_whole(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "show", "abc1")
    assert [turn["id"] for turn in shown["turns"]] == ["q1", "a2"]
    whole = told(capsys, "show", "abc1", "--all")
    assert [turn["id"] for turn in whole["turns"]] == ["q1", "a1", "a2"]
    turn = whole["turns"][1]
    assert (turn["parent"], turn["role"], turn["model"], turn["state"]) == ("q1", "assistant", "local/x", "complete")
    assert turn["text"] == "# Because\n\nLight scatters."
    assert turn["usage"]["total_tokens"] == 7
    assert turn["cost"] == 0.25
    assert turn["route"]["strategy"] == "fastest"
    assert whole["turns"][2]["route"] is None


def test_an_id_may_be_short_as_long_as_it_is_one(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "show", "abc")["id"] == "abc1"
    assert told(capsys, "show", "last")["id"] in ("abc1", "abd2")
    assert history("show", "ab") == 1
    assert "abc1, abd2" in capsys.readouterr().err
    assert history("show", "zz") == 1
    assert history("show", "") == 1


def test_a_search_tells_conversation_turn_snippet_and_score(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (hit,) = told(capsys, "search", "scatters")
    assert (hit["conversation"], hit["turn"]) == ("abc1", "a1")
    assert "scatters" in hit["snippet"]
    assert isinstance(hit["score"], float | int)
    assert history("search", "nowhere") == 0


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "abc1", "--all"], ["search", "sky"], ["export", "abc1"], ["export", "--all"]]
)
@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_that_a_terminal_obeys_is_printed(
    kept: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], as_json: bool
) -> None:
    assert history(*arguments, *(["--json"] if as_json else [])) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out


def test_an_exported_conversation_is_the_same_after_it_was_deleted_and_imported(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = kept / "out.json"
    assert history("export", "abc1", "--format", "json", "--out", str(out)) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before = told(capsys, "export", "abc1")
    assert before["format"] == "chat-tui"
    assert told(capsys, "delete", "abc1")["deleted"] == "abc1"
    assert [row["id"] for row in told(capsys, "list")] == ["abd2"]
    report = told(capsys, "import", str(out))
    assert (report["kind"], report["conversations"], report["turns"], report["skipped"]) == ("chat-tui", 1, 3, [])
    # What is imported is cleaned.
    turns = [{**turn, "text": clean(turn["text"])} for turn in before["turns"]]
    assert told(capsys, "export", "abc1") == {**before, "turns": turns}
    assert told(capsys, "import", str(out))["turns"] == 0


def test_all_conversations_are_exported_one_a_line(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history("export", "--all") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {"abc1", "abd2"}


def test_an_export_does_not_write_over_a_file(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept / "there").write_text("mine")
    assert history("export", "abc1", "--out", str(kept / "there")) == 1
    assert (kept / "there").read_text() == "mine"
    assert history("export", "abc1", "--out", str(kept / "no" / "folder")) == 1
    assert history("export", "zz", "--out", str(kept / "none")) == 1
    assert sorted(entry.name for entry in kept.iterdir() if entry.is_file()) == ["there"]


def test_a_dash_is_standard_output_for_an_export_as_for_a_batch(
    kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept)
    assert history("export", "abc1", "--out", "-") == 0
    assert capsys.readouterr().out.startswith("---\n")
    assert not (kept / "-").exists()


def test_a_conversation_is_exported_as_one_html_file(kept: Path) -> None:
    assert history("export", "abc1", "--format", "html", "--out", str(kept / "chat.html")) == 0
    text = (kept / "chat.html").read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "<p>Nobody knows.</p>" in text


@pytest.mark.parametrize("all_of_them", [False, True])
def test_an_export_leaves_the_files_beside_it_alone(
    kept: Path, capsys: pytest.CaptureFixture[str], all_of_them: bool
) -> None:
    folder = kept / "out"
    folder.mkdir()
    (folder / "mine").write_text("words of mine")
    for name in ("a.json.part", "a.json.new", "a.json.tmp"):
        (folder / name).symlink_to("mine")
    what = ["--all"] if all_of_them else ["no-such-id"]
    assert history("export", *what, "--out", str(folder / "a.json")) == (0 if all_of_them else 1)
    assert (folder / "mine").read_text() == "words of mine"
    assert all((folder / f"a.json.{end}").is_symlink() for end in ("part", "new", "tmp"))
    assert len(list(folder.iterdir())) == (5 if all_of_them else 4)
    if all_of_them:
        assert stat.S_IMODE((folder / "a.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_of_a_file_that_is_being_written(tmp_path: Path, number: signal.Signals) -> None:
    told: list[int] = []

    async def write() -> int:
        with writing.new_file(tmp_path / "a.json") as opened:
            opened.write(b"half of it")
            os.kill(os.getpid(), number)
            await asyncio.sleep(30)
        return 0

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_on_signals(write(), told.append))
    assert told == [number]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["export"],
        ["export", "abc1", "--all"],
        ["export", "--all", "--format", "markdown"],
        ["export", "--all", "--format", "html"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(kept: Path, arguments: list[str]) -> None:
    assert history(*arguments) == 2


@pytest.mark.parametrize("arguments", [[], ["fly"], ["show"], ["list", "--limit", "0"], ["search"]])
def test_wrong_arguments_are_wrong_usage(home: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        history(*arguments)
    assert ended.value.code == 2


def test_a_file_of_no_known_kind_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "letter.txt"
    file.write_text("Dear all,")
    assert history("import", str(file)) == 1
    assert "letter.txt is not in a format that chat-tui can import" in capsys.readouterr().err
    assert history("import", str(home / "nowhere")) == 1
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_a_history_that_cannot_be_written_is_read(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    owners = store_file(kept).with_name("history.db.owners")
    shutil.rmtree(owners)
    owners.write_text("in the way")
    before = sorted(store_file(kept).parent.iterdir())
    assert {row["id"] for row in told(capsys, "list")} == {"abc1", "abd2"}
    assert len(told(capsys, "show", "abc1", "--all")["turns"]) == 3
    assert told(capsys, "search", "scatters")[0]["turn"] == "a1"
    assert told(capsys, "check")["ok"] is True
    assert history("backup", str(kept / "copy.db")) == 0
    assert "The history is open read-only." in capsys.readouterr().err
    assert history("delete", "abd2", "--yes") == 1
    assert sorted(store_file(kept).parent.iterdir()) == before


def test_what_came_from_another_program_and_through_our_json_is_known_again(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": ["u"]}}
    steps["u"] = {"id": "u", "parent": "root", "children": []}
    steps["u"]["message"] = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Why?"]}}
    theirs, ours = home / "conversations.json", home / "ours.json"
    theirs.write_text(json.dumps([{"title": "T", "id": "c", "mapping": steps, "current_node": "u"}]))
    assert told(capsys, "import", str(theirs))["conversations"] == 1
    assert history("export", "last", "--json", "--out", str(ours)) == 0
    store_file(home).unlink()
    capsys.readouterr()
    assert told(capsys, "import", str(ours))["turns"] == 1
    again = told(capsys, "import", str(theirs))
    assert (again["conversations"], again["known"], again["turns"]) == (0, 1, 0)


def test_a_cut_export_is_told_as_such(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history("export", "last", "--json") == 0
    whole = capsys.readouterr().out
    (kept / "cut.json").write_text(whole[: len(whole) // 2])
    assert history("import", str(kept / "cut.json")) == 1
    assert "cut.json contains no readable conversation (record 1: it is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["notes.txt", "nowhere.json", "."])
def test_an_import_that_is_refused_makes_no_history(home: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (home / "notes.txt").write_text("just notes")
    assert main.main(["history", "import", str(home / name)]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not (home / "data").exists()


def test_what_an_import_skips_is_told_on_stderr(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "export.json"
    file.write_text('[{"format": "chat-tui", "version": 1, "id": "x"}, {"no": "conversation\\u001b[2J"}]')
    assert history("import", str(file)) == 0
    out, err = capsys.readouterr()
    assert "1 new conversation;" in out
    assert "skipped record 2: it is not a conversation" in err


def test_a_check_tells_that_nothing_is_wrong(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = told(capsys, "check")
    assert (report["ok"], report["conversations"], report["turns"]) == (True, 2, 3)


def test_a_check_that_finds_damage_ends_with_1(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(store_file(kept))) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("UPDATE turn SET parent = 999 WHERE id = 'a2'")
        db.commit()
    assert history("check", "--json") == 1
    assert json.loads(capsys.readouterr().out)["problems"]


def test_a_backup_is_a_whole_history(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Path(told(capsys, "backup")["file"])
    assert made.parent == store_file(kept).parent
    assert told(capsys, "backup", str(kept / "copy.db"))["file"] == str(kept / "copy.db")
    assert history("backup", str(kept / "copy.db")) == 1

    async def count() -> int:
        store = await Store.open(made)
        rows = await store.read(reads.summaries)
        await store.close()
        return len(rows)

    assert asyncio.run(count()) == 2


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "chat_tui", "history", *arguments]


def test_a_reader_that_goes_away_is_no_error(kept: Path) -> None:
    with subprocess.Popen(
        command(kept, "show", "abc1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.stderr is not None
        assert child.stderr.read() == b""
        assert child.wait(30) == 0


def test_the_list_loads_neither_screen_nor_network(kept: Path) -> None:
    script = (
        "import sys; from chat_tui.cli import main as cli; code = cli.main(['history', 'list']); "
        "names = ('textual', 'rich', 'httpx', 'anyio', 'chat_tui.bootstrap.open_engine'); "
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, env=dict(os.environ)
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_works_while_another_process_has_the_history_open(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def beside() -> None:
        store = await Store.open(store_file(kept))
        code = await asyncio.to_thread(history, "delete", "abd2")
        assert code == 0
        assert [row.id for row in await store.read(reads.summaries)] == ["abc1"]
        await store.write(writes.add_turn, "abc1", Turn("user", "And?", id="q2", parent="a2"))
        await store.close()

    asyncio.run(beside())
    capsys.readouterr()
    assert len(told(capsys, "show", "abc1")["turns"]) == 3


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("y", 1)])
def test_deleting_asks_a_person_first(kept: Path, answer: str, left: int) -> None:
    with PtyTerminal(command(kept, "delete", "abd2"), env=dict(os.environ)) as terminal:
        terminal.wait_for("Permanently delete")
        terminal.send(f"{answer}\r")
        assert terminal.wait_exit() == (1 if answer == "n" else 0)

    async def count() -> int:
        store = await Store.open(store_file(kept))
        rows = await store.read(reads.summaries)
        await store.close()
        return len(rows)

    assert asyncio.run(count()) == left


def test_an_import_shows_how_far_it_is_on_a_terminal(home: Path) -> None:
    file = home / "export.json"
    turn = {"role": "user", "text": "word " * 200}
    with file.open("w") as out:
        for number in range(60):
            turns = [{**turn, "id": f"{number}-{each}"} for each in range(10)]
            out.write(json.dumps({"format": "chat-tui", "version": 1, "id": str(number), "turns": turns}) + "\n")
    with PtyTerminal(command(home, "import", str(file)), env=dict(os.environ)) as terminal:
        terminal.wait_for(" turns/s", 30)
        terminal.wait_for("━", 30)
        terminal.wait_for("60 new conversations", 30)
        assert terminal.wait_exit() == 0
