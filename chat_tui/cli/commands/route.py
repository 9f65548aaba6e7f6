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
from chat_tui.core.route import Alternative, Candidate, Route
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.prompt_features import level_of, without_level
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


def route_lines(model: str, route: Route) -> Sequence[str]:
    """Return the route as a table for people."""
    needs = without_level(route.needs)
    asked = f" ({needs})" if needs else ""
    able = [candidate for candidate in route.candidates if not candidate.out]
    excluded = [candidate for candidate in route.candidates if candidate.out]
    width = max((len(candidate.model) for candidate in route.candidates), default=10)
    lines = [f"{model}, chosen by {route.strategy}", f"prompt: {level_of(route.difficulty or 0.0)}{asked}", ""]
    lines.append(f"{'model':<{width}}  {'good':>5}  {'price':>9}  {'time':>7}")
    lines += [f"{one.model:<{width}}{_figures(one)}".rstrip() for one in able]
    lines += [f"{one.model:<{width}}  excluded: {one.out}" for one in excluded]
    if route.left_out:
        lines.append(f"and {route.left_out:,} more")
    width = max((len(other.strategy) for other in route.others), default=10)
    return [*lines, "", "other strategies", *[f"{_other(other, width)}" for other in route.others]]


def _other(other: Alternative, width: int) -> str:
    price = _dollars(other.price) if other.model else " " * 9
    return f"{other.strategy:<{width}}  {price}  {other.model or 'nothing'}"


def _figures(candidate: Candidate) -> str:
    """Return the figures expected of a model; empty if its strategy, a plug-in, estimates nothing."""
    if candidate.success is None:
        return ""
    seconds = "" if candidate.seconds is None else f"{candidate.seconds:>6.1f}s"
    # None is certain.
    return f"  {min(candidate.success, 0.99):>5.0%}  {_dollars(candidate.price)}  {seconds}"


def _dollars(price: float | None) -> str:
    return f"{'unknown' if price is None else 'free' if price == 0 else f'${price:.5f}':>9}"
