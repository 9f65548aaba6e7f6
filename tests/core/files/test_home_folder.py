"""Paths that begin with `~`."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.files.home_folder import expand_home
from tests.wire.home import Home


def test_the_home_folder_is_expanded_and_an_unknown_user_is_not() -> None:
    assert expand_home("~/notes") == Path.home() / "notes"
    assert expand_home(Path("~nobody-by-this-name/notes")) == Path("~nobody-by-this-name/notes")
    assert expand_home("notes~") == Path("notes~")


async def test_a_config_of_an_unknown_user_is_told_as_missing(home: Home) -> None:
    home.environment["CHAT_TUI_CONFIG"] = "~nobody-by-this-name/config.toml"
    ran = await home.run("ask", "hello")
    assert ran.code == 1
    assert "~nobody-by-this-name/config.toml does not exist." in ran.told()
