"""Keys and servers are added while the engine runs, checked first, and are there after a restart."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import stat
from pathlib import Path

import pytest

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.config import paths
from chat_tui.config.known_providers import KnownProvider, known_providers
from chat_tui.config.load import load
from chat_tui.config.schema import Config
from chat_tui.core.errors import CommandError, ConfigError, KeyRefused, ProviderError, Unreachable
from chat_tui.core.request import Request
from chat_tui.core.text.log_filter import LOGGER, LogFilter
from chat_tui.engine.engine import Engine
from tests.support.isolated_engine import ended, engine_with, standing
from tests.wire.raw_server import RawServer, saying, whole

SECRET = "sk-hunter2-0123456789abcdef"
LIST = whole(b'{"data": [{"id": "big"}, {"id": "small"}]}')
REFUSED = whole(b'{"error": {"message": "Incorrect API key: sk-hunter2-0123456789abcdef"}}', "401 Unauthorized")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHAT_TUI_CONFIG", raising=False)
    # Prices that are fresh, so that no process computes them.
    paths.catalogue_file().parent.mkdir(parents=True)
    paths.catalogue_file().write_text("{}")


def acme(server: RawServer) -> dict[str, KnownProvider]:
    return {"acme": KnownProvider("acme", "Acme", server.base_url, keys=("ACME_API_KEY",))}


def setup_of(engine: Engine) -> ProviderSetup:
    assert isinstance(engine.setup, ProviderSetup)
    return engine.setup


async def test_a_key_is_checked_kept_in_a_private_file_and_used_at_once_and_after_a_restart() -> None:
    async with RawServer(saying(LIST)) as server:
        known = acme(server)
        async with engine_with(known=known) as engine:
            assert [(row.title, row.key_source, row.in_use) for row in await engine.setup.hosted_providers()] == [
                ("Acme", "", False)
            ]
            assert (await engine.setup.check_key("acme", f' "{SECRET}"\n')).models == 2
            assert standing(engine, "acme/big") is None
            assert await engine.setup.save_key("acme", SECRET, "file") == 2
            found = standing(engine, "acme/big")
            assert found is not None
            assert found.model.selectable
            assert [(row.key_source, row.in_use) for row in await engine.setup.hosted_providers()] == [("file", True)]
        file = paths.key_file()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == {"acme": SECRET}
        assert not paths.config_file().exists()
        async with engine_with(known=known) as engine:
            await engine.models.discover()
            assert standing(engine, "acme/small") is not None
            assert await engine.setup.forget_key("acme") == ["file"]
            assert standing(engine, "acme/small") is None
            assert await engine.setup.forget_key("acme") == []
        assert json.loads(file.read_text()) == {}
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {SECRET}"}


async def test_what_another_program_adds_or_removes_is_in_use_at_once() -> None:
    async with RawServer(saying(LIST)) as server:
        async with engine_with(known=acme(server)) as engine:
            await engine.setup.reload()
            assert standing(engine, "rig/big") is None
            file = paths.config_file()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'[[providers]]\nname = "rig"\nbase_url = "{server.base_url}"\napi_key = "{SECRET}"\n')
            await ProviderSetup(Config(), known=acme(server)).save_key("acme", SECRET, "file")
            await engine.setup.reload()
            assert standing(engine, "rig/big") is not None
            assert standing(engine, "acme/big") is not None
            count = len(server.asked)
            await engine.setup.reload()
            assert len(server.asked) == count
            file.write_text("[[providers]\n")
            with pytest.raises(ConfigError):
                await engine.setup.reload()
            assert standing(engine, "rig/big") is not None
            file.write_text("")
            await engine.setup.reload()
            assert standing(engine, "rig/big") is None
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {SECRET}"}


async def test_a_key_for_this_run_is_in_no_file(tmp_path: Path) -> None:
    async with RawServer(saying(LIST)) as server:
        known = acme(server)
        async with engine_with(known=known, saves=True, environ={"ACME_API_KEY": "sk-old-one-0123456789"}) as engine:
            await engine.setup.save_key("acme", SECRET, "session")
            assert server.asked[-1].headers["authorization"] == f"Bearer {SECRET}"
            assert [row.key_source for row in await engine.setup.hosted_providers()] == ["session"]
            await engine.setup.forget_key("acme")
            assert [row.key_source for row in await engine.setup.hosted_providers()] == ["$ACME_API_KEY"]
            assert standing(engine, "acme/big") is None
    for folder in (paths.data_folder(), paths.config_file().parent, paths.state_folder(), paths.cache_folder()):
        for file in folder.rglob("*"):
            assert not file.is_file() or b"hunter2" not in file.read_bytes(), file


async def test_a_refused_key_is_told_in_the_providers_words_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    async with RawServer(saying(REFUSED)) as server, engine_with(known=acme(server)) as engine:
        with caplog.at_level(logging.DEBUG), pytest.raises(KeyRefused, match="Incorrect API key") as caught:
            await engine.setup.check_key("acme", SECRET)
        assert "hunter2" not in f"{caught.value} {caught.value.hint} {caplog.text}"
        with pytest.raises(KeyRefused, match="Not a valid key"):
            await engine.setup.check_key("acme", "two words")
        with pytest.raises(CommandError, match="Unknown provider"):
            await engine.setup.check_key("nobody", SECRET)
        assert not paths.key_file().exists()


async def test_a_list_for_everybody_does_not_pass_for_a_check() -> None:
    async with RawServer(saying(LIST)) as server:
        row = KnownProvider("acme", "Acme", server.base_url, keys=("ACME_API_KEY",), lists_for_all=True)
        async with engine_with(known={"acme": row}) as engine:
            assert not (await engine.setup.check_key("acme", SECRET)).is_certain
    async with RawServer(saying(REFUSED)) as server:
        row = KnownProvider(
            "acme", "Acme", server.base_url, keys=("A",), key_url=f"{server.base_url}/key", models=("one",)
        )
        async with engine_with(known={"acme": row}) as engine:
            with pytest.raises(KeyRefused):
                await engine.setup.check_key("acme", SECRET)
            assert "/v1/key" in server.asked[-1].line


async def test_a_found_key_is_put_to_use_by_a_row_in_the_config() -> None:
    async with RawServer(saying(REFUSED, LIST)) as server:
        known = {"openai": KnownProvider("openai", "OpenAI", server.base_url, keys=("ACME_API_KEY",))}
        async with engine_with(known=known, environ={"ACME_API_KEY": SECRET}) as engine:
            with pytest.raises(KeyRefused):
                await engine.setup.use_found_key("openai")
            assert not paths.config_file().exists()
            assert await engine.setup.use_found_key("openai") == 2
            found = standing(engine, "openai/big")
            assert found is not None
            assert found.state == "ready"
        assert paths.config_file().read_text() == '[[providers]]\nname = "openai"\n'


async def test_a_server_is_added_by_its_address_and_its_models_are_there() -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# my own\ntheme = 'nord'\n")
    async with RawServer(saying(LIST)) as server:
        async with engine_with(load(file)) as engine:
            address = server.base_url.removeprefix("http://")
            found = await engine.setup.check_server(f" {address}/models ")
            assert (found.models, found.dialect) == (2, "openai")
            assert await engine.setup.add_server(found) == 2
            assert standing(engine, f"{found.name}/big") is not None
            with pytest.raises(CommandError, match="already"):
                await engine.setup.check_server(found.base_url)
            answer = await engine.ask(None, "hello", Request(model=f"{found.name}/big"))
            await ended(answer)
            assert "/v1/chat/completions" in server.asked[-1].line
        config = load(file)
        assert file.read_text().startswith("# my own\ntheme = 'nord'\n\n[[providers]]\n")
        async with engine_with(config) as engine:
            await engine.models.discover()
            assert standing(engine, f"{found.name}/small") is not None


async def test_a_server_that_wants_a_key_gets_it_from_the_file_and_not_from_the_config() -> None:
    async with RawServer(saying(REFUSED, LIST)) as server, engine_with() as engine:
        with pytest.raises(KeyRefused):
            await engine.setup.check_server(server.base_url)
        found = await engine.setup.check_server(server.base_url, SECRET)
        await engine.setup.add_server(found, SECRET, "file")
        assert server.asked[-1].headers["authorization"] == f"Bearer {SECRET}"
        assert json.loads(paths.key_file().read_text()) == {found.name: SECRET}
        assert "hunter2" not in paths.config_file().read_text()


@pytest.mark.parametrize(
    "address", ["", "ftp://host", "http://", "http://me:secret@127.0.0.1:9/v1", "http://h/?key=abcdefgh"]
)
async def test_an_address_that_cannot_be_added_is_refused(address: str) -> None:
    async with engine_with() as engine:
        with pytest.raises(CommandError):
            await engine.setup.check_server(address)
    assert not paths.config_file().exists()


async def test_nobody_there_or_no_models_is_told() -> None:
    async with engine_with() as engine:
        with pytest.raises(Unreachable, match=r"^127.0.0.1:9 could not be reached") as raised:
            await engine.setup.check_server("127.0.0.1:9")
        assert raised.value.hint == "Check that it is running, and check the address and the network."
        async with RawServer(saying(whole(b'{"data": []}'))) as server:
            with pytest.raises(ProviderError):
                await engine.setup.check_server(server.base_url)


async def test_a_server_without_tls_is_told_apart_from_one_that_is_not_there() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with engine_with() as engine, server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        with pytest.raises(Unreachable, match=r"^127.0.0.1:\d+ does not answer with TLS\.") as raised:
            await engine.setup.check_server(address)
    assert raised.value.hint == "Check the address: a server without TLS needs http:// in place of https://."


def test_every_hosted_provider_names_the_page_where_a_key_is_created() -> None:
    hosted = [row for row in known_providers().values() if row.keys and not row.port]
    assert len(hosted) > 10
    assert all(re.fullmatch(r"[a-z.]+\.[a-z]+(/[\w-]+)*", row.key_page) for row in hosted)
    assert max(len(row.key_page) for row in hosted) <= 40


async def test_names_of_servers_are_their_hosts_and_unique() -> None:
    setup = ProviderSetup(Config(), environ={}, known={"ollama": KnownProvider("ollama", "Ollama", "", port=11434)})
    named = setup._name_for
    assert named("http://127.0.0.1:11434") == "ollama"
    assert named("http://localhost:9999/v1") == "localhost-9999"
    assert named("https://api.example.com/v1") == "example.com"
    assert named("http://ollama:80") == "ollama-2"


async def test_an_entered_key_is_kept_out_of_the_debug_log(tmp_path: Path) -> None:
    file = tmp_path / "debug.log"
    handler = logging.FileHandler(file)
    handler.addFilter(LogFilter())
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        async with RawServer(saying(LIST)) as server, engine_with(known=acme(server)) as engine:
            await engine.setup.check_key("acme", SECRET)
            logging.getLogger(f"{LOGGER}.test").warning("sent %s", SECRET)
            await engine.setup.check_server(server.base_url, SECRET[::-1])
            logging.getLogger(f"{LOGGER}.test").warning("sent %s", SECRET[::-1])
    finally:
        logger.removeHandler(handler)
        handler.close()
    text = file.read_text()
    assert text.count("sent ") == 2
    assert "hunter2" not in text
    assert "hunter2"[::-1] not in text
