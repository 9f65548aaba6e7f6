"""The commands of the README and of docs/ do what they say, one after the other, as a reader would try them."""

from __future__ import annotations

import re

import pytest

from chat_tui.cli.command_line import read_command_line
from tests.doubles.model_server import ModelServer
from tests.support.documentation import PAGES, Command, commands
from tests.wire.home import Home

PROVIDER = '[[providers]]\nname = "{name}"\nbase_url = "{url}"\ndialect = "openai"\nmodels = ["{model}"]\n'
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff89993d1d0000000049454e44ae426082"
)
FILES = {
    "prompts.txt": b"one\ntwo\n",
    "rows.jsonl": b'"one"\n{"prompt": "two", "id": "2"}\n',
    "main.py": b"print(1)\n",
    "report.txt": b"All is well.\n",
    "screen.png": PNG,
}
ASKING = {"ask", "compare", "batch"}
READING = {"history list", "history search", "history show", "history export", "history check", "paths", "config check"}
NEEDS_MORE = re.compile(r"https:|local/|^[A-Z]+$|^\[|^--tools?(-allow)?$|^--retry-failed$|^--schema$")
"""Arguments that need more (a network, a local model, a tool server, failures, JSON), or stand for something else."""


def runnable() -> list[Command]:
    """Return the commands that need only a model's answer or the history, those that ask first.

    Of commands with the same options only the first is run.
    """
    found: dict[tuple[str, ...], tuple[bool, Command]] = {}
    for text in PAGES.values():
        for command in commands(text):
            options = read_command_line(command.arguments, is_interactive=command.is_interactive)
            name = f"{options.command} {getattr(options, 'action', '')}".strip()
            if (options.command in ASKING or name in READING) and not any(map(NEEDS_MORE.search, command.arguments)):
                option_names = [each for each in command.arguments if each.startswith("-")]
                found.setdefault((name, *option_names), (options.command not in ASKING, command))
    return [command for _, command in sorted(found.values(), key=lambda each: each[0])]


async def test_the_documented_commands_run(home: Home, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.folder)
    rows = [PROVIDER.format(name=name, url=server.base_url, model=model) for name, model in MODELS.items()]
    home.config.write_text("\n".join(['discovered = "ignore"', *rows]))
    for name, content in FILES.items():
        (home.folder / name).write_bytes(content)
    run = runnable()
    assert len(run) > 10
    for command in run:
        is_piped = "|" in command.line.partition("chat-tui")[0]
        ran = await home.run(*command.arguments, stdin=b"one\ntwo\n" if is_piped else None)
        assert ran.code == 0, (command.line, ran.told())
        assert ran.text or "no results" in ran.told() or "--out" in command.arguments, command.line
