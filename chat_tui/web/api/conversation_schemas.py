"""What the page asks for and is told, as records."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Role
from chat_tui.web.html.rendering import HtmlPiece


class ListedConversation(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation in the list, or one in which a search found something."""

    id: str
    title: str
    updated: datetime | None
    """When it was last used; of a search: when the turn was made."""
    model: str = ""
    """The model of its last answer; of a search: of the turn."""
    pinned: bool = False
    turn: str | UnsetType = UNSET
    """The turn that was found."""
    snippet: str | UnsetType = UNSET
    """The passage, on one line."""
    marks: tuple[tuple[int, int], ...] | UnsetType = UNSET
    """Where the words stand in it, in characters: the first, and the one behind the last."""


class ConversationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the list."""

    conversations: list[ListedConversation]
    next: int | None = None
    """The `offset` of the next page, or at which a search goes on; null: there is none."""
    complete: bool = True
    """False: a search has not looked at all turns yet. `next` goes on with it; conversations may come once more."""
    searched: float = 1.0
    """The part of the history that a search has looked at, 0 to 1."""
    searched_back_to: datetime | None = None
    """Turns newer than this have been looked at, where a search is not complete and that is known."""


class ShownTurn(msgspec.Struct, frozen=True, rename="camel"):
    """A turn of a conversation's current path."""

    id: str
    role: Role
    text: str
    """Markdown, of an answer."""
    blocks: list[HtmlPiece]
    """An answer's text as HTML that is safe to be shown."""
    created: datetime | None = None
    thinking: str = ""
    model: str = ""
    strategy: str = ""
    state: State = "complete"
    error: str | None = None
    """Why the answer broke or failed, and what to do next."""
    quick: str | None = None
    """The short answer that was there at once, where a detailed one took its place."""
    figures: dict[str, Any] = {}
    """`ttftSeconds`, `rate`, `rateEstimated`, `completionTokens`, `completionEstimated`, `cost`, `durationSeconds`."""
    versions: tuple[str, ...] = ()
    """The ids of it and the turns beside it, oldest first; none: it is the only one."""
    files: tuple[str, ...] = ()
    """Names of what goes along with a question."""


class OpenedConversation(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation, or its last turns."""

    id: str
    title: str
    pinned: bool
    turns: list[ShownTurn]
    first: int
    """The place of the first of these turns on the path; 0: it is the whole path."""


class ConversationChanges(msgspec.Struct, frozen=True, rename="camel"):
    """What is to be changed of a conversation; the rest stays."""

    title: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET


class ChangedConversation(msgspec.Struct, frozen=True):
    """What a conversation is called by now."""

    id: str
    title: str
    pinned: bool


class OfferedModel(msgspec.Struct, frozen=True, rename="camel"):
    """A model that can be chosen."""

    name: str
    provider: str
    state: str
    """In words: `ready`, `not fetched`, `rests 12 s`, …"""
    usable: bool
    local: bool
    free: bool
    context_window: int | None = None
    price_in: float | None = None
    """US dollars per million prompt tokens."""
    price_out: float | None = None
    """US dollars per million completion tokens."""
    images: bool | None = None
    thinking: bool | None = None
    ttft_seconds: float | None = None
    tokens_per_second: float | None = None


class OfferedChoices(msgspec.Struct, frozen=True):
    """List models and strategies."""

    models: list[OfferedModel]
    strategies: list[str]
    strategy: str
    """The one in use where nothing is chosen."""
    model: str | None = None
    """The model that the config fixes."""
