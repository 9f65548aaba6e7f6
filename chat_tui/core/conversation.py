"""Turns and conversations, as they are shown and stored."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.core.route import Route, Seam
from chat_tui.core.text.counts import count_of
from chat_tui.core.tools import ToolCall, ToolResult

Role = Literal["system", "user", "assistant", "tool", "summary"]
"""`tool`: the result of a tool call, which follows the answer with the call. `summary`: requests send it in place of
earlier turns."""

STEERED = "steered"
"""Finish reason of an answer that the user stopped in order to steer it."""
RESTORABLE_DAYS = 30
"""How long a deleted conversation can be restored, in days."""
TITLE_LENGTH = 60
"""Maximum length of a title that is made from a question, in characters."""


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id that sorts by its time of creation: 11 hex digits of milliseconds, 10 random ones."""
    return f"{time.time_ns() // 1_000_000:011x}{os.urandom(5).hex()}"


class QuickAnswer(msgspec.Struct, frozen=True, gc=False):
    """The quick answer that was shown before the detailed one."""

    text: str = ""
    """Text; empty if it is the turn's own text because there was no detailed answer."""
    model: str = ""
    """Its model as `provider/model`."""
    ttft_seconds: float | None = None
    """Time to its first token in seconds; None if unknown."""
    alone: str = ""
    """Why there was no detailed answer."""


class SummarizedTurns(msgspec.Struct, frozen=True, gc=False):
    """The turns that a summary replaces in requests."""

    turns: int = 0
    """So many turns, counted from the beginning of the conversation."""
    messages: int = 0
    """How many questions and answers are among them."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """A question or an answer. Its parent makes the conversation a tree; nothing is overwritten."""

    role: Role
    text: str
    id: str = ""
    parent: str | None = None
    created: datetime | None = None
    thinking: str = ""
    model: str = ""
    """`provider/model` that answered; empty for questions."""
    strategy: str = ""
    state: State = "complete"
    finish_reason: str = ""
    usage: Usage | None = None
    timings: Timings | None = None
    cost: float | None = None
    """US dollars; None if unknown."""
    error: ErrorInfo | None = None
    """Why the answer failed or is incomplete."""
    left_out: int = 0
    """Number of earlier exchanges that did not fit into the request."""
    attachments: tuple[Attachment, ...] = ()
    """Attached files; their content may not be loaded."""
    kept: bool | None = None
    """True: always sent; False: never; None: if it fits. Stored with the question, valid for its answer too."""
    verdict: bool | None = None
    """The user's rating of an answer: True is good, False is bad, None is unrated."""
    seams: tuple[Seam, ...] = ()
    """Positions at which the answer was interrupted and continued, in order."""
    quick: QuickAnswer | None = None
    """The quick answer that this one has replaced, or that it is; None if there was none."""
    served_model: str = ""
    """The model that the server says has answered; empty if it is the requested one."""
    calls: tuple[ToolCall, ...] = ()
    """Tool calls of an answer, complete and in order."""
    result: ToolResult | None = None
    """What a turn of the role `tool` answers; None for all others."""
    replay: str = ""
    """What the provider wants returned with this answer, such as signed thinking: JSON of the dialect."""
    summarized: SummarizedTurns | None = None
    """What a turn of the role `summary` replaces; None for all others."""


class ConversationSummary(msgspec.Struct, frozen=True):
    """A row of the list of conversations."""

    id: str
    title: str
    created: datetime
    updated: datetime
    turns: int = 0
    model: str = ""
    """Model of the last answer in the current branch."""
    pinned: bool = False
    unseen: bool = False
    """Whether an answer has ended since the conversation was last open."""
    cost: float | None = None
    """Known cost of all answers in US dollars; None if no cost is known."""
    private: bool = False
    """Whether it is private and never saved."""


class DeletedConversation(msgspec.Struct, frozen=True):
    """A deleted conversation that can be restored."""

    summary: ConversationSummary
    deleted: datetime
    """When it was deleted."""


