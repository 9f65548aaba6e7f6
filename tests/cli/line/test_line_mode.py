"""`chat-tui chat`: a conversation in lines, through a pipe and at a terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from chat_tui.cli.line import line_commands
from chat_tui.cli.line.command_registry import list_commands
from chat_tui.cli.line.tool_consent import decision_of
from chat_tui.core.conversation import Turn
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall, StopCalls
from tests.doubles.model_server import ModelServer
from tests.support.clipboard_programs import WAYLAND, put_wl_paste
from tests.support.pty_terminal import PtyTerminal
from tests.wire.home import Home, Ran, kept

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


async def chat(home: Home, *lines: str, options: tuple[str, ...] = ()) -> Ran:
    """Run line mode with these lines on standard input."""
    return await home.run("chat", *options, stdin="".join(f"{line}\n" for line in lines).encode())


def questions(turns: list[Turn]) -> list[str]:
    return [turn.text for turn in turns if turn.role == "user"]


async def test_lines_are_questions_of_one_conversation(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    ran = await chat(home, "first", "", "second \\", "line", "//usr is a path")
    assert ran.code == 0
    assert questions(await kept(home)) == ["first", "second \nline", "/usr is a path"]
    assert ran.text.count("\n") >= 3
    assert "[box/t3 answers; Ctrl-C stops]" in ran.told()
    assert not CONTROL.search(ran.text + ran.told())


async def test_commands_change_model_system_prompt_and_settings(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3", "t5")
    ran = await chat(
        home,
        "/system Be short.",
        "/model box/t5",
        "/set temperature 0.3",
        "hello",
        "/set",
        "/model box/",
        "/title Greetings",
    )
    body = server.exchanges[-1].body
    assert body["messages"][0]["content"] == "Be short."
    assert body["temperature"] == 0.3
    told = ran.told()
    assert "[box/t5 answers" in told
    assert "temperature: 0.3, of this conversation" in told
    assert "Did you mean box/t5, box/t3? /model lists all." in told
    assert "[title: Greetings]" in told
    listed = await home.run("history", "list")
    assert "Greetings" in listed.text


async def test_a_conversation_goes_on_is_undone_and_asked_again(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    await home.run("ask", "earlier")
    lines = ("more", "/undo", "other", "/retry", "/why", "/export ~/chat.json", "/export ~/chat.html")
    ran = await chat(home, *lines, options=("-c",))
    assert "[continues “earlier”, model box/t3]" in ran.told()
    assert "[taken back: more]" in ran.told()
    assert questions(await kept(home)) == ["earlier", "other"]
    assert "chosen by fixed" in ran.told()
    assert f"[written to {home.folder}/chat.html]" in ran.told()
    assert '"title":"earlier"' in (home.folder / "chat.json").read_text("utf-8")
    assert (home.folder / "chat.html").read_text("utf-8").startswith("<!doctype html>")
    assert len(server.exchanges) == 4


async def test_mistakes_are_told_and_the_chat_goes_on(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    mistakes = ("/foo", "/undo", "/open nothing", "/strategy x", "/set x 1", "/attach none.txt", "/export", "/paste")
    ran = await chat(home, *mistakes, "hello")
    told = ran.told()
    for part in (
        "Unknown command /foo",
        "is empty",
        "`nothing`",
        "Unknown strategy: x",
        "x cannot be set",
        "none.txt",
        "No program here reads the clipboard.",
    ):
        assert part in told, part
    assert questions(await kept(home)) == ["hello"]
    assert ran.code == 0


async def test_quit_ends_and_private_saves_nothing(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    ran = await chat(home, "hello", "/quit", "never asked", options=("-n",))
    assert (ran.code, len(server.exchanges)) == (0, 1)
    assert (await home.run("history", "list")).text == "There are no conversations yet.\n"


async def test_files_go_with_the_next_message(home: Home, server: ModelServer, tmp_path: Path) -> None:
    home.serve(server.base_url, "t3")
    (tmp_path / "notes.txt").write_text("Tea.")
    put_wl_paste(tmp_path, text=b"Coffee.")
    home.environment |= {**WAYLAND, "PATH": f"{tmp_path}:{home.environment['PATH']}"}
    ran = await chat(home, f"/attach {tmp_path}/notes.txt", "/paste", "What is it?", "And now?")
    assert "[attached: notes.txt, clipboard.txt, ≈" in ran.told()
    first, second = (turn for turn in await kept(home) if turn.role == "user")
    assert [file.name for file in first.attachments] == ["notes.txt", "clipboard.txt"]
    assert not second.attachments


async def test_every_command_is_in_the_help(home: Home) -> None:
    ran = await chat(home, "/help")
    assert line_commands.MODULES
    for name in list_commands():
        assert f"\n  /{name}" in ran.told()


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("y", RunCall()),
        ("Always", RunCall(always=True)),
        ("n", RefuseCall()),
        ("", RefuseCall()),
        ("use the other file", RefuseCall("use the other file")),
        ("s", StopCalls()),
        (None, StopCalls()),
    ],
)
def test_a_tool_call_runs_only_if_that_is_said(typed: str | None, decision: Decision) -> None:
    assert decision_of(typed) == decision


async def test_a_tool_call_is_asked_about(home: Home) -> None:
    ran = await chat(home, "/tools chat-tui", "go", "n", options=("-m", "scripted/demo"))
    assert "[chat-tui wants to run " in ran.told()
    assert "[y: once, a: always" in ran.told()
    assert "Run it?\n" in ran.told()
    assert "refused" in ran.told()


def test_at_a_terminal_ctrl_c_stops_the_answer_and_ctrl_d_ends(home: Home) -> None:
    command = (sys.executable, "-m", "chat_tui", "chat", "-m", "scripted/demo", "-n")
    with PtyTerminal(command, env=home.environment) as terminal:
        terminal.wait_for("line mode. scripted/demo answers.", 30)
        terminal.wait_for("You:", 30)
        terminal.send("/thin\t")
        terminal.wait_for("/thinking", 30)
        terminal.send("\x03")
        terminal.wait_for("[nothing was sent", 30)
        terminal.wait_until(lambda text: text.rstrip().endswith("You:"), 30)
        # A paste of two lines, which is one message.
        terminal.send("\x1b[200~hello\r/quit\x1b[201~\r")
        terminal.wait_for("This text comes from no model", 30)
        terminal.send("\x03")
        terminal.wait_for("what arrived is kept", 30)
        terminal.wait_until(lambda text: text.rstrip().endswith("You:"), 30)
        terminal.send("\x04")
        assert terminal.wait_exit(30) == 0
        # Nothing asks where the cursor is, and no room is made for a menu.
        assert b"\x1b[6n" not in terminal.raw()
        assert b"\n\r\n\r\n\r\n" not in terminal.raw().replace(b"\r\r", b"\r")
