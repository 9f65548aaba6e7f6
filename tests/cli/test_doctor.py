"""`chat-tui doctor`: what each check makes of a record, and the report."""

from __future__ import annotations

import asyncio
import json
import os
import termios
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from chat_tui.cli.doctor.built_in_model import BuiltInModelFacts, check_built_in_model
from chat_tui.cli.doctor.checkup import find_all
from chat_tui.cli.doctor.configuration import check_configuration, read_configuration
from chat_tui.cli.doctor.connections import ConnectionFacts, ServerHere, check_connections
from chat_tui.cli.doctor.finding import Finding
from chat_tui.cli.doctor.keys import KeyFacts, ask_providers, check_keys
from chat_tui.cli.doctor.packages import (
    DEVELOPERS_EXTRAS,
    EXTRA_PURPOSES,
    PackageFacts,
    check_packages,
    is_within,
    parse_requirement,
)
from chat_tui.cli.doctor.report import report_lines, summary
from chat_tui.cli.doctor.store import HistoryFacts, check_history
from chat_tui.cli.doctor.terminal import TerminalFacts, check_terminal
from chat_tui.cli.doctor.terminal_query import TerminalAnswers, ask_terminal, is_in_foreground, parse_answers
from chat_tui.cli.doctor.tool_servers import ToolFacts, check_tool_servers, read_tool_servers
from chat_tui.config.schema import Config, ToolRow
from chat_tui.core.errors import ChatTuiError, HistoryError, KeyMissing, KeyRefused
from chat_tui.core.models import KeyCheck
from chat_tui.core.processes.install_command import install_command
from chat_tui.history.inspection import StoreInspection
from chat_tui.providers.discovery.socket_owners import ServerOwner
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home
from tests.wire.raw_server import Asked, RawServer, whole

KEY = "sk-very-secret-0123456789"


def by_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    found = {finding.name: finding for finding in findings}
    assert all(finding.hint for finding in found.values() if finding.state == "problem")
    return found


# -- packages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "bounds", "fits"),
    [
        ("8.2.8", ">=7,<9", True),
        ("9.0", ">=7,<9", False),
        ("9.0rc1", "<9", False),
        ("7.0", ">=7.0.0", True),
        ("7.0b2", ">=7", False),
        ("0.9.10", ">=0.9.9", True),
        ("2.4.6", "==2.4.*", True),
        ("2.40", "==2.4.*", False),
        ("1.5", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("1.3", "!=1.3", False),
        ("1.4", ">1.3, <=1.4", True),
        ("odd", ">=1", True),
        ("1.0", "", True),
    ],
)
def test_bounds_of_versions(version: str, bounds: str, fits: bool) -> None:
    assert is_within(version, bounds) is fits


def test_a_requirement_is_read() -> None:
    assert parse_requirement("mcp<3,>=2.3; extra == 'tools'")[:3] == ("mcp", "<3,>=2.3", "tools")
    assert parse_requirement('tzdata; sys_platform == "win32"').is_conditional


def test_packages_are_checked_against_their_bounds() -> None:
    requirements = (
        *("textual<9,>=7", "rich>=14.2", "httpx>=0.28", 'tzdata>=1; sys_platform == "win32"'),
        *("mcp<3,>=2.3; extra == 'tools'", "pathspec>=0.12; extra == 'ignore'", "pytest>=8; extra == 'test'"),
    )
    installed = {"textual": "9.1", "rich": "14.3", "pathspec": "1.0"}
    facts = PackageFacts("3.10.2", "/a b/python", "0.1.0", ">=3.11", requirements, installed)
    found = by_name(check_packages(facts))
    assert found.keys() == {"python", "chat-tui", "textual", "rich", "httpx", "tools", "ignore"}
    assert found["python"].state == "problem"
    assert (found["textual"].state, found["textual"].text) == ("problem", "9.1 is installed, <9,>=7 is needed")
    assert found["textual"].hint == f"Run: {install_command('textual<9,>=7')}"
    assert (found["rich"].state, found["rich"].text) == ("ok", "14.3 (>=14.2)")
    assert found["httpx"].state == "problem"
    assert (found["tools"].state, found["ignore"].state) == ("ok", "ok")
    assert found["tools"].text == "not installed (mcp), for tool servers"
    assert found["tools"].hint == f"Run: {install_command('mcp<3,>=2.3')}"
    assert found["ignore"].text == "installed: pathspec 1.0"


def test_every_extra_has_a_purpose() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert {*EXTRA_PURPOSES} == {*project["optional-dependencies"]} - DEVELOPERS_EXTRAS


def test_a_folder_that_is_not_installed_has_no_bounds() -> None:
    found = by_name(check_packages(PackageFacts("3.12.0", "python", "0.1.0", "", None, {})))
    assert (found["python"].state, found["chat-tui"].state) == ("ok", "note")


