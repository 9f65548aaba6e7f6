"""`chat-tui route`: tells which model would answer a prompt, and why, without asking any."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec

from chat_tui.bootstrap.named_models import named_models
from chat_tui.cli.engine import open_reporting_engine
from chat_tui.cli.output.route_table import route_lines
from chat_tui.cli.question import read_checked_question
from chat_tui.config import load, paths
from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.models import Model
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error
from chat_tui.core.request import Request
from chat_tui.core.route import Route
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.core.text.excerpts import shorten
from chat_tui.routing.policy import policy_of
from chat_tui.routing.router import Router


def run(options: argparse.Namespace) -> int:
    """Print the choice; returns the exit code."""
    try:
        names = [] if options.models is None else _model_names(options.models)
    except ChatTuiError as error:
        report_error(error)
        return 2
    question = read_checked_question(options, "route", noun="prompt")
    if question is None:
        return 2
    settings = load.load(paths.config_file())
    turn = Turn("user", question.text, attachments=tuple(question.attachments))
    request = Request(
        turns=(turn,),
        model=options.model,
        strategy=options.strategy or settings.strategy,
        max_tokens=options.max_tokens,
        max_price=options.max_price,
    )
    model, route = asyncio.run(_preview(settings, request, names))
    if options.json:
        told = {"model": model, "route": msgspec.to_builtins(route)}
        console.write_data(escaped_json(json.dumps(told, ensure_ascii=False)) + "\n")
    else:
        console.write_output("".join(f"{line}\n" for line in route_lines(model, route)))
    return 0


def _model_names(text: str) -> Sequence[str]:
    """Return the names of `--models`. Raises `CommandError` if there is none, or one without its provider."""
    names = [name for part in text.split(",") if (name := part.strip())]
    hint = "Write PROVIDER/MODEL, separated by commas."
    if not names:
        raise CommandError("--models names no model.", hint)
    if wrong := [name for name in names if not all(name.partition("/"))]:
        raise CommandError(f"{shorten(wrong[0], 80)} is no model's name.", hint)
    return names


async def _preview(settings: Config, request: Request, names: Sequence[str]) -> tuple[str, Route]:
    if names:
        models = await named_models(settings, names)
        router = Router(models, _ask_nobody, settings=policy_of(settings, local_streams=1))
        return router.preview(request)
    engine = await open_reporting_engine(settings, save=False)
    try:
        await engine.models.discover()
        return engine.models.preview_route(request)
    finally:
        await engine.close()


def _ask_nobody(model: Model, request: Request) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
    raise AssertionError("a preview asks no model")
