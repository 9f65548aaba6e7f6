"""Settings are changed in place: what the user has written around them stays."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path

import pytest

from chat_tui.config.edit import RowValue, Seen, append_table, remove_table, set_value, unset
from chat_tui.config.load import load
from chat_tui.core.errors import ConfigError

COMMENTED = """\
# my settings
theme = "nord"   # at night

# how it looks
[display]
links = false    # no links over ssh

# work
[[providers]]
name = "openai"  # the key is in the keyring
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_changed_value_keeps_comments_and_order(file: Path) -> None:
    file.write_text(COMMENTED)
    config = set_value(file, "display.links", True)
    assert config.display.links
    assert set_value(file, "theme", "dusk").theme == "dusk"
    expected = COMMENTED.replace("links = false ", "links = true ").replace('"nord"', '"dusk"')
    assert file.read_text().split() == expected.split()
    assert load(file) == set_value(file, "theme", "dusk")


def test_a_new_value_goes_into_its_table_and_a_new_top_level_one_before_all_tables(file: Path) -> None:
    file.write_text(COMMENTED)
    set_value(file, "display.bell", False)
    set_value(file, "daily_budget", 2.5)
    config = set_value(file, "request.temperature", 0.2)
    assert (config.display.bell, config.daily_budget, config.request.temperature) == (False, 2.5, 0.2)
    text = file.read_text()
    assert all(comment in text for comment in ("# my settings", "# at night", "# no links over ssh", "# work"))
    assert text.index("daily_budget") < text.index("[display]") < text.index("bell") < text.index("[[providers]]")
    assert "\n\n[request]\ntemperature = 0.2\n" in text


def test_values_of_all_kinds_are_written(file: Path) -> None:
    set_value(file, "fallbacks", ("a/b", "c/d"))
    set_value(file, ("keys", "answer.cancel"), "ctrl+k")
    set_value(file, "strategies.quality-first.speed", 0.5)
    config = set_value(file, "system_prompt", 'Say "hi"\nin two lines \\o/')
    assert config.fallbacks == ("a/b", "c/d")
    assert config.keys == {"answer.cancel": "ctrl+k"}
    assert config.strategies.quality_first.speed == 0.5
    assert config.system_prompt == 'Say "hi"\nin two lines \\o/'
    assert load(file) == config


def test_an_unset_value_is_the_default_again(file: Path) -> None:
    file.write_text(COMMENTED)
    assert unset(file, "display.links").display.links
    assert unset(file, "theme").theme == "dusk"
    assert unset(file, "request.temperature").request.temperature is None
    text = file.read_text()
    assert "links =" not in text
    assert "# how it looks" in text
    assert '[[providers]]\nname = "openai"  # the key is in the keyring\n' in text


def test_inline_tables_and_dotted_keys_are_changed_where_they_are(file: Path) -> None:
    file.write_text("display = { links = false }\nrequest.temperature = 1.0 # warm\n")
    set_value(file, "display.links", True)
    config = set_value(file, "request.temperature", 0.1)
    assert (config.display.links, config.request.temperature) == (True, 0.1)
    assert file.read_text() == "display = { links = true }\nrequest.temperature = 0.1 # warm\n"


def test_a_table_is_appended_after_all_others(file: Path) -> None:
    file.write_text(COMMENTED)
    config = append_table(file, "providers", {"name": "box", "base_url": "http://box:8000/v1", "models": ("a", "b")})
    assert [row.name for row in config.providers] == ["openai", "box"]
    assert config.providers[1].models == ("a", "b")
    added = '\n[[providers]]\nname = "box"\nbase_url = "http://box:8000/v1"\nmodels = ["a", "b"]\n'
    assert file.read_text() == COMMENTED + added


def test_a_table_is_appended_to_an_inline_list(file: Path) -> None:
    file.write_text('providers = [{ name = "openai" }] # mine\ntheme = "nord"\n')
    config = append_table(file, "providers", {"name": "groq"})
    assert [row.name for row in config.providers] == ["openai", "groq"]
    assert "# mine\n" in file.read_text()


def test_a_table_in_a_row_is_written_in_one_line(file: Path) -> None:
    row: dict[str, RowValue] = {
        "name": "files",
        "command": "npx",
        "args": ("-y", "it's"),
        "env": {"A B": 'x"y', "C": "\\d"},
    }
    config = append_table(file, "tools", row)
    assert config.tools[0].env == row["env"]
    assert len(file.read_text().splitlines()) == 5


TOOLS = """\
theme = "nord"

# one
[[tools]]
name = "one"
command = "a"

# two
[[tools]]
name = "two"
command = "b"  # mine
env = { KEY = "$KEY" }
"""


@pytest.mark.parametrize("names", [["one"], ["two"], ["one", "two"], ["two", "one"]])
def test_a_table_is_removed_by_its_name_and_the_others_stay(file: Path, names: list[str]) -> None:
    file.write_text(TOOLS)
    for name in names:
        config = remove_table(file, "tools", name)
        assert name not in [row.name for row in config.tools]
    assert len(config.tools) == 2 - len(names)
    assert config.theme == "nord"
    if "two" not in names:
        assert 'command = "b"  # mine' in file.read_text()


