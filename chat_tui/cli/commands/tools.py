"""`chat-tui tools`: lists, adds, tests, imports and removes tool servers."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.bootstrap.tool_servers import build_own_tools
from chat_tui.config import edit, load, paths
from chat_tui.config.schema import Config, ToolRow
from chat_tui.core.errors import ChatTuiError, ConfigError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import read_regular
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error, write_output
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import OfferedTool, ToolServerStatus
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.tools.foreign_configs import read_foreign_config
from chat_tui.tools.launch import shown_source
from chat_tui.tools.sdk import install_command, is_installed
from chat_tui.tools.tool_server import ConfiguredServer, ToolServer

_FILE_BYTES = 10_000_000
_DESCRIPTION_CHARACTERS = 100
_MOST_LISTED = 50
"""Prompts, and resources."""


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    config = load.load(paths.config_file())
    if options.action == "list":
        return _list(config, as_json=options.json)
    if options.action == "add":
        return _add(config, options)
    if options.action == "import":
        return _import(config, options.file)
    if options.action == "remove":
        return _remove(config, options.name)
    if options.action == "login":
        return _login(config, options.name)
    return _test(config, options.name, as_json=options.json)


def _list(config: Config, *, as_json: bool) -> int:
    own = build_own_tools(config)
    names = [tool.own_name for tool in own.status().tools]
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "name": row.name,
                "source": shown_source(row),
                "enabled": row.enabled,
                "disabled_tools": list(row.disabled_tools),
            }
            for row in config.tools
        ]
        rows.append({"name": own.name, "source": "", "enabled": True, "disabled_tools": [], "tools": names})
        console.write_data(escaped_json(json.dumps(rows)) + "\n")
        return 0
    width = max(len(name) for name in (own.name, *(row.name for row in config.tools)))
    for row in config.tools:
        off = "" if row.enabled else "  (not enabled)"
        write_output(f"{row.name:<{width}}  {shorten(shown_source(row), 100)}{off}\n")
    write_output(f"{own.name:<{width}}  own tools: {', '.join(names) or 'none'}\n")
    _report_missing_sdk(config)
    return 0


def _add(config: Config, options: argparse.Namespace) -> int:
    if not options.words and not options.url:
        write_error("chat-tui: what is the server? Write its command after `--`, or its address after --url.\n")
        write_error("          `chat-tui tools add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes`\n")
        return 2
    env = _pairs(options.env, own_value="${{{}}}")
    headers = _pairs(options.header)
    if env is None or headers is None:
        write_error("chat-tui: write --env as NAME=VALUE, and --header as 'NAME: VALUE'. Nothing was changed.\n")
        return 2
    command, *arguments = options.words or [""]
    row = ToolRow(options.name, command, tuple(arguments), env, url=options.url, headers=headers)
    if _is_taken(config, row.name):
        write_error(f"chat-tui: there is a tool server {row.name} already. Nothing was changed.\n")
        write_error(f"          `chat-tui tools remove {row.name}` removes it.\n")
        return 1
    file = paths.config_file()
    config = edit.append_table(file, "tools", _fields(row))
    write_output(f"{row.name} was added to {file}: {shown_source(row)}\n")
    write_output(f"`chat-tui tools test {row.name}` starts it and lists its tools.\n")
    _report_missing_sdk(config)
    return 0


def _pairs(words: Sequence[str], own_value: str = "") -> dict[str, str] | None:
    """Return words that are written as NAME=VALUE (or `NAME: VALUE`) as a table; None if one is not.

    A name alone has `own_value` with its name as its value, if there is one.
    """
    found = {}
    for word in words:
        name, mark, value = word.partition("=")
        if ":" in name and ":" in word:
            name, mark, value = word.partition(":")
        if not name.strip() or (not mark and not own_value):
            return None
        found[name.strip()] = value.strip() if mark else own_value.format(name.strip())
    return found


def _fields(row: ToolRow) -> Mapping[str, edit.RowValue]:
    """Return what a row sets."""
    fields = msgspec.structs.fields(ToolRow)
    values = {field.name: getattr(row, field.name) for field in fields}
    return {field.name: values[field.name] for field in fields if values[field.name] not in (field.default, {}, ())}


def _is_taken(config: Config, name: str) -> bool:
    return any(row.name == name for row in config.tools)


def _remove(config: Config, name: str) -> int:
    if not _is_taken(config, name):
        write_error(f"chat-tui: there is no tool server {shorten(name, 60)}.\n")
        write_error(f"          {_known(config)}\n")
        return 1
    file = paths.config_file()
    edit.remove_table(file, "tools", name)
    paths.tool_token_file(name).unlink(missing_ok=True)
    write_output(f"{name} was removed from {file}.\n")
    return 0


def _known(config: Config) -> str:
    if not config.tools:
        return "None is configured. `chat-tui tools add` adds one."
    return f"Configured: {', '.join(row.name for row in config.tools)}."


def _import(config: Config, name: str) -> int:
    path = expand_home(name)
    try:
        found = read_foreign_config(read_regular(path, _FILE_BYTES))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", "Check its path.") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.title}", error.hint) from None
    file, added = paths.config_file(), 0
    for server in found:
        if server.row is None:
            write_error(f"chat-tui: {server.name} was left out: {server.problem}.\n")
        elif _is_taken(config, server.name):
            write_error(f"chat-tui: {server.name} was left out: there is a tool server of this name already.\n")
        else:
            try:
                config = edit.append_table(file, "tools", _fields(server.row))
            except ConfigError as error:
                write_error(f"chat-tui: {server.name} was left out: {error.title}\n")
                continue
            added += 1
            off = "" if server.row.enabled else " (not enabled)"
            write_output(f"{server.name}: {shown_source(server.row)}{off}\n")
            if server.note:
                write_error(f"chat-tui: {server.name}: {server.note}.\n")
    write_output(f"{added} of {len(found)} tool servers were added to {file}.\n")
    if added:
        _report_missing_sdk(config)
    return 0 if added else 1


def _report_missing_sdk(config: Config) -> None:
    if config.tools and not is_installed():
        write_error("chat-tui: tool servers need the package `mcp`, which is not installed.\n")
        write_error(f"          Run: {install_command()}\n")


def _login(config: Config, name: str) -> int:
    row = next((row for row in config.tools if row.name == name), None)
    if row is None:
        write_error(f"chat-tui: there is no tool server {shorten(name, 60)}.\n")
        write_error(f"          {_known(config)}\n")
        return 1
    if not row.url:
        write_error(
            f"chat-tui: {row.name} is a program on this machine. Only servers with an address need a sign-in.\n"
        )
        return 1
    server = ConfiguredServer(row, token_file=paths.tool_token_file(name), when_signing_in=_show_address)
    return asyncio.run(_run_test(server, as_json=False))


def _show_address(address: str) -> None:
    write_error(f"Open this address in a browser on this machine to sign in:\n{address}\n")


def _test(config: Config, name: str, *, as_json: bool) -> int:
    row = next((row for row in config.tools if row.name == name), None)
    own = build_own_tools(config)
    if row is None and name != own.name:
        write_error(f"chat-tui: there is no tool server {shorten(name, 60)}.\n")
        write_error(f"          {_known(config)}\n")
        return 1
    server = ConfiguredServer(row, token_file=paths.tool_token_file(name)) if row is not None else own
    return asyncio.run(_run_test(server, as_json=as_json))


async def _run_test(server: ToolServer, *, as_json: bool) -> int:
    try:
        tools = await server.start()
        if not as_json:
            await server.list_contents()
    except ChatTuiError as error:
        lines = server.last_lines if isinstance(server, ConfiguredServer) else ()
        if not lines:
            report_error(error)
        else:
            write_error(f"chat-tui: {error.title}\n          It wrote:\n")
            write_error("".join(f"          {line}\n" for line in lines))
        return 1
    finally:
        await server.stop()
    if as_json:
        rows = [{**msgspec.to_builtins(tool), "tokens": tool_tokens([tool.tool])} for tool in tools]
        console.write_data(escaped_json(json.dumps(rows)) + "\n")
        return 0
    for tool in tools:
        write_output(_described(tool))
    _write_contents(server.status())
    total, status = tool_tokens([tool.tool for tool in tools]), server.status()
    found = [f"{_counted(len(tools), 'tool')}, about {total:,} tokens in a request"]
    found += [_counted(len(status.prompts), "prompt")] if status.prompts else []
    found += [_counted(len(status.resources), "resource")] if status.resources else []
    write_output(f"{server.name} has {'; '.join(found)}.\n")
    return 0


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _write_contents(status: ToolServerStatus) -> None:
    """List the prompts and resources of a server."""
    for prompt in status.prompts[:_MOST_LISTED]:
        names = " ".join(each.name if each.is_required else f"[{each.name}]" for each in prompt.arguments)
        heading = f"prompt {prompt.name}({shorten(names, 80)})"
        write_output(f"{heading}\n" + _about(prompt.description or prompt.title))
    for resource in status.resources[:_MOST_LISTED]:
        kind = "template" if resource.is_template else "resource"
        about = " · ".join(filter(None, (resource.title or resource.name, resource.media_type)))
        write_output(f"{kind} {shorten(resource.uri, 200)}\n" + _about(about))
    for items, what in ((status.prompts, "prompts"), (status.resources, "resources")):
        if len(items) > _MOST_LISTED:
            write_output(f"and {len(items) - _MOST_LISTED:,} more {what}\n")


def _about(text: str) -> str:
    return f"    {shorten(text, _DESCRIPTION_CHARACTERS)}\n" if text else ""


def _described(tool: OfferedTool) -> str:
    reads = ", says that it only reads" if tool.is_read_only else ""
    about = _about(tool.tool.description.strip().partition("\n")[0])
    arguments = tool.tool.parameters.get("properties")
    names = ", ".join(arguments) if isinstance(arguments, Mapping) else ""
    heading = f"{tool.own_name}({shorten(names, 80)})"
    return f"{heading}  {tool_tokens([tool.tool]):,} tokens{reads}\n{about}"
