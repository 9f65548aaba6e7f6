"""Finds the account whose process listens on a local port. Calls block for about a millisecond.

Linux lists the account of each socket in `/proc/net/tcp` and `/proc/net/tcp6` (see proc(5)). On other systems, and for
servers in another network namespace, the account is unknown.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import msgspec

_LISTENS = "0A"
_FIRST_USER = 1000
"""The lowest uid of a regular user, if `/etc/login.defs` does not define it."""
_NOBODY = 65534
_FILE_BYTES = 16 * 1024 * 1024

Address = IPv4Address | IPv6Address


class ServerOwner(msgspec.Struct, frozen=True):
    """The account that a listening server runs as."""

    uid: int | None = None
    """None if it is unknown."""
    is_trusted: bool = False
    """Whether it is the user's own account, root, or a system account."""
    name: str = ""
    """The account's name; empty if it is unknown."""


class Listener(msgspec.Struct, frozen=True):
    """A listening socket of `/proc/net/tcp` or `tcp6`."""

    address: Address
    port: int
    uid: int


OwnerLookup = Callable[[str, int], ServerOwner]
"""Maps an IP address and a port to the owner of the server there."""


def listening_owner(host: str, port: int) -> ServerOwner:
    """The owner of the server that listens at a local address and port."""
    uids = set(_uids(host, port, _listeners()))
    if not uids:
        return ServerOwner()
    own, first_user = os.getuid(), _first_user_uid()
    nobody = _nobody()
    # Several processes may share a port: the least trusted one counts, since any of them may answer.
    uid = max(uids, key=lambda each: not is_trusted(each, own, first_user, nobody))
    return ServerOwner(uid, is_trusted(uid, own, first_user, nobody), "you" if uid == own else _name_of(uid))


def is_trusted(uid: int, own: int, first_user: int, nobody: Sequence[int]) -> bool:
    """Whether the account is the user's own or a system account. `nobody` accounts are not: anything may run as one."""
    return uid == own or (uid < first_user and uid not in nobody)


def listeners_of(table: str) -> Iterator[Listener]:
    """The listening sockets in the text of `/proc/net/tcp` or `tcp6`."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[3] == _LISTENS and fields[7].isdigit():
            address, _, port = fields[1].partition(":")
            try:
                yield Listener(_address(address), int(port, 16), int(fields[7]))
            except ValueError:
                continue


def _address(text: str) -> Address:
    """The address written as hexadecimal words in the machine's byte order."""
    words = bytes.fromhex(text)
    order = 1 if sys.byteorder == "big" else -1
    packed = b"".join(words[at : at + 4][::order] for at in range(0, len(words), 4))
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def _uids(host: str, port: int, listeners: Sequence[Listener]) -> list[int]:
    """The uids of the sockets that a connection reaches: those bound to the address, else to all addresses."""
    asked = ip_address(host.strip("[]"))
    at_port = [listener for listener in listeners if listener.port == port]
    exact = [listener.uid for listener in at_port if _unmap(listener.address) == asked]
    if exact:
        return exact
    same = [each.uid for each in at_port if each.address.is_unspecified and each.address.version == asked.version]
    # A socket bound to all IPv6 addresses usually accepts IPv4 as well.
    return same or [each.uid for each in at_port if each.address == IPv6Address("::")]


def _unmap(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _listeners() -> list[Listener]:
    return [each for name in ("tcp", "tcp6") for each in listeners_of(_read(Path("/proc/net") / name))]


def _first_user_uid() -> int:
    found = re.search(r"^\s*UID_MIN\s+(\d{1,9})\s*$", _read(Path("/etc/login.defs")), re.MULTILINE)
    return int(found[1]) if found else _FIRST_USER


def _nobody() -> Sequence[int]:
    found = [_NOBODY]
    overflow = _read(Path("/proc/sys/kernel/overflowuid")).strip()
    if overflow.isdigit():
        found.append(int(overflow))
    try:
        import pwd

        found.append(pwd.getpwnam("nobody").pw_uid)
    except (ImportError, KeyError):
        pass
    return found


def _name_of(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"account {uid}"


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_FILE_BYTES).decode("ascii", "replace")
    except OSError:
        return ""
