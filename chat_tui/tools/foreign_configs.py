"""Reads the tool servers of other programs' configs: Claude Desktop, Claude Code, VS Code, Cursor, Windsurf, Gemini CLI
and opencode. All are JSON, some with comments; the servers are below `mcpServers`, `servers`, `mcp` or `mcp.servers`.

Sources of the shapes: modelcontextprotocol.io (Claude Desktop), and the documentation of each program on MCP servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from chat_tui.config.load import HEADER_NAME, HEADER_VALUE, OWN_TOOLS
from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ConfigError
from chat_tui.core.text.control_characters import clean, clean_line, single_line

MOST_SERVERS = 200
_NAME_CHARACTERS = 40
_KEYS = ("mcpServers", "servers", "mcp", "context_servers")
_ADDRESS_KEYS = ("url", "serverUrl", "httpUrl")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_INPUT = re.compile(r"\$\{input:([^{}]{1,100})\}")
_EDITOR_VARIABLE = re.compile(r"\$\{(workspaceFolder|userHome|file|cwd)[^{}]{0,50}\}")


class ForeignServer(msgspec.Struct, frozen=True):
    """A server of another program's config."""

    name: str
    row: ToolRow | None = None
    """None if it cannot be used here."""
    problem: str = ""
    """Why it cannot be used."""
    note: str = ""
    """What has to be done before it is used."""


def read_foreign_config(raw: bytes) -> list[ForeignServer]:
    """Return the servers of a config, in its order. Raises `ConfigError` if it is no JSON, or has none."""
    try:
        config = msgspec.json.decode(without_comments(raw.decode("utf-8-sig")).encode())
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8.", "Save it as UTF-8.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"The file is not valid JSON: {error}.", "Is it the right file?") from None
    found: list[ForeignServer] = []
    names: set[str] = set()
    for name, entry in _entries(config):
        if name in names or len(found) == MOST_SERVERS:
            continue
        names.add(name)
        server = _server(name, entry)
        if any(each.name == server.name for each in found):
            problem = "it would have the same name here as another server of the file"
            server = ForeignServer(clean_line(name, _NAME_CHARACTERS), problem=problem)
        found.append(server)
    if not found:
        hint = "Servers are below `mcpServers` (Claude, Cursor) or `servers` (VS Code)."
        raise ConfigError("The file has no tool servers.", hint)
    return found


def without_comments(text: str) -> str:
    """Return JSON text without `//` and `/* */` comments, and without commas before a closing bracket."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == '"':
            end = _end_of_string(text, at)
            kept.append(text[at:end])
            at = end
        elif text.startswith("//", at):
            at = _position(text, "\n", at)
        elif text.startswith("/*", at):
            at = _position(text, "*/", at) + 2
        else:
            if character in "]}":
                _drop_comma(kept)
            kept.append(character)
            at += 1
    return "".join(kept)


def _end_of_string(text: str, begin: int) -> int:
    at = begin + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _position(text: str, mark: str, begin: int) -> int:
    found = text.find(mark, begin)
    return len(text) if found < 0 else found


def _drop_comma(kept: list[str]) -> None:
    at = len(kept) - 1
    while at >= 0 and kept[at].isspace():
        at -= 1
    if at >= 0 and kept[at] == ",":
        kept[at] = ""


def _entries(config: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each server with its name, wherever the config has them."""
    if not isinstance(config, Mapping):
        return
    for key in _KEYS:
        value = config.get(key)
        if isinstance(value, Mapping):
            inner = value.get("servers") if isinstance(value.get("servers"), Mapping) else value
            assert isinstance(inner, Mapping)
            yield from ((str(name), entry) for name, entry in inner.items() if _is_server(entry))
    projects = config.get("projects")
    if isinstance(projects, Mapping):
        # Claude Code keeps the servers of each folder.
        for project in projects.values():
            yield from _entries(project)
    if not any(key in config for key in (*_KEYS, "projects")):
        yield from ((str(name), entry) for name, entry in config.items() if _is_server(entry))


def _is_server(entry: object) -> bool:
    return isinstance(entry, Mapping) and any(key in entry for key in ("command", *_ADDRESS_KEYS))


def _server(name: str, entry: Mapping[str, Any]) -> ForeignServer:
    """Return one server with a name that fits here."""
    fitting = _NOT_IN_NAMES.sub("-", name).strip("-")[:_NAME_CHARACTERS] or "server"
    if fitting == OWN_TOOLS:
        fitting = f"{OWN_TOOLS}-server"
    if entry.get("type") == "sse":
        return ForeignServer(fitting, problem="it uses the old SSE transport; ask for its streamable HTTP address")
    note = ""
    if inputs := sorted(set(_INPUT.findall(str(entry)))):
        variables = ", ".join(_variable_of(each) for each in inputs)
        note = f"set {clean_line(variables)} in the environment before you use it"
    if entry.get("envFile"):
        note = f"{note}; " * bool(note) + "write the variables of its `envFile` into `env` of its table"
    if _EDITOR_VARIABLE.search(str(entry)):
        return ForeignServer(fitting, problem="it needs a folder of the editor; write its table by hand")
    try:
        row = _row(fitting, entry)
    except (TypeError, ValueError) as error:
        return ForeignServer(fitting, problem=str(error) if isinstance(error, _Misfit) else "it is malformed")
    return ForeignServer(fitting, row, note=note)


class _Misfit(ValueError):
    """Why an entry cannot be a row."""


def _row(name: str, entry: Mapping[str, Any]) -> ToolRow:
    """Return the row of an entry. Raises `TypeError`, `ValueError`."""
    address = next((_text(entry[key]) for key in _ADDRESS_KEYS if entry.get(key)), "")
    enabled = entry.get("enabled", True) is not False and entry.get("disabled", False) is not True
    if address:
        headers = _texts(entry.get("headers"))
        for header, value in headers.items():
            if not re.fullmatch(HEADER_NAME, header, re.ASCII) or not re.fullmatch(HEADER_VALUE, value):
                raise _Misfit(f"its header {clean_line(header, 40)} is not valid")
        if not address.startswith(("http://", "https://", "$")):
            raise _Misfit("its address does not begin with http:// or https://")
        return ToolRow(name, url=address, headers=headers, enabled=enabled)
    command, arguments = entry["command"], entry.get("args") or []
    if not isinstance(arguments, list):
        raise _Misfit("its arguments are no list")
    words = [command] if isinstance(command, str) else list(command)
    words = [_text(word) for word in (*words, *arguments)]
    if not words or not words[0].strip():
        raise _Misfit("it has no command")
    return ToolRow(
        name,
        words[0],
        tuple(words[1:]),
        _texts(entry.get("env") or entry.get("environment")),
        _text(entry.get("cwd") or ""),
        enabled=enabled,
    )


def _texts(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError("no table")
    return {single_line(str(name)): _text(each) for name, each in value.items() if each is not None}


def _text(value: object) -> str:
    """Return a value as text, with `$NAME` for what an editor would ask for. Raises `TypeError`."""
    if not isinstance(value, str | int | float):
        raise TypeError("no text")
    return _INPUT.sub(lambda found: f"${{{_variable_of(found[1])}}}", clean(str(value)))


def _variable_of(name: str) -> str:
    """Return the variable in place of what an editor would ask for under this name."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").upper() or "INPUT"
