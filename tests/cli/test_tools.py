"""`chat-tui tools` adds, lists, tests, imports and removes tool servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.tools.servers import SCRIPT, needs_sdk
from tests.wire.home import Home


async def test_a_server_is_added_listed_and_removed(home: Home) -> None:
    before = home.config.read_text()
    added = await home.run("tools", "add", "--env", "K=$V", "--env", "OWN", "box", "--", "npx", "-y", "server", "--x")
    assert added.code == 0, added.told()
    assert added.text.startswith(f"box was added to {home.config}: npx -y server --x\n")
    assert home.config.read_text().startswith(before)
    twice = await home.run("tools", "add", "box", "npx")
    assert (twice.code, twice.told().splitlines()[0]) == (
        1,
        "chat-tui: there is a tool server box already. Nothing was changed.",
    )
    far = await home.run(
        "tools", "add", "far", "--url", "https://a.example/mcp", "--header", "Authorization: Bearer $T"
    )
    assert far.code == 0, far.told()
    text = home.config.read_text()
    assert 'env = {K = "$V", OWN = "${OWN}"}' in text
    assert 'headers = {Authorization = "Bearer $T"}' in text
    listed = await home.run("tools", "list")
    assert listed.text.splitlines() == [
        "box       npx -y server --x",
        "far       a.example",
        "chat-tui  own tools: fetch_page",
    ]
    as_json = json.loads((await home.run("tools", "list", "--json")).text)
    assert [row["name"] for row in as_json] == ["box", "far", "chat-tui"]
    assert (await home.run("tools", "remove", "box")).code == 0
    assert (await home.run("tools", "remove", "far")).code == 0
    assert home.config.read_text().rstrip() == before.rstrip()
    missing = await home.run("tools", "remove", "box")
    assert missing.code == 1
    assert "None is configured." in missing.told()


async def test_what_cannot_be_added_changes_nothing(home: Home) -> None:
    before = home.config.read_text()
    for words in (
        ("box",),
        ("a b", "x"),
        ("chat-tui", "x"),
        ("box", "x", "--url", "http://a"),
        ("box", "--url", "ftp://a"),
        ("--env", "=x", "box", "x"),
        ("box", "--url", "http://a", "--header", "x"),
    ):
        refused = await home.run("tools", "add", *words)
        assert refused.code in (1, 2), words
        assert refused.told()
    assert home.config.read_text() == before


async def test_signing_in_to_a_program_says_that_it_is_one(home: Home) -> None:
    await home.run("tools", "add", "box", "--", "npx", "server")
    program = await home.run("tools", "login", "box")
    assert (program.code, "box is a program on this machine." in program.told()) == (1, True)
    missing = await home.run("tools", "login", "far")
    assert (missing.code, missing.told().splitlines()) == (
        1,
        ["chat-tui: there is no tool server far.", "          Configured: box."],
    )


@needs_sdk
async def test_a_server_is_tested(home: Home) -> None:
    await home.run("tools", "add", "box", "--", sys.executable, "-I", str(SCRIPT), "--contents")
    tested = await home.run("tools", "test", "box")
    assert tested.code == 0, tested.told()
    lines = tested.text.splitlines()
    assert lines[0].startswith("echo(text)  ")
    assert lines[0].endswith(" tokens, says that it only reads")
    assert lines[1] == "    The tool echo."
    listed = lines.index("prompt weather(city)")
    assert lines[listed + 1 : listed + 3] == ["    Asks for the weather.", "prompt talk()"]
    assert lines[lines.index("resource memo://notes") + 1] == "    Notes · text/plain"
    assert lines[-4:-1] == ["template memo://day/{day}", "    day", "and 52 more prompts"]
    assert lines[-1].startswith("box has 14 tools, about ")
    assert lines[-1].endswith(" tokens in a request; 102 prompts; 9 resources.")
    rows = json.loads((await home.run("tools", "test", "box", "--json")).text)
    assert rows[0]["own_name"] == "echo"
    assert rows[0]["tokens"] > 0
    await home.run("tools", "add", "bad", "--", sys.executable, "-c", "raise SystemExit('it is \\x1b[31mbroken')")
    bad = await home.run("tools", "test", "bad")
    assert bad.code == 1
    assert bad.told().splitlines() == [
        "chat-tui: The tool server bad cannot be used: its program ended with code 1.",
        "          It wrote:",
        "          it is broken",
    ]


async def test_the_own_tools_and_unknown_servers_are_tested(home: Home) -> None:
    own = await home.run("tools", "test", "chat-tui")
    assert "chat-tui has 1 tool, about" in own.text
    assert (await home.run("tools", "test", "nobody")).code == 1


async def test_servers_of_another_program_are_imported(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    servers = {
        "box": {"command": "npx", "args": ["server"]},
        "old": {"type": "sse", "url": "https://a.example/sse"},
        "asks": {"url": "https://a.example/mcp", "headers": {"K": "${input:key}"}},
    }
    file.write_text(json.dumps({"mcpServers": servers}))
    await home.run("tools", "add", "box", "mine")
    done = await home.run("tools", "import", str(file))
    assert done.code == 0, done.told()
    assert done.text.splitlines() == ["asks: a.example", f"1 of 3 tool servers were added to {home.config}."]
    assert done.told().splitlines()[:3] == [
        "chat-tui: box was left out: there is a tool server of this name already.",
        "chat-tui: old was left out: it uses the old SSE transport; ask for its streamable HTTP address.",
        "chat-tui: asks: set KEY in the environment before you use it.",
    ]
    again = await home.run("tools", "import", str(file))
    assert again.code == 1
    for wrong in ("missing.json", str(tmp_path)):
        refused = await home.run("tools", "import", wrong)
        assert refused.code == 1
        assert "cannot be read" in refused.told()