# -- terminal ---------------------------------------------------------------------------------------------------------


def test_a_capable_terminal() -> None:
    environ = {"TERM": "xterm-kitty", "COLORTERM": "truecolor"}
    facts = TerminalFacts(environ, (120, 36), TerminalAnswers(2, True), ("wl-copy", "xclip"), ("wl-paste", "xclip"))
    found = by_name(check_terminal(facts))
    assert {finding.state for finding in found.values()} == {"ok"}
    assert found["clipboard"].text == "copies with wl-copy, then xclip, then OSC 52"
    assert found["pasting"].text == "Ctrl+V and /paste read the clipboard with wl-paste, then xclip"
    assert found["reached by"].text == "directly"


def test_a_limited_terminal() -> None:
    environ = {"TERM": "xterm", "NO_COLOR": "1", "TMUX": "/tmp/x", "SSH_TTY": "/dev/pts/1"}
    found = by_name(check_terminal(TerminalFacts(environ, (50, 10), TerminalAnswers(1, False), ())))
    noted = {name for name, finding in found.items() if finding.state == "note"}
    assert noted == {"colours", "size", "keyboard", "clipboard", "pasting", "emoji"}
    assert "scp" in found["pasting"].hint
    assert "Ctrl+J" in found["keyboard"].hint
    assert found["reached by"].text == "tmux, ssh"
    del environ["NO_COLOR"]
    assert by_name(check_terminal(TerminalFacts(environ, None, TerminalAnswers(), ())))["colours"].text == "16"


def test_answers_of_terminals() -> None:
    assert parse_answers(b"\x1b[12;3R\x1b[?1u\x1b[?62;22c") == TerminalAnswers(2, True)
    assert parse_answers(b"q\x1b[1;2R\x1b[?6c") == TerminalAnswers(1, False)
    assert parse_answers(b"typed") == TerminalAnswers()


def test_a_terminal_is_asked_and_left_as_it_was() -> None:
    outside, terminal = os.openpty()
    before = termios.tcgetattr(terminal)

    def answer(query: str) -> None:
        assert query.endswith("\x1b[c")
        os.write(outside, b"\x1b[1;3R\x1b[?6c")

    try:
        assert ask_terminal(terminal, answer) == TerminalAnswers(2, False)
        assert termios.tcgetattr(terminal) == before
        assert not is_in_foreground(terminal)
    finally:
        os.close(outside)
        os.close(terminal)


def test_no_terminal_answers_nothing() -> None:
    reading, writing = os.pipe()
    try:
        assert ask_terminal(reading, lambda text: None) == TerminalAnswers()
    finally:
        os.close(reading)
        os.close(writing)


# -- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_told_by_their_places() -> None:
    places = {"groq": "keyring", "openai": "$OPENAI_API_KEY", "mistral": "command", "box": "config"}
    found = by_name(
        check_keys(KeyFacts(places, (KeyMissing("No API key for deepseek.", "Set it.", provider="deepseek"),)))
    )
    assert found["openai"].text == "from $OPENAI_API_KEY"
    assert found["groq"].state == "ok"
    assert by_name(check_keys(KeyFacts(places, has_keyring=False)))["groq"].state == "problem"
    assert found["mistral"].text == "from the command in `api_key_cmd`"
    assert found["deepseek"].state == "problem"
    assert "--online" in found["check"].hint


def test_answers_of_providers() -> None:
    places = {"groq": "keyring", "openai": "file", "mistral": "file"}
    answers: dict[str, KeyCheck | ChatTuiError] = {
        "groq": KeyRefused("groq refuses the key.", "Copy the key again."),
        "openai": KeyCheck(3),
        "mistral": KeyCheck(1, is_certain=False),
    }
    found = by_name(check_keys(KeyFacts(places, answers=answers, is_online=True)))
    assert (found["groq"].state, found["groq"].hint) == ("problem", "Copy the key again.")
    assert found["openai"].text == "from the private file; accepted, lists 3 models"
    assert "only a question" in found["mistral"].text
    assert "check" not in found


async def test_a_provider_that_does_not_answer_is_given_up() -> None:
    async def wait(name: str) -> KeyCheck:
        await asyncio.Event().wait()
        return KeyCheck(0)

    answers = await ask_providers(wait, ["groq"], seconds=0.01)
    assert by_name(check_keys(KeyFacts({"groq": "file"}, answers=answers, is_online=True)))["groq"].state == "problem"


def test_files_with_keys_that_are_damaged_or_open_to_others() -> None:
    assert by_name(check_keys(KeyFacts(damaged_file=Path("/x/keys.json"))))["file"].state == "problem"
    found = by_name(check_keys(KeyFacts({"groq": "file"}, readable_file=Path("/a b/credentials.json"))))
    assert found["file"].hint == "Run: chmod 600 '/a b/credentials.json'"


