"""A server that was found on this machine is used without asking only where its owner is to be trusted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.config.known_providers import KnownProvider
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, Notice
from chat_tui.core.models import Provider
from chat_tui.core.request import Request
from chat_tui.engine.models import CHOSEN
from chat_tui.providers.discovery.found_servers import FoundServers
from chat_tui.providers.discovery.port_scan import PortCandidate, scan
from chat_tui.providers.discovery.socket_owners import ServerOwner, is_trusted, listeners_of, listening_owner
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with, standing
from tests.wire.raw_server import RawServer, saying, whole

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 31337 1 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 31338 1 0
   2: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 31339 1 0
   3: torn
   4: ZZ:1F90 00000000:0000 0A 0 0 0 1000 0
"""
TABLE_6 = """\
  sl  local_address                         remote_address                        st tx_queue uid
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 65534 0 1
   1: 0000000000000000FFFF00000100007F:2CAA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 1002 0 1
"""

TRUSTED, STRANGER = ServerOwner(997, True, "ollama"), ServerOwner(1001, False, "bob")
NOBODY, UNSEEN = ServerOwner(65534, False, "nobody"), ServerOwner()


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(models=["tiny"]) as server:
        yield server


def row_of(server: ModelServer) -> dict[str, KnownProvider]:
    port = int(server.base_url.split(":")[2].split("/")[0])
    return {"vllm": KnownProvider("vllm", "vLLM", "http://127.0.0.1:1/v1", port=port, local=True, key_optional=True)}


@pytest.mark.skipif(sys.byteorder == "big", reason="the table is of a little-endian machine")
def test_the_systems_tables_are_read() -> None:
    assert [(str(each.address), each.port, each.uid) for each in listeners_of(TABLE)] == [
        ("127.0.0.1", 11434, 997),
        ("0.0.0.0", 8080, 1001),
    ]
    assert [(str(each.address), each.port, each.uid) for each in listeners_of(TABLE_6)] == [
        ("::1", 8080, 65534),
        ("::ffff:7f00:1", 11434, 1002),
    ]


@pytest.mark.parametrize(
    ("uid", "trusted"),
    [(1000, True), (0, True), (997, True), (1001, False), (65534, False), (99, False), (60000, False)],
)
def test_own_roots_and_the_systems_accounts_are_trusted_and_nobody_is_not(uid: int, trusted: bool) -> None:
    assert is_trusted(uid, 1000, 1000, (65534, 99)) is trusted
    assert is_trusted(65534, 65534, 1000, (65534, 99))


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells owners")
def test_the_owner_of_a_real_socket_is_seen() -> None:
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with socket.socket(family) as listener:
            try:
                listener.bind((host, 0))
            except OSError:
                continue
            port = listener.getsockname()[1]
            assert listening_owner(host, port) == ServerOwner(None)
            listener.listen()
            assert listening_owner(host, port) == ServerOwner(os.getuid(), True, "you")
            assert listening_owner(f"[{host}]", port).name == "you"


@pytest.mark.skipif(os.getuid() != 0 or not Path("/proc/net/tcp").exists(), reason="only root can be others")
def test_a_process_of_nobody_is_no_trusted_owner() -> None:
    code = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(); s.bind(('127.0.0.1', 0));"
        "s.listen(); print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        port = int(child.stdout.readline())
        owner = listening_owner("127.0.0.1", port)
        assert (owner.uid, owner.is_trusted) == (65534, False)
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


@pytest.mark.parametrize(
    ("owner", "mode", "state"),
    [
        (TRUSTED, "ask", "ready"),
        (STRANGER, "ask", "found, not yours"),
        (NOBODY, "ask", "found, not yours"),
        (UNSEEN, "ask", "found, not used"),
        (STRANGER, "use", "found, not yours"),
        (UNSEEN, "use", "ready"),
    ],
)
async def test_whom_a_found_server_belongs_to_decides_whether_it_is_used(
    server: ModelServer, owner: ServerOwner, mode: str, state: str
) -> None:
    config = Config(discovered=mode)  # type: ignore[arg-type]
    told: list[ChatTuiError] = []
    async with engine_with(config, known=row_of(server), told=told, owner_of=lambda host, port: owner) as engine:
        for _ in range(2):
            await engine.models.discover()
        assert len(told) == (state != "ready")
        assert all("No questions are sent to it unless you choose it" in notice.title for notice in told)
        found = standing(engine, "vllm/tiny")
        assert found is not None
        assert (found.state, found.usable) == (state, True)
        asked = "vllm/tiny" in {model.name for model in engine.models.in_use()}
        assert asked is (state == "ready")
    assert server.exchanges == []


async def test_a_strangers_server_is_used_once_it_was_chosen_and_that_is_remembered(server: ModelServer) -> None:
    async with engine_with(known=row_of(server), owner_of=lambda host, port: STRANGER) as engine:
        await engine.models.discover()
        await engine.models.use("vllm/tiny")
        assert list(await engine.models.chosen_models()) == ["vllm/tiny"]
        answer = await engine.ask(None, "hello", Request(model="vllm/tiny"))
        await ended(answer)
        assert answer.turn.state == "complete"


