"""`chat-tui QUESTION`: what is a question, what is a command, and what is a mistake."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from chat_tui.cli.command_line import read_command_line
from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.options.examples import EXAMPLES
from chat_tui.cli.parser import build_parser


def read(line: str, *, terminal: bool = True) -> argparse.Namespace:
    return read_command_line(shlex.split(line), is_interactive=terminal)


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("", ""),
        ("hello", "hello"),
        ("'What is a monad?'", "What is a monad?"),
        ("is it raining?", "is it raining?"),
        ("what is love", "what is love"),
        ("often asked", "often asked"),
        ("'history of Rome'", "history of Rome"),
        ("-m a/b what now", "what now"),
        ("what now -m a/b", "what now"),
        ("-c and now", "and now"),
        ("-- ask", "ask"),
        ("-c -- --why", "--why"),
        ("-s 'You are a list.' go", "go"),
    ],
)
def test_words_that_are_no_command_are_a_question_for_the_screen(line: str, question: str) -> None:
    options = read(line)
    assert (options.command, " ".join(options.question)) == (None, question)
    if line:
        piped = read(line, terminal=False)
        assert (piped.command, " ".join(piped.question)) == ("ask", question)


@pytest.mark.parametrize("line", ["--line", "--line what now", "--line open monad", "open --line monad"])
def test_line_mode_is_chosen_by_an_option_with_and_without_a_command(line: str) -> None:
    assert read(line).line


def test_nothing_is_a_question_from_standard_input_where_it_is_redirected() -> None:
    options = read("-m a/b", terminal=False)
    assert (options.command, options.question, options.model) == ("ask", [], "a/b")


def test_an_option_that_only_ask_has_asks_on_the_terminal() -> None:
    options = read("--json 'What now?'")
    assert (options.command, options.question, options.json) == ("ask", ["What now?"], True)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("ask hello", "ask"),
        ("-m a/b ask hello", "ask"),
        ("--model=a/b ask hello", "ask"),
        ("--mod a/b ask hello", "ask"),
        ("-ma/b history list", None),
        ("-p translate compare hello", "compare"),
        ("open last", "open"),
        ("--debug history list", "history"),
    ],
)
def test_a_command_is_one_wherever_its_options_are(line: str, command: str | None) -> None:
    if command is None:
        with pytest.raises(SystemExit):
            read(line)
        return
    assert read(line).command == command
    assert read(line, terminal=False).command == command


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("histroy list", "usage: chat-tui history .* unknown command 'histroy'. Did you mean history?"),
        ("sak", "usage: chat-tui ask .* unknown command 'sak'. Did you mean ask?"),
        ("srve", "Did you mean serve?"),
        ("is", "Did you mean ask"),
        ("-m a/b modles", "Did you mean models?"),
        ("compare2 a b", "Did you mean compare?"),
        ("sak what now", "Did you mean ask?"),
        ("--privte hello", "usage: chat-tui .* Did you mean --private?"),
        ("-c history list", "usage: chat-tui history .* -c"),
        ("ask --modle x hi", "usage: chat-tui ask .* Did you mean --model?"),
    ],
)
def test_a_mistake_is_told_with_the_usage_of_what_was_meant(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(line)
    error = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 2
    for part in said.split(" .* "):
        assert part in error


def parsers(of: CommandParser) -> Iterator[CommandParser]:
    yield of
    for parser in dict.fromkeys(of.commands().values()):
        yield from parsers(parser)


PARSERS = {parser.prog: parser for parser in parsers(build_parser())}


def test_every_command_has_examples_and_no_other() -> None:
    assert {*EXAMPLES} == {*PARSERS}


@pytest.mark.parametrize("prog", PARSERS)
def test_the_examples_of_a_help_are_two_valid_lines_of_that_command(prog: str) -> None:
    text = PARSERS[prog].format_help()
    for example in EXAMPLES[prog]:
        assert f"  {example}\n" in text
        run = next(part for part in example.split("|") if "chat-tui" in part)
        words = shlex.split(run[run.index("chat-tui") :].partition(" > ")[0])[1:]
        options = read_command_line(words, is_interactive="|" not in example)
        named = f"chat-tui {options.command or ''} {getattr(options, 'action', '')}".split()
        assert named[: len(prog.split())] == prog.split() or prog == "chat-tui"
