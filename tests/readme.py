"""Writes the README's generated tables anew: `python -m tests.readme`."""

import re
from pathlib import Path

from chat_tui.tui import commands, keymap

README = Path(__file__).parent.parent / "README.md"


def main() -> None:
    """Replace each table that begins with the header of a generated one."""
    text = README.read_text()
    for table in (keymap.markdown(), commands.markdown()):
        header = re.escape(table.split("\n")[0])
        text = re.sub(rf"{header}\n(?:\|.*\n)+", lambda _, table=table: table, text)
    README.write_text(text)


if __name__ == "__main__":
    main()
