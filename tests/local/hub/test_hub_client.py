"""What is promised of the client for the hub: who gets the token, what a refusal says, and that a file is what its
record says."""

from __future__ import annotations

import http.server
import io
import json
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from chat_tui.local.hub.hub_client import (
    BadEndpoint,
    GatedRepository,
    HubClient,
    HubError,
    HubFile,
    HubUnreachable,
    NotOnHub,
)

TOKEN = "hf_0123456789"
FILE = HubFile("org/tiny", "a b.gguf", "c" * 40, 8)


class _Page(http.server.BaseHTTPRequestHandler):
    """Answers each path with a status, headers and a body, and notes the token that came."""

    protocol_version = "HTTP/1.1"
    replies: dict[str, tuple[int, dict[str, str], bytes]]
    tokens: dict[str, str | None]

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.tokens[self.path] = self.headers.get("Authorization")
        status, headers, body = self.replies.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Site:
    """A server on loopback."""

    def __init__(self) -> None:
        self.replies: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.tokens: dict[str, str | None] = {}
        page = type("Page", (_Page,), {"replies": self.replies, "tokens": self.tokens})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), page)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def storage() -> Iterator[Site]:
    """Where the hub sends those who want a file."""
    site = Site()
    yield site
    site.close()


@pytest.mark.parametrize("kept", ["variable", "token path", "home", "cache"])
def test_the_token_goes_to_the_hub_and_to_no_host_that_it_redirects_to(
    site: Site, storage: Site, tmp_path: Path, kept: str
) -> None:
    token_file = tmp_path / ("huggingface/token" if kept == "cache" else "token")
    token_file.parent.mkdir(exist_ok=True)
    token_file.write_text(f"{TOKEN}\n")
    environ = {
        "variable": {"HF_TOKEN": TOKEN},
        "token path": {"HF_TOKEN_PATH": str(token_file)},
        "home": {"HF_HOME": str(tmp_path)},
        "cache": {"XDG_CACHE_HOME": str(tmp_path)},
    }[kept]
    address = "/org/tiny/resolve/" + "c" * 40 + "/a%20b.gguf"
    site.replies[address] = (302, {"Location": f"{storage.url}/blob"}, b"")
    storage.replies["/blob"] = (200, {}, b"GGUF1234")
    target, told = io.BytesIO(), list[int]()
    client = HubClient(site.url, environ)
    client.download(FILE, target, told.append)
    client.close()
    assert target.getvalue() == b"GGUF1234"
    assert (told[0], told[-1]) == (0, 8)
    assert site.tokens == {address: f"Bearer {TOKEN}"}
    assert storage.tokens == {"/blob": None}


@pytest.mark.parametrize(
    ("status", "headers", "error", "why"),
    [
        (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Ask for access."}, GatedRepository, "Ask for access"),
        (401, {"X-Error-Code": "GatedRepo"}, GatedRepository, "401"),
        (401, {"X-Error-Code": "RepoNotFound"}, NotOnHub, "401"),
        (401, {}, NotOnHub, "401"),
        (404, {"X-Error-Code": "EntryNotFound"}, NotOnHub, "404"),
        (403, {"X-Error-Message": "Forbidden for this token."}, HubError, "Forbidden for this token"),
        (503, {}, HubError, "the hub answered 503"),
    ],
)
def test_a_refusal_is_told_apart(site: Site, status: int, headers: dict[str, str], error: type, why: str) -> None:
    site.replies["/api/models/org/tiny?blobs=true"] = (status, headers, b"")
    client = HubClient(site.url, {})
    with pytest.raises(HubError, match=why) as caught:
        client.files("org/tiny")
    client.close()
    assert caught.type is error
    assert not isinstance(caught.value, HubUnreachable)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "nonsense://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    if proxy.startswith("socks") and find_spec("socksio") is not None:
        pytest.skip("socksio is installed")
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(BadEndpoint, match="proxy"):
        HubClient(None, {})


@pytest.mark.parametrize("body", [b"GGUF", b"GGUF12345", b""])
def test_a_file_of_another_size_than_its_record_says_is_refused(site: Site, body: bytes) -> None:
    site.replies["/org/tiny/resolve/" + "c" * 40 + "/a%20b.gguf"] = (200, {}, body)
    client = HubClient(site.url, {})
    with pytest.raises(ValueError, match="size"):
        client.download(FILE, io.BytesIO(), lambda count: None)
    client.close()


def test_a_server_that_ignores_the_range_has_the_file_begun_anew(site: Site) -> None:
    site.replies["/org/tiny/resolve/" + "c" * 40 + "/a%20b.gguf"] = (200, {}, b"GGUF1234")
    client, target, told = HubClient(site.url, {}), io.BytesIO(b"old"), list[int]()
    target.seek(0, io.SEEK_END)
    client.download(FILE, target, told.append)
    client.close()
    assert (target.getvalue(), told) == (b"GGUF1234", [3, 8])


def test_the_hash_of_a_file_in_large_file_storage_is_read(site: Site) -> None:
    rows = [
        {"rfilename": "a b.gguf", "size": 8, "lfs": {"sha256": "a" * 64, "size": 8}},
        {"rfilename": "README.md", "size": 3},
    ]
    record = json.dumps({"sha": "c" * 40, "siblings": rows}).encode()
    site.replies["/api/models/org/tiny?blobs=true"] = (200, {}, record)
    client = HubClient(site.url, {})
    files = client.files("org/tiny")
    client.close()
    assert files["a b.gguf"].sha256 == "a" * 64
    assert files["README.md"].sha256 == ""
