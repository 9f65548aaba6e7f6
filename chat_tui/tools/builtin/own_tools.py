"""The program's own tools as a tool server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chat_tui.config.load import OWN_TOOLS
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import AttachmentRefused, ToolFailed
from chat_tui.core.text.control_characters import clean
from chat_tui.core.tools import OfferedTool, PromptMessage, Tool, ToolOutput, ToolServerStatus
from chat_tui.tools.builtin.page_reader import PageReader, PageRefused
from chat_tui.tools.builtin.shared_folders import NotShared, SharedFolders
from chat_tui.tools.result_text import bounded_text

RESULT_BYTES = 200_000
"""What is returned of a file at once."""
CALL_SECONDS = 60.0

Run = Callable[[Mapping[str, Any]], Awaitable[ToolOutput]]


class OwnTools:
    """`read_file` and `list_files` for the folders of the config, and `fetch_page`. It implements `ToolServer`."""

    def __init__(self, folders: Sequence[Path], pages: PageReader | None) -> None:
        """Without folders only `fetch_page` is offered; without `pages` it is not."""
        self._folders = SharedFolders(folders)
        self._pages = pages
        self._running = 0
        shared = ", ".join(str(folder) for folder in folders)
        self._tools: dict[str, tuple[OfferedTool, Run]] = {}
        if folders:
            self._add(_READ_FILE, f"Read a file in {shared}: text, PDF or image.", "Read file", self._read_file)
            self._add(_LIST_FILES, f"List the files in {shared}.", "List files", self._list_files)
        if pages is not None:
            self._add(_FETCH_PAGE, _FETCH_PAGE.description, "Fetch page", self._fetch_page)

    def _add(self, tool: Tool, description: str, title: str, run: Run) -> None:
        offered = Tool(tool.name, description, tool.parameters)
        # An address may carry what the model has read, so a page is no harmless reading.
        is_read_only = tool is not _FETCH_PAGE
        host = "url" if tool is _FETCH_PAGE else ""
        self._tools[tool.name] = OfferedTool(offered, OWN_TOOLS, tool.name, title, is_read_only, host), run

    @property
    def name(self) -> str:
        """The name of the program's own tools."""
        return OWN_TOOLS

    @property
    def is_busy(self) -> bool:
        """Whether a call is running."""
        return self._running > 0

    def status(self) -> ToolServerStatus:
        """They are always ready."""
        return ToolServerStatus(OWN_TOOLS, state="ready", tools=tuple(tool for tool, _ in self._tools.values()))

    async def start(self) -> Sequence[OfferedTool]:
        """Return the tools."""
        return self.status().tools

    async def call(self, own_name: str, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool. Raises `ToolFailed`."""
        if own_name not in self._tools:
            raise ToolFailed(f"There is no tool {own_name} any more.", "`[tool_use]` in the config switches it on.")
        _, run = self._tools[own_name]
        self._running += 1
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await run(arguments)
        except (NotShared, PageRefused) as refused:
            return ToolOutput(str(refused), is_error=True)
        except AttachmentRefused as refused:
            return ToolOutput(refused.title, is_error=True)
        except TimeoutError:
            raise ToolFailed(f"The tool {own_name} was stopped after {CALL_SECONDS:g} s.", "Try again.") from None
        finally:
            self._running -= 1

    async def list_contents(self) -> None:
        """There are none."""

    async def get_prompt(self, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Raise `ToolFailed`, since there are none."""
        raise ToolFailed(f"{OWN_TOOLS} has no prompts.", "Prompts are offered by tool servers of the config.")

    async def complete_argument(self, prompt: str, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        """Return nothing, since there are no prompts."""
        return ()

    async def read_resource(self, uri: str) -> Attachment:
        """Raise `ToolFailed`, since there are none."""
        raise ToolFailed(f"{OWN_TOOLS} has no resources.", "Resources are offered by tool servers of the config.")

    async def stop(self) -> None:
        """Nothing runs on."""

    async def _read_file(self, arguments: Mapping[str, Any]) -> ToolOutput:
        file = await asyncio.to_thread(self._folders.read, _text(arguments, "path"))
        if file.is_image:
            return ToolOutput(f"[the image {file.name}]", (file,))
        raw = file.content.decode("utf-8", "replace")
        first = max(1, _number(arguments, "first_line", 1))
        count = _number(arguments, "lines", 0)
        if first > 1 or count > 0:
            lines = raw.splitlines()
            end = first - 1 + count if count > 0 else len(lines)
            raw = "\n".join([*lines[first - 1 : end], f"[lines {first} to {min(end, len(lines))} of {len(lines)}]"])
        return ToolOutput(bounded_text(raw, clean(raw), RESULT_BYTES))

    async def _list_files(self, arguments: Mapping[str, Any]) -> ToolOutput:
        path, pattern = _text(arguments, "path", ""), _text(arguments, "pattern", "")
        listing = await asyncio.to_thread(self._folders.list, path, pattern)
        return ToolOutput(bounded_text(listing, listing, RESULT_BYTES))

    async def _fetch_page(self, arguments: Mapping[str, Any]) -> ToolOutput:
        assert self._pages is not None
        page = await self._pages.read(_text(arguments, "url"))
        heading = "\n".join(filter(None, [page.title and f"# {page.title}", page.address]))
        return ToolOutput(f"{heading}\n\n{page.text}")


def _text(arguments: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return an argument that is a text. Raises `NotShared` if it is missing or something else."""
    value = arguments.get(name, default)
    if not isinstance(value, str):
        raise NotShared(f"The argument `{name}` must be a text.")
    return value


def _number(arguments: Mapping[str, Any], name: str, default: int) -> int:
    value = arguments.get(name, default)
    return int(value) if isinstance(value, int | float) and abs(value) < 1e9 else default


_PATH = {"type": "string", "description": "An absolute path, or one below a shared folder."}
_READ_FILE = Tool(
    "read_file",
    parameters={
        "type": "object",
        "properties": {
            "path": _PATH,
            "first_line": {"type": "integer", "description": "Where to begin, from 1; for long files."},
            "lines": {"type": "integer", "description": "How many lines to read."},
        },
        "required": ["path"],
    },
)
_LIST_FILES = Tool(
    "list_files",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "The folder; empty for the shared folders themselves."},
            "pattern": {
                "type": "string",
                "description": "List the files with such names, such as *.md, in all folders below.",
            },
        },
    },
)
_FETCH_PAGE = Tool(
    "fetch_page",
    "Read a page of the public web as text. Private networks are not read.",
    {
        "type": "object",
        "properties": {"url": {"type": "string", "description": "An address that begins with https:// or http://."}},
        "required": ["url"],
    },
)
