"""The events of `/api/events`."""

from __future__ import annotations

from typing import Literal

import msgspec

from chat_tui.web.api.events import (
    EndEvent,
    ErrorEvent,
    MetadataEvent,
    StartEvent,
    TokenEvent,
    ToolAskEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from chat_tui.web.api.html_events import HtmlEvent, PlaceEvent, StatsEvent
from chat_tui.web.presence.question_queues import QuestionQueue
from chat_tui.web.presence.running_answers import RunningAnswer
from chat_tui.web.presence.uploads import UploadedFile


class ShownQuestion(msgspec.Struct, frozen=True):
    """A question that waits for the end of an answer."""

    id: str
    prompt: str
    attachments: tuple[UploadedFile, ...] = ()
    """Its files, which wait with it."""


class ToolStateEvent(msgspec.Struct, frozen=True, tag_field="type", tag="tool_state"):
    """A tool call runs: a person has allowed it, or nobody had to."""

    id: str
    """Id of the call."""
    state: Literal["running"] = "running"


AnswerEvent = (
    PlaceEvent
    | StartEvent
    | TokenEvent
    | HtmlEvent
    | StatsEvent
    | ToolCallEvent
    | ToolAskEvent
    | ToolStateEvent
    | ToolResultEvent
    | MetadataEvent
    | ErrorEvent
    | EndEvent
)


class ReadyEvent(msgspec.Struct, frozen=True, tag_field="type", tag="ready"):
    """The first event of a stream: changes are told from now on."""


class RunningEvent(msgspec.Struct, frozen=True, tag_field="type", tag="running"):
    """All answers that run now."""

    answers: tuple[RunningAnswer, ...]


class ListEvent(msgspec.Struct, frozen=True, tag_field="type", tag="list"):
    """The list of conversations has changed."""


class ChangedEvent(msgspec.Struct, frozen=True, tag_field="type", tag="changed"):
    """Turns or settings of a followed conversation have changed."""

    conversation: str
    """Its id."""


class QueueEvent(msgspec.Struct, frozen=True, tag_field="type", tag="queue"):
    """The questions that wait in a followed conversation have changed."""

    conversation: str
    """Its id."""
    items: tuple[ShownQuestion, ...]
    """With the beginnings of their texts."""
    held: bool
    """True if nobody asks them any more: take them back."""
    problem: str


class AnswerBatch(msgspec.Struct, frozen=True, tag_field="type", tag="answer"):
    """What is new of an answer in a followed conversation. The first batch has all of it so far: it begins with
    `placed`."""

    conversation: str
    """Id of the conversation."""
    follow: int
    """Which of the followed ones it is, from 0: a conversation may be followed more than once."""
    events: list[AnswerEvent]
    at: str
    """What has been sent now. A stream that follows `ID~AT` goes on from there."""


LiveEvent = ReadyEvent | RunningEvent | ListEvent | ChangedEvent | QueueEvent | AnswerBatch


def shown_questions(queue: QuestionQueue) -> tuple[ShownQuestion, ...]:
    """Return the questions of a queue with the beginnings of their texts."""
    return tuple(ShownQuestion(item.id, item.prompt, item.files) for item in queue.items)
