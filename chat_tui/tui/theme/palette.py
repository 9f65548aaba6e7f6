"""Palettes: the colours of a theme as its TOML file says them.

A file has `name` (the same as the file's), `dark`, a table `[colours]` with every field of `Colours`, and a table
`[code]` whose fields may be left out. Each colour is written `#rrggbb`; in a palette with `ansi = true` it is one of
`ANSI_COLOURS` instead, and the terminal's own palette says how that looks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.config import paths
from chat_tui.core.errors import ThemeError
from chat_tui.core.files.reading import NotRegularError, TooLargeError, read_regular
from chat_tui.core.text.excerpts import shorten

DEFAULT_THEME = "dusk"
"""The theme of a config that names none."""

LIGHT_THEME = "paper"
"""What `auto` uses on a light background; on a dark one it is the default."""

AUTO_THEME = "auto"
"""No theme of its own: it follows the terminal's background."""

PLAIN_THEME = "ansi"
"""The theme that can do without any colour."""

_LIMIT_BYTES = 64_000
_LIMIT_FILES = 200
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PLAIN = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI_COLOURS = ("default", *_PLAIN, *(f"bright_{name}" for name in _PLAIN))
"""The terminal's own colours; `default` is its text on its ground."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[colours]`: grounds and what is written on them, as `#rrggbb`."""

    ground: str
    """Behind the conversation."""
    surface: str
    """Behind the prompt and the columns at the sides."""
    panel: str
    """Behind what stands out from a column: lists that have opened, headings, dialogs."""
    text: str
    dim: str
    """Labels, times, keys, hints: less loud, still readable."""
    accent: str
    """What the eye should find first: the focused border, the cursor, marks."""
    secondary: str
    """Links and headings."""
    success: str
    warning: str
    error: str
    border: str
    """Lines between things; nothing is written in it."""
    selection: str
    """Ground of selected text and of the row under the cursor."""
    user: str
    """The bar and name of the user's own turns."""
    code_ground: str
    """Ground of code."""


class CodeColours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[code]`: colours of code on `code_ground`; an empty one is derived from `[colours]`."""

    plain: str = ""
    keyword: str = ""
    name: str = ""
    """Names that are nothing more special; tags and attributes too."""
    function: str = ""
    type: str = ""
    """Classes, built-in names, decorators."""
    string: str = ""
    number: str = ""
    comment: str = ""
    operator: str = ""
    inserted: str = ""
    """Lines that a diff adds."""
    deleted: str = ""
    """Lines that a diff takes out."""


class Palette(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One theme as its file says it."""

    name: str
    dark: bool
    colours: Colours
    code: CodeColours = CodeColours()
    ansi: bool = False
    """Its colours are `ANSI_COLOURS`: what is dim, selected or under the cursor is told by attributes."""


class Themes(msgspec.Struct, frozen=True):
    """All themes that could be read, by name, and one error for each file that could not."""

    loaded: dict[str, Palette]
    failed: list[ThemeError]


def built_in_folder() -> Path:
    """The themes that come along: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parents[2]
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def theme_folders() -> tuple[Path, ...]:
    """Return the folders of themes, the user's first; the first folder that has a name wins."""
    return paths.config_folder() / "themes", built_in_folder()


def names(folders: Sequence[Path]) -> list[str]:
    """The names of the themes' files, usable or not."""
    return sorted({file.stem for file in _files(folders)})


def load_theme(name: str, folders: Sequence[Path]) -> Palette:
    """The theme of this name, reading only its file. Raises `ThemeError`."""
    if _NAME.fullmatch(name):
        for folder in folders:
            file = folder / f"{name}.toml"
            # Unlike Path.is_file it is silent about folders that may not be entered.
            if os.path.isfile(file):
                return read_theme(file)
    shown = shorten(name, 40)
    known = ", ".join(names(folders))
    raise ThemeError(f"Unknown theme: `{shown}`.", f"There are: {known}." if known else "No theme file was found.")


def load_themes(folders: Sequence[Path]) -> Themes:
    """Every theme in these folders; a file that cannot be used is told in `failed`, and the next folder's is used."""
    loaded: dict[str, Palette] = {}
    failed: list[ThemeError] = []
    for file in _files(folders):
        if file.stem in loaded:
            continue
        try:
            palette = read_theme(file)
        except ThemeError as error:
            failed.append(error)
        else:
            loaded[palette.name] = palette
    return Themes(loaded, failed)


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        try:
            yield from sorted(file for file in folder.iterdir() if file.suffix == ".toml")[:_LIMIT_FILES]
        except OSError:
            # A user without a themes folder is the usual case.
            continue


def read_theme(file: Path) -> Palette:
    """The theme in this file. Raises `ThemeError`, which names the file and what is wrong."""
    import tomllib

    shown = shorten(str(file))
    try:
        raw = read_regular(file, _LIMIT_BYTES)
    except NotRegularError:
        raise ThemeError(f"{shown} is not a file.", "A theme is a TOML file.") from None
    except TooLargeError:
        raise ThemeError(f"{shown} is larger than {_LIMIT_BYTES // 1000} KB.", "Is it a theme?") from None
    except OSError as error:
        raise ThemeError(f"{shown} cannot be read: {error.strerror}.", "Check its permissions.") from error
    try:
        table = tomllib.loads(raw.decode("utf-8-sig"))
        palette = msgspec.convert(table, Palette)
    except UnicodeDecodeError as error:
        raise ThemeError(f"{shown} is not UTF-8.", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"{shown} is not valid TOML: {error}.", "Fix that line.") from error
    except msgspec.ValidationError as error:
        raise ThemeError(
            f"{shown}: {_plainly(str(error))}.", "Compare it with a theme that comes with chat-tui."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ThemeError(
            f"{shown} is nested too deeply or contains a number that is too long.", "Is it a theme?"
        ) from error
    _check(palette, file.stem, shown)
    return palette


def _plainly(message: str) -> str:
    """msgspec's sentence with the key in front."""
    what, _, where = message.partition(" - at `$")
    key = where.rstrip("`").lstrip(".")
    said = shorten(what[:1].lower() + what[1:], 120)
    return f"`{shorten(key, 60)}`: {said}" if key else said


