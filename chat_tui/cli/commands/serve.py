"""`chat-tui serve`: the web server, until it is stopped. The address goes to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import re
from functools import partial

from msgspec.structs import replace

from chat_tui.cli.question import model_choice_error
from chat_tui.config import load, paths
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error


def run(options: argparse.Namespace) -> int:
    """Serve until a signal stops it; returns the exit code: 0 stopped, 1 failed, 2 wrong usage."""
    wrong = model_choice_error(options) or _wrong_origin(options.origin) or _wrong_root_path(options.root_path)
    if wrong:
        write_error(wrong)
        return 2
    settings = load.load(paths.config_file())
    web = replace(settings.web, origins=(*settings.web.origins, *options.origin))
    if options.root_path is not None:
        web = replace(web, root_path=options.root_path.rstrip("/"))
    settings = replace(settings, web=web)
    if options.strategy is not None:
        settings = replace(settings, strategy=options.strategy, model=None)
    if options.model is not None:
        settings = replace(settings, model=options.model)
    from chat_tui.web import check_token, configured_token, server
    from chat_tui.web.sign_in.token_file import token_in

    try:
        named = options.token_file
        token = configured_token(settings) if named is None else check_token(token_in(expand_home(named)))
        announce = partial(_announce, token_is_known=bool(token))
        server.serve(settings, options.host, options.port, token, announce)
    except ConfigError as error:
        report_error(error)
        return 2
    return 0


def _wrong_origin(origins: list[str]) -> str:
    wrong = next((origin for origin in origins if not re.fullmatch(load.ORIGIN, origin)), None)
    if wrong is None:
        return ""
    return f"chat-tui: write an origin as https://HOST or http://HOST:PORT, not {wrong[:80]!r}.\n"


def _wrong_root_path(path: str | None) -> str:
    error = load.root_path_error((path or "").rstrip("/"))
    return f"chat-tui: --root-path {error}.\n" if error else ""


def _announce(url: str, *, token_is_known: bool) -> None:
    """Write the address to stdout; if that fails and the token is a random one, to stderr."""
    try:
        console.write_output(f"{url}\n")
    except console.OutputError as error:
        console.discard_output()
        if token_is_known and isinstance(error, console.OutputClosed):
            return
        address = url.partition("#")[0] if token_is_known else url
        write_error(f"chat-tui: the address cannot be written to stdout ({error.strerror}): {address}\n")
