"""Where a link leads, told beside its text: also when the text says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from markdown_it.token import Token

_NAMED = re.compile(r"(?:(https?://)(?:[^\s/@]*@)?|\b)((?:[\w-]{1,63}\.){1,10}([a-z]{2,63}))\b", re.IGNORECASE)
_OPEN = re.compile(r"\[[^\[\]\n]{1,300}\]\(([^\s()]*(?:\s+[\"'][^\"'\n]{0,300})?)$")
_OPENABLE = re.compile(r"(?:https?://[^\s/]|mailto:[^\s])", re.IGNORECASE)
LONGEST = 4_000
"""Characters of an address that is opened."""
_ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"]{3,2000}", re.IGNORECASE)
_ENDINGS = ".,;:!?'*_~"
_COMMON = frozenset("com org net edu gov io dev app ai co uk de fr eu ch at nl jp cn ru br us info".split())  # noqa: SIM905


def is_openable(target: str) -> bool:
    """Whether a link may lead there: a web or mail address without anything that cannot be seen."""
    return len(target) <= LONGEST and _OPENABLE.match(target) is not None and target.isprintable() and " " not in target


def bare_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """Where addresses of the web stand in a text without being a link: start, end and target. Signs that end the
    sentence, and brackets that were opened before, are not part of it."""
    for found in _ADDRESS.finditer(text):
        address = found[0]
        unmatched = address.count(")") - address.count("(")
        end = len(address)
        while end and (address[end - 1] in _ENDINGS or (address[end - 1] == ")" and unmatched > 0)):
            unmatched -= address[end - 1] == ")"
            end -= 1
        address = address[:end]
        target = address if address[:4].lower() == "http" else f"http://{address}"
        if is_openable(target):
            yield found.start(), found.start() + end, target


def without_open_target(text: str) -> str:
    """The text with the link or image that its end is within closed: its target is left out until it is whole."""
    if (link := _OPEN.search(text)) is None:
        return text
    return text[: link.start(1)] + ")" if text.count("`", 0, link.start()) % 2 == 0 else text


def alt_text(image: Token) -> str:
    """What stands for an image: its description without marks, in one line."""
    pieces = [
        alt_text(child) if child.type == "image" else " " if child.tag == "br" else child.content
        for child in image.children or ()
    ]
    return " ".join("".join(pieces).split())


def told_target(text: str, target: str) -> str:
    """What stands behind a link's text; empty where the text is the target."""
    text = text.strip()
    if not target or target in (text, f"mailto:{text}", f"http://{text}", f"https://{text}"):
        return ""
    return f" ‹leads elsewhere: {target}›" if deceives(text, target) else f" ‹{target}›"


def deceives(text: str, target: str) -> bool:
    """Whether the text names a host, and the target is another one's."""
    named = _NAMED.search(text)
    if named is None or not (named[1] or named[3].lower() in _COMMON):
        return False
    try:
        host = urlsplit(target).hostname or ""
    except ValueError:
        return True
    wanted = named[2].lower().removeprefix("www.")
    if target.startswith("mailto:"):
        host = target.rpartition("@")[2].lower()
    return bool(host) and host != wanted and not host.endswith(f".{wanted}")