def test_a_table_that_is_not_there_is_not_removed(file: Path) -> None:
    file.write_text(TOOLS)
    remove_table(file, "tools", "three")
    assert file.read_text() == TOOLS
    file.write_text('tools = [{ name = "one", command = "a" }, { name = "two", command = "b" }] # all\n')
    assert [row.name for row in remove_table(file, "tools", "one").tools] == ["two"]


def test_a_file_that_is_not_there_is_made_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    append_table(file, "providers", {"name": "groq"})
    assert file.read_text() == '[[providers]]\nname = "groq"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_mode_links_line_ends_and_the_byte_order_mark_stay(tmp_path: Path, mode: int) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_bytes(b"\xef\xbb\xbftheme = 'nord'\r\nmouse = true\r\n")
    real.chmod(mode)
    link.symlink_to(real)
    set_value(link, "mouse", False)
    append_table(link, "providers", {"name": "groq"})
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == mode
    expected = b"\xef\xbb\xbftheme = 'nord'\r\nmouse = false\r\n\r\n[[providers]]\r\nname = \"groq\"\r\n"
    assert real.read_bytes() == expected


@pytest.mark.parametrize(
    ("text", "key", "value", "told"),
    [
        ("theme = \n", "theme", "nord", "not valid TOML"),
        ("nothing = 1\n", "theme", "nord", "is not a setting"),
        ("", "theme", 3, "must be a string"),
        ("", "request.temperature", -1.0, "at least 0"),
        ("", "nothing", 1, "is not a setting"),
        ('theme = "nord"\n', "theme.colour", "red", "could not be changed"),
    ],
)
def test_a_file_that_is_wrong_or_would_be_is_left_alone(
    file: Path, text: str, key: str, value: str | float, told: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        set_value(file, key, value)
    assert file.read_text() == text
    assert [each.name for each in file.parent.iterdir()] == ["config.toml"]


def test_a_value_that_is_refused_is_told_without_a_line_of_a_file_that_was_not_written(file: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        set_value(file, "request.temperature", "warm")
    assert raised.value.title == "`request.temperature` must be a number."
    assert raised.value.hint == "The file is as it was. Try another value."
    assert raised.value.key == "request.temperature"
    assert not file.exists()


def test_a_folder_or_a_file_of_others_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a file"):
        set_value(tmp_path, "theme", "nord")
    with pytest.raises(ConfigError, match="could not be changed"):
        set_value(Path("/dev/null"), "theme", "nord")
    with pytest.raises(ConfigError, match="could not be changed"):
        set_value(Path("/dev/null/config.toml"), "theme", "nord")


def test_a_read_only_file_is_left_alone_and_the_error_says_what_to_do(file: Path) -> None:
    file.write_text(COMMENTED)
    file.chmod(0o444)
    with pytest.raises(ConfigError, match="could not be changed: it is read-only") as raised:
        set_value(file, "theme", "dusk")
    assert raised.value.hint == "The file is as it was. Make the file and its folder writable and save it again."
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (COMMENTED, 0o444)


def test_a_full_disk_leaves_the_file_as_it_was(file: Path) -> None:
    resource = pytest.importorskip("resource")
    file.write_text(COMMENTED)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Writing more than this fails, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(ConfigError, match="could not be changed") as raised:
            set_value(file, "theme", "dusk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.hint == "The file is as it was. Free some disk space and save it again."
    assert file.read_text() == COMMENTED
    assert [each.name for each in file.parent.iterdir()] == ["config.toml"]


def test_what_an_editor_changed_meanwhile_is_kept_unless_it_is_the_same_setting(file: Path) -> None:
    file.write_text(COMMENTED.replace("links = false", "links = true"))
    assert not set_value(file, "display.links", False, seen=Seen(True)).display.links
    file.write_text('# by an editor\ntheme = "dracula"\n')
    assert set_value(file, "mouse", False, seen=Seen(True)).theme == "dracula"
    edited = file.read_text()
    for change in (partial(set_value, value="dusk"), unset):
        with pytest.raises(ConfigError, match="`theme` was changed by another program") as raised:
            change(file, "theme", seen=Seen("nord"))
        assert raised.value.hint == "The file is as that program left it. Save it again to use your value."
        assert file.read_text() == edited
    assert set_value(file, "strategies.quality-first.speed", 0.5, seen=Seen(None)).strategies.quality_first.speed == 0.5


def test_a_file_that_is_saved_by_an_editor_at_the_same_moment_is_kept(file: Path) -> None:
    file.write_text(COMMENTED)

    class Seeing:
        """Equal to everything; an editor saves the file when it is compared, after the file was read."""

        def __ne__(self, other: object) -> bool:
            file.write_text("mouse = false\n")
            return False

    with pytest.raises(ConfigError, match=r"config\.toml was changed by another program meanwhile"):
        set_value(file, "theme", "dusk", seen=Seen(Seeing()))
    assert file.read_text() == "mouse = false\n"
