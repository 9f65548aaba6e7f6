"""The lists of a server's prompts and resources, cleaned and bounded: they are shown to people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from mcp import Client, MCPError
from mcp_types import Prompt, PromptReference, Resource, ResourceTemplate

from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.tools import PromptArgument, ServerPrompt, ServerResource
from chat_tui.tools.worker.list_pages import Page, read_pages

MOST_PROMPTS, MOST_RESOURCES, MOST_TEMPLATES, MOST_ARGUMENTS = 500, 2000, 200, 30
MOST_VALUES, VALUE_CHARACTERS = 100, 200
NAME_CHARACTERS, TITLE_CHARACTERS, URI_CHARACTERS, DESCRIPTION_CHARACTERS = 100, 100, 1000, 300


class PromptList:
    """The prompts of a server, and the names by which the server knows them and their arguments."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._own: dict[str, tuple[str, Mapping[str, str]]] = {}
        """The server's name of each prompt and of its arguments, by the cleaned names."""

    def own_names(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return the name and the arguments of a prompt as the server knows them; unknown ones are unchanged."""
        own, names = self._own.get(name, (name, {}))
        return own, {names.get(each, each): str(value) for each, value in arguments.items()}

    async def complete(self, name: str, argument: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Ask for values that complete the one of an argument; there are none if the server completes nothing. Raises
        `MCPError`."""
        if self._client.server_capabilities.completions is None:
            return ()
        own, others = self.own_names(name, arguments)
        own_argument = next(iter(self.own_names(name, {argument: ""})[1]))
        typed = {"name": own_argument, "value": others.pop(own_argument, "")}
        result = await self._client.complete(PromptReference(name=own), typed, others or None)
        values = (clean_line(value, VALUE_CHARACTERS) for value in result.completion.values[:MOST_VALUES])
        return tuple(dict.fromkeys(filter(None, values)))

    async def read(self) -> tuple[ServerPrompt, ...]:
        """Ask the server for all its prompts; there are none if it says that it has none. Raises `MCPError`."""
        if self._client.server_capabilities.prompts is None:
            return ()

        async def page(cursor: str | None) -> Page[Prompt]:
            result = await self._client.list_prompts(cursor=cursor)
            return result.prompts, result.next_cursor

        return tuple(self._listed(await read_pages(page, MOST_PROMPTS, "prompts")))

    def _listed(self, prompts: Iterable[Prompt]) -> Iterator[ServerPrompt]:
        self._own = {}
        for prompt in prompts:
            name = clean_line(prompt.name, NAME_CHARACTERS)
            # Of two prompts that a person could not tell apart, only the first is offered.
            if not name or name in self._own:
                continue
            arguments: dict[str, PromptArgument] = {}
            names: dict[str, str] = {}
            for each in (prompt.arguments or ())[:MOST_ARGUMENTS]:
                argument = clean_line(each.name, NAME_CHARACTERS)
                if argument and argument not in names:
                    names[argument] = each.name
                    about = clean_line(each.description or each.title or "", DESCRIPTION_CHARACTERS)
                    arguments[argument] = PromptArgument(argument, about, bool(each.required))
            self._own[name] = prompt.name, names
            yield ServerPrompt(
                name,
                clean_line(prompt.description or "", DESCRIPTION_CHARACTERS),
                clean_line(prompt.title or "", TITLE_CHARACTERS),
                tuple(arguments.values()),
            )


class ResourceList:
    """The resources of a server and its templates of resources, and the URIs by which the server knows them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._own: dict[str, str] = {}
        """The server's URI of each resource, by the cleaned one."""

    def own_uri(self, uri: str) -> str:
        """Return the server's URI of a resource that was listed; an unknown one is returned unchanged."""
        return self._own.get(uri, uri)

    async def read(self) -> tuple[ServerResource, ...]:
        """Ask the server for all its resources and templates; there are none if it says that it has none. Raises
        `MCPError`."""
        if self._client.server_capabilities.resources is None:
            return ()

        async def resource_page(cursor: str | None) -> Page[Resource]:
            result = await self._client.list_resources(cursor=cursor)
            return result.resources, result.next_cursor

        async def template_page(cursor: str | None) -> Page[ResourceTemplate]:
            result = await self._client.list_resource_templates(cursor=cursor)
            return result.resource_templates, result.next_cursor

        resources = tuple(self._listed(await read_pages(resource_page, MOST_RESOURCES, "resources")))
        templates: Sequence[ResourceTemplate] = ()
        # Some servers that have resources do not know the request for templates.
        with contextlib.suppress(MCPError):
            templates = await read_pages(template_page, MOST_TEMPLATES, "templates of resources")
        return (*resources, *_listed_templates(templates))

    def _listed(self, resources: Iterable[Resource]) -> Iterator[ServerResource]:
        self._own = {}
        for resource in resources:
            uri = _uri(resource.uri)
            if not uri or uri in self._own:
                continue
            self._own[uri] = resource.uri
            listed = _describe(uri, resource)
            yield msgspec.structs.replace(listed, size_bytes=max(0, resource.size or 0))


def _listed_templates(templates: Iterable[ResourceTemplate]) -> Iterator[ServerResource]:
    for template in templates:
        if uri := _uri(template.uri_template):
            yield msgspec.structs.replace(_describe(uri, template), is_template=True)


def _uri(text: str) -> str:
    """Return the URI on one line; empty for one that is too long to be shown whole."""
    return clean_line(text, URI_CHARACTERS) if len(text) <= URI_CHARACTERS else ""


def _describe(uri: str, resource: Resource | ResourceTemplate) -> ServerResource:
    return ServerResource(
        uri,
        clean_line(resource.name, NAME_CHARACTERS),
        clean_line(resource.title or "", TITLE_CHARACTERS),
        clean_line(resource.description or "", DESCRIPTION_CHARACTERS),
        clean_line(resource.mime_type or "", NAME_CHARACTERS),
    )
