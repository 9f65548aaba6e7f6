"""`chat-tui config` and `chat-tui paths`."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

from tests.wire.home import Home


def editor(folder: Path, line: str) -> str:
    """An editor that appends this line to the file."""
    script = folder / "editor"
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{line}' >> \"$1\"\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


async def test_what_is_set_is_shown_with_its_line_and_without_secrets(home: Home) -> None:
    home.config.write_text('theme = "nord"\n[web]\ntoken = "very-secret"\n')
    ran = await home.run("config", "show")
    lines = [line.split() for line in ran.text.splitlines()]
    assert lines[0] == ["theme", "nord", f"({home.config},", "line", "1)"] or lines[0][:2] == ["theme", "nord"]
    assert "very-secret" not in ran.text
    assert "web.token" in ran.text
    rows = json.loads((await home.run("config", "show", "--json")).text)
    assert {"theme", "web.token"} <= {row["setting"] for row in rows}
    everything = json.loads((await home.run("config", "show", "--json", "--all")).text)
    assert {"temperature", "retry_attempts"} <= {row["setting"].rpartition(".")[2] for row in everything}


async def test_the_path_is_all_that_is_printed(home: Home) -> None:
    assert (await home.run("config", "path")).text == f"{home.config}\n"


async def test_a_check_names_the_line_and_a_near_setting(home: Home) -> None:
    assert (await home.run("config", "check")).code == 0
    home.config.write_text("\ntheem = 'nord'\n")
    ran = await home.run("config", "check")
    assert ran.code == 1
    assert "line 2: `theem` is not a setting" in ran.told()
    assert "`theme`" in ran.told()


async def test_the_file_is_created_edited_and_checked(home: Home) -> None:
    home.config.unlink()
    home.environment["CHAT_TUI_CONFIG"] = ""
    home.environment["EDITOR"] = editor(home.folder, 'theme = "nord"')
    ran = await home.run("config", "edit")
    assert (ran.code, ran.told()) == (0, "")
    file = Path((await home.run("config", "path")).text.strip())
    assert (await asyncio.to_thread(file.read_text)).endswith('theme = "nord"\n')
    home.environment["EDITOR"] = editor(home.folder, "them = 3")
    ran = await home.run("config", "edit")
    assert ran.code == 1
    assert "`them` is not a setting" in ran.told()


async def test_an_editor_that_is_not_there_is_told(home: Home) -> None:
    home.environment["VISUAL"] = "no-such-editor"
    ran = await home.run("config", "edit")
    assert (ran.code, "The editor no-such-editor was not found." in ran.told()) == (1, True)


async def test_paths_tell_where_everything_is(home: Home) -> None:
    ran = await home.run("paths")
    assert str(home.config) in ran.text
    assert "not there yet" in ran.text
    places = json.loads((await home.run("paths", "--json")).text)
    assert places["config"] == {"path": str(home.config), "exists": True}
    assert places["history"]["exists"] is False
