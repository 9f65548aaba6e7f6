"""Writes the README's generated tables and the page of settings anew: `python -m tests.readme`."""

import re
from functools import partial
from pathlib import Path

import chat_tui.tui.chat.commands.actions  # noqa: F401  It registers the commands.
from chat_tui.cli.commands import settings
from chat_tui.tui.actions import bindings, slash_commands

README = Path(__file__).parent.parent / "README.md"
SETTINGS = README.parent / "docs" / "settings.md"


def _keep(table: str, _: re.Match[str]) -> str:
    return table


def main() -> None:
    """Replace each table that begins with the header of a generated one."""
    text = README.read_text()
    for table in (bindings.markdown(), slash_commands.markdown()):
        header = re.escape(table.split("\n")[0])
        text = re.sub(rf"{header}\n(?:\|.*\n)+", partial(_keep, table), text)
    README.write_text(text)
    SETTINGS.write_text(settings.markdown())


if __name__ == "__main__":
    main()
