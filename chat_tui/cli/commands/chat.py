"""`chat-tui chat`: line mode, a conversation without the full screen."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Callable

from chat_tui.cli.attached_files import read_attachments
from chat_tui.cli.engine import open_reporting_engine
from chat_tui.cli.line.line_chat import LineChat, run_chat
from chat_tui.cli.line.line_commands import LineCommands
from chat_tui.cli.line.message_input import open_input
from chat_tui.cli.question import model_choice_error, read_preset
from chat_tui.config import load, paths
from chat_tui.config.memory.folder_notes import current_folder
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.text.control_characters import clean
from chat_tui.engine.engine import Engine


def run(options: argparse.Namespace) -> int:
    """Chat until the input ends; returns the exit code."""
    if wrong := model_choice_error(options):
        write_error(wrong)
        return 2
    ended: list[int] = []
    try:
        return asyncio.run(_chat(options, ended.append))
    except asyncio.CancelledError:
        return 128 + ended[0]


async def _chat(options: argparse.Namespace, tell_end: Callable[[int], None]) -> int:
    settings = load.load(paths.config_file())
    preset = read_preset(options)
    files = await asyncio.to_thread(read_attachments, options.attach)
    engine = await open_reporting_engine(settings, save=not options.private, folder=current_folder())
    try:
        model = options.model or (preset.model if preset is not None else None)
        by_strategy = options.strategy or (preset.strategy if preset is not None else None)
        if model is None and by_strategy is None:
            model = settings.model
        # The commands complete what the chat knows, and the chat reads from the input that completes.
        prompts = await engine.drafts.prompts()
        input = open_input(prompts, lambda text: commands.complete(text), os.environ)
        chat = LineChat(engine, input, model=model, strategy=by_strategy or settings.strategy)
        commands = LineCommands(chat)
        chat.begin(None if options.system is None else clean(options.system), preset)
        chat.attachments = files
        _watch_signals(tell_end)
        write_error(f"chat-tui, line mode. {_answers(chat)} /help lists the commands; Ctrl-D or /quit ends.\n")
        await _offer_notes(engine)
        if model is None:
            await engine.models.discover()
        if name := " ".join(getattr(options, "name", ())) or options.conversation:
            await chat.open(name, keeps_model=options.model is not None or options.strategy is not None)
        await run_chat(chat, commands.run, clean(" ".join(options.question)))
    except ChatTuiError as error:
        report_error(error)
        return 1
    finally:
        await engine.close()
    return 0


async def _offer_notes(engine: Engine) -> None:
    """Tell once that the folder has notes that can be sent with questions."""
    if not engine.config.memory.enabled:
        return
    try:
        offer = await engine.memory.new_offer()
    except ChatTuiError as error:
        report_error(error)
        return
    if offer is not None:
        how = "/memory shows it, and /memory folder on sends it with your questions"
        write_error(f"[{offer.title}, ≈{offer.tokens:,} tokens; {how}]\n")


def _answers(chat: LineChat) -> str:
    return f"{chat.model} answers." if chat.model else f"The strategy {chat.strategy} chooses the model."


def _watch_signals(tell_end: Callable[[int], None]) -> None:
    """Let signals that end the program end it in order."""
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    def end(number: int) -> None:
        tell_end(number)
        main.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
