"""`chat-tui models`: lists, adds, downloads and removes models that run on this machine, and adds servers."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.cli.commands.auth import keep_key, read_key
from chat_tui.cli.output.progress import DownloadMeter, ProgressLine
from chat_tui.config import load, paths
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, KeyRefused, LocalModelError
from chat_tui.core.models import LOCAL_MODEL, LocalOffer
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.local.hub.offers import find_offer, local_offers
from chat_tui.local.library import Library, OwnModel
from chat_tui.local.runtime import Runtime
from chat_tui.local.weights import Weights


class ModelListing(msgspec.Struct, frozen=True):
    """A model in `models list --json`."""

    name: str
    path: str
    state: str
    """`ready`, `not fetched`, or what is wrong with its file."""
    bytes: int | None = None
    context_window: int | None = None
    """Context length in tokens with which it was trained."""
    title: str = ""
    """Name in its file."""
    pulled: bool = False
    source: str = ""


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    settings = load.load(paths.config_file())
    library = Library(paths.library_file(), report_error)
    try:
        if options.action == "list":
            return _list(list_models(settings, library), as_json=options.json)
        if options.action == "add" and is_address(options.file):
            return asyncio.run(_add_server(ProviderSetup(settings, tell=report_error), options))
        if options.action == "add":
            return _report("added", library.add(Path(options.file), options.name or ""), as_json=options.json)
        if options.action == "remove":
            return _report("removed", library.remove(options.name), as_json=options.json)
        if not options.model:
            return _list_offers(local_offers(library.models()), as_json=options.json)
        return _pull(options, library)
    except console.OutputError:
        raise
    except OSError as error:
        name = error.filename or paths.library_file()
        raise LocalModelError(f"{name} cannot be used: {error.strerror or error}.", "Fix it and try again.") from error


def list_models(settings: Config, library: Library) -> list[ModelListing]:
    """Return the built-in model and the user's own, with the metadata of their files."""
    weights = Weights(paths.cache_folder() / "weights", own_file=paths.expand(settings.local.weights))
    runtime = Runtime(paths.cache_folder() / "runtime")
    file = weights.ready() if runtime.ready() else None
    missing = "not fetched" if runtime.available else "no build of llama.cpp for this machine"
    size = file.stat().st_size if file and file.exists() else None
    window = settings.local.context_window
    rows = [ModelListing(LOCAL_MODEL, str(file or ""), "ready" if file else missing, size, window, "built in")]
    return [*rows, *(_describe(model) for model in library.models(settings.models))]


def _describe(model: OwnModel) -> ModelListing:
    try:
        head, size = model.head(), Path(model.path).stat().st_size
    except ChatTuiError as error:
        return ModelListing(model.name, model.path, error.title, pulled=model.pulled, source=model.source)
    return ModelListing(
        model.name, model.path, "ready", size, head.context_window, head.name, pulled=model.pulled, source=model.source
    )


def _list(rows: list[ModelListing], *, as_json: bool) -> int:
    if as_json:
        console.write_data(escaped_json(json.dumps([msgspec.to_builtins(row) for row in rows])) + "\n")
        return 0
    width = max(len(row.name) for row in rows)
    for row in rows:
        size = f"{row.bytes / 1e9:.2f} GB" if row.bytes else "–"
        window = f"{row.context_window:,}" if row.context_window else "–"
        console.write_output(f"{row.name:<{width}} {size:>9} {window:>9}  {row.state}\n")
    return 0


def _report(what: str, model: OwnModel, *, as_json: bool) -> int:
    if as_json:
        console.write_data(escaped_json(json.dumps({what: msgspec.to_builtins(model)})) + "\n")
    else:
        console.write_output(f"{model.name}: {what} ({model.path})\n")
    return 0


def is_address(text: str) -> bool:
    """Return whether what is to be added is a server's address, not a file."""
    if "://" in text:
        return True
    is_path = text.startswith(("/", ".", "~")) or text.lower().endswith(".gguf") or Path(text).exists()
    return not is_path and re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d+)?(/.*)?", text) is not None


async def _add_server(setup: ProviderSetup, options: argparse.Namespace) -> int:
    key = read_key("Key for the server") if options.key else ""
    try:
        found = await setup.check_server(options.file, key, options.name or "")
    except KeyRefused as error:
        report_error(error)
        if not key:
            write_error("          Run the command again with --key to enter one.\n")
        return 1
    where = await keep_key(setup, found.name, key, None) if key else ""
    await setup.add_server(found)
    if options.json:
        console.write_data(escaped_json(json.dumps({"added": msgspec.to_builtins(found)})) + "\n")
        return 0
    shown = f"{found.name}: added to {paths.config_file()} ({found.models} model{'s' * (found.models != 1)})"
    console.write_output(f"{shown}\n")
    if where:
        console.write_output(f"The key was saved in {where}.\n")
    return 0


def _list_offers(offers: Sequence[LocalOffer], *, as_json: bool) -> int:
    if as_json:
        console.write_data(escaped_json(json.dumps([msgspec.to_builtins(offer) for offer in offers])) + "\n")
        return 0
    console.write_output(f"{'name':<12} {'model':<14} {'download':>9} {'memory':>8}\n")
    for offer in offers:
        note = "downloaded" if offer.model else "" if offer.fits else "needs more memory than this machine has"
        size, memory = f"{offer.download_bytes / 1e9:.1f} GB", f"{offer.memory_bytes / 1e9:.1f} GB"
        console.write_output(f"{offer.name:<12} {offer.title:<14} {size:>9} {memory:>8}  {note}".rstrip() + "\n")
    console.write_output("\n`chat-tui models get NAME` downloads one.\n")
    return 0


def _pull(options: argparse.Namespace, library: Library) -> int:
    from chat_tui.local.hub.huggingface import pull

    offer = find_offer(options.model) if "/" not in options.model else None
    meter = DownloadMeter(offer.title if offer else options.model[:60])
    endpoint = os.environ.get("HF_ENDPOINT") or None
    with ProgressLine() as line:
        file, source = pull(
            offer.source if offer else options.model,
            paths.pulled_folder(),
            lambda received, total: line.show(meter.text(received, total), received / total if total else None),
            endpoint=endpoint,
        )
    name = options.name or (offer.name if offer else "")
    return _report("pulled", library.add(file, name, pulled=True, source=source), as_json=options.json)
