"""Places on the path of a conversation: those of its turns, and where an incomplete answer goes on."""

from __future__ import annotations

from itertools import takewhile

from chat_tui.core.conversation import Conversation, Role, Turn
from chat_tui.core.errors import CommandError

_MAY_GO_ON = {"broken", "cancelled", "length", "failed", "empty"}


def where_to_go_on(conversation: Conversation) -> tuple[int, Turn | None, int]:
    """Return where on the path the next answer belongs, the part that it begins with, and how many calls the question
    has had.

    Raises `CommandError` where there is nothing to go on from.
    """
    path = conversation.path
    calls = sum(turn.role == "tool" for turn in takewhile(lambda turn: turn.role != "user", reversed(path)))
    if path and path[-1].role == "tool":
        return len(path), None, calls
    if len(path) < 2 or path[-1].state not in _MAY_GO_ON:
        raise CommandError("There is no incomplete answer.", "Only the last answer can be continued.")
    return len(path) - 1, path[-1], calls


def place_of(conversation: Conversation, turn_id: str, role: Role) -> int:
    """Return the turn's index on the current path. Raises `CommandError` when it is not there."""
    for place, turn in enumerate(conversation.path):
        if turn.id == turn_id and turn.role == role and (place or role == "user"):
            return place
    what = "question" if role == "user" else "answer"
    article = "a" if what == "question" else "an"
    raise CommandError(f"This {what} is not shown.", f"Choose {article} {what} with Up and Down, then try again.")
