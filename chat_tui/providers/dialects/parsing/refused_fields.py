"""Finds the field of a request that a server refuses, from its error, and removes it from the request.

A field is a path in the JSON body, such as `top_p` or `generationConfig.topP`. Servers name it in a field of the error
(`param`, `loc`, `fieldViolations`) or in its text, in snake case, camel case or with spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern

Json = Any
Path = tuple[str, ...]

WITHOUT = "without:"
"""The prefix of a quirk that leaves out a field; `without:stop=["a"]` applies to this value only."""
_NEEDED = frozenset(
    {"model", "messages", "contents", "prompt", "input", "stream", "system", "system_instruction", "systemInstruction"}
    | {"tools", "functions"}
)
"""Fields that cannot be left out, or that have their own remedy. A model without the tools would be asked for something
else."""
_DEPTH = 3
_LONGEST = 4000
"""The characters of an error that are searched."""
_PLACES = ("param", "field", "fields", "path", "loc", "location", "parameter", "property", "argument", "name", "key")
"""Keys under which errors name the field."""
_REFUSES = lazy_pattern(
    r"support|unknown|recogni[sz]|valid|permit|allow|enable|available|accept|implement|extra|unexpected|additional|cannot"
    r"|can't|must|should|too (?:many|large|long|high|small|low|big)|at most|at least|maxim|minim|exceed|up to|only"
    r"|more than|less than|greater|deprecat|remove|disallow|forbid|reject|refus|incompatible|not found|no such|range"
    r"|不支持|非法|有误|无效|错误|不能|必须|超出|超过|未知",
    re.IGNORECASE,
)
_UNKNOWN_FIELD = lazy_pattern(
    r"(?:unsupported|unknown|unrecogni[sz]ed|unexpected|extra|additional|invalid)[ _]"
    r"(?:request |keyword |json |body )?(?:param|arg|field|name|key|input|propert|option)|not permitted|extra_forbidden"
    r"|not (?:a )?recogni[sz]ed",
    re.IGNORECASE,
)
_WRONG_VALUE = lazy_pattern(
    r"must (?:be|not|have)|should (?:be|have)|too (?:many|large|long|high|small|low|big)|at most|at least|maxim|minim"
    r"|exceed|up to|more than|less than|greater|between|range|unsupported[ _]value|invalid[ _]value|(?:^|\W)only\W"
    r"|非法|有误|无效|必须|超出|超过",
    re.IGNORECASE,
)


class RefusedField(msgspec.Struct, frozen=True):
    """A field that the server refuses."""

    path: Path
    value: Json = None
    value_only: bool = False
    """Whether only this value is refused."""

    @property
    def name(self) -> str:
        """The path, joined with dots."""
        return ".".join(self.path)

    @property
    def quirk(self) -> str:
        """The quirk to remember for the model."""
        return f"{WITHOUT}{self.name}" + (f"={json.dumps(self.value)}" if self.value_only else "")


def refused_field(text: str, error: Json, sent: Mapping[str, Json], needed: Iterable[str] = ()) -> RefusedField | None:
    """The field of the body `sent` that an error refers to; None if it names none that can be left out.

    `text` is the error's message, `error` its JSON, and `needed` the fields that the dialect requires.
    """
    text = text[:_LONGEST]
    fields = dict(_fields(sent, {*_NEEDED, *needed}))
    path = _field_at(_places(error), fields) or _field_in_text(text, fields)
    if path is None:
        return None
    inner = {field: name for field, name in fields.items() if len(field) > len(path) and field[: len(path)] == path}
    # Google names only the containing object here, and the field in the message.
    path = _field_in_text(text, inner) or path
    if len(path) > 1 and "type" in _at(sent, path[:-1]):
        # An object of a tagged union: a part of it cannot be left out alone.
        path = path[:-1]
    message = f"{text} {_codes(error)}"
    value_only = _WRONG_VALUE.search(message) is not None and _UNKNOWN_FIELD.search(message) is None
    return RefusedField(path, _at(sent, path), value_only)


def without_fields(body: bytes, quirks: Iterable[str]) -> tuple[bytes, Sequence[str]]:
    """The body without the fields that the quirks name, and those quirks that changed it."""
    wanted = [quirk for quirk in quirks if quirk.startswith(WITHOUT)]
    if not wanted:
        return body, ()
    value = msgspec.json.decode(body)
    changed = [quirk for quirk in sorted(wanted) if isinstance(value, dict) and _remove_field(value, quirk)]
    return (json.dumps(value).encode("utf-8"), changed) if changed else (body, ())


def field_of(quirk: str) -> str:
    """The name of the field that a quirk leaves out."""
    return quirk.removeprefix(WITHOUT).partition("=")[0]


def _remove_field(body: dict[str, Json], quirk: str) -> bool:
    name, equals, value = quirk.removeprefix(WITHOUT).partition("=")
    *parents, last = name.split(".")
    holders: list[dict[str, Json]] = [body]
    for parent in parents:
        inner = holders[-1].get(parent)
        if not isinstance(inner, dict):
            return False
        holders.append(inner)
    if last not in holders[-1] or (equals and json.dumps(holders[-1][last]) != value):
        return False
    del holders[-1][last]
    for parent, holder in zip(reversed(parents), reversed(holders[:-1]), strict=True):
        if not holder[parent]:
            del holder[parent]
    return True


def _fields(body: Mapping[str, Json], needed: set[str], above: Path = ()) -> Iterator[tuple[Path, str]]:
    """All fields that can be left out, with their normalised names."""
    for name, value in body.items():
        path = (*above, name)
        if ".".join(path) in needed:
            continue
        yield path, _normalise(name)
        if isinstance(value, dict) and len(path) < _DEPTH:
            yield from _fields(value, needed, path)


def _normalise(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _at(body: Mapping[str, Json], path: Path) -> Json:
    value: Json = body
    for name in path:
        value = value[name]
    return value


def _places(error: Json, depth: int = 8) -> Iterator[str]:
    """The field paths that an error's JSON names."""
    if isinstance(error, list) and depth:
        for each in error[:20]:
            yield from _places(each, depth - 1)
    if not isinstance(error, dict) or not depth:
        return
    for name in _PLACES:
        place = error.get(name)
        if isinstance(place, list):
            place = ".".join(str(part) for part in place[:8])
        if isinstance(place, str) and place:
            yield place[:200]
    for inner in ("error", "errors", "detail", "details", "fieldViolations", "field_violations", "extra"):
        yield from _places(error.get(inner), depth - 1)


