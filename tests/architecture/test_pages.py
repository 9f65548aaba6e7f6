"""The README and every page of docs/ hold commands, settings and links that exist."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from chat_tui.cli.command_line import read_command_line
from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.parser import build_parser, build_screen_parser
from chat_tui.config import load, presets
from chat_tui.tui.actions.table import TABLE
from tests.support.documentation import (
    DOCS,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    code_spans,
    commands,
    links,
    shell_lines,
)

COMMANDS = [
    pytest.param(command.arguments, command.is_interactive, id=f"{page}: {command.line}")
    for page, text in PAGES.items()
    for command in commands(text)
]
ABOUT_THE_SCREEN = [name for name in PAGES if name not in {"docs/web.md", "docs/openai.md", "docs/architecture.md"}]
"""Pages on which `/word` is a slash command, and not the path of an address."""
NO_COMMANDS = {"server", "…", "v1", "stream", "generate", "ws"}
"""Words after a slash that stand for another name or are paths of the web server."""


def test_the_readme_is_short_and_lists_every_page() -> None:
    assert len(README.read_text().splitlines()) <= 200
    listed = {link for link in links(PAGES["README.md"]) if link.endswith(".md")}
    assert listed == {*PAGES} - {"README.md"}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for link in links(PAGES[page]):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@pytest.mark.parametrize(("arguments", "is_interactive"), COMMANDS)
def test_every_command_is_read(arguments: list[str], is_interactive: bool) -> None:
    options = read_command_line(arguments, is_interactive=is_interactive)
    question = getattr(options, "question", None)
    if options.command is None and question:
        # Anything can be a question: one that is not in quotes is a command that does not exist.
        assert len(question) == 1
        assert " " in question[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_text_has_these_options(page: str) -> None:
    for span in code_spans(PAGES[page]):
        if span.startswith("chat-tui "):
            _check_span(span)


def _check_span(span: str) -> None:
    words = span.split()[1:]
    parsers: list[CommandParser] = [build_parser()]
    while words and (found := parsers[0].commands()):
        names = words[0].split("|")
        if not {*names} <= {*found}:
            # An option of the screen, or a question: in quotes, behind `--`, or as a word in capitals.
            assert parsers[0].prog == "chat-tui", span
            assert re.match(r'["-]|[A-Z]+$', words[0]), span
            parsers = [build_parser().commands()["ask"], build_screen_parser()]
            break
        parsers = [found[name] for name in names]
        words = words[1:]
    for word in words[: words.index("--") if "--" in words else None]:
        if word in {"|", ">"}:
            break
        assert not word.startswith("-") or any(word in parser.options() for parser in parsers), span


def test_every_command_of_the_program_is_named() -> None:
    text = "\n".join(PAGES.values())
    parsers = [build_parser()]
    for parser in parsers:
        parsers += dict.fromkeys(parser.commands().values())
    assert not [parser.prog for parser in parsers if not re.search(rf"{parser.prog}[\s`]", text)]


@pytest.mark.parametrize("page", ABOUT_THE_SCREEN)
def test_every_slash_command_exists(page: str) -> None:
    known = {name for action in TABLE for name in (action.command, *action.aliases)}
    known |= {preset.name for preset in presets.read_all(presets.folders()[1:])[0]} | NO_COMMANDS
    written = [*code_spans(PAGES[page]), *shell_lines(PAGES[page])]
    named = {match[1] for text in written if (match := re.match(r"/([\w-]+|…)", text))}
    assert named <= known


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_toml_yaml_and_python_is_read(page: str) -> None:
    for block in blocks(PAGES[page], "toml"):
        if page == "docs/presets.md":
            presets.parse(block.encode(), page, "example")
        elif block.startswith("[project"):
            assert tomllib.loads(block)["project"]["entry-points"]
        else:
            # The example of a dialect is one of another package.
            load.parse(block.replace('dialect = "acme"', 'dialect = "openai"').encode(), page)
    for block in blocks(PAGES[page], "yaml"):
        yaml.safe_load(block)
    for block in blocks(PAGES[page], "python"):
        compile(block, page, "exec")


def test_the_program_names_pages_that_exist() -> None:
    for source in (ROOT / "chat_tui").rglob("*.py"):
        for name in re.findall(r"docs/([\w-]+\.md)", source.read_text("utf-8")):
            assert (DOCS / name).is_file(), f"{source}: {name}"
