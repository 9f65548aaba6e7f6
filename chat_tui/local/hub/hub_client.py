"""A client for Hugging Face: what a repository contains, and its files. All calls block."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx
import msgspec

from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import read_regular
from chat_tui.core.files.system_trust import system_trust

_ENDPOINT = "https://huggingface.co"
_RECORD_BYTES = 50_000_000
_TOKEN_BYTES = 10_000
_CONNECT_SECONDS = 30.0
_READ_SECONDS = 30.0
"""The longest wait for the next bytes."""
_TRIES = 5
"""For a file, in a row and without a byte received."""
_PAUSE_SECONDS = 0.5
"""Before the second try; each later pause is twice as long."""
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class HubError(Exception):
    """The hub refused a request, with its reason."""


class GatedRepository(HubError):
    """The terms of the repository must be accepted first."""


class NotOnHub(HubError):
    """There is no such repository or file, or it is private."""


class HubUnreachable(HubError):
    """There is no connection, or it was lost."""


class BadEndpoint(HubError):
    """The address of the hub, or of the proxy, is not valid."""


class HubFile(msgspec.Struct, frozen=True):
    """A file of a repository."""

    repository: str
    name: str
    commit: str
    size: int
    """Bytes."""
    sha256: str = ""
    """Empty if the file is not in large file storage."""


class HubClient:
    """Requests to the hub, with the user's token for it.

    Every method raises `HubError`, and `ValueError`, `TypeError`, `LookupError`, `AttributeError` or `RecursionError`
    for a reply that does not describe a repository or its file.
    """

    def __init__(self, endpoint: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        """`endpoint` is a mirror's address; the proxy comes from the environment. Raises `BadEndpoint`."""
        self._endpoint = (endpoint or _ENDPOINT).rstrip("/")
        token = _token(environ)
        headers = {"User-Agent": "chat-tui", "Accept-Encoding": "identity"}
        if token:
            # The client does not send it to another host that it is redirected to.
            headers["Authorization"] = f"Bearer {token}"
        try:
            self._client = httpx.Client(
                headers=headers,
                verify=system_trust(),
                follow_redirects=True,
                timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise BadEndpoint("the address of the proxy is not valid") from error
        except ImportError as error:
            raise BadEndpoint("a SOCKS proxy needs the package `socksio`") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def files(self, repository: str) -> dict[str, HubFile]:
        """Return the files of the newest commit, by their names, which are as the hub gives them."""
        with self._reply(f"{self._endpoint}/api/models/{repository}?blobs=true") as reply:
            content = bytearray()
            for piece in reply.iter_raw():
                content += piece
                if len(content) > _RECORD_BYTES:
                    raise ValueError("the record is too long")
        record = json.loads(content)
        commit = record["sha"]
        if not _COMMIT.fullmatch(commit):
            raise ValueError("no commit")
        named = [row for row in record["siblings"] if isinstance(row["rfilename"], str)]
        return {row["rfilename"]: _file(repository, commit, row) for row in named}

    def download(self, file: HubFile, target: BinaryIO, received: Callable[[int], None]) -> None:
        """Append to what the target has of the file until it is complete; an interrupted transfer is resumed.

        `received` is called with the number of bytes that are written, first with those that were there.
        """
        address = f"{self._endpoint}/{file.repository}/resolve/{file.commit}/{quote(file.name, safe='/')}"
        at = target.tell()
        if at > file.size:
            at = target.truncate(target.seek(0))
        failures = 0
        received(at)
        while at < file.size:
            before = at
            try:
                with self._reply(address, at) as reply:
                    at = _start(reply, file, target, at)
                    for piece in reply.iter_raw():
                        at += len(piece)
                        if at > file.size:
                            raise ValueError("the file is longer than its record says")
                        target.write(piece)
                        target.flush()
                        received(at)
                if at == before:
                    raise ValueError("the file is shorter than its record says")
            except HubUnreachable:
                failures = 0 if at > before else failures + 1
                if failures >= _TRIES:
                    raise
                time.sleep(_PAUSE_SECONDS * 2**failures)

    @contextmanager
    def _reply(self, address: str, start: int = 0) -> Iterator[httpx.Response]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client.stream("GET", address, headers=headers) as reply:
                if not reply.is_success:
                    raise _refusal(reply)
                yield reply
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise BadEndpoint("the address of the hub is not valid") from error
        except httpx.HTTPError as error:
            raise HubUnreachable(str(error) or type(error).__name__) from error


def _refusal(reply: httpx.Response) -> HubError:
    code = reply.headers.get("X-Error-Code", "")
    why = reply.headers.get("X-Error-Message", "") or f"the hub answered {reply.status_code}"
    if code == "GatedRepo":
        return GatedRepository(why)
    # To those who may not see a repository the hub says 401, whether there is one or not.
    if reply.status_code in {401, 404} or code == "RepoNotFound":
        return NotOnHub(why)
    return HubError(why)


def _start(reply: httpx.Response, file: HubFile, target: BinaryIO, at: int) -> int:
    """Check what the reply announces; returns the place in the file where its body begins."""
    if reply.status_code != 206 and at:
        at = target.truncate(target.seek(0))
    length = reply.headers.get("Content-Length", "")
    if length.isdigit() and at + int(length) != file.size:
        raise ValueError("the file's size is not the one in its record")
    return at


def _file(repository: str, commit: str, row: Mapping[str, Any]) -> HubFile:
    lfs, size = row.get("lfs") or {}, row["size"]
    found = lfs.get("sha256", "")
    if not isinstance(size, int) or size < 0 or (found and not _SHA256.fullmatch(found)):
        raise ValueError("no size or no hash")
    return HubFile(repository, row["rfilename"], commit, size, found)


def _token(environ: Mapping[str, str]) -> str:
    """Return the token of `HF_TOKEN`, or the one that the hub's own command line has saved; empty if there is none."""
    if token := environ.get("HF_TOKEN", "").strip():
        return token
    cache = Path(environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    file = environ.get("HF_TOKEN_PATH") or Path(environ.get("HF_HOME") or cache) / "token"
    try:
        return read_regular(expand_home(file), _TOKEN_BYTES).decode("ascii").strip()
    except (OSError, ValueError, RuntimeError):
        return ""
