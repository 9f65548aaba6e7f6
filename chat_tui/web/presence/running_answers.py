"""Which answers run, in this process and in others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from chat_tui.core.conversation import HistoryState, RunningTurn
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.turn_writer import PRIVATE_TITLE
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.answer_controls import PAUSED_PREFIX
from chat_tui.web.presence.call_notes import NOTE_PREFIX, CallNote, read_note


class RunningAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """An answer that runs, or whose tool calls do."""

    conversation: str
    """Id of the conversation."""
    title: str
    answer: str
    """Its turn's id."""
    model: str
    since: datetime | None
    state: Literal["answering", "paused", "calling", "asking"]
    """`calling` while its tool calls run, `asking` while one of them waits for a person."""
    tool: str = ""
    """Name of the tool that a person is asked about."""
    elsewhere: bool = False
    """True if another process has it, such as the terminal: then `changed` tells of each change."""


def running_answers(engine: Engine, state: HistoryState, private: Collection[str] = ()) -> tuple[RunningAnswer, ...]:
    """Return the answers that run, here and in other processes; of private conversations only these are told, without
    their titles."""
    here = [_running_here(engine, answer) for answer in answers_here(engine, private)]
    elsewhere = [_running_elsewhere(turn, state) for turn in state.running]
    known = {answer.conversation for answer in (*here, *elsewhere)}
    noted = [
        _noted_answer(key.removeprefix(NOTE_PREFIX), note)
        for key, text in state.notes.items()
        if key.startswith(NOTE_PREFIX)
        and key.removeprefix(NOTE_PREFIX) not in known
        and (note := read_note(text)) is not None
    ]
    return (*here, *elsewhere, *noted)


def _running_elsewhere(turn: RunningTurn, state: HistoryState) -> RunningAnswer:
    is_paused = state.notes.get(PAUSED_PREFIX + turn.conversation) == turn.turn
    return RunningAnswer(
        turn.conversation,
        turn.title,
        turn.turn,
        turn.model,
        turn.since,
        "paused" if is_paused else "answering",
        elsewhere=True,
    )


def _noted_answer(conversation_id: str, note: CallNote) -> RunningAnswer:
    asked = next((call.name for call in note.calls if call.state == "asking"), "")
    return RunningAnswer(
        conversation_id,
        note.title,
        note.answer,
        note.model,
        note.since,
        "asking" if asked else "calling",
        asked,
        elsewhere=True,
    )


def answers_here(engine: Engine, private: Collection[str] = ()) -> Sequence[Answer]:
    """Return the answers of this process that run, or whose calls do, and that may be told: of private conversations
    only those of `private`."""
    answers = dict.fromkeys([*engine.running(), *engine.tools.calling()])
    return [
        answer
        for answer in answers
        if answer.conversation_id
        and (answer.conversation_id in private or not engine.conversations.is_private(answer.conversation_id))
    ]


def _running_here(engine: Engine, answer: Answer) -> RunningAnswer:
    asked = answer.round.asked if answer.round is not None else None
    growing: Literal["answering", "paused"] = "paused" if answer.paused else "answering"
    return RunningAnswer(
        answer.conversation_id,
        _title(engine, answer.conversation_id),
        answer.turn.id,
        answer.turn.model,
        answer.turn.created,
        "asking" if asked is not None else growing if answer.round is None else "calling",
        asked.call.name if asked is not None else "",
    )


def _title(engine: Engine, conversation_id: str) -> str:
    # Other tabs of the browser hear of it, too.
    if engine.conversations.is_private(conversation_id):
        return PRIVATE_TITLE
    known = engine.conversations.cache.get(conversation_id)
    return known.title if known is not None else ""
