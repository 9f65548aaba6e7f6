"""`chat-tui ask` where config, pipes, texts or keys are bad, and what it loads."""

from __future__ import annotations

import re

import pytest

from tests.doubles.model_scripts import HOSTILE_LINE, HOSTILE_TOKENS, Script
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home, as_promised, kept
from tests.wire.raw_server import RawServer, chunked, event, saying

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


# -- the config --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("strategy = \n", "line 1"),
        ("model = 'box/x'\n\n[request]\nmax_tokens = 'many'\n", "line 4: `request.max_tokens`"),
        ("[request]\nmax_token = 5\n", "Did you mean `max_tokens`?"),
        ("[timeouts]\ntoken_seconds = 0\n", "line 2: `timeouts.token_seconds` must be greater than 0"),
        ("[[providers]]\nname = 'a'\nbase_url = 'ftp://x'\n", "line 3: `providers[0].base_url`"),
        ('theme = "\\u001b]0;x\\u0007"\nstrategy = 4\n"\\u009b2J" = 1\n', "config.toml"),
    ],
)
async def test_a_wrong_config_is_told_with_file_key_and_line(home: Home, text: str, told: str) -> None:
    home.config.write_text(text)
    ran = await home.run("ask", "hello")
    assert (ran.code, ran.text) == (1, "")
    assert str(home.config) in ran.told()
    assert told in ran.told()
    assert not CONTROLS.search(ran.told())
    assert "Traceback" not in ran.told()


async def test_a_setting_that_there_is_not_names_the_command_that_lists_them_all(home: Home) -> None:
    home.config.write_text("zzz = 1\n")
    assert "`chat-tui settings` lists every setting" in (await home.run("ask", "hello")).told()
    ran = await home.run("settings")
    assert (ran.code, ran.err) == (0, b"")
    assert "It cannot be used:" in ran.text
    assert "`zzz` is not a setting" in ran.text
    assert "| `strategy` |" in ran.text
    assert "## `[timeouts]`" in ran.text


async def test_a_config_that_is_named_but_not_there_is_told(home: Home) -> None:
    home.config.unlink()
    ran = await home.run("ask", "hello")
    assert ran.code == 1
    assert "does not exist" in ran.told()


async def test_a_missing_key_names_its_variable_and_a_key_is_sent_and_never_shown(
    home: Home, server: ModelServer
) -> None:
    home.serve(server.base_url, "t2", "error401", key_env="BOX_KEY")
    ran = await home.run("ask", "--no-save", "--model", "box/t2", "hello")
    assert ran.code == 1
    assert "$BOX_KEY" in ran.told()
    home.environment["BOX_KEY"] = "local-hunter2-QWERTYUIOP"
    assert (await home.run("ask", "--model", "box/t2", "hello")).code == 0
    ran = await home.run("ask", "--json", "--model", "box/error401", "hello")
    assert server.exchanges[0].headers["authorization"] == "Bearer local-hunter2-QWERTYUIOP"
    assert b"hunter2" not in ran.out + ran.err + home.store.read_bytes()


# -- pipes and terminals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "--json", "--no-stream"])
async def test_a_reader_that_leaves_is_no_trouble(home: Home, server: ModelServer, options: str) -> None:
    home.serve(server.base_url, "t3000-r2000")
    ran = await home.shell(f"chat-tui ask {options} hello | head -c 10; exit ${{PIPESTATUS[0]}}")
    assert (len(ran.out), ran.told()) == (10, "")
    # What is written at once may all be in the pipe before the reader leaves.
    assert ran.code == 1 or (ran.code == 0 and options == "--no-stream")
    _, answer = await kept(home)
    assert answer.state in {"cancelled", "complete"}
    await server.until(lambda: server.active_streams == 0)


