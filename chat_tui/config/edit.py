"""Changes settings in the config file and keeps its comments, order, line ends and mode. All calls block.

A key is written as in `chat-tui settings`: `theme`, `display.links`, `strategies.quality-first.speed`; a name that has
dots itself is given as a tuple, such as `("keys", "answer.cancel")`. Every function returns the config as the file now
holds it, and raises `ConfigError`, after which the file is unchanged: it is not valid, or would not be with the change,
or cannot be written.
"""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from chat_tui.config.load import parse
from chat_tui.config.schema import Config
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.file_lock import hold_folder
from chat_tui.core.files.reading import NotRegularError, read_regular
from chat_tui.core.files.writing import new_file

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_LIMIT_BYTES = 1_000_000
_WRITABLE = 0o222
"""The bits of a mode that let anybody write."""
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MARK = "\ufeff"
"""What some editors put at the start of a file in UTF-8."""

Key = str | Sequence[str]
Value = bool | int | float | str | Sequence[str]
RowValue = Value | Mapping[str, str]


class Seen(NamedTuple):
    """What the user saw of a setting before changing it."""

    value: Any


def set_value(file: Path, key: Key, value: Value, *, seen: Seen | None = None) -> Config:
    """Set one setting. Its table is made if needed; a comment on its line stays.

    With `seen`, a setting that the file meanwhile sets to something else is an error.
    """
    path = _path_of(key)
    plain = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value

    def change(document: TOMLDocument) -> str:
        table: Any = document
        for name in path[:-1]:
            if name not in table:
                table[name] = _new_table(document)
            table = table[name]
        table[path[-1]] = plain
        return document.as_string()

    def expected(settings: dict[str, Any]) -> None:
        table = settings
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = plain

    return _edit(file, change, expected, partial(_check_seen, file, path, seen))


def unset(file: Path, key: Key, *, seen: Seen | None = None) -> Config:
    """Remove one setting, so that its default counts again; does nothing if it is not set. `seen`: see `set_value`."""
    path = _path_of(key)

    def change(document: TOMLDocument) -> str:
        _discard(document, path)
        return document.as_string()

    return _edit(file, change, lambda settings: _discard(settings, path), partial(_check_seen, file, path, seen))