def days_left(deleted: datetime, now: datetime) -> int:
    """Return for how many more days a conversation can be restored that was deleted at this time."""
    left = deleted + timedelta(days=RESTORABLE_DAYS) - now
    # More than all of them are left if the clock was set back.
    return min(RESTORABLE_DAYS, max(0, math.ceil(left / timedelta(days=1))))


class SearchHit(msgspec.Struct, frozen=True):
    """A turn that a search has found."""

    conversation: str
    """Id of the conversation."""
    turn: str
    """Id of the turn."""
    snippet: str
    """The matching passage, cleaned and on one line."""
    score: float
    """Higher is better; 0 if the query matches only inside of words."""
    conversation_title: str = ""
    role: Role = "user"
    created: datetime | None = None
    """Time at which the turn was created."""
    model: str = ""
    """`provider/model` that answered; empty for questions."""
    marks: tuple[tuple[int, int], ...] = ()
    """Matches in the snippet as character positions: start and end (exclusive)."""


class TitleHit(msgspec.Struct, frozen=True):
    """A conversation whose title has all the words of a search."""

    summary: ConversationSummary
    marks: tuple[tuple[int, int], ...] = ()
    """Matches in the title as character positions: start and end (exclusive)."""


class SearchStep(msgspec.Struct, frozen=True):
    """A step of a search: new hits, how many there are so far, and how far it has looked."""

    hits: tuple[SearchHit, ...] = ()
    """New hits, which follow those of the steps before."""
    titles: tuple[TitleHit, ...] = ()
    """Titles that were found, all of them in the first step, the conversation that was used last first. They precede
    the hits; those of conversations in which this step found messages are left out."""
    messages: int = 0
    """Number of messages found so far, including those beyond the limit of hits."""
    conversations: int = 0
    """Number of conversations in which messages or titles were found so far."""
    complete: bool = False
    """Whether all turns have been searched and this is the last step."""
    searched: float = 1.0
    """Part of the history that has been searched, 0 to 1."""
    searched_back_to: datetime | None = None
    """Turns newer than this have been searched; None if unknown, or if all have been."""
    rest: int | None = None
    """Position from which a later search returns further hits; None if all were returned."""


class Conversation(msgspec.Struct, frozen=True):
    """A tree of turns with one current path through it."""

    id: str
    title: str = ""
    system_prompt: str | None = None
    """None: the config's."""
    created: datetime | None = None
    updated: datetime | None = None
    path: tuple[Turn, ...] = ()
    """The current branch, root first."""
    forks: dict[str, tuple[str, ...]] = {}
    """For each turn of the path with siblings (same parent and role): the ids of all, oldest first."""
    pinned: bool = False
    preset: str = ""
    """The preset in use, as JSON; empty if there is none."""
    settings: str = ""
    """Its own settings of requests, as JSON; empty if it has none."""
    below: tuple[str, ...] = ()
    """Ids of the turns that follow the end of the path, if the branch goes on."""


class WindowRange(msgspec.Struct, frozen=True):
    """Which part of a path is wanted."""

    size: int
    """Number of turns, to which results of tool calls may be added."""
    before: int | None = None
    """Position in the path behind the last turn that is wanted; None: the end of the path."""
    turn: str = ""
    """Id of a turn that the part begins with, together with the turn before it. If it is not in the path, or empty,
    it makes no difference."""


class ConversationWindow(msgspec.Struct, frozen=True):
    """A part of a conversation's path."""

    conversation: Conversation
    """Its `path` has only the turns of this part, and its `forks` are those of these turns."""
    first: int
    """Position of the first of these turns in the path."""
    length: int
    """Number of turns in the whole path."""


class Tree(msgspec.Struct, frozen=True):
    """A conversation with all its branches."""

    conversation: Conversation
    turns: tuple[Turn, ...]
    """All turns in order of creation: a parent comes before its children."""
    leaf: str = ""
    """Id of the last turn of the current path; empty if the path is."""
    routes: dict[str, Route] = {}
    """Routes by the id of the answer, if known."""
    import_key: str = ""
    """Id in the file that it was imported from, so that importing it again creates no duplicate."""
    import_keys: dict[str, str] = {}
    """Import ids of its turns, by their ids in this store."""


