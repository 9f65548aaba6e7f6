"""Records to rows and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any, cast, get_args

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.core.conversation import QuickAnswer, Role, Turn, now
from chat_tui.core.route import Seam
from chat_tui.core.text.bounds import EARLIEST, EPOCH, clamped_time
from chat_tui.history.stored_text import text_of

_MICROSECOND = timedelta(microseconds=1)
_SURROGATES = re.compile("[\ud800-\udfff]")

TURN_COLUMNS = "id, role, state, created, verdict, kept, model, strategy, cost, details, text, thinking"
"""What `turn` takes, in this order."""

ORPHANED = ErrorInfo(
    kind="Interrupted",
    title="chat-tui was closed while this answer was streaming.",
    hint="What arrived is here; ask again for the rest.",
)
"""Why an answer is broken whose process is gone."""


class TurnDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a turn is only ever read whole."""

    usage: Usage | None = None
    timings: Timings | None = None
    error: ErrorInfo | None = None
    finish_reason: str = ""
    left_out: int = 0
    seams: tuple[Seam, ...] = ()
    quick: QuickAnswer | None = None
    served_model: str = ""


_NO_DETAILS = TurnDetails()
_ROLES: Mapping[str, str] = {name: name for name in get_args(Role)}
_STATES: Mapping[str, str] = {name: name for name in get_args(State)}


def storable(text: str) -> str:
    """The text as UTF-8 can hold it: pairs of surrogates are joined, lone ones become U+FFFD."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def microseconds(time: datetime | None) -> int:
    """Since 1970 in UTC; None is now, a time without a zone is UTC."""
    moment = time or now()
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MICROSECOND


def moment(time: int) -> datetime:
    """The time so many microseconds after 1970 began, in UTC.

    What no calendar can show, as earlier versions imported it, becomes the nearest time that every time zone has.
    """
    try:
        return clamped_time(EPOCH + timedelta(microseconds=time))
    except (OverflowError, TypeError):
        return EARLIEST


def encoded(record: msgspec.Struct) -> str:
    """The record as JSON; lone surrogates in it become U+FFFD."""
    try:
        return msgspec.json.encode(record).decode()
    except ValueError:  # msgspec's own and UnicodeEncodeError, both for lone surrogates
        return msgspec.json.encode(_mended(msgspec.to_builtins(record))).decode()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value


def details(turn: Turn) -> str | None:
    """The turn's details as JSON; None when there are none."""
    record = TurnDetails(**{name: getattr(turn, name) for name in TurnDetails.__struct_fields__})
    return None if record == _NO_DETAILS else encoded(record)


def details_of(record: object) -> TurnDetails:
    """The details of a row; none where they cannot be read."""
    if not isinstance(record, str):
        return _NO_DETAILS
    try:
        return msgspec.json.decode(record, type=TurnDetails)
    except (msgspec.MsgspecError, RecursionError):
        return _NO_DETAILS


def turn(row: tuple[Any, ...], parent: str | None, attachments: tuple[Attachment, ...] = ()) -> Turn:
    """The turn of a row with `TURN_COLUMNS`. Details that cannot be read are left out: a conversation must open."""
    id, role, state, created, verdict, kept, model, strategy, cost, record, text, thinking = row
    known = details_of(record)
    return Turn(
        role=cast(Role, _one_of(_ROLES, role, "assistant" if model else "user")),
        text=text_of(text),
        id=text_of(id),
        parent=parent,
        created=None if created is None else moment(created),
        thinking=text_of(thinking),
        model=intern(text_of(model)),
        strategy=intern(text_of(strategy)),
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
    )


def _one_of(known: Mapping[str, str], name: object, otherwise: str) -> str:
    """The name, interned; another one where damage has made it none of the known ones."""
    return known.get(name, otherwise) if isinstance(name, str) else otherwise


def orphan(turn: Turn) -> Turn:
    """The growing answer of a process that is gone, as it is shown and kept."""
    quick = turn.quick
    if quick is not None and quick.text and not turn.text:
        # The short answer is all that had come.
        alone = msgspec.structs.replace(quick, text="")
        turn = msgspec.structs.replace(turn, text=quick.text, model=quick.model or turn.model, quick=alone)
    return msgspec.structs.replace(turn, state="broken", error=turn.error or ORPHANED)
