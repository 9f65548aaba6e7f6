"""The config file is read again when another program has changed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.config.watched_file import WatchedConfigFile
from chat_tui.core.errors import ConfigError


def test_only_a_file_that_has_changed_is_read_and_a_wrong_one_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    watched = WatchedConfigFile(file)
    assert watched.read_changed() is None
    file.write_text('[[tools]]\nname = "one"\ncommand = "x"\n')
    config = watched.read_changed()
    assert config is not None
    assert [row.name for row in config.tools] == ["one"]
    assert watched.read_changed() is None
    file.write_text("[[tools]\n")
    for _ in range(2):
        with pytest.raises(ConfigError):
            watched.read_changed()
    file.unlink()
    config = watched.read_changed()
    assert config is not None
    assert config.tools == ()
