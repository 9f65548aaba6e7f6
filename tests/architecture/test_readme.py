"""The README and the pages of docs/ say what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from chat_tui.cli.commands.config import settings
from chat_tui.cli.output.man_page import man_page
from chat_tui.config import setting_list
from chat_tui.config.known_providers import known_providers
from chat_tui.tui.actions import reference
from tests.readme import KEYS, MAN_PAGE, SETTINGS

README = Path(__file__).parents[2] / "README.md"
DOCS = README.parent / "docs"
OF_THE_SYSTEM = {
    *("HOME", "PATH", "SHELL", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"),
    *("TERM", "TERM_PROGRAM", "VTE_VERSION", "COLORTERM", "COLORFGBG", "TMUX", "STY"),
    "TEXTUAL_DISABLE_KITTY_KEY",
}
"""Variables that the system or the terminal sets, or that are Textual's own."""


def test_the_table_of_the_ten_things_people_do_is_the_one_of_the_code() -> None:
    assert reference.essentials_table() in README.read_text(), "run: python -m tests.readme"


def test_the_page_of_keys_is_the_one_of_the_code() -> None:
    assert KEYS.read_text() == reference.reference_page(), "run: python -m tests.readme"


def test_the_page_of_settings_is_the_one_of_the_code() -> None:
    assert SETTINGS.read_text() == settings.markdown(), "run: python -m tests.readme"


def test_the_page_of_settings_has_every_variable_that_is_read() -> None:
    page = SETTINGS.read_text()
    sources = "".join(path.read_text("utf-8") for path in (README.parent / "chat_tui").rglob("*.py"))
    read = set(re.findall(r"environ(?:ment)?(?:\.get\(|\[)\s*\"([A-Z_]+)\"", sources)) - OF_THE_SYSTEM
    assert {"CHAT_TUI_CONFIG", "HF_HOME"} <= read
    assert not {name for name in read if f"| `{name}` |" not in page}


def test_the_man_page_is_generated_from_the_parser() -> None:
    assert MAN_PAGE.read_text() == man_page(), "run: python -m tests.readme"


def test_every_setting_has_its_words() -> None:
    assert not [
        f"{heading} {name}"
        for heading, owner in setting_list.tables()
        for name, words in setting_list.field_texts(owner).items()
        if heading and not words
    ]


def test_the_two_commands_stand_to_the_letter() -> None:
    lines = README.read_text().split("\n")
    assert "pip install . && chat-tui" in lines
    assert "pip install -e '.[test]' && pytest" in lines


def test_every_known_provider_is_named() -> None:
    text = (DOCS / "models.md").read_text()
    assert not [name for name in known_providers() if f"`{name}`" not in text]


def test_the_library_example_runs() -> None:
    example = (DOCS / "library.md").read_text().split("```python\n")[1].split("```")[0]
    ran = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("Hello world.\n")