def _check(palette: Palette, stem: str, shown: str) -> None:
    """Check what the types cannot express."""
    if palette.name != stem or not _NAME.fullmatch(palette.name):
        raise ThemeError(
            f"{shown}: `name` is `{shorten(palette.name, 40)}`.",
            "It must be the file's name without `.toml`: lower-case letters, digits, `-` and `_`.",
        )
    tables: tuple[tuple[str, Any], ...] = (("colours", palette.colours), ("code", palette.code))
    for table, record in tables:
        for key, value in msgspec.structs.asdict(record).items():
            good = value in ANSI_COLOURS if palette.ansi else _COLOUR.fullmatch(value)
            if not good and not (table == "code" and not value):
                how = f"one of {', '.join(ANSI_COLOURS)}" if palette.ansi else "`#rrggbb`"
                raise ThemeError(f"{shown}: `{table}.{key}` is `{shorten(value, 40)}`.", f"Write colours as {how}.")


def code_colours(palette: Palette) -> CodeColours:
    """The colours of code with the empty ones filled from `[colours]`."""
    base = palette.colours
    derived = CodeColours(
        plain=base.text,
        keyword=base.accent,
        name=base.text,
        function=base.secondary,
        type=base.warning,
        string=base.success,
        number=base.accent,
        comment=base.dim,
        operator=base.text,
        inserted=base.success,
        deleted=base.error,
    )
    own = {key: value for key, value in msgspec.structs.asdict(palette.code).items() if value}
    return msgspec.structs.replace(derived, **own)


CURSOR_CONTRAST = 1.5
"""Minimum contrast of the row under the cursor with the ground of its list."""
TEXT_CONTRAST = 4.5
"""Minimum contrast of what is written with the ground under it."""
_STEPS = 50


def cursor_ground(colours: Colours) -> str:
    """The ground of the row under the cursor: the selection's, tinted by the accent as far as it must be to stand out
    from every ground that lists have."""
    grounds = (colours.ground, colours.surface, colours.panel)
    for step in range(_STEPS + 1):
        mixed = _mix(colours.selection, colours.accent, step / _STEPS)
        if min(contrast(mixed, ground) for ground in grounds) >= CURSOR_CONTRAST:
            return mixed
    return colours.selection


def readable(colour: str, ground: str) -> str:
    """The colour, made lighter or darker as far as it must be to be read on this ground."""
    end = max(("#ffffff", "#000000"), key=lambda extreme: contrast(extreme, ground))
    mixes = (_mix(colour, end, step / _STEPS) for step in range(_STEPS + 1))
    return next((mixed for mixed in mixes if contrast(mixed, ground) >= TEXT_CONTRAST), end)


def _mix(one: str, other: str, part: float) -> str:
    """The first `#rrggbb` colour with this part (0 to 1) of the second in it."""
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(low + (high - low) * part):02x}" for low, high in pairs)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours by WCAG 2: 1 (the same) to 21 (black on white)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4) for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
