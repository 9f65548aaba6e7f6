"""Writes the README's generated table, docs/keys.md and docs/settings.md anew: `python -m tests.readme`."""

import re
from functools import partial
from pathlib import Path

from chat_tui.cli.commands import settings
from chat_tui.tui.actions import reference

README = Path(__file__).parent.parent / "README.md"
SETTINGS = README.parent / "docs" / "settings.md"
KEYS = README.parent / "docs" / "keys.md"


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


if __name__ == "__main__":
    main()
