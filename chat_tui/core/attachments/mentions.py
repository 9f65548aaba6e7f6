"""Files and web pages that are named in a text, as `@path` or `@"path with blanks"`, and paths that a terminal pastes
for a drop."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from chat_tui.core.attachments.attached_page import is_address
from chat_tui.core.files.path_text import LONGEST_PATH, can_be_written

_MENTION = re.compile(r'(?<!\S)@(?:"([^"\n]+)"?|([^\s"]+))')
_SENTENCE_END = re.compile(r"""[.,;:!?'")\]}>]+$""")
_ADDRESS = re.compile(r"""https?://[^\s"/]+[^\s"]{0,2000}""", re.IGNORECASE)
_DROPPED_MOST = 20
_PATH_BEGINNINGS = ("/", "~/", "file://")


class Mention(Struct, frozen=True):
    """A file or a web page that is named in a line."""

    begin: int
    """The column of its `@`."""
    end: int
    """The column behind it."""
    path: str


def mentions(line: str) -> list[Mention]:
    """Return all mentions in a line."""
    return [_mention(match) for match in _MENTION.finditer(line)] if "@" in line else []


def mention_at(line: str, column: int) -> Mention | None:
    """The one that ends at this column or goes on beyond it; a lone `@` is one with an empty path."""
    if line[:column].endswith("@") and (column < 2 or line[column - 2].isspace()):
        return Mention(column - 1, column, "")
    return next((found for found in mentions(line) if found.begin < column <= found.end), None)


def _mention(match: re.Match[str]) -> Mention:
    path = match.group(1) or match.group(2)
    if match.group(2) and is_address(path):
        # What follows an address in a sentence is no part of it.
        rest = _SENTENCE_END.search(path)
        bare = path[: rest.start()] if rest and not (")" in rest.group() and "(" in path) else path
        return Mention(match.start(), match.end() - len(path) + len(bare), bare)
    return Mention(match.start(), match.end(), path)


def without_sentence_end(path: str) -> str:
    """Return a path without the characters at its end that may end the sentence that it is in."""
    return _SENTENCE_END.sub("", path)


def mention_of(path: str, whole: bool = True) -> str:
    """The path as a mention; one that is not whole is left open, to be gone on with."""
    if any(sign.isspace() for sign in path):
        return f'@"{path}"' if whole else f'@"{path}'
    return f"@{path}"


def may_grow(path: str) -> bool:
    """Return whether a path that is being typed may come to mean something else: it is a folder or a pattern, or has
    lines."""
    return path.endswith("/") or "*" in path or "#" in path


def pasted_address(text: str) -> str:
    """Return the address of a web page if a paste is nothing else; else nothing."""
    address = text.strip()
    return address if is_address(address) and _ADDRESS.fullmatch(address) else ""


def pasted_paths(text: str) -> list[str]:
    """The absolute paths that a paste consists of, as terminals write them for files that are dropped; else nothing."""
    text = text.strip()
    if not text or len(text) > LONGEST_PATH or not text.lstrip("'\"").startswith(_PATH_BEGINNINGS):
        return []
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        return []
    if not text.startswith(("'", '"')) and "\\" not in text and "file://" not in text and "\n" not in text:
        # Some terminals paste a path with blanks as it is.
        words = [text] if not all(word.startswith(_PATH_BEGINNINGS) for word in words) else words
    paths = [unquote(urlsplit(word).path) if word.startswith("file://") else word for word in words]
    if len(paths) > _DROPPED_MOST or not all(path.startswith(("/", "~/")) for path in paths):
        return []
    return paths if all(map(can_be_written, paths)) else []
