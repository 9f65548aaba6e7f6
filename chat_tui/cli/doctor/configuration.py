"""Checks the config file, and lists the environment variables that are in use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.config import load
from chat_tui.config.environment import set_variables
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, ConfigError
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.credentials.keys import key_warnings
from chat_tui.providers.registry import with_dialects

_CONFIG, _ENVIRONMENT = "config", "environment"
"""Sections."""


class ConfigFacts(msgspec.Struct, frozen=True):
    """The config file and the environment."""

    file: Path
    exists: bool
    config: Config
    """The defaults if the file cannot be used."""
    fault: ConfigError | None = None
    """Why it cannot be used."""
    faults_of_rows: tuple[ChatTuiError, ...] = ()
    """Why providers in it are left out."""
    warnings: tuple[ChatTuiError, ...] = ()
    """About keys in it."""
    variables: tuple[tuple[str, str, str], ...] = ()
    """Name, value as far as it may be shown, and meaning."""


def read_configuration(file: Path, environ: Mapping[str, str] = os.environ) -> ConfigFacts:
    """Read the config file. Blocks."""
    fault, skipped, config = None, list[ChatTuiError](), Config()
    try:
        config = with_dialects(load.load(file), skipped.append)
    except ConfigError as error:
        fault = error
    return ConfigFacts(
        file,
        os.path.exists(file),  # also False where its folder cannot be read
        config,
        fault,
        tuple(skipped),
        tuple(key_warnings([row.name for row in config.providers if row.api_key], file)),
        tuple(set_variables(environ, config.providers)),
    )


def check_configuration(facts: ConfigFacts) -> Iterator[Finding]:
    """Yield the findings about the config file and the variables."""
    if facts.fault is not None:
        hint = f"{facts.fault.hint} `chat-tui config edit` opens it."
        yield Finding(_CONFIG, "file", "problem", facts.fault.title, hint.strip())
        yield Finding(_CONFIG, "settings", "note", "the rest of this report uses the default settings")
    elif facts.exists:
        yield Finding(_CONFIG, "file", "ok", f"{facts.file} has no errors")
    else:
        yield Finding(_CONFIG, "file", "ok", f"{facts.file} does not exist: every setting has its default")
    for error in facts.faults_of_rows:
        yield Finding(_CONFIG, "provider", "problem", error.title, error.hint)
    for error in facts.warnings:
        yield Finding(_CONFIG, "key", "note", error.title, error.hint)
    for name, shown, _ in facts.variables:
        yield Finding(_ENVIRONMENT, name, "ok", shorten(shown, 200))
