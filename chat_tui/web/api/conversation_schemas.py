"""Records of the web page's API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Role
from chat_tui.markdown.html.rendering import HtmlPiece
from chat_tui.web.api.choice.setting_choice import ShownSettings
from chat_tui.web.presence.call_notes import PendingCall


class ListedConversation(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation in the list, or one that a search has found."""

    id: str
    title: str
    updated: datetime | None
    """Time of the last change; in a search, of the message that was found."""
    model: str = ""
    """Model of the last answer; in a search, of the message that was found."""
    pinned: bool = False
    turn: str | UnsetType = UNSET
    """Id of the message that was found."""
    snippet: str | UnsetType = UNSET
    """Passage that was found, on one line."""
    marks: tuple[tuple[int, int], ...] | UnsetType = UNSET
    """Positions of the words in the passage, or without one in the title, in characters: start and end (exclusive)."""


class ConversationPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the list of conversations."""

    conversations: list[ListedConversation]
    next: int | None = None
    """`offset` of the next page, or with which the search continues; null at the end."""
    complete: bool = True
    """False if the search has not covered all messages yet; continue it with `next`. Conversations may be repeated."""
    searched: float = 1.0
    """Part of the history that the search has covered, 0 to 1."""
    searched_back_to: datetime | None = None
    """Messages newer than this have been searched, if the search is incomplete and this is known."""
    deleted: int = 0
    """Number of deleted conversations that can be restored; 0 in a search."""


class FoundEvent(msgspec.Struct, frozen=True, rename="camel"):
    """A step of a search: what it has found, and how much has been found so far."""

    conversations: list[ListedConversation]
    """Conversations that no event before has named, each with its title or its best message."""
    messages: int
    titles: int
    found: int
    """Number of conversations in which messages or titles were found."""
    complete: bool
    """Whether all messages have been searched, so that the numbers are exact."""
    searched: float
    """Part of the history that the search has covered, 0 to 1."""
    searched_back_to: datetime | None = None
    """Messages newer than this have been searched, if the search is incomplete and this is known."""
    next: int | None = None
    """`start` of the search for further conversations; null if all are listed, or the limit is not reached yet."""


class ListedDeletion(msgspec.Struct, frozen=True, rename="camel"):
    """A deleted conversation."""

    id: str
    title: str
    deleted: datetime
    """When it was deleted."""
    days_left: int
    """For how many more days it can be restored."""


class ListedDeletions(msgspec.Struct, frozen=True):
    """The deleted conversations that can be restored, the last deleted one first."""

    conversations: list[ListedDeletion]


class ShownCall(msgspec.Struct, frozen=True):
    """A tool call of an answer."""

    id: str
    name: str
    arguments: str
    """JSON, as the model has written it, indented if it is valid."""


class ShownResult(msgspec.Struct, frozen=True):
    """What a tool call came to; its text is that of its turn, and untrusted."""

    call: str
    """Id of the call."""
    name: str
    server: str
    """Name of the tool server; empty if no tool of this name was offered."""
    arguments: str
    """JSON object with which it ran, if a person has changed the arguments; else empty."""
    images: int


class ShownFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file of a message."""

    name: str
    media_type: str
    """Of an image, its type; of everything else `text/plain`."""
    size: int
    """Bytes of what is sent to a model: of a PDF, its text."""


class ShownTurn(msgspec.Struct, frozen=True, rename="camel"):
    """A message of a conversation's current branch."""

    id: str
    role: Role
    text: str
    """Text; Markdown for an answer and a summary."""
    blocks: list[HtmlPiece]
    """Text of an answer or a summary as safe HTML."""
    created: datetime | None = None
    thinking: str = ""
    model: str = ""
    strategy: str = ""
    state: State = "complete"
    error: str | None = None
    """Why the answer failed or is incomplete, and what to do next."""
    quick: str | None = None
    """Quick answer that a detailed one has replaced."""
    figures: dict[str, Any] = {}
    """`ttftSeconds`, `rate`, `rateEstimated`, `completionTokens`, `completionEstimated`, `cost`, `durationSeconds`."""
    versions: tuple[str, ...] = ()
    """Ids of all versions, oldest first; empty if there is only one."""
    files: tuple[str, ...] = ()
    """Names of attached files."""
    attachments: tuple[ShownFile, ...] = ()
    """The same files, with what is known of them."""
    calls: tuple[ShownCall, ...] = ()
    """Tool calls of an answer; their results follow as turns."""
    result: ShownResult | None = None
    """What a turn of the role `tool` answers."""
    title: str | UnsetType = UNSET
    """Heading of a turn of the role `summary`, which later requests send in place of earlier turns."""
    good: bool | None = None
    """A person's verdict on an answer; null if there is none."""


class ShownComparison(msgspec.Struct, frozen=True, rename="camel"):
    """The answers of several models to the last question, of which none was kept yet."""

    models: tuple[str, ...]
    """`provider/model` of each."""
    answers: list[ShownTurn]
    """In the order of the models."""
    without_tools: bool = False
    """Whether the conversation uses tools, which are not offered to models that are compared."""


class ShownConsent(msgspec.Struct, frozen=True):
    """A tool that the user has allowed to run without being asked about."""

    tool: str
    """`server.tool`."""
    host: str = ""
    """The only host that it was allowed for; empty: any call."""


class ConversationTools(msgspec.Struct, frozen=True, rename="camel"):
    """The tools that a conversation uses."""

    servers: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    """Tools of these servers that are not offered, each as `server.tool`."""
    consents: tuple[ShownConsent, ...] = ()
    """What runs without being asked about. A tool that was changed since is asked about in spite of it."""
    web_search: bool = False
    """Whether the model may search the web with its provider's own search."""


class OpenedConversation(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation, or the last part of it."""

    id: str
    title: str
    pinned: bool
    turns: list[ShownTurn]
    first: int
    """Position of the first of these turns in the branch; 0 if nothing precedes it."""
    end: int
    """Position behind the last of these turns."""
    length: int
    """Number of turns in the branch; more than `end` if some follow these."""
    tools: ConversationTools
    uses_memory: bool
    """Whether what the user has asked to remember is sent with questions of the page."""
    is_calling: bool
    """Whether tool calls run or wait."""
    pending: tuple[PendingCall, ...] = ()
    """Those that have not ended."""
    settings: ShownSettings = ShownSettings()
    private: bool = False
    """Whether it is never saved, and lost when no page follows it any more."""
    comparison: ShownComparison | None = None
    """The answers to the last question, if several models were asked and none was kept; the last turn is one of
    them."""
    model: str | None = None
    """The model that was chosen by name for the last answer."""
    strategy: str | None = None
    """The strategy that chose the model of the last answer, if it still exists."""


class ConversationChanges(msgspec.Struct, frozen=True, rename="camel"):
    """Changes of a conversation; unset fields stay as they are."""

    title: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET


class ChangedConversation(msgspec.Struct, frozen=True):
    """A conversation after a change."""

    id: str
    title: str
    pinned: bool
