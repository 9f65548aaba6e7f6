"""Names of tools as models see them: letters, digits, `_` and `-`, at most 64, unique among those offered together."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from chat_tui.core.tools import OfferedTool

NAME_CHARACTERS = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST = 6
"""Characters of a digest that tells names apart which would be the same otherwise."""


def wire_name(text: str) -> str:
    """Return a name that every provider accepts."""
    name = _NOT_IN_NAMES.sub("_", text).strip("_") or "tool"
    return name if len(name) <= NAME_CHARACTERS else _with_digest(name, text)


def with_unique_names(tools: Iterable[OfferedTool]) -> Sequence[OfferedTool]:
    """Return the tools with unique names; where servers have tools of the same name, it begins with the server's."""
    tools = list(tools)
    plain = [wire_name(tool.own_name) for tool in tools]
    # Some providers do not tell upper from lower case.
    counts = Counter(name.lower() for name in plain)
    taken = {name.lower() for name in plain if counts[name.lower()] == 1}
    named = []
    for tool, name in zip(tools, plain, strict=True):
        if counts[name.lower()] > 1:
            name = wire_name(f"{tool.server}_{name}")
            if name.lower() in taken:
                name = _with_digest(name, f"{tool.server}\n{tool.own_name}")
            taken.add(name.lower())
        named.append(msgspec.structs.replace(tool, tool=msgspec.structs.replace(tool.tool, name=name)))
    return named


def _with_digest(name: str, text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    return f"{name[: NAME_CHARACTERS - _DIGEST - 1]}_{digest}"
