"""The numbers of an ordered list's items: those that the writer gave, though CommonMark counts on from the first; and
the boxes of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token


def number_lists(state: StateCore) -> None:
    """A rule for the parser: note the number of each item in its token's `meta`. Where all items of a list have the
    same one (`1.` before each, which asks for counting), they are counted."""
    lists: list[list[Token]] = []
    for token in state.tokens:
        if token.type == "ordered_list_open":
            lists.append([token])
        elif token.type == "ordered_list_close":
            opening, *items = lists.pop()
            _number(items, int(opening.attrs.get("start", 1)))
        elif token.type == "list_item_open" and lists and token.level == lists[-1][0].level + 1:
            lists[-1].append(token)


def take_task_box(item: Sequence[Token]) -> str:
    """Take the mark of a task, such as `[x] `, out of the text of a list item, whose tokens follow its opening. Return
    the box in its place; empty for other items."""
    if len(item) < 2 or item[1].type != "inline" or not item[1].children:
        return ""
    text = item[1].children[0]
    for mark, box in (("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")):
        if text.content.startswith(mark):
            text.content = text.content[len(mark) :]
            return box
    return ""


def count_from(tokens: Sequence[Token], start: int) -> None:
    """Count the items of the list that these tokens begin with from `start`."""
    level = tokens[0].level + 1
    tokens[0].attrs["start"] = start
    items = [token for token in tokens if token.type == "list_item_open" and token.level == level]
    for number, token in enumerate(items, start):
        token.meta["number"] = number


def _number(items: Sequence[Token], start: int) -> None:
    written = [int(token.info) for token in items]
    counted = len(set(written)) <= 1
    for place, token in enumerate(items):
        token.meta["number"] = start + place if counted else written[place]
