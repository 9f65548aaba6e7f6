"""Whose process listens on a port of this machine, as far as the system tells. Blocking calls of about a millisecond.

Linux tells the account of each socket in `/proc/net/tcp` and `/proc/net/tcp6` (see proc(5)); elsewhere, and for
servers behind another network namespace, nobody knows.
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
_FIRST_PERSON = 1000
"""The least number of a person's account, where `/etc/login.defs` does not tell it."""
_NOBODY = 65534
_FILE_BYTES = 16 * 1024 * 1024

Address = IPv4Address | IPv6Address


class ServerOwner(msgspec.Struct, frozen=True):
    """The account that a listening server runs as."""

    uid: int | None = None
    """None where that cannot be seen."""
    is_trusted: bool = False
    """It is the user's own, root's, or one of the system's services'."""
    name: str = ""
    """As people call it; empty where it cannot be seen."""


class Listener(msgspec.Struct, frozen=True):
    """A listening socket of `/proc/net/tcp` or `tcp6`."""

    address: Address
    port: int
    uid: int


OwnerLookup = Callable[[str, int], ServerOwner]
"""(IP address that is connected to, port) to the owner of who answers there."""


def listening_owner(host: str, port: int) -> ServerOwner:
    """The owner of the server that answers at this address of this machine."""
    uids = set(_uids(host, port, _listeners()))
    if not uids:
        return ServerOwner()
    own, people = os.getuid(), _least_of_people()
    nobody = _nobody()
    # Several may share a port; then nobody knows which of them answers.
    uid = max(uids, key=lambda each: not is_trusted(each, own, people, nobody))
    return ServerOwner(uid, is_trusted(uid, own, people, nobody), "you" if uid == own else _name_of(uid))


def is_trusted(uid: int, own: int, least_of_people: int, nobody: Sequence[int]) -> bool:
    """The account is the user's own, or one of the system; `nobody` is neither: anything may run as that."""
    return uid == own or (uid < least_of_people and uid not in nobody)


def listeners_of(table: str) -> Iterator[Listener]:
    """The listening sockets of a table as Linux writes it."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[3] == _LISTENS and fields[7].isdigit():
            address, _, port = fields[1].partition(":")
            try:
                yield Listener(_address(address), int(port, 16), int(fields[7]))
            except ValueError:
                continue


def _address(text: str) -> Address:
    """From hexadecimal words in the machine's own byte order."""
    words = bytes.fromhex(text)
    order = 1 if sys.byteorder == "big" else -1
    packed = b"".join(words[at : at + 4][::order] for at in range(0, len(words), 4))
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def _uids(host: str, port: int, listeners: Sequence[Listener]) -> list[int]:
    """Of the sockets that a connection to this address reaches: the one that is bound most exactly."""
    asked = ip_address(host.strip("[]"))
    at_port = [listener for listener in listeners if listener.port == port]
    exact = [listener.uid for listener in at_port if _unmapped(listener.address) == asked]
    if exact:
        return exact
    same = [each.uid for each in at_port if each.address.is_unspecified and each.address.version == asked.version]
    # A socket for all of IPv6 takes IPv4 as well, unless it says otherwise.
    return same or [each.uid for each in at_port if each.address == IPv6Address("::")]


def _unmapped(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _listeners() -> list[Listener]:
    return [each for name in ("tcp", "tcp6") for each in listeners_of(_read(Path("/proc/net") / name))]


def _least_of_people() -> int:
    found = re.search(r"^\s*UID_MIN\s+(\d{1,9})\s*$", _read(Path("/etc/login.defs")), re.MULTILINE)
    return int(found[1]) if found else _FIRST_PERSON


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
