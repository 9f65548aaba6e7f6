"""`chat-tui` without a command, and `chat-tui open`: the screen. The engine is imported after the first paint."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.cli.output.crash_notice import report_crash
from chat_tui.config import load, paths
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.app import ChatApp
    from chat_tui.tui.chat.screen.opening import Opening

RECOVERY_NOTICE_SECONDS = 2.5
"""Duration of a notice; the next one replaces it."""


def run(options: argparse.Namespace) -> int:
    """Open the screen; returns the exit code."""
    if not (sys.stdin is not None and sys.stdin.isatty() and console.output_is_terminal()):
        write_error("chat-tui: the screen needs a terminal. In a pipe, use: chat-tui ask QUESTION\n")
        return 2
    if options.line or os.environ.get("TERM") == "dumb":
        from chat_tui.cli.commands import chat

        return chat.run(options)
    if options.private and options.conversation:
        write_error("chat-tui: a saved conversation cannot go on without being saved. Leave out -n, or -c and --in.\n")
        return 2
    if "-" in options.attach:
        example = "cat FILE | chat-tui ask -a - QUESTION"
        write_error(f"chat-tui: nothing is piped into standard input. For example: {example}\n")
        return 2
    preset = None
    if options.preset is not None or options.set:
        from chat_tui.cli.question import read_preset

        preset = read_preset(options)
    # The start leaves no garbage; the app enables the collector again once everything is loaded.
    gc.disable()
    settings = load.load(paths.config_file())
    return asyncio.run(_screen(settings, options, preset))


async def _screen(settings: Config, options: argparse.Namespace, preset: Preset | None) -> int:
    # Textual paints in ticks; with its own 60 a second a key waits up to 17 ms for its echo. Idle costs the same.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    if "STY" in os.environ:
        # GNU screen misreads true colours, although it passes on the variable of the terminal around it.
        os.environ.pop("COLORTERM", None)
    from chat_tui.tui.app import ChatApp

    async def open_engine(tell: Callable[[ChatTuiError], None]) -> Engine:
        # In a thread: the import must not delay the first keys.
        assembly = await asyncio.to_thread(importlib.import_module, "chat_tui.bootstrap.open_engine")
        from chat_tui.config.memory.folder_notes import current_folder

        engine: Engine = await assembly.open_engine(
            settings,
            save=not options.private,
            tell=tell,
            folder=current_folder(),
            when_recovering=_recovery_notices(app),
        )
        return engine

    model, strategy = options.model, options.strategy
    if preset is not None and model is None and strategy is None:
        model, strategy = preset.model, preset.strategy
    app = ChatApp(
        settings,
        open_engine,
        opening=_opening(options, preset),
        model=model,
        strategy=strategy,
        private=options.private,
        kept_in=paths.screen_file(),
        log_file=options.log_file,
    )
    return await run_app(app, private=options.private)


def _opening(options: argparse.Namespace, preset: Preset | None) -> Opening | None:
    """Return what the options say to begin with; None: nothing."""
    is_open = options.command == "open"
    name = " ".join(options.name) if is_open else options.conversation or ""
    question = " ".join(options.question)
    if not (preset or name or question or options.attach or options.system is not None):
        return None
    from chat_tui.core.text.control_characters import clean
    from chat_tui.tui.chat.screen.opening import Opening

    return Opening(
        preset,
        clean(question),
        tuple(options.attach),
        name,
        searches=is_open,
        system_prompt=None if options.system is None else clean(options.system),
        keeps_model=options.model is not None or options.strategy is not None,
    )


def _recovery_notices(app: ChatApp) -> Callable[[float], None]:
    """Return a function that shows the progress of the recovery of a damaged history; it may be called in any
    thread."""
    loop = asyncio.get_running_loop()

    def show(part: float) -> None:
        text = f"The history is damaged. Recovering it: {part:.0%}"
        loop.call_soon_threadsafe(partial(app.say, text, seconds=RECOVERY_NOTICE_SECONDS))

    return show


async def run_app(app: ChatApp, *, private: bool = False) -> int:
    """Run the app, close its engine and report a crash; returns the exit code."""
    try:
        await app.run_async(mouse=app.config.mouse)
    finally:
        if app.engine is not None:
            await app.engine.close()
    if app.crash is not None:
        kept = (
            "Your private conversation was not saved."
            if private
            else "Your conversations are saved; start chat-tui again to continue."
        )
        report_crash(app.crash, kept)
    return app.return_code or 0
