"""Converts records to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any, cast, get_args

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.core.conversation import QuickAnswer, Role, SummarizedTurns, Turn, now
from chat_tui.core.route import Seam
from chat_tui.core.text.bounds import EARLIEST, EPOCH, clamped_time
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import INTERRUPTED, ToolCall, ToolResult
from chat_tui.history.stored_text import clean_line_of, clean_record, clean_text_of, text_of

_MICROSECOND = timedelta(microseconds=1)
_SURROGATES = lazy_pattern("[\ud800-\udfff]")

TURN_COLUMNS = "id, role, state, created, verdict, kept, model, strategy, cost, details, text, thinking"
"""The columns that `turn` takes, in this order."""

ORPHANED = ErrorInfo(
    kind="Interrupted",
    title="chat-tui was closed while this answer was streaming.",
    hint="What arrived is here; ask again for the rest.",
)
"""The error of an answer whose process is gone."""


ORPHANED_CALL = ErrorInfo(
    kind="Interrupted",
    title="chat-tui was closed while this tool ran.",
    hint="It may have had an effect. It is not run again by itself.",
)
"""The error of a tool call whose process is gone."""


class TurnDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parts of a turn that are stored as one JSON record."""

    usage: Usage | None = None
    timings: Timings | None = None
    error: ErrorInfo | None = None
    finish_reason: str = ""
    left_out: int = 0
    seams: tuple[Seam, ...] = ()
    quick: QuickAnswer | None = None
    served_model: str = ""
    calls: tuple[ToolCall, ...] = ()
    result: ToolResult | None = None
    replay: str = ""
    summarized: SummarizedTurns | None = None


_NO_DETAILS = TurnDetails()
_ROLES: Mapping[str, str] = {name: name for name in get_args(Role)}
_STATES: Mapping[str, str] = {name: name for name in get_args(State)}


def storable(text: str) -> str:
    """The text as valid UTF-8: pairs of surrogates are joined, lone surrogates become U+FFFD."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def microseconds(time: datetime | None) -> int:
    """Microseconds since 1970 in UTC. None means now; a time without a zone is UTC."""
    moment = time or now()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MICROSECOND


def moment(time: int) -> datetime:
    """The time in UTC, given in microseconds since 1970.

    A time that `datetime` cannot hold, which earlier versions imported, becomes the nearest possible one.
    """
    try:
        return clamped_time(EPOCH + timedelta(microseconds=time))
    except (OverflowError, TypeError):
        return EARLIEST


def encode_json(record: msgspec.Struct) -> str:
    """The record as JSON, with U+FFFD for lone surrogates."""
    try:
        return msgspec.json.encode(record).decode()
    except ValueError:  # msgspec's own and UnicodeEncodeError, both for lone surrogates
        return msgspec.json.encode(_storable_value(msgspec.to_builtins(record))).decode()


def _storable_value(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_storable_value(key): _storable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_value(item) for item in value]
    return value


def encode_details(turn: Turn) -> str | None:
    """The turn's details as JSON; None if all have their defaults."""
    record = TurnDetails(**{name: getattr(turn, name) for name in TurnDetails.__struct_fields__})
    return None if record == _NO_DETAILS else encode_json(record)


def decode_details(record: object) -> TurnDetails:
    """The details of a row, with defaults if the record is damaged."""
    if not isinstance(record, str):
        return _NO_DETAILS
    try:
        return clean_record(msgspec.json.decode(record, type=TurnDetails), record)
    except (msgspec.MsgspecError, RecursionError):
        return _NO_DETAILS


def turn(row: tuple[Any, ...], parent: str | None, attachments: tuple[Attachment, ...] = ()) -> Turn:
    """The turn of a row with `TURN_COLUMNS`. Damaged details are left out, so that the conversation can be opened."""
    id, role, state, created, verdict, kept, model, strategy, cost, record, text, thinking = row
    known = decode_details(record)
    return Turn(
        role=cast(Role, _one_of(_ROLES, role, "assistant" if model else "user")),
        text=clean_text_of(text),
        id=text_of(id),
        parent=parent,
        created=None if created is None else moment(created),
        thinking=clean_text_of(thinking),
        model=intern(clean_line_of(model)),
        strategy=intern(clean_line_of(strategy)),
        state=cast(State, _one_of(_STATES, state, "broken")),
        finish_reason=known.finish_reason,
        usage=known.usage,
        timings=known.timings,
        cost=cost if isinstance(cost, int | float) else None,
        error=known.error,
        left_out=known.left_out,
        attachments=attachments,
        kept=None if kept is None else bool(kept),
        verdict=None if verdict is None else bool(verdict),
        seams=known.seams,
        quick=known.quick,
        served_model=known.served_model,
        calls=known.calls,
        result=known.result,
        replay=known.replay,
        summarized=known.summarized,
    )


def _one_of(known: Mapping[str, str], name: object, otherwise: str) -> str:
    """The known name that equals this one; `otherwise` for a damaged one."""
    return known.get(name, otherwise) if isinstance(name, str) else otherwise


def orphan(turn: Turn) -> Turn:
    """The growing answer of a process that is gone as a broken answer, or its running tool call as a broken result."""
    quick = turn.quick
    if quick is not None and quick.text and not turn.text:
        # Only the quick answer had arrived.
        alone = msgspec.structs.replace(quick, text="")
        turn = msgspec.structs.replace(turn, text=quick.text, model=quick.model or turn.model, quick=alone)
    if turn.role == "tool":
        return msgspec.structs.replace(
            turn, text=turn.text or INTERRUPTED, state="broken", error=turn.error or ORPHANED_CALL
        )
    return msgspec.structs.replace(turn, state="broken", error=turn.error or ORPHANED)