def append_table(file: Path, key: str, row: Mapping[str, RowValue]) -> Config:
    """Append a table to a list of tables such as `providers`."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}

    def change(document: TOMLDocument) -> str:
        import tomlkit

        if isinstance(document.get(key), tomlkit.items.Array):
            inline = tomlkit.inline_table()
            inline.update(plain)
            document[key].append(inline)
            return document.as_string()
        text = document.as_string()
        end = "\r\n" if "\r\n" in text else "\n"
        lines = [f"[[{key}]]", *(f"{name} = {_inline(value)}" for name, value in plain.items())]
        before = f"{text.rstrip()}{end}{end}" if text.strip() else ""
        return before + "".join(line + end for line in lines)

    return _edit(file, change, lambda settings: settings.setdefault(key, []).append(plain))


def remove_table(file: Path, key: str, name: str) -> Config:
    """Remove the table with this `name` from a list of tables such as `tools`; does nothing if there is none."""

    def discard(rows: dict[str, Any]) -> None:
        kept = [row for row in rows.get(key, ()) if row.get("name") != name]
        if len(kept) == len(rows.get(key, ())):
            return
        if not kept:
            del rows[key]
            return
        for at in reversed(range(len(rows[key]))):
            if rows[key][at].get("name") == name:
                del rows[key][at]

    def change(document: TOMLDocument) -> str:
        discard(document)
        return document.as_string()

    return _edit(file, change, discard)


def _inline(value: RowValue) -> str:
    """Return a value as it is written in one line."""
    import tomlkit

    if not isinstance(value, Mapping):
        return str(tomlkit.item(value).as_string())
    table = tomlkit.inline_table()
    table.update(value)
    return str(table.as_string())


def _path_of(key: Key) -> tuple[str, ...]:
    return tuple(key.split(".")) if isinstance(key, str) else tuple(key)


def _new_table(document: TOMLDocument) -> Any:
    import tomlkit

    if document.as_string().strip() and not document.as_string().endswith("\n\n"):
        document.add(tomlkit.nl())
    return tomlkit.table()


def _discard(table: Any, path: Sequence[str]) -> None:
    for name in path[:-1]:
        table = table.get(name)
        if not isinstance(table, Mapping):
            return
    if path[-1] in table:
        del table[path[-1]]


def _check_seen(file: Path, path: Sequence[str], seen: Seen | None, config: Config) -> None:
    """Raise `ConfigError` if the setting is no longer what the user saw."""
    if seen is None:
        return
    value: Any = config
    for name in path:
        value = getattr(value, name.replace("-", "_"), None)
    if value != seen.value:
        raise _changed_meanwhile(file, f"`{'.'.join(path)}`")


def _edit(
    file: Path,
    change: Callable[[TOMLDocument], str],
    expected: Callable[[dict[str, Any]], object],
    check: Callable[[Config], None] | None = None,
) -> Config:
    """Write the file as `change` makes it of its document; `expected` makes the same change in plain tables, and
    `check` may refuse to change the config that is there."""
    # A config may be a link into a folder of dotfiles: the file behind it is changed, and the link stays.
    target = Path(os.path.realpath(file))
    try:
        with hold_folder(target.parent):
            mode, raw = _read(target)
            current = parse(raw, str(file))
            if check is not None:
                check(current)
            text = raw.decode("utf-8")
            mark = _MARK if text.startswith(_MARK) else ""
            text = text.removeprefix(_MARK)
            new = _changed_text(text, change, expected)
            if new is None:
                raise _not_changed(file, "it is laid out in a way that is not supported")
            config = _parse_changed(file, new)
            if new != text:
                _replace(file, target, mode, raw, (mark + new).encode())
    except OSError as error:
        raise _not_changed(file, error.strerror or str(error), error.errno) from error
    return config


def _parse_changed(file: Path, text: str) -> Config:
    """Return the config of a changed text, which is not written. Raises `ConfigError`, which names no line of it."""
    try:
        return parse(text.encode(), str(file))
    except ConfigError as error:
        what = error.title.removeprefix(str(file)).partition(": ")[2] or error.title
        raise ConfigError(what, "The file is as it was. Try another value.", file=str(file), key=error.key) from error


def _replace(file: Path, target: Path, mode: int, old: bytes, new: bytes) -> None:
    """Write the new content. Raises `ConfigError` if the old one was changed meanwhile, `OSError`."""
    if not mode & _WRITABLE:
        # Renaming would replace it all the same.
        raise PermissionError(errno.EACCES, "it is read-only", str(target))
    with new_file(target, replace=True, mode=mode) as opened:
        opened.write(new)
        opened.flush()
        # Editors take no lock.
        if _read(target)[1] != old:
            raise _changed_meanwhile(file, str(file))


def _changed_text(
    text: str, change: Callable[[TOMLDocument], str], expected: Callable[[dict[str, Any]], object]
) -> str | None:
    """Return the changed text; None if it cannot be made, or would say anything else than what is expected."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    settings = tomllib.loads(text)
    try:
        expected(settings)
        new = change(tomlkit.parse(text))
        return new if tomllib.loads(new) == settings else None
    except (TOMLKitError, TypeError, ValueError, LookupError):
        return None


def _read(file: Path) -> tuple[int, bytes]:
    """Return the mode and the content; a missing file is private and empty."""
    try:
        return stat.S_IMODE(file.stat().st_mode), read_regular(file, _LIMIT_BYTES)
    except NotRegularError as error:
        raise OSError(error.errno, "it is not a file", str(file)) from None
    except FileNotFoundError:
        return 0o600, b""


def _not_changed(file: Path, why: str, number: int | None = None) -> ConfigError:
    what = "Use an editor for it."
    if number in _NO_SPACE:
        what = "Free some disk space and save it again."
    elif number in _NOT_ALLOWED:
        what = "Make the file and its folder writable and save it again."
    return ConfigError(f"{file} could not be changed: {why}.", f"The file is as it was. {what}", file=str(file))


def _changed_meanwhile(file: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{what} was changed by another program meanwhile.",
        "The file is as that program left it. Save it again to use your value.",
        file=str(file),
    )
