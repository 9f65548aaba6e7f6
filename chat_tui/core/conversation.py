"""Turns and conversations, as they are shown and kept."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.core.route import Route, Seam

Role = Literal["system", "user", "assistant"]

STEERED = "steered"
"""The finish reason of an answer that was stopped so that the next one goes on from it with new words."""
TITLE_LENGTH = 60
"""Characters of a title made from a question."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id that sorts by the time it was made: 11 hex digits of milliseconds, 10 of chance."""
    return f"{time.time_ns() // 1_000_000:011x}{os.urandom(5).hex()}"


class QuickAnswer(msgspec.Struct, frozen=True, gc=False):
    """The short answer that was there at once, before the detailed one took its place."""

    text: str = ""
    """Empty where it is the turn's own text: the detailed one did not come."""
    model: str = ""
    """`provider/model` that gave it."""
    ttft_seconds: float | None = None
    """Until its first token; None when not known."""
    alone: str = ""
    """Why the detailed one did not come."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One contribution. Its parent makes the conversation a tree; nothing is overwritten."""

    role: Role
    text: str
    id: str = ""
    parent: str | None = None
    created: datetime | None = None
    thinking: str = ""
    model: str = ""
    """`provider/model` that answered; empty for the user's own."""
    strategy: str = ""
    state: State = "complete"
    finish_reason: str = ""
    usage: Usage | None = None
    timings: Timings | None = None
    cost: float | None = None
    """US dollars; None when not known."""
    error: ErrorInfo | None = None
    """Why the answer broke or failed."""
    left_out: int = 0
    """Earlier exchanges that did not fit when this was asked."""
    attachments: tuple[Attachment, ...] = ()
    """Files that go along with a question; their content may not be loaded."""
    kept: bool | None = None
    """True: always sent; False: never; None: as it fits. It stands on the question and counts for its answer too."""
    verdict: bool | None = None
    """A person's, on an answer: True good, False bad; None: none was given."""
    seams: tuple[Seam, ...] = ()
    """Where the text was cut and went on, the first one first."""
    quick: QuickAnswer | None = None
    """The short answer that this one has replaced, or that it is; None: there was none."""
    served_model: str = ""
    """The model that the server says has answered; empty where it is the one that was asked."""


class ConversationSummary(msgspec.Struct, frozen=True):
    """A row of the history list."""

    id: str
    title: str
    created: datetime
    updated: datetime
    turns: int = 0
    model: str = ""
    """The model of the current path's last answer."""
    pinned: bool = False
    unseen: bool = False
    """An answer has ended in it while nobody looked."""
    cost: float | None = None
    """US dollars for all its answers, as far as known; None when none is."""
    private: bool = False
    """It is never saved."""


class SearchHit(msgspec.Struct, frozen=True):
    """A turn that a search found."""

    conversation: str
    """The conversation's id."""
    turn: str
    """The turn's id."""
    snippet: str
    """The passage, cleaned and on one line."""
    score: float
    """Higher is better; 0 where the words were found only inside of others."""
    conversation_title: str = ""
    role: Role = "user"
    created: datetime | None = None
    """When the turn was made."""
    model: str = ""
    """`provider/model` that answered; empty for the user's own."""
    marks: tuple[tuple[int, int], ...] = ()
    """Where the words stand in the snippet: first character, and the one behind the last."""


class SearchStep(msgspec.Struct, frozen=True):
    """What a search has found further, and how far it has looked by then."""

    hits: tuple[SearchHit, ...] = ()
    """They stand behind those of the steps before."""
    complete: bool = False
    """Every turn has been looked at, and this is the last step. Else there may be more hits."""
    searched: float = 1.0
    """The part of the history that has been looked at, 0 to 1."""
    searched_back_to: datetime | None = None
    """Turns newer than this have been looked at; None where that is not known, or where all have been."""
    rest: int | None = None
    """Where a later search for the same goes on; None when nothing is left."""


class Conversation(msgspec.Struct, frozen=True):
    """A tree of turns with one current path through it."""

    id: str
    title: str = ""
    system_prompt: str | None = None
    """None: the config's."""
    created: datetime | None = None
    updated: datetime | None = None
    path: tuple[Turn, ...] = ()
    """The current path, root first."""
    forks: dict[str, tuple[str, ...]] = {}
    """For each turn of the path that has siblings (of the same parent and role): the ids of all, oldest first."""
    pinned: bool = False
    preset: str = ""
    """The preset in use, as JSON; empty: none."""
    below: tuple[str, ...] = ()
    """The ids of the turns that follow the path's end, where it ends before a branch does."""


class Tree(msgspec.Struct, frozen=True):
    """A conversation with all its branches."""

    conversation: Conversation
    turns: tuple[Turn, ...]
    """All, in the order in which they came: a parent stands before its children."""
    leaf: str = ""
    """The id of the current path's last turn; empty when the path is."""
    routes: dict[str, Route] = {}
    """By the answer's id, where known."""
    import_key: str = ""
    """What it is called where it was imported from, so that importing it again makes no double."""
    import_keys: dict[str, str] = {}
    """The same of its turns, by their ids here."""


class TurnDelta(msgspec.Struct, frozen=True, gc=False):
    """What of a growing answer has come since the piece before."""

    turn_id: str
    text: str
    thinking: str = ""
    quick: QuickAnswer | None = None
    """The short answer so far, where that has grown."""


def extended(conversation: Conversation, place: int, turn: Turn) -> Conversation:
    """With this turn at this place of the path: what stood there is its sibling now, what followed is off the path."""
    path = conversation.path[:place]
    if place < len(conversation.path):
        before = conversation.path[place].id
        siblings = conversation.forks.get(before, (before,))
    else:
        siblings = conversation.below
    forks = {known.id: conversation.forks[known.id] for known in path if known.id in conversation.forks}
    if siblings:
        forks[turn.id] = (*siblings, turn.id)
    return msgspec.structs.replace(conversation, path=(*path, turn), forks=forks, below=())


def chained(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns that come from elsewhere as a path of their own: each is new and follows the one before it."""
    path: list[Turn] = []
    for turn in turns:
        parent = path[-1].id if path else None
        path.append(msgspec.structs.replace(turn, id=new_id(), parent=parent, created=now()))
    return tuple(path)


def title_of(text: str) -> str:
    """A title from the first question: its first words on one line, at most `TITLE_LENGTH` characters."""
    line = " ".join(text[:2000].split())
    if len(line) <= TITLE_LENGTH:
        return line or "New conversation"
    cut = line[: TITLE_LENGTH - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[TITLE_LENGTH // 2 :] else cut).rstrip() + "…"