async def test_outputs_that_are_closed_or_full_are_told_and_crash_nothing(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t20")
    for line, code in (
        ("chat-tui ask --no-save hello >&-", 1),
        ("chat-tui ask --no-save hello 2>&-", 0),
        ("chat-tui ask --no-save hello <&-", 0),
        ("chat-tui ask --no-save hello >/dev/full", 1),
        ("chat-tui ask --no-save --model box/error500 hello 2>/dev/full", 1),
        ("chat-tui ask --no-save hello <&- >&- 2>&-", 1),
    ):
        ran = await home.shell(line)
        assert ran.code == code, line
        assert "Traceback" not in ran.told(), line
        assert "Exception ignored" not in ran.told(), line


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_nothing_that_a_terminal_obeys_reaches_either_output(home: Home, options: tuple[str, ...]) -> None:
    scripts = {
        "tokens": Script(hostile=True),
        "fails": Script(error=500, hostile=True),
        "page": Script(body="html"),
        HOSTILE_LINE: Script(tokens=2),
    }
    async with ModelServer(scripts=scripts, models=(HOSTILE_LINE,)) as server:
        home.serve(server.base_url, *list(scripts)[:3])
        runs = [await home.run("ask", *options, "--model", f"box/{name}", "hello") for name in list(scripts)[:3]]
        better = "".join(f"[[models]]\nname = 'box/{name}'\nquality = 1.0\n" for name in ("owned[bold]",))
        home.serve(server.base_url, more=better)
        runs.append(await home.run("ask", *options, "--strategy", "quality-first", "--no-fallback", "hello"))
        assert "owned" in runs[-1].text or not options
        runs.append(await home.run("ask", *options, "--model", f"box/{HOSTILE_LINE}", HOSTILE_LINE))
    assert any("before" in ran.text for ran in runs)
    for ran in runs:
        assert not CONTROLS.search(ran.text)
        assert not CONTROLS.search(ran.told())
        if options:
            as_promised(ran)
            assert not any(CONTROLS.search(str(value)) for chunk in ran.chunks[:-1] for value in chunk.values())


async def test_hostile_text_in_errors_inside_a_stream_stays_out(home: Home) -> None:
    bad = b'data: {"error":{"message":"\\u001b]52;c;x\\u0007\\u009b2Jboom"}}\n\n'
    odd = event("a", "st\x1b[2Jop\x9b") + b"data: [DONE]\n\n"
    async with RawServer(saying(chunked(event("a"), bad), chunked(odd))) as server:
        home.serve(server.base_url, "tiny")
        runs = [await home.run("ask", "--json", "hello") for _ in range(2)]
    assert "boom" in runs[0].text
    for ran in runs:
        assert not CONTROLS.search(ran.text + ran.told())


def test_the_hostile_tokens_are_hostile() -> None:
    assert CONTROLS.search("".join(HOSTILE_TOKENS))
    assert CONTROLS.search(HOSTILE_LINE)


# -- what is loaded ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        (["--version"], ["textual", "rich", "httpx", "sqlite3", "asyncio", "msgspec"]),
        (["--help"], ["textual", "rich", "httpx", "sqlite3", "asyncio", "msgspec"]),
        (["ask", "--help"], ["textual", "rich", "httpx", "sqlite3", "asyncio", "msgspec"]),
        (["ask", "--no-save", "--model", "scripted/demo", "--max-tokens", "3", "hi"], ["textual", "rich", "httpx"]),
        (["ask", "--no-save", "--model", "box/t3", "hi"], ["textual"]),
    ],
)
async def test_only_what_a_command_needs_is_loaded(
    home: Home, server: ModelServer, arguments: list[str], without: list[str]
) -> None:
    home.serve(server.base_url, "t3")
    home.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    ran = await home.run(*arguments)
    assert ran.code == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.told().splitlines() if "|" in line}
    assert "chat_tui" in loaded
    assert not loaded & set(without)


async def test_the_version_is_told_in_one_line(home: Home) -> None:
    ran = await home.run("--version")
    assert (ran.code, ran.told()) == (0, "")
    assert re.fullmatch(r"chat-tui \d+\.\d+\.\d+\n", ran.text)