class TurnDelta(msgspec.Struct, frozen=True, gc=False):
    """The new part of a growing answer."""

    turn_id: str
    text: str
    thinking: str = ""
    quick: QuickAnswer | None = None
    """The quick answer so far, if it has grown."""


def put_turn(conversation: Conversation, place: int, turn: Turn) -> Conversation:
    """Return the conversation with this turn at this position of the path; what was there becomes a sibling, and
    what followed leaves the path."""
    path = conversation.path[:place]
    siblings: tuple[str, ...]
    if turn.role == "summary":
        # It follows the turns that it does not replace, beside no other version.
        siblings = ()
    elif place < len(conversation.path):
        before = conversation.path[place].id
        siblings = conversation.forks.get(before, (before,))
    else:
        siblings = conversation.below
    forks = {known.id: conversation.forks[known.id] for known in path if known.id in conversation.forks}
    if siblings:
        forks[turn.id] = (*siblings, turn.id)
    return msgspec.structs.replace(conversation, path=(*path, turn), forks=forks, below=())


def window_bounds(roles: Sequence[str], asked: WindowRange, place: int | None) -> tuple[int, int]:
    """The part of a path with turns of these roles: its first position, and the one behind its last turn.

    `place` is the position of `asked.turn`. Results of tool calls are not separated from the answer with the calls.
    """
    length = len(roles)
    if place is None:
        end = length if asked.before is None else min(asked.before, length)
    else:
        end = min(length, max(0, place - 1) + asked.size)
    first = max(0, end - asked.size)
    while 0 < first < length and roles[first] == "tool":
        first -= 1
    while 0 < end < length and roles[end] == "tool":
        end += 1
    return first, end


def cut_window(conversation: Conversation, asked: WindowRange) -> ConversationWindow:
    """Return a part of a conversation that is in memory."""
    path = conversation.path
    place = next((place for place, turn in enumerate(path) if turn.id == asked.turn), None) if asked.turn else None
    first, end = window_bounds([turn.role for turn in path], asked, place)
    shown = path[first:end]
    forks = {turn.id: conversation.forks[turn.id] for turn in shown if turn.id in conversation.forks}
    below = conversation.below if end == len(path) else ()
    return ConversationWindow(
        msgspec.structs.replace(conversation, path=shown, forks=forks, below=below), first, len(path)
    )


def chain_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return imported turns as a path: each gets a new id and follows the one before."""
    path: list[Turn] = []
    for turn in turns:
        parent = path[-1].id if path else None
        path.append(msgspec.structs.replace(turn, id=new_id(), parent=parent, created=now()))
    return tuple(path)


def summary_title(turn: Turn) -> str:
    """Return the heading of a summary, such as `Summary of 12 earlier messages`."""
    messages = turn.summarized.messages if turn.summarized is not None else 0
    return f"Summary of {count_of(messages, 'earlier message') if messages > 0 else 'earlier messages'}"


def title_of(text: str) -> str:
    """Return a title made of the first words of a question, on one line, with at most `TITLE_LENGTH` characters."""
    line = " ".join(text[:2000].split())
    if len(line) <= TITLE_LENGTH:
        return line or "New conversation"
    cut = line[: TITLE_LENGTH - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[TITLE_LENGTH // 2 :] else cut).rstrip() + "…"


class RunningTurn(msgspec.Struct, frozen=True):
    """An answer, or the result of a tool call, that another process is writing."""

    conversation: str
    """Id of the conversation."""
    title: str
    turn: str
    """Id of the turn."""
    model: str
    since: datetime


class HistoryState(msgspec.Struct, frozen=True):
    """Marks of the history; two that differ mean that something has changed between. They are valid in one process."""

    version: tuple[int, int] = (-1, -1)
    """Of the store: if it is equal, nothing was written."""
    list_mark: int = 0
    """Of the list of conversations: titles, order, pins."""
    marks: Mapping[str, int] = {}
    """Of single conversations, by id: their turns and settings. What this process adds to a growing answer is not
    counted."""
    running: tuple[RunningTurn, ...] = ()
    """What other processes are writing."""
    notes: Mapping[str, str] = {}
    """Texts of the places whose keys begin as was asked, by their whole key."""
