"""Lists that a server sends page by page."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

log = logging.getLogger(__name__)

MOST_PAGES = 100

ItemT = TypeVar("ItemT")
Page: TypeAlias = tuple[Sequence[ItemT], str | None]
"""The items of a page, and the cursor of the next page; None: it is the last one."""


async def read_pages(page: Callable[[str | None], Awaitable[Page[ItemT]]], most: int, what: str) -> Sequence[ItemT]:
    """Return at most so many items, from all pages; `page` reads the one at a cursor. A list without an end ends.

    Raises what `page` raises.
    """
    found: list[ItemT] = []
    cursors: set[str] = set()
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        items, cursor = await page(cursor)
        found += items
        if cursor is None or cursor in cursors or len(found) >= most:
            break
        cursors.add(cursor)
    if len(found) > most:
        log.warning("tools: only the first %d %s are used", most, what)
    return found[:most]
