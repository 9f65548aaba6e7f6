"""What a person asks to remember, on the command line and in line mode."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_config import editor
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home


def memory_file(home: Home) -> Path:
    return home.folder / "config" / "chat-tui" / "memory.md"


def system_of(server: ModelServer) -> str:
    first = server.exchanges[-1].body["messages"][0]
    return str(first["content"]) if first["role"] == "system" else ""


async def test_line_mode_remembers_forgets_and_brings_back(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    lines = (
        "/remember a red cat",
        "/remember a blue cat",
        "/remember a dog",
        "/forget dog",
        "/undo",
        "/forget cat",
        "2",
        "/memory",
        "hello",
        "/why",
        "/forget bird",
    )
    ran = await home.run("chat", stdin="".join(f"{line}\n" for line in lines).encode())
    told = ran.told()
    for text in (
        "[remembered: a red cat]",
        "[forgotten: a dog; /undo brings it back]",
        "[remembered again: 1 line]",
        "2: a blue cat",
        "Forget which?",
        "[forgotten: a blue cat; /undo brings it back]",
        f"[{memory_file(home)}, ≈",
        "memory that was sent: memory.md",
        "bird is in no remembered line, and is not a found model that you chose.",
    ):
        assert text in told
    assert memory_file(home).read_text() == "- a red cat\n- a dog\n"
    assert system_of(server).endswith("\n- a red cat\n- a dog")


async def test_a_question_has_it_unless_it_is_private_or_wants_none(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    assert "Nothing is remembered yet." in (await home.run("memory", "show")).told()
    home.environment["EDITOR"] = editor(home.folder, "- I live in Bern")
    assert "can be used; it is about" in (await home.run("memory", "edit")).text
    assert memory_file(home).stat().st_mode & 0o777 == 0o600
    assert (await home.run("memory", "show")).text == "- I live in Bern\n"
    places = json.loads((await home.run("paths", "--json")).text)
    assert places["memory"] == {"path": str(memory_file(home)), "exists": True}
    for options, is_sent in (("--no-memory",), False), ((), True), (("-n",), False), (("--private",), False):
        assert (await home.run("ask", *options, "hello")).code == 0
        assert ("Bern" in system_of(server)) is is_sent
    assert "[memory that was sent: memory.md]" in (await home.run("history", "show", "last")).text
    (home.folder / "prompts.txt").write_text("hello\n")
    ran = await home.run("batch", str(home.folder / "prompts.txt"), "--out", str(home.folder / "out.jsonl"))
    assert ran.code == 0
    assert "Bern" not in system_of(server)
    memory_file(home).write_bytes(b"\xff")
    ran = await home.run("ask", "hello")
    assert ran.code == 0
    assert ran.told().count("memory.md cannot be used: it is not UTF-8 text.") == 1


async def test_notes_of_a_folder_are_sent_where_they_were_taken(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    project = home.folder / "project"
    project.mkdir()
    (project / "AGENTS.md").write_text("Use tabs.\n")
    ran = await home.shell(
        f"cd {project} && chat-tui ask hello >&2 && printf '/memory folder on\\nhi\\n' | chat-tui chat"
    )
    assert "[This folder has notes: AGENTS.md, ≈" in ran.told()
    assert "[AGENTS.md of this folder is sent with your questions]" in ran.told()
    first, second = (exchange.body["messages"][0]["content"] for exchange in server.exchanges)
    assert "Use tabs." not in first
    assert "Use tabs." in second
    await home.shell(f"cd {project} && chat-tui ask hello")
    assert "Use tabs." in system_of(server)
    await home.run("ask", "hello")
    assert "Use tabs." not in system_of(server)
