"""Makes of a row of the config what a tool server is started with."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ToolFailed
from chat_tui.core.processes import child_process
from chat_tui.core.text.addresses import host_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.redaction import MARK, Redactor
from chat_tui.tools.messages import ServerLaunch

_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w{0,100})|\{(?:env:)?([A-Za-z_]\w{0,100})(?::-([^{}]{0,1000}))?\})", re.ASCII)
"""`$NAME`, `${NAME}`, `${NAME:-default}` and `${env:NAME}`, as the configs of other programs have them."""
_SECRET_OPTION = re.compile(r"(?i)--?[\w-]{0,40}(?:key|token|secret|password|auth)[\w-]{0,40}(=)?")
_SHOWN_CHARACTERS = 200
SERVER_VARIABLES = ("SHELL", "TERM", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
"""What a server is given of the user's variables besides `child_process.ESSENTIAL`."""


class UnsetVariable(LookupError):
    """A variable that the config names is not set; its argument is the name."""


def expand_variables(text: str, environ: Mapping[str, str]) -> str:
    """Replace variables by their values. Raises `UnsetVariable`."""

    def value_of(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        value = environ.get(name, "")
        if value or found[3] is not None:
            return value or found[3]
        raise UnsetVariable(name)

    return _VARIABLE.sub(value_of, text)


def shown_source(row: ToolRow) -> str:
    """Return the command or the address of a server as the config has it, without secrets."""
    if row.url:
        return host_of(row.url) or shorten(row.url, 80)
    words = [shlex.quote(row.command)]
    hide_next = False
    for argument in row.args:
        option = _SECRET_OPTION.fullmatch(argument.partition("=")[0] + ("=" if "=" in argument else ""))
        if hide_next:
            words.append(MARK)
        elif option and option[1]:
            words.append(f"{argument.partition('=')[0]}={MARK}")
        else:
            words.append(shlex.quote(argument))
        hide_next = bool(option and not option[1]) and not hide_next
    return shorten(Redactor().redact(" ".join(words)), _SHOWN_CHARACTERS)


def launch_of(row: ToolRow, environ: Mapping[str, str] = os.environ, *, token_file: Path | None = None) -> ServerLaunch:
    """Return what the server is started with. Raises `ToolFailed`."""
    try:
        launch = ServerLaunch(
            url=expand_variables(row.url, environ),
            headers={name: expand_variables(value, environ) for name, value in row.headers.items()},
            name=row.name,
            result_bytes=row.result_bytes,
            token_file=str(token_file or ""),
        )
        if row.url:
            return launch
        command = expand_variables(row.command, environ)
        arguments = [expand_variables(argument, environ) for argument in row.args]
        given = {name: expand_variables(value, environ) for name, value in row.env.items()}
        folder = expand_variables(row.cwd, environ)
    except UnsetVariable as error:
        name = error.args[0]
        raise ToolFailed(
            f"The tool server {row.name} cannot be started: ${name} is not set.",
            f"Set {name} in the environment, or write its value into the config.",
        ) from None
    try:
        found = child_process.program_command(
            (command, *arguments), {**environ, **_path_of(given)}, allowed=SERVER_VARIABLES
        )
    except FileNotFoundError:
        raise ToolFailed(
            f"The tool server {row.name} cannot be started: the program {shorten(command, 80)} was not found.",
            "Install it, or correct `command` in the config: a name on $PATH, or a full path.",
        ) from None
    where = os.path.expanduser(folder) if folder else found.folder
    return msgspec.structs.replace(
        launch, arguments=found.arguments, environment={**found.environment, **given}, folder=where
    )


def _path_of(given: Mapping[str, str]) -> Mapping[str, str]:
    return {"PATH": given["PATH"]} if "PATH" in given else {}
