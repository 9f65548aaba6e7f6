"""Checks Python and the installed packages against the bounds in the metadata of chat-tui."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from chat_tui import __version__
from chat_tui.cli.doctor.finding import Finding, State
from chat_tui.core.processes.install_command import install_command

PROGRAM, DEPENDENCIES, EXTRAS = "program", "dependencies", "extras"
"""Sections."""
_NAME = "chat-tui"
DEVELOPERS_EXTRAS = {"test", "training"}
EXTRA_PURPOSES = {
    "local": "llama.cpp in this environment, instead of one that is downloaded when it is first needed",
    "tools": "tool servers",
    "ignore": "`.gitignore` outside of git repositories",
    "schema": "`--schema`",
    "line": "completion and history in line mode",
    "prices": "prices that are newer than this version",
    "keyring": "keys in the system's keyring",
}
"""What extras are for."""
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]{1,200}) ?(?:\[[^\]]{0,200}\])? ?\(?([^;()]{0,200})\)?")
_EXTRA = re.compile(r"""extra ?== ?["']([A-Za-z0-9._-]{1,100})["']""")
_BOUND = re.compile(r"(===|~=|==|!=|<=|>=|<|>) ?([^ ,]{1,100})")
_VERSION = re.compile(
    r"v?(?:\d{1,9}!)?(\d{1,9}(?:\.\d{1,9}){0,20})([._-]?(?:a|b|c|rc|alpha|beta|pre|dev)[._-]?\d{0,9})?"
)
_Version: TypeAlias = tuple[tuple[int, ...], bool]
"""The numbers of the release without zeros at the end, and whether it is final."""


class Requirement(NamedTuple):
    """A package that chat-tui needs, or that one of its extras does."""

    name: str
    bounds: str
    """As in `>=7,<9`."""
    extra: str
    is_conditional: bool
    """Whether other systems or versions of Python do without it."""


class PackageFacts(msgspec.Struct, frozen=True):
    """The environment that chat-tui runs in."""

    python: str
    """Its version."""
    executable: str
    program: str
    """The version of chat-tui."""
    requires_python: str
    """Bounds; empty if they are not known."""
    requirements: tuple[str, ...] | None
    """As the metadata has them; None if chat-tui runs from a folder without being installed."""
    installed: Mapping[str, str]
    """Versions by the names in the requirements."""


def read_packages() -> PackageFacts:
    """Read the metadata of chat-tui and of what it requires."""
    from importlib import metadata

    python = ".".join(map(str, sys.version_info[:3]))
    try:
        own = metadata.metadata(_NAME)
    except metadata.PackageNotFoundError:
        return PackageFacts(python, sys.executable, __version__, "", None, {})
    lines = tuple(own.get_all("Requires-Dist") or ())
    installed = {}
    for requirement in map(parse_requirement, lines):
        try:
            # Broken metadata has no version.
            installed[requirement.name] = metadata.version(requirement.name) or ""
        except (metadata.PackageNotFoundError, KeyError):
            continue
    return PackageFacts(
        python, sys.executable, __version__, ", ".join(own.get_all("Requires-Python") or ()), lines, installed
    )


def check_packages(facts: PackageFacts) -> Iterator[Finding]:
    """Yield the findings about Python, chat-tui, its dependencies and its extras."""
    needs = f" (needs {facts.requires_python})" if facts.requires_python else ""
    if is_within(facts.python, facts.requires_python):
        yield Finding(PROGRAM, "python", "ok", f"{facts.python}{needs}, {facts.executable}")
    else:
        hint = "Install chat-tui with a version of Python that fits."
        yield Finding(PROGRAM, "python", "problem", f"{facts.python} does not fit{needs}, {facts.executable}", hint)
    if facts.requirements is None:
        text = f"{facts.program}, which is not installed: it runs from a folder, and its bounds are not known"
        yield Finding(PROGRAM, _NAME, "note", text, "`pip install .` in its folder installs it.")
        return
    yield Finding(PROGRAM, _NAME, "ok", facts.program)
    rows = [parse_requirement(line) for line in facts.requirements]
    yield from (_dependency(row, facts) for row in rows if not row.extra and not _is_left_out(row, facts))
    for extra in dict.fromkeys(row.extra for row in rows if row.extra):
        if extra not in DEVELOPERS_EXTRAS:
            yield _extra(extra, [row for row in rows if row.extra == extra], facts)


def parse_requirement(line: str) -> Requirement:
    """Return the parts of a line such as `mcp<3,>=2.3; extra == 'tools'`."""
    wanted, _, marker = line.partition(";")
    found = _REQUIREMENT.match(wanted.strip())
    extra = _EXTRA.search(marker)
    return Requirement(
        found[1] if found else wanted.strip(),
        found[2].strip() if found else "",
        extra[1] if extra else "",
        bool(marker.strip()) and not extra,
    )


def is_within(version: str, bounds: str) -> bool:
    """Whether a version is within bounds such as `>=7,<9` (PEP 440); bounds that cannot be read allow everything."""
    return all(_fits(version, operator, bound) for operator, bound in _BOUND.findall(bounds))


def _fits(version: str, operator: str, bound: str) -> bool:
    one, other = _parse_version(version), _parse_version(bound)
    if one is None or other is None or operator == "===":
        return version == bound if operator == "===" else True
    length = bound.count(".") if operator == "~=" else bound.removesuffix(".*").count(".") + 1
    begins = _pad(one[0], length) == _pad(other[0], length)
    is_same = begins if bound.endswith(".*") else one == other
    return {
        "==": is_same,
        "!=": not is_same,
        ">=": one >= other,
        "<=": one <= other,
        ">": one > other,
        # The pre-releases of a bound are not below it.
        "<": one[0] < other[0],
        "~=": one >= other and begins,
    }[operator]


def _parse_version(text: str) -> _Version | None:
    found = _VERSION.match(text)
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), found[2] is None


def _pad(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*numbers, *[0] * length)[:length]


def _is_left_out(row: Requirement, facts: PackageFacts) -> bool:
    """Whether a requirement is for other systems only."""
    return row.is_conditional and row.name not in facts.installed


def _dependency(row: Requirement, facts: PackageFacts) -> Finding:
    version = facts.installed.get(row.name, "")
    bounds = f" ({row.bounds})" if row.bounds else ""
    if version and is_within(version, row.bounds):
        return Finding(DEPENDENCIES, row.name, "ok", f"{version}{bounds}")
    text = f"{version} is installed, {row.bounds} is needed" if version else f"is not installed{bounds}"
    return Finding(DEPENDENCIES, row.name, "problem", text, f"Run: {install_command(f'{row.name}{row.bounds}')}")


def _extra(extra: str, rows: Sequence[Requirement], facts: PackageFacts) -> Finding:
    there = {row.name: facts.installed.get(row.name, "") for row in rows}
    unfit = [row for row in rows if there[row.name] and not is_within(there[row.name], row.bounds)]
    told = ", ".join(f"{name} {version}".strip() for name, version in there.items())
    state: State = "ok"
    if unfit:
        state, text = "problem", f"{told} is installed, {', '.join(row.bounds for row in unfit)} is needed"
    elif all(there.values()):
        return Finding(EXTRAS, extra, state, f"installed: {told}")
    else:
        purpose = EXTRA_PURPOSES.get(extra, "")
        text = f"not installed ({told})" + (f", for {purpose}" if purpose else "")
    return Finding(EXTRAS, extra, state, text, f"Run: {install_command(*(f'{row.name}{row.bounds}' for row in rows))}")