# -- connections ------------------------------------------------------------------------------------------------------


def test_servers_and_proxies() -> None:
    mine, others = ServerOwner(1, True, "you"), ServerOwner(2, False, "eve")
    servers = (
        ServerHere("ollama", "127.0.0.1:11434", 3, mine, is_used=True),
        ServerHere("lmstudio", "127.0.0.1:1234", 1, others),
        ServerHere("vllm", "127.0.0.1:8000", 0, mine, wants_key=True),
    )
    proxies = {"https": "http://me:secret@proxy.example:3128", "all": "socks5://other.example:1080", "no": "localhost"}
    facts = ConnectionFacts(servers, proxies=proxies, truststore="0.10", other_bundles=("REQUESTS_CA_BUNDLE",))
    findings = list(check_connections(facts))
    assert "secret" not in str(findings)
    assert next(each.text for each in findings if each.name == "proxy") == "https through proxy.example:3128"
    assert [each.state for each in findings if each.name == "proxy"] == ["ok", "problem"]
    found = by_name(findings)
    assert found["ollama"].text == "127.0.0.1:11434, run by you; 3 models"
    assert (found["lmstudio"].state, found["vllm"].state) == ("note", "note")
    assert "SSL_CERT_FILE" in found["other bundle"].hint


def test_certificates() -> None:
    assert by_name(check_connections(ConnectionFacts(certificates="/none.pem")))["certificates"].state == "problem"
    assert by_name(check_connections(ConnectionFacts()))["certificates"].state == "problem"
    facts = ConnectionFacts(
        certificates="/ca.pem", certificates_exist=True, own_certificates={"box": False}, unverified=("lab",)
    )
    found = by_name(check_connections(facts))
    assert (found["certificates"].state, found["box"].state, found["lab"].state) == ("ok", "problem", "note")


# -- the built-in model, the history, tool servers --------------------------------------------------------------------


def test_what_the_first_question_downloads() -> None:
    found = by_name(check_built_in_model(BuiltInModelFacts(None, 93_000_000, None, 34_000_000)))
    assert "downloads 127 MB" in found["first question"].text
    found = by_name(check_built_in_model(BuiltInModelFacts(Path("/w"), 98_000_000, Path("/e"), 0)))
    assert "without a connection" in found["first question"].text
    found = by_name(check_built_in_model(BuiltInModelFacts(None, 93_000_000, None, 34_000_000, has_pip=False)))
    assert found["first question"].state == "note"
    facts = BuiltInModelFacts(None, 93_000_000, None, 0, has_engine=False, own_weights="/mine.gguf")
    found = by_name(check_built_in_model(facts))
    assert (found["weights"].state, found["llama.cpp"].state) == ("problem", "note")


def test_histories() -> None:
    file = Path("/data/history.db")

    def check(store: StoreInspection | None, free: int = 10**12, network: str = "") -> dict[str, Finding]:
        return by_name(check_history(HistoryFacts(file, store, free, network)))

    assert check(None)["file"].text == "/data/history.db does not exist yet"
    found = check(StoreInspection(2_500_000, 3, 3, 7, "whole"))
    assert found["file"].text == "/data/history.db (2.5 MB, 7 conversations)"
    assert {finding.state for finding in found.values()} == {"ok"}
    assert check(StoreInspection(1, check="damaged"))["check"].state == "problem"
    assert check(StoreInspection(1, 3, 3, check="too large"))["check"].state == "note"
    assert check(StoreInspection(1, 9, 3))["schema"].state == "problem"
    assert "updates it to 3" in check(StoreInspection(1, 2, 3, 7, "whole"))["schema"].text
    assert check(StoreInspection(1, error=HistoryError("It is locked.", "Wait.")))["file"].state == "problem"
    assert check(None, network="nfs4")["place"].state == "note"
    assert check(None, free=10_000_000)["disk"].state == "problem"


