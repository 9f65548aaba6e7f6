"""Runs all checks in the order of the report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.cli.doctor.built_in_model import check_built_in_model, read_built_in_model
from chat_tui.cli.doctor.configuration import check_configuration, read_configuration
from chat_tui.cli.doctor.connections import check_connections, read_connections
from chat_tui.cli.doctor.finding import Finding
from chat_tui.cli.doctor.keys import KeyFacts, ask_providers, check_keys, read_keys
from chat_tui.cli.doctor.packages import check_packages, read_packages
from chat_tui.cli.doctor.store import check_history, read_history
from chat_tui.cli.doctor.terminal import check_terminal, read_terminal
from chat_tui.cli.doctor.tool_servers import check_tool_servers, read_tool_servers
from chat_tui.config import paths
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.control_characters import single_line

Facts = TypeVar("Facts")
_FAULTS = (OSError, ValueError, RuntimeError, ChatTuiError)
"""What keeps one section from being checked, and no other."""


def find_all(wants_online: Callable[[Iterable[str]], bool], environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return all findings. Blocks.

    `wants_online` is given the names of the providers that have keys, if there are any, and tells whether they are to
    be asked.
    """
    found = [
        *_section("program", read_packages, check_packages),
        *_section("terminal", lambda: read_terminal(environ), check_terminal),
    ]
    config = Config()
    try:
        configuration = read_configuration(paths.config_file(), environ)
        config = configuration.config
        found += check_configuration(configuration)
    except _FAULTS as error:
        found.append(_failure("config", error))
    found += _section("keys", lambda: _read_keys(config, wants_online, environ), check_keys)
    found += _section("servers", lambda: asyncio.run(read_connections(config, environ)), check_connections)
    found += _section("built-in model", lambda: read_built_in_model(config), check_built_in_model)
    found += _section("history", lambda: read_history(paths.store_file()), check_history)
    found += _section("tool servers", lambda: read_tool_servers(config, environ), check_tool_servers)
    return [_clean_finding(finding) for finding in found]


def _section(name: str, read: Callable[[], Facts], check: Callable[[Facts], Iterator[Finding]]) -> list[Finding]:
    try:
        return [*check(read())]
    except _FAULTS as error:
        return [_failure(name, error)]


def _read_keys(config: Config, wants_online: Callable[[Iterable[str]], bool], environ: Mapping[str, str]) -> KeyFacts:
    facts = read_keys(config, environ)
    if not facts.places or not wants_online(facts.places):
        return facts
    setup = ProviderSetup(config, environ=environ)
    answers = asyncio.run(ask_providers(setup.check_found_key, facts.places))
    return msgspec.structs.replace(facts, answers=answers, is_online=True)


def _failure(section: str, error: Exception) -> Finding:
    if isinstance(error, ChatTuiError):
        return Finding(section, "check", "problem", error.title, error.hint or "Correct it and try again.")
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return Finding(
        section, "check", "problem", f"could not be checked: {why.removesuffix('.')}.", "Correct it and try again."
    )


def _clean_finding(finding: Finding) -> Finding:
    """Return the finding without what a terminal would obey: values of variables and names of packages are foreign."""
    return Finding(
        finding.section,
        single_line(finding.name),
        finding.state,
        single_line(finding.text),
        single_line(finding.hint),
    )
