"""Writes the README's generated table, two pages of docs/ and the man page anew: `python -m tests.readme`."""

import re
from functools import partial
from pathlib import Path

from chat_tui.cli.commands.config import settings
from chat_tui.cli.output.man_page import man_page
from chat_tui.tui.actions import reference

README = Path(__file__).parent.parent / "README.md"
SETTINGS = README.parent / "docs" / "settings.md"
KEYS = README.parent / "docs" / "keys.md"
MAN_PAGE = README.parent / "docs" / "chat-tui.1"


def _keep(table: str, _: re.Match[str]) -> str:
    return table


def main() -> None:
    """Replace what is generated."""
    text = README.read_text()
    table = reference.essentials_table()
    header = re.escape(table.split("\n")[0])
    README.write_text(re.sub(rf"{header}\n(?:\|.*\n)+", partial(_keep, table), text))
    KEYS.write_text(reference.reference_page())
    SETTINGS.write_text(settings.markdown())
    MAN_PAGE.write_text(man_page())


if __name__ == "__main__":
    main()