def _field_at(places: Iterable[str], fields: Mapping[Path, str]) -> Path | None:
    """The field at the end of a path such as `body.top_p` or `generation_config.top_p`."""
    for place in places:
        parts = [plain for part in re.split(r"[.\[\]/]+", place) if (plain := _normalise(part))]
        for path, last in fields.items():
            if parts and parts[-1] == last and (len(parts) < 2 or len(path) < 2 or parts[-2] == _normalise(path[-2])):
                return path
    return None


def _codes(error: Json) -> str:
    """The codes, types and messages of an error and its details."""
    inner = error.get("error") if isinstance(error, dict) else None
    parts = [each for each in (error, inner) if isinstance(each, dict)]
    detail = error.get("detail") if isinstance(error, dict) else None
    parts += [each for each in detail[:5] if isinstance(each, dict)] if isinstance(detail, list) else []
    return " ".join(str(each.get(name))[:100] for each in parts for name in ("code", "type", "msg") if each.get(name))


def _field_in_text(text: str, fields: Mapping[Path, str]) -> Path | None:
    """The first field in the text with words of refusal near it."""
    found: list[tuple[int, int, Path]] = []
    for path in fields:
        words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", path[-1]) or [path[-1]]
        pattern = r"[_\-\s]?".join(map(re.escape, words))
        # A name that is also a common word must be close to the words of refusal.
        near = 40 if len(words) == 1 else 200
        for match in re.finditer(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", text, re.IGNORECASE):
            around = text[max(0, match.start() - near) : match.start()] + " " + text[match.end() : match.end() + near]
            if _REFUSES.search(around):
                found.append((match.start(), -len(path), path))
                break
    return min(found)[2] if found else None
