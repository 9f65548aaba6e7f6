"""The list of a server's tools, cleaned and bounded: it is shown to people and sent to models."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mcp import Client
from mcp_types import Tool as ServerTool

from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.tools.messages import ListedTool
from chat_tui.tools.worker.list_pages import Page, read_pages

log = logging.getLogger(__name__)

MOST_TOOLS = 1000
NAME_CHARACTERS, TITLE_CHARACTERS, DESCRIPTION_CHARACTERS = 200, 100, 10_000
SCHEMA_CHARACTERS, SCHEMA_DEPTH = 100_000, 32
LIST_CHARACTERS = 5_000_000
"""All texts and schemas together; further tools are left out."""
CUT = "… [the description was cut]"
ANY_ARGUMENTS: Mapping[str, Any] = {"type": "object"}
"""In place of a schema that is too large or too deep; the server checks the arguments anyway."""


class ToolList:
    """The tools of a server, and the names by which the server knows them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names: dict[str, str] = {}
        """The server's name of each tool, by its cleaned name."""

    def own_name(self, name: str) -> str:
        """Return the server's name of a tool that was listed; an unknown one is returned unchanged."""
        return self._names.get(name, name)

    async def read(self) -> tuple[ListedTool, ...]:
        """Ask the server for all its tools. Raises `MCPError`."""

        async def page(cursor: str | None) -> Page[ServerTool]:
            result = await self._client.list_tools(cursor=cursor)
            return result.tools, result.next_cursor

        return tuple(self._listed(await read_pages(page, MOST_TOOLS, "tools")))

    def _listed(self, tools: Iterable[ServerTool]) -> Iterable[ListedTool]:
        self._names = {}
        room = LIST_CHARACTERS
        for tool in tools:
            name = clean_line(tool.name, NAME_CHARACTERS)
            # Of two tools that a person could not tell apart, only the first can be allowed.
            if not name or name in self._names:
                continue
            listed = listed_tool(name, tool)
            room -= len(listed.description) + len(json.dumps(listed.parameters))
            if room < 0:
                log.warning("tools: only the first %d tools are used", len(self._names))
                return
            self._names[name] = tool.name
            yield listed


def listed_tool(name: str, tool: ServerTool) -> ListedTool:
    """Return a tool with its texts cleaned and cut."""
    hints = tool.annotations
    title = tool.title or (hints.title if hints else None) or ""
    return ListedTool(
        name,
        bounded_description(tool.description or ""),
        clean_line(title, TITLE_CHARACTERS),
        bounded_schema(tool.input_schema),
        bool(hints and hints.read_only_hint),
    )


def bounded_description(text: str) -> str:
    """Return the cleaned description, cut with a note if it is too long."""
    kept = clean(text[: DESCRIPTION_CHARACTERS * 2]).strip()
    if len(kept) <= DESCRIPTION_CHARACTERS and len(text) <= DESCRIPTION_CHARACTERS * 2:
        return kept
    return kept[: DESCRIPTION_CHARACTERS - len(CUT)] + CUT


def bounded_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema with its texts cleaned; `ANY_ARGUMENTS` if it is too large or too deep."""
    try:
        cleaned = _cleaned(schema, SCHEMA_DEPTH)
        size = len(json.dumps(cleaned))
    except (RecursionError, ValueError, TypeError):
        return ANY_ARGUMENTS
    if not isinstance(cleaned, dict) or size > SCHEMA_CHARACTERS:
        return ANY_ARGUMENTS
    return cleaned


def _cleaned(value: Any, depth: int) -> Any:
    """Return the value with all its texts cleaned. Raises ValueError if it is too deep."""
    if depth < 0:
        raise ValueError("too deep")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): _cleaned(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each, depth - 1) for each in value]
    return value
