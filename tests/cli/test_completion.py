"""Completion by Tab, in the shells that are here, and the names that they ask for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from chat_tui.config.model_names import model_names
from chat_tui.history.completion_values import last_models, slug_of, title_slugs
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home

IN_BASH = """\
eval "$(chat-tui completion bash)"
COMP_WORDS=({line})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_shtab_chat_tui
echo "${{COMPREPLY[@]}}"
"""
IN_FISH = "fish -c 'chat-tui completion fish | source; complete -C \"{line}\"'"
LINES = {
    "chat-tui hist": "history",
    "chat-tui history sh": "show",
    "chat-tui ask --max-t": "--max-tokens",
    "chat-tui ask --in tail": "tail-calls-in-c",
    "chat-tui open tail": "tail-calls-in-c",
    "chat-tui ask -m box/": "box/t3",
    "chat-tui ask -t bal": "balanced",
    "chat-tui ask -p trans": "translate",
    "chat-tui ask --thinking me": "medium",
    "chat-tui -c -m box/": "box/t3",
}


def script(home: Home, name: str) -> None:
    """Put our program on the PATH of the home: a completion starts it."""
    import sys

    folder = home.folder / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chat_tui "$@"\n')
    program.chmod(0o755)
    home.environment["PATH"] = f"{folder}:{home.environment['PATH']}"


@pytest.fixture
async def used(home: Home, server: ModelServer) -> Home:
    """A home with two conversations, and the program on the PATH."""
    home.serve(server.base_url, "t3")
    for question in ("Tail calls in C", "What is a monad?"):
        assert (await home.run("ask", question)).code == 0
    script(home, "chat-tui")
    return home


async def test_bash_completes(used: Home) -> None:
    for line, expected in LINES.items():
        ran = await used.shell(IN_BASH.format(line=line))
        assert ran.text.split() == [expected], line


@pytest.mark.skipif(not shutil.which("fish") and "CHAT_TUI_SHELLS" not in os.environ, reason="fish is not installed")
async def test_fish_completes(used: Home) -> None:
    for line, expected in LINES.items():
        ran = await used.shell(IN_FISH.format(line=line))
        assert [each.partition("\t")[0] for each in ran.text.splitlines()] == [expected], line


@pytest.mark.skipif(not shutil.which("zsh") and "CHAT_TUI_SHELLS" not in os.environ, reason="zsh is not installed")
async def test_zsh_takes_the_script(used: Home) -> None:
    ran = await used.shell(
        "zsh -f -c 'autoload -Uz compinit; compinit -u; eval \"$(chat-tui completion zsh)\"; whence -w _shtab_chat_tui'"
    )
    assert (ran.code, ran.told(), ran.text) == (0, "", "_shtab_chat_tui: function\n")


async def test_the_script_of_powershell_names_commands_and_options(home: Home) -> None:
    ran = await home.run("completion", "powershell")
    assert ran.code == 0
    for word in ("Register-ArgumentCompleter", "history", "--max-tokens", "completion --values models"):
        assert word in ran.text


async def test_an_unknown_shell_is_refused(home: Home) -> None:
    ran = await home.run("completion", "tcsh")
    assert ran.code == 2
    assert "usage: chat-tui completion" in ran.told()


def test_a_store_that_is_not_there_or_not_one_has_no_names(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 100)
    for file in (tmp_path / "none.db", broken):
        assert (title_slugs(file), last_models(file)) == ([], [])
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Tail calls in C", "tail-calls-in-c"),
        ("What's $(rm -rf ~)?", "what-s-rm-rf"),
        ("   …  ", ""),
        ("“Äpfel” & Öl", "äpfel-öl"),
        ("日本語 の 質問", "日本語-の-質問"),
        ("word " * 30, "-".join(["word"] * 12)),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_title_becomes_one_word_of_a_shell(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_models_of_a_config_are_named_also_where_it_has_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'model = "a/one"\ntheem = 1\n[[providers]]\nname = "box"\nmodels = ["x", 3, "two words"]\n'
        '[[models]]\nname = "c/three"\n'
    )
    assert model_names(file) == ["a/one", "box/x", "c/three"]
    file.write_text("= wrong")
    assert model_names(file) == []
