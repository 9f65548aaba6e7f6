"""Reads web pages, none of them on this machine or in a private network.

This process looks up the host, checks all its addresses, and names the child the one to connect to; the child looks up
nothing. A redirect is checked in the same way. Proxies are not used: they would look up the host themselves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin, urlsplit

import msgspec

from chat_tui import __version__
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.tools.builtin.page_messages import WORKER, PageReply, PageRequest
from chat_tui.tools.result_text import bounded_text

SECONDS = 30.0
"""Time for a page, with all redirects."""
MOST_REDIRECTS = 5
TEXT_BYTES = 200_000
_ADDRESS_CHARACTERS = 4000
_TITLE_CHARACTERS = 300
_CERTIFICATES = ("SSL_CERT_DIR", "SSL_CERT_FILE")
_AGENT = f"chat-tui/{__version__}"
_NAT64 = ip_network("64:ff9b::/96")
_EMBEDDING = (
    _NAT64,
    ip_network("2002::/16"),
    ip_network("2001::/32"),
    ip_network("::/96"),
    ip_network("64:ff9b:1::/48"),
)
"""IPv6 networks whose addresses lead to an IPv4 address."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class PageRefused(Exception):
    """A page that cannot be read; the text says why."""


class WebPage(msgspec.Struct, frozen=True):
    """A page as text."""

    address: str
    """Where it was found, after redirects."""
    title: str
    text: str
    content: bytes = b""
    """An image, which has no text."""
    is_cut: bool = False
    """Whether its end is missing."""
    size_bytes: int = 0
    """Bytes read, markup included."""
    date: str = ""
    """When the page says it was changed or published, such as `2026-05-03`."""
    has_scripts: bool = False
    """Whether scripts may write text into the page that is missing here."""


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


def is_public(ip: str) -> bool:
    """Return whether an IP address is on the public internet."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if any(address in network for network in _EMBEDDING):
            return False
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class PageReader:
    """Fetches pages in a child process."""

    def __init__(
        self,
        *,
        resolve: Resolve = resolve_host,
        is_allowed: Callable[[str], bool] = is_public,
        seconds: float = SECONDS,
        python: str = sys.executable,
    ) -> None:
        """`is_allowed` tells whether a page may come from an IP address."""
        self._resolve, self._is_allowed = resolve, is_allowed
        self._seconds, self._python = seconds, python

    async def read(self, address: str, *, most_bytes: int = TEXT_BYTES, takes_files: bool = False) -> WebPage:
        """Fetch a page and return at most this much of its text, an image if `takes_files`, or the text of a PDF.

        Raises `PageRefused`; a cancel ends the fetch.
        """
        url = address.strip()
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(MOST_REDIRECTS + 1):
                    reply = await self._fetch(url, takes_files)
                    if not reply.location:
                        return await asyncio.to_thread(_page_of, url, reply, most_bytes)
                    url = urljoin(url, reply.location)
        except TimeoutError:
            raise PageRefused(f"The page was not there after {self._seconds:.0f} s.") from None
        except ValueError:
            raise PageRefused("This is not a valid address.") from None
        raise PageRefused(f"The page redirects more than {MOST_REDIRECTS} times.")

    async def _fetch(self, url: str, takes_files: bool) -> PageReply:
        """Fetch one address without following a redirect. Raises `PageRefused`, `ValueError`."""
        if len(url) > _ADDRESS_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
            raise PageRefused("This is not a valid address: write other characters than ASCII in percent encoding.")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PageRefused("Only addresses that begin with http:// or https:// can be read.")
        if "@" in parts.netloc:
            raise PageRefused("An address with a user or a password in it is not read.")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        ip = await self._checked_ip(parts.hostname, port)
        return await self._run(PageRequest(url, ip, port, self._seconds, _AGENT, takes_files))

    async def _checked_ip(self, host: str, port: int) -> str:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise PageRefused(f"The host {clean_line(host, 100)} was not found.")
        if not all(map(self._is_allowed, addresses)):
            raise PageRefused(
                f"The host {clean_line(host, 100)} is on this machine or in a private network, which is not read."
            )
        return addresses[0]

    async def _run(self, request: PageRequest) -> PageReply:
        command = child_process.python_command(WORKER, allowed=_CERTIFICATES, python=self._python)
        try:
            process = await child_process.start(command, stdin=PIPE, stdout=PIPE, new_session=True)
        except OSError as error:
            raise PageRefused(f"The page cannot be fetched: {error.strerror or type(error).__name__}.") from None
        try:
            output, _ = await process.communicate(msgspec.json.encode(request))
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        try:
            return await asyncio.to_thread(msgspec.json.decode, output, type=PageReply)
        except msgspec.DecodeError:
            raise PageRefused("The page cannot be read: it is too large or too unusual.") from None


def _page_of(url: str, reply: PageReply, most_bytes: int) -> WebPage:
    if reply.problem:
        raise PageRefused(f"The page cannot be read: {clean_line(reply.problem, 300)}.")
    if reply.status >= 400:
        raise PageRefused(f"The server answers with HTTP {reply.status}.")
    text = clean(reply.text)
    kept = bounded_text(reply.text, text, most_bytes)
    is_cut = reply.is_cut or kept != text
    if reply.is_cut and kept == text:
        kept += "\n[the page is longer: its end was not read]"
    return WebPage(
        clean_line(url, _ADDRESS_CHARACTERS),
        clean_line(reply.title, _TITLE_CHARACTERS),
        kept,
        content=reply.content,
        is_cut=is_cut,
        size_bytes=reply.size_bytes,
        date=clean_line(reply.date, 10),
        has_scripts=reply.has_scripts,
    )
