"""The table that each page belongs to, as far as the b-trees can be walked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chat_tui.history.recovery.cells import INTERIOR, LEAF, children
from chat_tui.history.recovery.database_file import HEADER_BYTES, DatabaseFile
from chat_tui.history.recovery.records import LeafReader

NOBODY = 0
OTHER = 254
"""A table that is not recovered; those of the search index are rebuilt."""
FREE = 255


class PageOwners:
    """Maps each page to `NOBODY`, to its table's position in the list, from 1, to `OTHER` or to `FREE`."""

    def __init__(self, source: DatabaseFile, tables: Sequence[str]) -> None:
        self._source = source
        self._owners = bytearray(source.page_count + 1)
        numbers = {name: number for number, name in enumerate(tables, 1)}
        for name, root in _roots(source):
            self._walk(root, numbers.get(name, OTHER))
        self._walk_free()

    def __getitem__(self, page: int) -> int:
        return self._owners[page]

    def _walk(self, root: int, owner: int) -> None:
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if not 1 < number <= self._source.page_count or self._owners[number]:
                continue
            page = self._source.page(number)
            if not page or page[0] not in (LEAF, INTERIOR):
                # Not a page of a table, or damaged: if it has rows, their shape tells where they belong.
                continue
            self._owners[number] = owner
            if page[0] == INTERIOR:
                waiting.extend(children(page, 0))

    def _walk_free(self) -> None:
        trunk = self._source.first_free_trunk()
        while 1 < trunk <= self._source.page_count and not self._owners[trunk]:
            self._owners[trunk] = FREE
            page = self._source.page(trunk)
            count = min(int.from_bytes(page[4:8], "big"), max(0, len(page) // 4 - 2))
            for place in range(count):
                leaf = int.from_bytes(page[8 + 4 * place : 12 + 4 * place], "big")
                if 1 < leaf <= self._source.page_count and not self._owners[leaf]:
                    self._owners[leaf] = FREE
            trunk = int.from_bytes(page[:4], "big")


def _roots(source: DatabaseFile) -> Iterator[tuple[str, int]]:
    """Names and root pages of the tables that can still be read from the schema."""
    reader = LeafReader(source)
    waiting, seen = [1], set[int]()
    while waiting:
        number = waiting.pop()
        page = source.page(number)
        start = HEADER_BYTES if number == 1 else 0
        if number in seen or len(page) <= start:
            continue
        seen.add(number)
        if page[start] == INTERIOR:
            waiting.extend(children(page, start))
        elif page[start] == LEAF:
            for row in reader.rows(page, number):
                match row.values:
                    case ["table", str(name), str(), int(root), *_] if root > 1:
                        yield name, root
