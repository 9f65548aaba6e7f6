"""The commands of line mode about itself: help, settings, statistics, the end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from chat_tui.cli.line.command_registry import line_command, list_commands
from chat_tui.cli.line.line_chat import LineChat, say
from chat_tui.config import paths
from chat_tui.config.commands.command_table import TOPICS
from chat_tui.config.setting_list import DEFAULT, read_settings
from chat_tui.core.text.counts import count_of
from chat_tui.core.usage.usage import UsageTotals

_DAYS = 30
_HELP = """
A message of several lines: a \\ at the end of a line, or \"\"\" on a line before and after it.
// begins a message with a slash. @path in a message that you type attaches a file or a web page.
Ctrl-C stops an answer, and what arrived is kept. Ctrl-Z suspends, Ctrl-D ends.
With the line editor: Tab completes, Up brings earlier messages, Alt+Enter begins a new line."""


@line_command("help")
async def _help(_: LineChat, __: str) -> None:
    there = list_commands()
    for topic, rows in TOPICS.items():
        say(f"{topic}:")
        for row in rows:
            if row.name in there:
                also = f" (also {', '.join(f'/{name}' for name in row.aliases)})" if row.aliases else ""
                say(f"  {row.usage}{also}: {row.help}")
    say(*_HELP.splitlines())


@line_command("settings")
async def _settings(_: LineChat, __: str) -> None:
    found = await asyncio.to_thread(read_settings, paths.config_file())
    say(*[f"{each.key}: {each.to_text() or 'none'}, {each.source}" for each in found if each.source != DEFAULT])
    say(
        "[the other settings have their defaults; `chat-tui config show --all` lists them, `chat-tui config edit` "
        "changes them]"
    )


@line_command("stats")
async def _stats(chat: LineChat, _: str) -> None:
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    found = await chat.engine.costs.report(midnight - timedelta(days=_DAYS - 1))
    say(f"The last {_DAYS} days: {_totals(found.whole)}")
    for title, rows in (("By model", found.models), ("By strategy", found.strategies), ("By day", found.days)):
        say(f"{title}:", *[f"  {row.name or 'unknown'}: {_totals(row)}" for row in rows if row.answers])


def _totals(sums: UsageTotals) -> str:
    about = "≈" if sums.tokens_estimated else ""
    said = [
        count_of(sums.answers, "answer"),
        f"{about}{sums.prompt_tokens:,} tokens in" if sums.prompt_tokens is not None else "",
        f"{about}{sums.completion_tokens:,} tokens out" if sums.completion_tokens is not None else "",
        f"${sums.cost:.4g}" if sums.cost is not None else "",
        f"{sums.tokens_per_second:.0f} tokens/s" if sums.tokens_per_second is not None else "",
        f"rated {sums.good} good, {sums.bad} bad" if sums.good or sums.bad else "",
    ]
    return ", ".join(filter(None, said))


@line_command("exit")
async def _exit(chat: LineChat, _: str) -> None:
    chat.is_ending = True
