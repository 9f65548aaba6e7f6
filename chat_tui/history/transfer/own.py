"""Our JSON: a conversation with all that is kept of it. What is exported and imported is the same tree again, cleaned.

    {"format": "chat-tui", "version": 1, "id", "title", "created", "updated", "system_prompt", "pinned", "preset",
     "model", "cost", "leaf", "turns": [{"id", "parent", "role", "text", "created", …, "route", "attachments"}]}

Turns stand in the order in which they came, a parent before its children; `leaf` ends the current path; the content
of attachments is base64; `import_key` says what another program calls it, where it was imported from there.
`model` and `cost` are for readers: they are made of the turns. Unknown fields are passed over, so that
older versions read what newer ones wrote. Of a preset only that comes in which does not decide when something is
sent, to whom, or what it may cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, get_type_hints

import msgspec

from chat_tui.attachments import Attachment
from chat_tui.conversation import Conversation, Tree, Turn, now
from chat_tui.history.rows import encoded, orphan, storable
from chat_tui.history.transfer.parcels import KEY_CHARACTERS, Arrival, BadRecord, Head, Parcel, Skipped, words
from chat_tui.route import Route
from chat_tui.text_safety import escaped_json

FORMAT = "chat-tui"
VERSION = 1


_TURN_FIELDS = get_type_hints(Turn)
_REQUIRED = {"role", "text"}
_ESSENTIAL = {*_REQUIRED, "id", "parent"}


class _Marks(msgspec.Struct, frozen=True):
    version: int


class _Record(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_CHARACTERS)]
    title: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    system_prompt: str | None = None
    pinned: bool = False
    preset: str = ""
    leaf: str = ""
    import_key: str = ""
    turns: list[Any] = []


def record(tree: Tree) -> dict[str, Any]:
    """The whole tree as JSON's own values, ready for `json_text`."""
    about = conversation(tree.conversation, tree.turns)
    turns = [
        {**turn(each, tree.routes.get(each.id)), "import_key": tree.import_keys.get(each.id, "")} for each in tree.turns
    ]
    return {
        "format": FORMAT,
        "version": VERSION,
        **about,
        "leaf": tree.leaf,
        "import_key": tree.import_key,
        "turns": turns,
    }


def conversation(of: Conversation, turns: Iterable[Turn]) -> dict[str, Any]:
    """A conversation without its turns."""
    answers = [each for each in turns if each.role == "assistant"]
    costs = [each.cost for each in answers if each.cost is not None]
    return {
        "id": of.id,
        "title": of.title,
        "created": of.created,
        "updated": of.updated,
        "system_prompt": of.system_prompt,
        "pinned": of.pinned,
        "preset": of.preset,
        "model": next((each.model for each in reversed(of.path) if each.model), answers[-1].model if answers else ""),
        "cost": sum(costs) if costs else None,
    }


def turn(of: Turn, route: Route | None) -> dict[str, Any]:
    """A turn with its route, null where none is known."""
    return {**{name: getattr(of, name) for name in of.__struct_fields__}, "route": route}


def json_text(value: Any) -> str:
    """JSON on one line that no terminal obeys: what it would is written as `\\u…`."""
    try:
        text = msgspec.json.encode(value).decode()
    except ValueError:  # lone surrogates
        text = encoded(_Any(value))[len('{"value":') : -1]
    return escaped_json(text)


class _Any(msgspec.Struct, frozen=True):
    value: Any


def is_ours(value: Any) -> bool:
    """Whether this JSON value says that it is one of ours."""
    return isinstance(value, dict) and value.get("format") == FORMAT


def parcel(value: dict[str, Any]) -> Parcel:
    """The conversation of a record; raises `BadRecord`."""
    try:
        version = msgspec.convert(value, _Marks).version
        if version > VERSION:
            raise BadRecord(f"it is of version {version}, this chat-tui knows {VERSION}: update it")
        known = msgspec.convert(value, _Record)
    except msgspec.ValidationError as error:
        raise BadRecord(str(error)) from error
    created = known.created or known.updated or now()
    head = Head(
        storable(known.id),
        created,
        known.updated or created,
        known.title,
        known.system_prompt,
        known.pinned,
        known.preset,
        keeps_ids=True,
        import_key=known.import_key,
    )
    return Parcel(head, _arrivals(known))


def _arrivals(known: _Record) -> Iterator[Arrival | Skipped]:
    path = _path(known)
    seen: set[str] = set()
    for number, value in enumerate(known.turns, 1):
        place = f"turn {number} of {known.id}"
        try:
            came, unreadable = _turn(value)
        except msgspec.ValidationError as error:
            yield Skipped(place, str(error))
            continue
        yield from (Skipped(f"`{name}` of {place}", reason) for name, reason in unreadable)
        if not 0 < len(came.id) <= KEY_CHARACTERS or came.id in seen:
            yield Skipped(place, "it has no id of its own")
            continue
        if came.parent is not None and came.parent not in seen:
            yield Skipped(place, "the turn that it follows did not come before it")
            continue
        try:
            route = msgspec.convert(value.get("route"), Route | None)
        except msgspec.ValidationError as error:
            yield Skipped(f"the route of {place}", str(error))
            route = None
        seen.add(came.id)
        parent = came.parent and storable(came.parent)
        import_key = words(value.get("import_key"))
        on_path = came.id in path
        yield Arrival(storable(came.id), parent, _settled(came), route, on_path=on_path, import_key=import_key)


def _turn(value: Any) -> tuple[Turn, list[tuple[str, str]]]:
    """The turn, and of each field that had to be left out its name and why.

    Raises `msgspec.ValidationError` where one is wrong without which there is no turn.
    """
    try:
        return msgspec.convert(value, Turn), []
    except msgspec.ValidationError:
        if not isinstance(value, dict):
            raise
    good: dict[str, Any] = {}
    unreadable = []
    for name, kind in _TURN_FIELDS.items():
        try:
            if name in value:
                good[name] = msgspec.convert(value[name], kind)
        except msgspec.ValidationError as error:
            if name in _ESSENTIAL:
                raise
            unreadable.append((name, str(error)))
    return Turn(**good) if good.keys() >= _REQUIRED else msgspec.convert(value, Turn), unreadable


def _settled(turn: Turn) -> Turn:
    """The turn as another store may have it: nobody is writing it, and its files come with it."""
    files = tuple(Attachment(file.name, file.media_type, file.content) for file in turn.attachments)
    turn = msgspec.structs.replace(turn, id=storable(turn.id), attachments=files)
    return orphan(turn) if turn.state == "streaming" else turn


def _path(known: _Record) -> set[str]:
    parents = {each.get("id"): each.get("parent") for each in known.turns if isinstance(each, dict)}
    path: set[str] = set()
    step: Any = known.leaf
    while isinstance(step, str) and step in parents and step not in path:
        path.add(step)
        step = parents[step]
    return path
