"""Which field of a request a server will not take, told from its error; and the request without it.

A field is a path in the JSON body that was sent, such as `top_p` or `generationConfig.topP`. Servers name it in a field
of the error (`param`, `loc`, `fieldViolations`) or in its text, in snake case, camel case or with blanks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

Json = Any
Path = tuple[str, ...]

WITHOUT = "without:"
"""Begins the quirk of a field that is left out; `without:stop=["a"]` means this value of it only."""
_NEEDED = frozenset(
    {"model", "messages", "contents", "prompt", "input", "stream", "system", "system_instruction", "systemInstruction"}
)
"""What cannot be left out, or has a remedy of its own."""
_DEPTH = 3
_LONGEST = 4000
"""Characters of an error that are looked at."""
_PLACES = ("param", "field", "fields", "path", "loc", "location", "parameter", "property", "argument", "name", "key")
"""Names under which errors tell the field."""
_REFUSES = re.compile(
    r"support|unknown|recogni[sz]|valid|permit|allow|enable|available|accept|implement|extra|unexpected|additional|cannot"
    r"|can't|must|should|too (?:many|large|long|high|small|low|big)|at most|at least|maxim|minim|exceed|up to|only"
    r"|more than|less than|greater|deprecat|remove|disallow|forbid|reject|refus|incompatible|not found|no such|range"
    r"|不支持|非法|有误|无效|错误|不能|必须|超出|超过|未知",
    re.IGNORECASE,
)
_UNKNOWN_FIELD = re.compile(
    r"(?:unsupported|unknown|unrecogni[sz]ed|unexpected|extra|additional|invalid)[ _]"
    r"(?:request |keyword |json |body )?(?:param|arg|field|name|key|input|propert|option)|not permitted|extra_forbidden"
    r"|not (?:a )?recogni[sz]ed",
    re.IGNORECASE,
)
_WRONG_VALUE = re.compile(
    r"must (?:be|not|have)|should (?:be|have)|too (?:many|large|long|high|small|low|big)|at most|at least|maxim|minim"
    r"|exceed|up to|more than|less than|greater|between|range|unsupported[ _]value|invalid[ _]value|(?:^|\W)only\W"
    r"|非法|有误|无效|必须|超出|超过",
    re.IGNORECASE,
)


class RefusedField(msgspec.Struct, frozen=True):
    """A field that the server will not take."""

    path: Path
    value: Json = None
    value_only: bool = False
    """Another value of it may do."""

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(self.path)

    @property
    def quirk(self) -> str:
        """What is remembered of the model."""
        return f"{WITHOUT}{self.name}" + (f"={json.dumps(self.value)}" if self.value_only else "")


def refused_field(text: str, error: Json, sent: Mapping[str, Json], needed: Iterable[str] = ()) -> RefusedField | None:
    """The field of the body `sent` that an error means, None where it names none that can be left out.

    `text` is what the error says, `error` its JSON, and `needed` are fields that its dialect cannot do without.
    """
    text = text[:_LONGEST]
    fields = dict(_fields(sent, {*_NEEDED, *needed}))
    path = _named(_places(error), fields) or _mentioned(text, fields)
    if path is None:
        return None
    inner = {field: name for field, name in fields.items() if len(field) > len(path) and field[: len(path)] == path}
    # Google names the object that holds the field, and only in its text the field.
    path = _mentioned(text, inner) or path
    if len(path) > 1 and "type" in _at(sent, path[:-1]):
        # One of several kinds of an object: a part alone cannot be taken out of it.
        path = path[:-1]
    told = f"{text} {_codes(error)}"
    value_only = _WRONG_VALUE.search(told) is not None and _UNKNOWN_FIELD.search(told) is None
    return RefusedField(path, _at(sent, path), value_only)


def without_fields(body: bytes, quirks: Iterable[str]) -> tuple[bytes, Sequence[str]]:
    """A body without the fields that such quirks name, and the quirks that have changed it."""
    wanted = [quirk for quirk in quirks if quirk.startswith(WITHOUT)]
    if not wanted:
        return body, ()
    value = msgspec.json.decode(body)
    changed = [quirk for quirk in sorted(wanted) if isinstance(value, dict) and _left_out(value, quirk)]
    return (json.dumps(value).encode("utf-8"), changed) if changed else (body, ())


def field_of(quirk: str) -> str:
    """The field that such a quirk leaves out."""
    return quirk.removeprefix(WITHOUT).partition("=")[0]


def _left_out(body: dict[str, Json], quirk: str) -> bool:
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
    """Every field that can be left out, with its name as it is compared."""
    for name, value in body.items():
        if name in needed and not above:
            continue
        path = (*above, name)
        yield path, _plain(name)
        if isinstance(value, dict) and len(path) < _DEPTH:
            yield from _fields(value, needed, path)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _at(body: Mapping[str, Json], path: Path) -> Json:
    value: Json = body
    for name in path:
        value = value[name]
    return value


def _places(error: Json, depth: int = 8) -> Iterator[str]:
    """The fields that an error's JSON names."""
    if isinstance(error, list) and depth:
        for each in error[:20]:
            yield from _places(each, depth - 1)
    if not isinstance(error, dict) or not depth:
        return
    for name in _PLACES:
        told = error.get(name)
        if isinstance(told, list):
            told = ".".join(str(part) for part in told[:8])
        if isinstance(told, str) and told:
            yield told[:200]
    for inner in ("error", "errors", "detail", "details", "fieldViolations", "field_violations", "extra"):
        yield from _places(error.get(inner), depth - 1)


def _named(places: Iterable[str], fields: Mapping[Path, str]) -> Path | None:
    """The field that a path such as `body.top_p` or `generation_config.top_p` ends in."""
    for place in places:
        parts = [plain for part in re.split(r"[.\[\]/]+", place) if (plain := _plain(part))]
        for path, last in fields.items():
            if parts and parts[-1] == last and (len(parts) < 2 or len(path) < 2 or parts[-2] == _plain(path[-2])):
                return path
    return None


def _codes(error: Json) -> str:
    """What the error is called, beside its text."""
    inner = error.get("error") if isinstance(error, dict) else None
    told = [each for each in (error, inner) if isinstance(each, dict)]
    detail = error.get("detail") if isinstance(error, dict) else None
    told += [each for each in detail[:5] if isinstance(each, dict)] if isinstance(detail, list) else []
    return " ".join(str(each.get(name))[:100] for each in told for name in ("code", "type", "msg") if each.get(name))


def _mentioned(text: str, fields: Mapping[Path, str]) -> Path | None:
    """The field that the text names first, with words of refusal near it."""
    found: list[tuple[int, int, Path]] = []
    for path in fields:
        words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", path[-1]) or [path[-1]]
        pattern = r"[_\-\s]?".join(map(re.escape, words))
        # A name that is a common word too must stand close to what refuses it.
        near = 40 if len(words) == 1 else 200
        for match in re.finditer(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", text, re.IGNORECASE):
            around = text[max(0, match.start() - near) : match.start()] + " " + text[match.end() : match.end() + near]
            if _REFUSES.search(around):
                found.append((match.start(), -len(path), path))
                break
    return min(found)[2] if found else None
