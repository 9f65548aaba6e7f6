"""Tool servers over HTTP: headers, failures, and signing in by OAuth."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ToolFailed
from chat_tui.tools.tool_server import ConfiguredServer
from tests.doubles.http_tool_server import HttpToolServer
from tests.tools.servers import needs_sdk

pytestmark = needs_sdk


async def test_a_server_is_called_with_the_headers_of_the_config() -> None:
    with HttpToolServer(header=("X-Key", "it is me")) as far:
        row = ToolRow("far", url="$FAR", headers={"X-Key": "it is $NAME"})
        server = ConfiguredServer(row, environ={**os.environ, "FAR": far.url, "NAME": "me"})
        try:
            [tool] = await server.start()
            assert tool.own_name == "echo"
            assert (await server.call("echo", {"a": 1})).text == '{"a": 1}'
        finally:
            await server.stop()


async def failure(row: ToolRow) -> ToolFailed:
    server = ConfiguredServer(row)
    try:
        with pytest.raises(ToolFailed) as raised:
            await server.start()
        return raised.value
    finally:
        await server.stop()


async def test_failures_say_why() -> None:
    with HttpToolServer(header=("X-Key", "right")) as far:
        refused = await failure(ToolRow("far", url=far.url, headers={"X-Key": "wrong"}))
        assert refused.title == "The tool server far cannot be used: it refuses access (HTTP 403)."
        gone = far.url
    unreachable = await failure(ToolRow("far", url=gone))
    assert unreachable.title == "The tool server far cannot be used: it cannot be reached."
    assert unreachable.hint == "Check its address, and whether it is running."


async def test_a_user_signs_in_once(tmp_path: Path) -> None:
    file = tmp_path / "tokens" / "far.json"
    with HttpToolServer(wants="the-token") as far:
        row = ToolRow("far", url=far.url)
        server = ConfiguredServer(row, token_file=file)
        with pytest.raises(ToolFailed, match="it wants you to sign in") as raised:
            await server.start()
        await server.stop()
        assert raised.value.hint == "Run `chat-tui tools login far`."
        assert not far.tokens
        assert not far.registered

        login = ConfiguredServer(row, token_file=file, when_signing_in=far.open_in_browser)
        try:
            async with asyncio.timeout(30):
                assert [tool.own_name for tool in await login.start()] == ["echo"]
        finally:
            await login.stop()
        assert len(far.visited) == 1
        assert far.tokens[0]["code"] == "the-code"
        assert far.tokens[0]["code_verifier"]
        assert far.registered[-1]["client_name"] == "chat-tui"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

        later = ConfiguredServer(row, token_file=file)
        try:
            await later.start()
            assert (await later.call("echo", {})).text == "{}"
        finally:
            await later.stop()
        assert len(far.tokens) == 1

    # The tokens are for this address only.
    with HttpToolServer(wants="the-token") as other:
        stranger = ConfiguredServer(ToolRow("far", url=other.url), token_file=file)
        with pytest.raises(ToolFailed, match="it wants you to sign in"):
            await stranger.start()
        await stranger.stop()
        assert not other.calls


@pytest.mark.parametrize("lifetime", [1, None])
async def test_old_tokens_are_refreshed_without_the_user(tmp_path: Path, lifetime: int | None) -> None:
    file = tmp_path / "far.json"
    with HttpToolServer(wants="first") as far:
        far.lifetime = lifetime
        row = ToolRow("far", url=far.url)
        login = ConfiguredServer(row, token_file=file, when_signing_in=far.open_in_browser)
        await login.start()
        await login.stop()
        await asyncio.sleep(1.1)
        far.wants = "second"
        far.lifetime = 3600
        for _ in range(2):
            later = ConfiguredServer(row, token_file=file)
            await later.start()
            await later.stop()
        assert [given["grant_type"] for given in far.tokens] == ["authorization_code", "refresh_token"]
        far.wants = "third"
        revoked = ConfiguredServer(row, token_file=file)
        with pytest.raises(ToolFailed, match="it wants you to sign in"):
            await revoked.start()
        await revoked.stop()


async def test_a_refused_sign_in_is_told(tmp_path: Path) -> None:
    with HttpToolServer(wants="the-token") as far:
        far.refuses_user = True
        row = ToolRow("far", url=far.url)
        server = ConfiguredServer(row, token_file=tmp_path / "far.json", when_signing_in=far.open_in_browser)
        with pytest.raises(ToolFailed, match="the sign-in was refused: access_denied"):
            await server.start()
        await server.stop()
