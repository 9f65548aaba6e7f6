"""Runs all checks in the order of the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.cli.doctor.built_in_model import check_built_in_model, read_built_in_model
from chat_tui.cli.doctor.configuration import ConfigFacts, check_configuration, read_configuration
from chat_tui.cli.doctor.connections import check_connections, read_connections
from chat_tui.cli.doctor.finding import Finding
from chat_tui.cli.doctor.keys import KeyFacts, ask_providers, check_keys, read_keys
from chat_tui.cli.doctor.packages import check_packages, read_packages
from chat_tui.cli.doctor.store import check_history, read_history
from chat_tui.cli.doctor.terminal import check_terminal, read_terminal
from chat_tui.cli.doctor.tool_servers import check_tool_servers, read_tool_servers
from chat_tui.config import paths
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.control_characters import single_line

Facts = TypeVar("Facts")


async def find_all(
    wants_online: Callable[[Iterable[str]], bool], environ: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Return all findings. `wants_online` is given the names of the providers that have keys, if there are any, and
    tells whether they are to be asked."""
    found = [
        *_section("program", read_packages, check_packages),
        *_section("terminal", lambda: read_terminal(environ), check_terminal),
    ]
    configuration = read_configuration(paths.config_file(), environ)
    found += check_configuration(configuration)
    found += await _keys(configuration, wants_online, environ)
    config = configuration.config
    try:
        found += check_connections(await read_connections(config, environ))
    except (OSError, ValueError, ChatTuiError) as error:
        found.append(_unchecked("servers", error))
    found += _section("built-in model", lambda: read_built_in_model(config), check_built_in_model)
    found += _section("history", lambda: read_history(paths.store_file()), check_history)
    found += _section("tool servers", lambda: read_tool_servers(config, environ), check_tool_servers)
    return [_cleaned(finding) for finding in found]


def _section(name: str, read: Callable[[], Facts], check: Callable[[Facts], Iterator[Finding]]) -> list[Finding]:
    try:
        return [*check(read())]
    except (OSError, ValueError, ChatTuiError) as error:
        return [_unchecked(name, error)]


async def _keys(
    configuration: ConfigFacts, wants_online: Callable[[Iterable[str]], bool], environ: Mapping[str, str]
) -> list[Finding]:
    try:
        facts: KeyFacts = read_keys(configuration.config, environ)
        if facts.places and wants_online(facts.places):
            setup = ProviderSetup(configuration.config, environ=environ)
            answers = await ask_providers(setup.check_found_key, facts.places)
            facts = msgspec.structs.replace(facts, answers=answers, is_online=True)
        return [*check_keys(facts)]
    except (OSError, ValueError, ChatTuiError) as error:
        return [_unchecked("keys", error)]


def _unchecked(section: str, error: OSError | ValueError | ChatTuiError) -> Finding:
    if isinstance(error, ChatTuiError):
        return Finding(section, "check", "problem", error.title, error.hint or "Correct it and try again.")
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return Finding(section, "check", "problem", f"could not be checked: {why}", "Correct it and try again.")


def _cleaned(finding: Finding) -> Finding:
    """Return the finding without what a terminal would obey: values of variables and names of packages are foreign."""
    return Finding(
        finding.section,
        single_line(finding.name),
        finding.state,
        single_line(finding.text),
        single_line(finding.hint),
    )
