"""The web server: the engine behind a page, server-sent events, a WebSocket and an OpenAI-compatible API.

`create_app` gives a plain ASGI app, for any server and any number of workers:
`CHAT_TUI_TOKEN=… uvicorn --factory chat_tui.web:create_app --workers 4`.

    app, server        the routes with their middleware; uvicorn on one port
    state, errors      what all requests share (the engine, running answers, shutdown), and error replies
    middleware/        what a request passes on its way in: headers, access, limits, timeouts
    api/               `/stream`, `/generate`, `/ws`, and the conversations of the page; live/, answers without a client
    presence/          open pages and running answers
    gateway/           what the next three share: questions, tools, images, the start of answers
    openai/            `/v1`: records, messages, replies in OpenAI's format
    responses/         `/v1/responses`: the same in the format of OpenAI's Responses API
    anthropic/         `/v1/messages`: the same in Anthropic's format
    page/              the page at `/`, and its endpoints for signing in and out; files/, uploads and files of turns
    sign_in/           the check of the token, the browsers that are signed in, and their cookie
    ops/, openapi      `/health`, `/metrics`, the access log; `/openapi.json`
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from starlette.types import ASGIApp

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config import paths
from chat_tui.config.load import load
from chat_tui.config.schema import Config
from chat_tui.core.errors import ConfigError
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.engine.engine import Engine
from chat_tui.web.app import build_app
from chat_tui.web.presence.uploads import Uploads
from chat_tui.web.sign_in.sign_ins import SignIns
from chat_tui.web.sign_in.token_file import new_token
from chat_tui.web.state import AppState

TOKEN_VARIABLE = "CHAT_TUI_TOKEN"


def create_app(
    config: Config | None = None,
    *,
    token: str | None = None,
    hosts: Sequence[str] = (),
    opener: Callable[[], Awaitable[Engine]] | None = None,
) -> ASGIApp:
    """Return the ASGI app for a config (default: the user's own) and a token (default: that of `CHAT_TUI_TOKEN` or the
    config; else a random one, which is written to stderr).

    `hosts` are accepted in the Host header, besides those of the config; `opener` opens an engine other than one over
    the user's store. Raises `ConfigError`.
    """
    return build_app(create_state(config, token=token, hosts=hosts, opener=opener, has_workers=True))


def create_state(
    config: Config | None = None,
    *,
    token: str | None = None,
    hosts: Sequence[str] = (),
    opener: Callable[[], Awaitable[Engine]] | None = None,
    has_workers: bool = False,
) -> AppState:
    """Create the state of an app from the same arguments as `create_app`; `has_workers`: other processes may serve the
    same clients."""
    config = config if config is not None else load(paths.config_file())
    token = configured_token(config) if token is None else check_token(token)
    if not token:
        token = new_token()
        write_error(
            f"chat-tui: the token is {token}\n          Set {TOKEN_VARIABLE} to choose it; several workers need that.\n"
        )
    sign_ins = SignIns(token, paths.sign_ins_file(), tell=report_error)
    return AppState(
        config,
        token,
        opener or partial(_open, config),
        hosts=hosts,
        tell=report_error,
        sign_ins=sign_ins,
        has_workers=has_workers,
        uploads=Uploads(paths.uploads_folder()),
    )


async def _open(config: Config) -> Engine:
    engine = await open_engine(config, tell=report_error)
    engine.conversations.deletion.begin_to_erase_expired()
    return engine


def configured_token(config: Config) -> str:
    """Return the token from the environment or the config; empty if none is set. Raises `ConfigError`."""
    return check_token(os.environ.get(TOKEN_VARIABLE, "") or config.web.token)


def check_token(token: str) -> str:
    """Return the token unchanged. Raises `ConfigError` if an HTTP header cannot carry it."""
    if not all("!" <= sign <= "~" for sign in token):
        raise ConfigError(
            "The token contains a space or a non-ASCII character.",
            f"Choose letters and digits for {TOKEN_VARIABLE}.",
            key="web.token",
        )
    return token
