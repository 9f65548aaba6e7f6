"""The user's own models: added, pulled, listed, loaded when they are asked, unloaded when they are idle."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.server
import json
import os
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.load import parse
from chat_tui.config.schema import Config, LocalModel, ModelRow
from chat_tui.core.errors import ConfigError, LocalModelError, Rejected
from chat_tui.core.request import Request
from chat_tui.local.gguf import head_of
from chat_tui.local.hub.huggingface import choose, pull
from chat_tui.local.library import Library
from tests.support.isolated_engine import ended, engine_with, standing
from tests.support.weights import weights_file

__all__ = ["weights_file"]

STORY = "Write a long story about the sea."
"""Its answer does not end within a few tokens."""


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(name: str = "Tiny", window: int = 8192, pooling: int | None = None) -> bytes:
    """A file with a head and nothing behind it."""
    pooled = [] if pooling is None else [text("llama.pooling_type") + struct.pack("<II", 4, pooling)]
    pairs = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("general.tags") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
        text("general.sizes") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<III", 1, 2, 3),
        text("general.name") + struct.pack("<I", 8) + text(name),
        text("llama.context_length") + struct.pack("<II", 4, window),
        *pooled,
        text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("gpt2"),
    ]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A home of the test's own, but the cache, which holds the built-in weights."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CHAT_TUI_CONFIG", os.devnull)
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HF_HUB_DISABLE_TELEMETRY": "1"}


def models(home: dict[str, str], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chat_tui", "models", *arguments]
    return subprocess.run(command, env={**home, **more}, capture_output=True, text=True, timeout=60)


def test_the_head_of_a_file_tells_name_and_window(tmp_path: Path, weights_file: Path) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(gguf("Tiny \x1b[31m"))
    head = head_of(file)
    assert (head.architecture, head.context_window) == ("llama", 8192)
    assert "\x1b" not in head.name
    assert head_of(weights_file).context_window == 8192


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"PK\x03\x04", gguf()[:40], gguf()[:-60], b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40)]
)
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(content)
    with pytest.raises(LocalModelError, match=re.escape(str(file))):
        head_of(file)


def test_models_are_added_listed_and_removed(home: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "My Model.Q4_0.gguf"
    file.write_bytes(gguf())
    assert models(home, "add", str(file)).returncode == 0
    again = models(home, "add", str(file), "--name", "other", "--json")
    assert json.loads(again.stdout)["added"]["name"] == "local/other"
    rows = {row["name"]: row for row in json.loads(models(home, "list", "--json").stdout)}
    assert set(rows) == {"local/smollm2-135m", "local/my-model.q4_0", "local/other"}
    assert (rows["local/other"]["title"], rows["local/other"]["context_window"]) == ("Tiny", 8192)
    assert "local/other" in models(home, "list").stdout
    assert models(home, "remove", "other").returncode == 0
    assert file.exists()
    assert "local/other" not in models(home, "list").stdout
    missing = models(home, "remove", "other")
    assert missing.returncode == 1
    assert "local/my-model.q4_0" in missing.stderr
    assert models(home, "add", str(tmp_path / "nothing.gguf")).returncode == 1
    assert models(home, "add", str(file), "--name", "smollm2-135m").returncode == 1


def test_a_row_with_a_path_is_named_local(tmp_path: Path) -> None:
    for name in ("box/x", "local/smollm2-135m"):
        with pytest.raises(ConfigError, match="must be local/NAME"):
            parse(f"[[models]]\nname = '{name}'\npath = 'x.gguf'\n".encode(), "x")


async def test_two_models_load_when_asked_and_unload_when_idle(home: dict[str, str], weights_file: Path) -> None:
    rows = tuple(ModelRow(f"local/{name}", context_window=512, path=str(weights_file)) for name in ("one", "two"))
    config = Config(models=rows, local=LocalModel(idle_minutes=0.4 / 60, threads=1))
    async with engine_with(config) as engine:
        assert {standing(engine, row.name).state for row in rows} == {"ready"}  # type: ignore[union-attr]

        async def asked(name: str) -> tuple[str, str]:
            answer = await engine.ask(None, STORY, Request(model=name, max_tokens=4, temperature=0))
            await ended(answer)
            return answer.turn.state, standing(engine, name).state  # type: ignore[union-attr]

        # Each looks as soon as its own answer has ended: the slower one's may take longer than the idle time.
        assert await asyncio.gather(*(asked(row.name) for row in rows)) == [("length", "loaded")] * 2
        async with asyncio.timeout(10):
            while {standing(engine, row.name).state for row in rows} != {"ready"}:  # type: ignore[union-attr] # noqa: ASYNC110
                await asyncio.sleep(0.05)
        answer = await engine.ask(None, STORY, Request(model="local/one", max_tokens=4, temperature=0))
        await ended(answer)
        assert answer.turn.state == "length"


async def test_a_file_that_has_gone_is_told_when_it_is_chosen(home: dict[str, str], tmp_path: Path) -> None:
    config = Config(models=(ModelRow("local/gone", path=str(tmp_path / "gone.gguf")),))
    async with engine_with(config) as engine:
        found = standing(engine, "local/gone")
        assert found is not None
        assert not found.model.selectable
        answer = await engine.ask(None, "hello", Request(model="local/gone"))
        chunks = [chunk async for chunk in answer.follow()]
        assert answer.turn.state == "failed"
        assert "gone.gguf" in str(chunks)


# -- embeddings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pooling", "makes_embeddings"), [(None, False), (0, False), (1, True), (3, True), (4, False)])
def test_the_head_of_a_file_tells_whether_it_makes_embeddings(
    tmp_path: Path, pooling: int | None, makes_embeddings: bool
) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(gguf(pooling=pooling))
    assert head_of(file).makes_embeddings == makes_embeddings


def for_embeddings(file: Path) -> bytes:
    """The file of a model with a way of pooling in its head; what is added keeps the alignment of the rest."""
    raw = file.read_bytes()
    version, tensors, pairs = struct.unpack("<IQQ", raw[4:24])
    added = text("llama.pooling_type") + struct.pack("<II", 4, 1) + text("test.a") + struct.pack("<I", 8) + text("abcd")
    assert len(added) % 32 == 0
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs + 2) + added + raw[24:]


@pytest.mark.weights
async def test_a_file_of_a_model_for_embeddings_makes_them(
    home: dict[str, str], weights_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "embed.gguf").write_bytes(for_embeddings(weights_file))
    rows = (
        ModelRow("local/embed", context_window=256, path=str(tmp_path / "embed.gguf")),
        ModelRow("local/chat", context_window=256, path=str(weights_file)),
    )
    async with engine_with(Config(models=rows, local=LocalModel(threads=1), daily_budget=0.0)) as engine:
        found = standing(engine, "local/embed")
        assert found is not None
        assert (found.model.selectable, found.model.not_for_chat) == (False, "makes embeddings")
        embedded = await engine.embeddings.embed("local/embed", {"model": "embed", "input": ["Hello", "word " * 100]})
        with pytest.raises(Rejected, match="does not make embeddings"):
            await engine.embeddings.embed("local/chat", {"model": "chat", "input": "Hello"})
    assert [len(row["embedding"]) for row in embedded.reply["data"]] == [576, 576]
    assert embedded.tokens > 100
    assert embedded.cost == 0


# -- pulling -----------------------------------------------------------------------------------------------------------

SIZES = {"m-Q8_0.gguf": 30, "m-Q4_K_M.gguf": 20, "m-F16.gguf": 40, "m-Q4_0-00001-of-00002.gguf": 10}


@pytest.mark.parametrize(
    ("wanted", "chosen"), [("", "m-Q4_K_M.gguf"), ("q8_0", "m-Q8_0.gguf"), ("m-F16.gguf", "m-F16.gguf")]
)
def test_the_file_that_is_meant_is_chosen(wanted: str, chosen: str) -> None:
    assert choose(SIZES, wanted, "o/r") == chosen


@pytest.mark.parametrize("wanted", ["q4_0", "gguf", "nothing"])
def test_a_file_that_is_not_clear_is_asked_for(wanted: str) -> None:
    with pytest.raises(LocalModelError):
        choose(SIZES, wanted, "o/r")
    with pytest.raises(LocalModelError, match="written as ORG/REPO"):
        pull("../../etc", Path("x"), lambda *_: None)


class Hub(http.server.ThreadingHTTPServer):
    """As much of Hugging Face as a pull needs, on loopback."""

    daemon_threads = True

    def __init__(self, content: bytes, sha256: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _HubPage)
        self.content, self.sha256 = content, sha256 or hashlib.sha256(content).hexdigest()
        self.cut_at: int | None = None
        self.stalls = False
        """Whether it waits, before it cuts, until its client goes away."""
        self.file_names: list[Any] = ["tiny-Q4_0.gguf"]
        self.told_size: int | None = None
        """What its record says of the file's size, in place of the truth."""
        self.record: bytes | None = None
        """In place of the repository's own."""
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _HubPage(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if not self.path.startswith("/api/"):
            self._file(body=True)
            return
        hub = self.server
        size = len(hub.content) if hub.told_size is None else hub.told_size
        lfs = {"sha256": hub.sha256, "size": size, "pointerSize": 1}
        rows = [{"rfilename": name, "size": size, "lfs": lfs} for name in hub.file_names]
        found = "/api/models/org/tiny" in self.path
        body = json.dumps({"id": "org/tiny", "sha": "c" * 40, "siblings": rows} if found else {"error": "no"}).encode()
        if found and hub.record is not None:
            body = hub.record
        self.send_response(200 if found else 404)
        if not found:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, *, body: bool) -> None:
        hub, start = self.server, 0
        asked = self.headers.get("Range", "")
        if body:
            hub.ranges.append(asked)
        if match := re.match(r"bytes=(\d+)-", asked):
            start = int(match[1])
        part = hub.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hub.sha256}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("X-Linked-Size", str(len(hub.content)))
        self.send_header("X-Linked-ETag", f'"{hub.sha256}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(hub.content) - 1}/{len(hub.content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body:
            cut, hub.cut_at = hub.cut_at, None
            self.wfile.write(part[:cut])
            if cut is not None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    while hub.stalls and self.connection.recv(1):
                        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    content = gguf() + os.urandom(300_000)
    server = Hub(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_model_is_pulled_checked_and_removed_with_its_file(home: dict[str, str], hub: Hub) -> None:
    done = models(home, "pull", "org/tiny", "--json", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["pulled"]
    assert (model["name"], model["source"]) == ("local/tiny-q4_0", "org/tiny:tiny-Q4_0.gguf")
    assert Path(model["path"]).read_bytes() == hub.content
    assert models(home, "remove", "tiny-q4_0").returncode == 0
    assert not Path(model["path"]).exists()


def test_a_pull_reports_only_what_a_kill_would_leave(hub: Hub, tmp_path: Path) -> None:
    hub.content += os.urandom(24_000_000)
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    told: list[tuple[int, int]] = []

    def received(count: int, total: int) -> None:
        assert total == len(hub.content)
        told.append((count, sum(file.stat().st_size for file in tmp_path.rglob("*.part"))))

    pull("org/tiny", tmp_path, received, endpoint=hub.url)
    assert told[0] == (0, 0)
    assert told[-1] == (len(hub.content), len(hub.content))
    assert len(told) >= 3
    assert all(count <= kept for count, kept in told), told


def test_a_pull_that_is_broken_off_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    # It is kept in pieces of 10 MB.
    hub.content += os.urandom(11_000_000)
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    hub.cut_at = 10_900_000
    told: list[tuple[int, int]] = []
    file, _ = pull("org/tiny", tmp_path, lambda *how: told.append(how), endpoint=hub.url)
    assert file.read_bytes() == hub.content
    assert any(asked.startswith("bytes=") and asked != "bytes=0-" for asked in hub.ranges), hub.ranges
    assert told[-1][0] == len(hub.content)


def test_a_wrong_checksum_keeps_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.sha256 = "0" * 64
    with pytest.raises(LocalModelError, match="checksum"):
        pull("org/tiny", tmp_path, lambda *_: None, endpoint=hub.url)
    assert not list(tmp_path.rglob("*.gguf"))


def test_what_is_not_there_is_told(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match="the repository does not exist"):
        pull("org/other", tmp_path, lambda *_: None, endpoint=hub.url)
    with pytest.raises(LocalModelError, match="could not be pulled: Hugging Face cannot be reached") as caught:
        pull("org/tiny", tmp_path, lambda *_: None, endpoint="http://127.0.0.1:9")
    assert "HTTPS_PROXY" in caught.value.hint
    assert Library(tmp_path / "none.json").models() == []


@pytest.mark.parametrize(
    "file_name",
    [
        "../x.gguf",
        "a/../../x.gguf",
        "/tmp/x.gguf",
        "..\\x.gguf",
        "C:\\x.gguf",
        "c:x.gguf",
        "a\x00.gguf",
        "a\x1b]0;x\x07.gguf",
        "a\u202e.gguf",
        "a//x.gguf",
        "x" * 300 + ".gguf",
        "x.gguf/",
        "\ud800.gguf",
        7,
        None,
    ],
)
def test_a_file_whose_name_leaves_the_folder_is_not_pulled(hub: Hub, tmp_path: Path, file_name: Any) -> None:
    folder = tmp_path / "data" / "models"
    hub.file_names = [file_name]
    with pytest.raises(LocalModelError, match="could not be pulled") as caught:
        pull("org/tiny", folder, lambda *_: None, endpoint=hub.url)
    assert str(caught.value).isprintable()
    assert not list(tmp_path.rglob("*.gguf"))

    hub.file_names = [file_name, "fine/tiny.gguf"]
    if isinstance(file_name, str):
        file, source = pull("org/tiny", folder, lambda *_: None, endpoint=hub.url)
        assert file.read_bytes() == hub.content
        assert source == "org/tiny:fine/tiny.gguf"


SHA = b'"sha": "' + b"c" * 40 + b'"'


@pytest.mark.parametrize(
    "record",
    [
        b"[" * 200_000,
        b'{"id": "org/tiny", ' + SHA + b', "siblings": ' + b"[" * 200_000,
        b"[]",
        b"7",
        b"not JSON",
        b"\xff\xfe",
        b'{"id": "org/tiny"}',
        b'{"id": "org/tiny", "sha": "../../x", "siblings": [{"rfilename": "x.gguf"}]}',
        b'{"id": "org/tiny", "sha": 7, "siblings": [{"rfilename": "x.gguf"}]}',
        b'{"id": "org/tiny", ' + SHA + b', "siblings": [7]}',
        b'{"id": "org/tiny", ' + SHA + b', "siblings": [{"rfilename": "x.gguf", "lfs": 7}]}',
        b'{"id": "org/tiny", ' + SHA + b', "siblings": {}}',
    ],
)
def test_a_record_that_is_no_repositorys_ends_in_a_sentence(hub: Hub, tmp_path: Path, record: bytes) -> None:
    hub.record = record
    with pytest.raises(LocalModelError, match="org/tiny could not be pulled"):
        pull("org/tiny", tmp_path, lambda *_: None, endpoint=hub.url)


def test_a_pull_that_fails_ends_in_a_sentence_on_the_command_line(home: dict[str, str], hub: Hub) -> None:
    hub.file_names = ["../x.gguf"]
    done = models(home, "pull", "org/tiny", HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert done.stderr.startswith("chat-tui: org/tiny could not be pulled: ")
    assert len(done.stderr.splitlines()) == 2
    done = models(home, "pull", "org/tiny", HF_ENDPOINT="http://[")
    assert done.returncode == 1
    assert done.stderr.startswith("chat-tui: org/tiny could not be pulled: ")


@pytest.mark.parametrize("size", [int("9" * 30), -5, 7])
def test_a_size_that_is_not_true_ends_in_a_sentence(home: dict[str, str], hub: Hub, tmp_path: Path, size: int) -> None:
    hub.told_size = size
    done = models(home, "pull", "org/tiny", HF_ENDPOINT=hub.url)
    assert done.returncode == 1
    assert done.stderr.startswith("chat-tui: org/tiny could not be pulled: ")
    assert len(done.stderr.splitlines()) == 2
    assert not list(tmp_path.rglob("*.gguf"))


def test_what_is_no_model_is_not_kept(hub: Hub, tmp_path: Path) -> None:
    hub.content = b"<html>" * 1000
    hub.sha256 = hashlib.sha256(hub.content).hexdigest()
    with pytest.raises(LocalModelError, match="the downloaded file is not GGUF"):
        pull("org/tiny", tmp_path, lambda *_: None, endpoint=hub.url)
    assert not list(tmp_path.rglob("*.gguf"))


@pytest.mark.parametrize(
    "content", [b'[{"name": "a", "path": "b", "x": ' + b"[" * 200_000, b"[" * 200_000, b"{}", b"\xff"]
)
def test_a_damaged_list_of_models_is_put_aside(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "models.json"
    file.write_bytes(content)
    assert Library(file).models() == []
    assert (tmp_path / "models.json.damaged").read_bytes() == content
    own = tmp_path / "own.gguf"
    own.write_bytes(gguf())
    Library(file).add(own)
    assert [model.name for model in Library(file).models()] == ["local/own"]
