"""A web page that is attached to a question as text."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

import msgspec

from chat_tui.core.attachments.attachment import Attachment

STALE_DAYS = 365
"""A page whose own date is older than that is reported as old."""
_SCHEMES = ("https://", "http://")


class AttachedPage(msgspec.Struct, frozen=True):
    """A page as it is attached, with what a person is told about it before it is sent."""

    file: Attachment
    title: str = ""
    address: str = ""
    """Where it was found, after redirects."""
    date: str = ""
    """When the page says it was changed or published, such as `2026-05-03`; empty if it gives no date."""
    warnings: tuple[str, ...] = ()
    """Phrases without a full stop: the page redirects to another host, is old, or has little text."""


def is_address(text: str) -> bool:
    """Return whether a text begins like the address of a web page."""
    return text[:8].lower().startswith(_SCHEMES)


def host_of(address: str) -> str:
    """Return the host of an address, or the address itself if it has none."""
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


def page_warnings(asked: str, page: AttachedPage, today: date, *, is_sparse: bool) -> tuple[str, ...]:
    """Return what to tell about a page that was asked for at this address; `is_sparse`: it has scripts and hardly any
    text."""
    warnings = []
    if host_of(page.address) != host_of(asked):
        warnings.append(f"redirected to {host_of(page.address)}")
    if page.date and (age := (today - date.fromisoformat(page.date)).days) > STALE_DAYS:
        years = age // 365
        warnings.append(f"{years} year{'s' * (years != 1)} old")
    if is_sparse:
        warnings.append("little text: the page may need a browser that runs scripts")
    return tuple(warnings)
