"""Keys come from where the user has put them, and are shown nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.load import parse
from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.errors import ChatTuiError, KeyMissing, KeyRefused
from chat_tui.core.models import Provider
from chat_tui.core.processes.install_command import install_command
from chat_tui.core.request import Request
from chat_tui.providers.credentials.key_store import KeyStore
from chat_tui.providers.credentials.keyring_library import REQUIREMENT
from chat_tui.providers.credentials.keys import KeyFile, KeyLookup, StoredKeyNames, key_warnings, mask
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with
from tests.wire.raw_server import GOOD, RawServer, chunked, saying, whole

SECRET = "sk-hunter2-0123456789abcdef"

BACKEND = """
import json, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

FILE = pathlib.Path.home() / "ring.json"

class Keyring(KeyringBackend):
    priority = 1
    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, name):
        return self._all().get(f"{service}:{name}")
    def set_password(self, service, name, key):
        FILE.write_text(json.dumps({**self._all(), f"{service}:{name}": key}))
    def delete_password(self, service, name):
        rest = self._all()
        if rest.pop(f"{service}:{name}", None) is None:
            raise PasswordDeleteError("not there")
        FILE.write_text(json.dumps(rest))
"""


def keys(tmp_path: Path, **options: Any) -> KeyLookup:
    return KeyLookup(StoredKeyNames(tmp_path / "keys.json"), **{"environ": {}, **options})


def command(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_a_command_gives_the_key_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    provider = Provider("x", api_key_cmd=command(f"open({str(asked)!r}, 'a').write('x'); print({SECRET!r}); print(2)"))
    source = keys(tmp_path, environ={"X": "other"})
    assert [await source.of(provider), await source.of(provider)] == [SECRET, SECRET]
    assert asked.read_text() == "x"
    source.forget("x")
    assert await source.of(provider) == SECRET
    assert asked.read_text() == "xx"


@pytest.mark.parametrize(
    "code", [f"print({SECRET!r}); exit(3)", "", f"import sys; sys.stderr.write({SECRET!r})", "print('a b')"]
)
async def test_a_command_that_gives_no_key_is_told_without_what_it_wrote(tmp_path: Path, code: str) -> None:
    with pytest.raises((KeyMissing, KeyRefused)) as caught:
        await keys(tmp_path).of(Provider("x", api_key_cmd=command(code)))
    assert "hunter2" not in str(caught.value)


async def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hang = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(KeyMissing, match="within"):
        await keys(tmp_path, seconds=0.5).of(Provider("x", api_key_cmd=command(hang)))
    assert time.monotonic() - began < 3
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_a_command_that_writes_without_end_is_ended(tmp_path: Path) -> None:
    endless = f"import sys\nprint({SECRET!r})\nwhile True: sys.stdout.write('x' * 1000)"
    async with asyncio.timeout(20):
        with pytest.raises(KeyMissing, match="far more than a key"):
            await keys(tmp_path).of(Provider("x", api_key_cmd=command(endless)))


async def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="cannot be run"):
        await keys(tmp_path).of(Provider("x", api_key_cmd=("/no/such/command",)))


def test_a_command_written_as_one_text_is_split_as_a_shell_would_and_run_by_none() -> None:
    from chat_tui.providers.registry import provider_of_row

    row = ProviderRow("x", "http://h/v1", api_key_cmd="pass show 'my key; rm -rf /' $HOME")
    assert provider_of_row(row, None, {}).api_key_cmd == ("pass", "show", "my key; rm -rf /", "$HOME")


async def test_the_variable_the_config_and_none_at_all(tmp_path: Path) -> None:
    provider = Provider("x", api_key_env="X_KEY")
    assert await keys(tmp_path, environ={"X_KEY": f" {SECRET}\n"}).of(provider) == SECRET
    assert await keys(tmp_path, in_config={"x": SECRET}, environ={"X_KEY": "other"}).of(provider) == SECRET
    assert await keys(tmp_path).of(Provider("x")) == ""
    assert await keys(tmp_path).of(Provider("x", api_key_env="X_KEY", key_optional=True)) == ""
    with pytest.raises(KeyMissing) as caught:
        await keys(tmp_path).of(provider)
    assert "$X_KEY" in caught.value.hint
    assert "chat-tui auth add x" in caught.value.hint


def test_a_key_in_the_config_is_warned_of_and_open_permissions_once_more(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[[providers]]\nname = 'openai'\napi_key = '{SECRET}'\n")
    config = parse(file.read_bytes(), str(file))
    assert config.providers[0].api_key == SECRET
    assert "hunter2" not in repr(config)
    file.chmod(0o644)
    told = key_warnings(["openai"], file)
    assert len(told) == 2
    assert "chmod 600" in told[1].hint
    file.chmod(0o600)
    assert len(key_warnings(["openai"], file)) == 1
    assert key_warnings([], file) == []
    assert "hunter2" not in " ".join(map(str, told))


def test_a_key_is_never_shown_whole() -> None:
    assert mask(SECRET) == "…cdef"
    assert mask("short") == "…"


async def test_a_refused_key_is_fetched_anew_for_the_next_question(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    cmd = command(f"f = open({str(asked)!r}, 'a+'); f.write('x'); f.seek(0); print('key-number-' + str(len(f.read())))")
    refused = whole(b'{"error": "expired"}', "401 Unauthorized")
    async with RawServer(saying(refused, chunked(GOOD))) as server:
        row = ProviderRow("box", server.base_url, api_key_cmd=cmd, models=("m",))
        async with engine_with(Config(providers=(row,))) as engine:
            for expected in ("failed", "complete"):
                answer = await engine.ask(None, "hello", Request(model="box/m"))
                await ended(answer)
                assert answer.turn.state == expected
        sent = [asked.headers["authorization"] for asked in server.asked]
        assert sent == ["Bearer key-number-1", "Bearer key-number-2"]


async def test_headers_and_the_key_of_the_config_reach_the_server_with_a_warning(tmp_path: Path) -> None:
    async with ModelServer() as server:
        row = ProviderRow("box", server.base_url, api_key=SECRET, headers={"X-Team": "blue"}, models=("m",))
        told: list[ChatTuiError] = []
        async with engine_with(Config(providers=(row,)), told=told) as engine:
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            await ended(answer)
        headers = server.exchanges[0].headers
        assert (headers["authorization"], headers["x-team"]) == (f"Bearer {SECRET}", "blue")
        assert any("contains the API key of `box`" in error.title for error in told)


# -- without the library for the keyring -------------------------------------------------------------------------------


async def test_a_key_in_the_keyring_stays_there_while_its_library_is_missing(tmp_path: Path) -> None:
    kept, file = StoredKeyNames(tmp_path / "keys.json"), KeyFile(tmp_path / "credentials.json")
    kept.add("groq")
    lookup = KeyLookup(kept, file=file, environ={}, has_library=lambda: False)
    groq = Provider("groq", api_key_env="GROQ_API_KEY")
    assert not await lookup.is_missing(groq)
    with pytest.raises(KeyMissing, match="is in the system's keyring") as caught:
        await lookup.of(groq)
    assert caught.value.hint.startswith(f"{install_command(REQUIREMENT)} adds it")
    assert "chat-tui auth add groq" in caught.value.hint

    store = KeyStore(kept, file, {}, has_library=lambda: False)
    assert await store.keyring_problem() == "`chat-tui doctor` says what adds it"
    with pytest.raises(KeyMissing, match="not installed"):
        await store.save("mistral", SECRET, "keyring")
    with pytest.raises(KeyMissing, match="not installed"):
        await store.remove("groq")
    assert (kept.names(), file.keys()) == (("groq",), {})
    await store.save("mistral", SECRET, "file")
    assert await lookup.of(Provider("mistral", api_key_env="MISTRAL_API_KEY")) == SECRET


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.fixture
def keyring_home(tmp_path: Path) -> dict[str, str]:
    """The environment of a process with a home and a keyring of its own."""
    (tmp_path / "test_keyring_backend.py").write_text(BACKEND)
    root = str(Path(__file__).parents[3])
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
    return {
        **{name: value for name, value in kept.items() if not name.startswith(("XDG_", "CHAT_TUI"))},
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([root, str(tmp_path)]),
        "PYTHON_KEYRING_BACKEND": "test_keyring_backend.Keyring",
        # Nobody is there: keys cannot be checked.
        "GROQ_BASE_URL": "http://127.0.0.1:9/v1",
    }


def auth(home: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return chat_tui(home, "auth", *arguments, stdin=stdin)


def chat_tui(home: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chat_tui", *arguments],
        env=home,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


async def test_a_key_in_the_keyring_is_set_listed_used_and_removed(
    keyring_home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = auth(keyring_home, "set", "groq", stdin=SECRET + "\n")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert json.loads(auth(keyring_home, "list", "--json").stdout) == [
        {"provider": "groq", "place": "keyring", "key": ""}
    ]
    file = next(tmp_path.rglob("keys.json"))  # noqa: ASYNC240
    assert json.loads(file.read_text()) == ["groq"]
    for name, value in keyring_home.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(tmp_path)
    source = KeyLookup(StoredKeyNames(file), environ={})
    assert await source.of(Provider("groq", api_key_env="GROQ_API_KEY")) == SECRET
    assert auth(keyring_home, "remove", "groq").returncode == 0
    assert json.loads(auth(keyring_home, "list", "--json").stdout) == []
    assert auth(keyring_home, "remove", "groq").returncode == 1


def test_auth_says_what_is_wrong(keyring_home: dict[str, str]) -> None:
    assert "Known: anthropic" in auth(keyring_home, "set", "nobody", stdin="x" * 20).stderr
    assert "not a valid key" in auth(keyring_home, "set", "groq", stdin="\n").stderr
    broken = {**keyring_home, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = auth(broken, "set", "groq", "--keyring", stdin=SECRET)
    assert done.returncode == 1
    assert "keyring cannot be used" in done.stderr
    assert "hunter2" not in done.stderr
    listed = auth({**keyring_home, "GROQ_API_KEY": SECRET}, "list").stdout
    assert "$GROQ_API_KEY" in listed
    assert "hunter2" not in listed


def test_without_a_keyring_the_key_is_in_a_private_file_and_that_is_said(
    keyring_home: dict[str, str], tmp_path: Path
) -> None:
    broken = {**keyring_home, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    done = auth(broken, "add", "groq", stdin=SECRET)
    assert done.returncode == 0
    assert "could not be checked" in done.stderr
    file = next(tmp_path.rglob("credentials.json"))
    assert f"saved in {file}, which only you can read (no keyring: " in done.stdout
    assert (file.stat().st_mode & 0o777, json.loads(file.read_text())) == (0o600, {"groq": SECRET})
    assert [row["place"] for row in json.loads(auth(broken, "list", "--json").stdout)] == ["file"]
    over = auth({**broken, "GROQ_API_KEY": SECRET}, "add", "groq", stdin=SECRET)
    assert "$GROQ_API_KEY takes precedence" in over.stderr
    # The keyring precedes the file, and a provider has one key.
    assert auth(keyring_home, "add", "groq", "--keyring", stdin=SECRET).returncode == 0
    assert json.loads(file.read_text()) == {}
    assert auth(keyring_home, "add", "groq", "--file", stdin=SECRET).returncode == 0
    assert json.loads((tmp_path / "ring.json").read_text()) == {}
    assert str(file) in auth(keyring_home, "remove", "groq").stdout
    shown = done.stdout + done.stderr + over.stderr
    assert "hunter2" not in shown


def test_a_key_on_the_command_line_is_refused_and_not_repeated(keyring_home: dict[str, str], tmp_path: Path) -> None:
    done = auth(keyring_home, "add", "groq", SECRET)
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
    assert not list(tmp_path.rglob("credentials.json"))


async def test_a_refused_key_is_not_saved(keyring_home: dict[str, str], tmp_path: Path) -> None:
    said = whole(json.dumps({"error": {"message": f"Incorrect API key: {SECRET}"}}).encode(), "401 Unauthorized")
    async with RawServer(saying(said, whole(b'{"data": [{"id": "m"}]}'))) as server:
        home = {**keyring_home, "GROQ_BASE_URL": server.base_url}
        done = await asyncio.to_thread(auth, home, "add", "groq", "--file", stdin=SECRET)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Incorrect API key: [key]" in done.stderr
        assert "hunter2" not in done.stderr
        assert not (tmp_path / ".local/share/chat-tui/credentials.json").exists()
        done = await asyncio.to_thread(auth, home, "add", "groq", "--file", stdin=SECRET)
        assert "accepts it and lists 1 model." in done.stdout


async def test_a_server_is_added_from_the_command_line(keyring_home: dict[str, str], tmp_path: Path) -> None:
    refused = whole(b'{"error": {"message": "no key"}}', "401 Unauthorized")
    async with RawServer(saying(refused, whole(b'{"data": [{"id": "m"}]}'))) as server:
        add = ("models", "add", server.base_url.removesuffix("/v1"), "--name", "box")
        done = await asyncio.to_thread(chat_tui, keyring_home, *add)
        assert done.returncode == 1
        assert "--key" in done.stderr
        done = await asyncio.to_thread(chat_tui, keyring_home, *add, "--key", "--json", stdin=SECRET)
        assert json.loads(done.stdout)["added"]["models"] == 1
    text = (tmp_path / ".config/chat-tui/config.toml").read_text()
    assert text == f'[[providers]]\nname = "box"\nbase_url = "{server.base_url.removesuffix("/v1")}"\n'
    assert json.loads((tmp_path / "ring.json").read_text()) == {"chat-tui:box": SECRET}
    assert "GGUF" in chat_tui(keyring_home, "models", "add", "/no/such/file").stderr
