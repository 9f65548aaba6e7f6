"""Tool calls that wait or run in one worker are noted in the store, so that pages at other workers show them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from chat_tui.core.tools import decode_arguments
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import CallStatus
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.tools.steps import current_of, format_arguments

NOTE_PREFIX = "web calls "
"""Begins the place key of a conversation's note."""
LIFE_SECONDS = 10.0
"""For how long a note counts: its worker may be gone."""
RENEWAL_SECONDS = 3.0


class PendingCall(msgspec.Struct, frozen=True):
    """A tool call that has not ended."""

    id: str
    name: str
    server: str
    state: Literal["waiting", "asking", "running"]
    """`waiting` for the calls before it, `asking` a person, or `running`."""
    arguments: str
    """JSON object with which it would run."""
    description: str
    """What the server says about the tool."""
    changed: bool | UnsetType = UNSET
    """True if the tool was changed after it had been allowed for the whole conversation."""


class CallNote(msgspec.Struct, frozen=True):
    """The tool calls of an answer that have not ended."""

    title: str
    """Of the conversation."""
    answer: str
    """Id of the answer's turn."""
    model: str
    since: datetime | None
    calls: tuple[PendingCall, ...]


def pending_calls(statuses: Sequence[CallStatus]) -> tuple[PendingCall, ...]:
    """Return the calls that have not ended."""
    return tuple(call for call in map(_pending_call, statuses) if call is not None)


def _pending_call(status: CallStatus) -> PendingCall | None:
    if status.state == "ended":
        return None
    arguments = indent_arguments(status.call.arguments)
    if status.arguments is not None:
        arguments = format_arguments(status.arguments)
    server, description = (status.tool.server, status.tool.tool.description) if status.tool else ("", "")
    changed = status.was_changed or UNSET
    return PendingCall(status.call.id, status.call.name, server, status.state, arguments, description, changed)


def indent_arguments(arguments: str) -> str:
    """Return the arguments of a call as indented JSON; unchanged if they are no JSON object."""
    values = decode_arguments(arguments) if arguments else None
    return arguments if values is None else format_arguments(values)


class CallNoteWriter:
    """Notes the tool calls of one answer and of those that follow them."""

    def __init__(self, places: Places, answer: Answer) -> None:
        self._places, self._answer = places, answer
        self._key = NOTE_PREFIX + answer.conversation_id
        self._states: object = None
        """Of the calls, as they were noted last; None if nothing is noted."""
        self._renewed = 0.0

    async def update(self, title: str) -> None:
        """Write what has changed, and renew what is noted. `title` is that of the conversation."""
        answer = current_of(self._answer)
        if answer.round is None or answer.round.ended:
            await self.clear()
            return
        states = (answer.turn.id, [status.state for status in answer.round.statuses])
        if states == self._states and time.time() - self._renewed < RENEWAL_SECONDS:
            return
        self._states, self._renewed = states, time.time()
        turn, calls = answer.turn, pending_calls(answer.round.statuses)
        note = CallNote(title, turn.id, turn.model, turn.created, calls)
        until = self._renewed + LIFE_SECONDS
        await self._places.set(self._key, f"{until:.0f} {msgspec.json.encode(note).decode()}")

    async def clear(self) -> None:
        """Remove the note."""
        if self._states is not None:
            self._states = None
            await self._places.set(self._key, "")


def read_note(text: str) -> CallNote | None:
    """Return the note in the text of a place; None if there is none, or its worker is gone."""
    until, _, note = text.partition(" ")
    try:
        return msgspec.json.decode(note, type=CallNote) if float(until) >= time.time() else None
    except (ValueError, msgspec.MsgspecError):
        return None


async def find_note(places: Places, conversation_id: str) -> CallNote | None:
    """Return the note of another worker about this conversation; None if there is none."""
    return read_note(await places.get(NOTE_PREFIX + conversation_id))