@pytest.mark.parametrize(("owner", "answers"), [(STRANGER, True), (NOBODY, False), (UNSEEN, False), (TRUSTED, True)])
async def test_what_was_chosen_is_asked_for_again_where_its_owner_has_changed(
    server: ModelServer, owner: ServerOwner, answers: bool
) -> None:
    async with engine_with(known=row_of(server), owner_of=lambda host, port: STRANGER, saves=True) as engine:
        await engine.models.discover()
        await engine.models.use("vllm/tiny")
    async with engine_with(known=row_of(server), owner_of=lambda host, port: owner, saves=True) as engine:
        await engine.models.recall()
        await engine.models.discover()
        found = standing(engine, "vllm/tiny")
        assert found is not None
        assert (found.state == "ready") is answers
        assert list(await engine.models.chosen_models()) == ["vllm/tiny"]
        # Choosing it again agrees to who runs it now.
        await engine.models.use("vllm/tiny")
        found = standing(engine, "vllm/tiny")
        assert found is not None
        assert found.state == "ready"


async def test_what_was_chosen_is_asked_for_again_where_its_address_has_changed() -> None:
    row = KnownProvider("hub", "Hub", "https://hub.example/v1", keys=("HUB_KEY",), address_variables=("HUB_URL",))
    rows, key = {"hub": replace(row, models=("big",))}, {"HUB_KEY": "k"}
    async with engine_with(known=rows, environ=key, saves=True) as engine:
        await engine.models.discover()
        await engine.models.use("hub/big")
        # As an earlier version has kept it.
        await engine.models.use("hub/old")
        kept = await engine.places.get(CHOSEN)
        assert kept.splitlines() == ["hub/big\thub.example", "hub/old\thub.example"]
        await engine.places.set(CHOSEN, kept.replace("old\thub.example", "old"))
    for url, in_use in (("", {"hub/big", "hub/old"}), ("https://other.example/v1", set[str]())):
        async with engine_with(known=rows, environ={**key, "HUB_URL": url}, saves=True) as engine:
            await engine.models.recall()
            assert {model.name for model in engine.models.in_use() if model.provider == "hub"} == in_use


async def test_a_chosen_server_that_changes_hands_meanwhile_gets_nothing(server: ModelServer) -> None:
    owners = [STRANGER]
    async with engine_with(known=row_of(server), owner_of=lambda host, port: owners[-1]) as engine:
        await engine.models.discover()
        await engine.models.use("vllm/tiny")
        for owner, state in ((STRANGER, "complete"), (NOBODY, "failed"), (NOBODY, "complete")):
            if state == "complete":
                # Named, it is agreed to.
                assert engine.models.knows("vllm/tiny")
            owners.append(owner)
            answer = await engine.ask(None, "hello", Request(model="vllm/tiny", fallback=False))
            await ended(answer)
            assert answer.turn.state == state
    assert sum(exchange.path.endswith("completions") for exchange in server.exchanges) == 2


async def test_the_first_use_tells_where_the_answer_comes_from_and_the_route_does_so_always(
    server: ModelServer,
) -> None:
    told: list[ChatTuiError] = []
    async with engine_with(known=row_of(server), told=told, owner_of=lambda host, port: TRUSTED) as engine:
        await engine.models.discover()
        assert not told
        for _ in range(2):
            answer = await engine.ask(None, "hello", Request(strategy="quality-first"))
            await ended(answer)
            host = server.base_url.removeprefix("http://").removesuffix("/v1")
            assert answer.route is not None
            assert answer.route.tries[0].address == f"{host} (found on this machine, run by ollama)"
    (notice,) = told
    assert isinstance(notice, Notice)
    assert f"vllm at {host}, run by ollama" in notice.title
    assert notice.hint


async def test_a_server_that_becomes_somebody_elses_gets_nothing(server: ModelServer) -> None:
    owners = [TRUSTED]
    async with engine_with(known=row_of(server), owner_of=lambda host, port: owners[-1]) as engine:
        await engine.models.discover()
        owners.append(STRANGER)
        answer = await engine.ask(None, "hello", Request(model="vllm/tiny", fallback=False))
        await ended(answer)
        assert answer.turn.state == "failed"
        assert answer.turn.error is not None
        assert "now runs under another account" in answer.turn.error.title
        assert server.exchanges == []
        assert "vllm/tiny" not in {model.name for model in engine.models.in_use()}


async def test_a_server_on_ipv6_only_is_found() -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    answer = saying(whole(b'{"data":[{"id":"tiny"}]}'))
    try:
        async with RawServer(answer, host="::1") as server:
            answers = await scan({"x": PortCandidate(server.port, "/v1/models")}, 5)
            assert (answers["x"].status, answers["x"].host) == (200, "[::1]")
            assert server.asked[0].headers["host"] == f"[::1]:{server.port}"
            rows = {"vllm": KnownProvider("vllm", "vLLM", "http://127.0.0.1:1/v1", port=server.port, local=True)}
            async with engine_with(known=rows, owner_of=lambda host, port: TRUSTED) as engine:
                await engine.models.discover()
                assert standing(engine, "vllm/tiny") is not None
    except OSError:
        pytest.skip("there is no IPv6 here")


async def test_a_first_use_is_told_once_for_each_server_and_owner_over_all_runs(tmp_path: Path) -> None:
    file = tmp_path / "state" / "found.json"
    told: list[ChatTuiError] = []
    provider = Provider("vllm", base_url="http://127.0.0.1:8000/v1", local=True)
    for owner, count in ((TRUSTED, 1), (TRUSTED, 1), (STRANGER, 2), (UNSEEN, 3), (STRANGER, 3)):
        servers = FoundServers(told.append, told_file=file)
        await servers.notify_use(provider, owner)
        assert len(told) == count
    assert "an unknown account" in told[-1].title
    file.write_text("{nonsense")
    await FoundServers(told.append, told_file=file).notify_use(provider, TRUSTED)
    assert len(told) == 5
    assert "found.json cannot be read" in told[3].title
    private = FoundServers(told.append)
    await private.notify_use(provider, TRUSTED)
    await private.notify_use(provider, TRUSTED)
    assert len(told) == 6
