"""The command line: its commands, and what it says about mistakes."""

from __future__ import annotations

import importlib

import pytest

from chat_tui.cli.main import COMMANDS, main
from chat_tui.cli.parser import build_parser


def test_every_command_of_the_parser_has_a_module_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    names = capsys.readouterr().out.split("  command\n")[1].split("\noptions:")[0]
    assert [line.split()[0] for line in names.splitlines() if line.startswith("    ") and line[4] != " "] == [*COMMANDS]


@pytest.mark.parametrize("module", [*COMMANDS.values()])
def test_every_command_can_be_run(module: str) -> None:
    assert callable(importlib.import_module(module).run)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("histroy list", "Did you mean history?"),
        ("sak", "Did you mean ask?"),
        ("history lst", "Did you mean list?"),
        ("--privte ask hello", "Did you mean --private?"),
        ("ask --temprature=0 hello", "Did you mean --temperature?"),
        ("compare --modells=a/b,c/d hello", "Did you mean --models?"),
    ],
)
def test_a_mistake_is_answered_with_what_was_probably_meant(
    line: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    output, error = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    assert error.startswith("usage: chat-tui")
    assert expected in " ".join(error.split())


@pytest.mark.parametrize("line", ["--model a/b ask hello", "ask --model a/b hello", "ask hello --model a/b"])
def test_the_model_may_be_named_before_and_after_the_command(line: str) -> None:
    options = build_parser().parse_args(line.split())
    assert (options.command, options.question, options.model) == ("ask", ["hello"], "a/b")


@pytest.mark.parametrize("line", ["--debug --private ask hello", "ask hello --debug --private"])
def test_debug_and_private_may_be_written_before_and_after_the_command(line: str) -> None:
    options = build_parser().parse_args(line.split())
    assert (options.debug, options.private) == (True, True)
