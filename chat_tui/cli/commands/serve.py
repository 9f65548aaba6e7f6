"""`chat-tui serve`: the web face, until it is stopped. The address stands on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import re

from msgspec.structs import replace

from chat_tui.cli.output.console import report_error
from chat_tui.cli.question import model_choice_error
from chat_tui.config import load, paths
from chat_tui.core.errors import ConfigError
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.control_characters import clean_line


def run(options: argparse.Namespace) -> int:
    """Serve, and give the exit code: 0 stopped, 1 failed, 2 wrong usage."""
    wrong = model_choice_error(options) or _wrong_origin(options.origin)
    if wrong:
        write_error(wrong)
        return 2
    settings = load.load(paths.config_file())
    web = replace(settings.web, origins=(*settings.web.origins, *options.origin))
    settings = replace(settings, web=web)
    if options.strategy is not None:
        settings = replace(settings, strategy=options.strategy, model=None)
    if options.model is not None:
        settings = replace(settings, model=clean_line(options.model, 300))
    from chat_tui.web import server

    try:
        server.serve(settings, options.host, options.port, _announce)
    except ConfigError as error:
        report_error(error)
        return 2
    return 0


def _wrong_origin(origins: list[str]) -> str:
    wrong = next((origin for origin in origins if not re.fullmatch(load.ORIGIN, origin)), None)
    if wrong is None:
        return ""
    return f"chat-tui: write an origin as https://HOST or http://HOST:PORT, not {wrong[:80]!r}.\n"


def _announce(url: str) -> None:
    try:
        console.write_output(f"{url}\n")
    except console.OutputError as error:
        # Whoever started it does not listen; the token may be known to others by the variable.
        console.discard_output()
        if not isinstance(error, console.OutputClosed):
            write_error(f"chat-tui: the address cannot be written to stdout: {error.strerror}.\n")
