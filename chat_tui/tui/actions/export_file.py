"""The file that a conversation is written into: its form and name, and that nothing is overwritten."""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias

from chat_tui.core.errors import CommandError, HistoryError
from chat_tui.core.files import writing
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.text.excerpts import shorten

Form: TypeAlias = Literal["markdown", "html", "json"]
_FORMS: dict[str, Form] = {"markdown": "markdown", "md": "markdown", "html": "html", "htm": "html", "json": "json"}
_SUFFIX: dict[Form, str] = {"markdown": ".md", "html": ".html", "json": ".json"}
_LONGEST_NAME = 60
_MOST = 1000
_NOT_IN_NAMES = re.compile(r"[^\w\- ]+")


def parse_argument(argument: str, title: str) -> tuple[Form, Path]:
    """The form and file that `/export` names: `markdown`, `html` or `json`, then a file or folder, each of which may
    be left out. Raises `CommandError`."""
    first, _, rest = argument.partition(" ")
    form = _FORMS.get(first.casefold())
    named = (argument if form is None else rest).strip()
    if "\0" in named:
        raise CommandError("This character is not allowed in a file name.", "Write /export markdown notes.md")
    form = form or _FORMS.get(Path(named).suffix[1:].casefold(), "markdown")
    file = expand_home(named) if named else Path()
    if not named or named.endswith(os.sep) or file.is_dir():
        file /= name_of(title) + _SUFFIX[form]
    return form, file if file.suffix else file.with_name(file.name + _SUFFIX[form])


def name_of(title: str) -> str:
    """A file's name from a title."""
    name = " ".join(_NOT_IN_NAMES.sub(" ", shorten(title, 200)).split())[:_LONGEST_NAME].strip(" -")
    return name or "conversation"


_HINT = "The conversation is unchanged. Try another file: /export markdown ~/notes.md"


def write(content: str | bytes, file: Path, hint: str = _HINT) -> Path:
    """Write a new file that only its owner reads; where one is, a number is added. Gives the one that was written.

    Raises `HistoryError`; nothing is left of a file that could not be written whole.
    """
    for number in count(1):
        chosen = file if number == 1 else file.with_name(f"{file.stem}-{number}{file.suffix}")
        try:
            writing.write(chosen, content)
            return chosen.absolute()
        except FileExistsError:
            if number < _MOST:
                continue
            raise HistoryError(
                f"There are too many files named {shorten(file.name, 80)}.", "Choose another name."
            ) from None
        except OSError as error:
            why = shorten(error.strerror or "it cannot be written", 80)
            raise HistoryError(f"{shorten(str(chosen), 200)}: {why}.", hint) from error
    raise AssertionError