def test_programs_of_tool_servers_are_looked_for(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    rows = (
        ToolRow("there", str(program), ("--token", KEY)),
        ToolRow("gone", "no-such-program"),
        ToolRow("unset", str(program), ("$NOT_SET",)),
        ToolRow("far", url="https://tools.example/mcp"),
        ToolRow("off", "no-such-program", enabled=False),
    )
    facts = read_tool_servers(Config(tools=rows), {"PATH": "/usr/bin"})
    found = by_name(check_tool_servers(ToolFacts(facts.servers, has_sdk=False)))
    states = {name: finding.state for name, finding in found.items()}
    assert states == {"mcp": "problem", "there": "ok", "gone": "problem", "unset": "problem", "far": "ok", "off": "ok"}
    assert KEY not in str(found)


# -- the config and the whole -----------------------------------------------------------------------------------------


def test_a_mistake_in_the_config_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("\ntheem = 'nord'\n")
    facts = read_configuration(file, {"OPENAI_API_KEY": KEY, "HTTPS_PROXY": f"http://me:{KEY}@proxy.example"})
    found = by_name(check_configuration(facts))
    assert found["file"].state == "problem"
    assert "line 2: `theem` is not a setting" in found["file"].text
    assert found["HTTPS_PROXY"].text == "proxy.example"
    assert KEY not in str(found)


def test_the_report_fits_its_columns() -> None:
    findings = [
        Finding("dependencies", "rich", "ok", "14.3 (>=14.2)"),
        Finding("dependencies", "textual", "problem", "9.1 is installed", "Run: pip"),
        Finding("history", "file", "ok", "/path" * 14 + " (2.5 MB)", f"Run: chmod 600 {'/path' * 14}"),
        Finding("terminal", "a-name-of-many-letters", "note", "word " * 40, "then " * 30),
    ]
    lines = report_lines(findings, 80, is_coloured=False)
    texts = ["".join(text for _, text in line) for line in lines]
    assert max(map(len, texts)) <= 80
    assert not any(parameters for line in lines for parameters, _ in line)
    assert f"{' ' * 10}{'/path' * 14}" in texts
    assert any("rich 14.3" in text for text in texts)
    assert texts[-1] == "1 problem, 1 note."
    assert report_lines(findings, 80, is_coloured=True)[0] == [("1", "dependencies")]
    assert summary(findings[:1]) == "No problems."


async def test_a_broken_home_is_reported_and_not_touched(home: Home) -> None:
    home.config.write_text("model = 3\n")
    home.environment |= {"OPENAI_API_KEY": KEY, "TERM": "evil\x1b]0;title\x07"}
    kept = home.folder / "data" / "chat-tui" / "keys.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{damaged")
    before = {file: file.stat().st_mtime_ns for file in home.folder.rglob("*")}
    ran = await home.run("doctor", "--json")
    assert ran.code == 1, ran.told()
    rows = json.loads(ran.text)
    assert all(row.keys() == {"section", "name", "state", "text", "hint"} for row in rows)
    problems = {row["section"]: row for row in rows if row["state"] == "problem"}
    assert {"config", "keys"} <= problems.keys()
    assert "line 1: `model`" in problems["config"]["text"]
    assert {"program", "dependencies", "terminal", "servers", "network", "history"} <= {row["section"] for row in rows}
    assert KEY[-8:] not in ran.text + ran.told()
    assert "\\u001b" not in ran.text
    assert {file: file.stat().st_mtime_ns for file in home.folder.rglob("*")} == before


def test_a_section_that_cannot_be_checked_does_not_stop_the_others() -> None:
    def lose_terminal(_: Iterable[str]) -> bool:
        raise OSError("The terminal has gone.")

    found = find_all(lose_terminal, {"GROQ_API_KEY": KEY, "PATH": os.environ["PATH"]})
    [failure] = [each for each in found if each.section == "keys"]
    assert (failure.state, failure.text) == ("problem", "could not be checked: The terminal has gone.")
    assert {"program", "terminal", "servers", "history", "tool servers"} <= {each.section for each in found}
    assert not any(KEY[-8:] in each.text for each in found)


async def refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(whole(b'{"error": {"message": "Incorrect API key provided"}}', "401 Unauthorized"))


async def test_providers_are_asked_only_if_that_is_wanted(home: Home) -> None:
    home.environment |= {"STRICT_KEY": KEY, "BOX_KEY": KEY}
    async with RawServer(refuse) as strict, ModelServer(models=["tiny"]) as box:
        rows = [("strict", strict.base_url, "STRICT_KEY"), ("box", box.base_url, "BOX_KEY")]
        home.config.write_text(
            "".join(
                f'[[providers]]\nname = "{name}"\nbase_url = "{address}"\napi_key_env = "{variable}"\n'
                for name, address, variable in rows
            )
        )
        silent = await home.run("doctor", "--json")
        ran = await home.run("doctor", "--json", "--online")
    assert not [row for row in json.loads(silent.text) if row["section"] == "keys" and row["state"] == "problem"]
    keys = {row["name"]: row for row in json.loads(ran.text) if row["section"] == "keys"}
    assert ran.code == 1
    assert (keys["strict"]["state"], keys["strict"]["hint"]) == ("problem", "Copy the key again, or create a new one.")
    assert (keys["box"]["state"], keys["box"]["text"]) == ("ok", "from $BOX_KEY; accepted, lists 1 model")
    assert KEY[-8:] not in ran.text + ran.told()
