"""chat-tui's own JSON: a conversation with all that is stored of it. An import restores the exported tree.

    {"format": "chat-tui", "version": 1, "id", "title", "created", "updated", "system_prompt", "pinned", "preset",
     "settings", "model", "cost", "leaf",
     "turns": [{"id", "parent", "role", "text", "created", …, "route", "attachments"}]}

Turns are written in the order in which they were added, a parent before its children, and read in any order; `leaf`
ends the current path; the content of attachments is base64; `import_key` is the key of the program that it
was once imported from. `model` and `cost` are for readers: they are derived from the turns. Unknown fields are ignored,
so that older versions read what newer ones wrote, and a field that cannot be read costs only itself. Of a preset and of
the settings, only what does not decide when something is sent, to whom, or what it may cost is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, get_type_hints

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Tree, Turn, now
from chat_tui.core.route import Route
from chat_tui.core.text.bounds import time_of_text
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.history.records import encode_json, orphan, storable
from chat_tui.history.transfer.records import (
    KEY_CHARACTERS,
    BadRecord,
    ConversationHeader,
    ImportedConversation,
    ImportedTurn,
    SkippedRecord,
    text_or_empty,
)

FORMAT = "chat-tui"
VERSION = 1


_TURN_FIELDS = get_type_hints(Turn)
_REQUIRED = {"role", "text"}
_ESSENTIAL = {*_REQUIRED, "id"}


class _Marks(msgspec.Struct, frozen=True):
    version: int


class _Record(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=KEY_CHARACTERS)]
    turns: list[Any]
    title: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    system_prompt: str | None = None
    pinned: bool = False
    preset: str = ""
    settings: str = ""
    leaf: str | None = None
    import_key: str = ""


_RECORD_FIELDS = get_type_hints(_Record, include_extras=True)


def record(tree: Tree) -> dict[str, Any]:
    """The whole tree as a record for `json_text`."""
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
        "settings": of.settings,
        "model": next((each.model for each in reversed(of.path) if each.model), answers[-1].model if answers else ""),
        "cost": sum(costs) if costs else None,
    }


def turn(of: Turn, route: Route | None) -> dict[str, Any]:
    """A turn with its route, which is null if it is unknown."""
    return {**{name: getattr(of, name) for name in of.__struct_fields__}, "route": route}


def json_text(value: Any) -> str:
    """JSON in one line, with control characters written as `\\u…`."""
    try:
        text = msgspec.json.encode(value).decode()
    except ValueError:  # lone surrogates
        text = encode_json(_Any(value))[len('{"value":') : -1]
    return escaped_json(text)


class _Any(msgspec.Struct, frozen=True):
    value: Any


def is_ours(value: Any) -> bool:
    """Whether this JSON value was exported by chat-tui."""
    return isinstance(value, dict) and value.get("format") == FORMAT


def convert(value: dict[str, Any]) -> ImportedConversation:
    """The conversation of a record, with the date of its first turn if it has none. Raises `BadRecord`."""
    try:
        version = msgspec.convert(value, _Marks).version
        if version > VERSION:
            raise BadRecord(
                f"it has version {version}, but this chat-tui only knows version {VERSION}: update chat-tui"
            )
        fields, unreadable = _readable(value, _RECORD_FIELDS, {"id", "turns"})
        known = msgspec.convert({"turns": [], **fields}, _Record)
    except msgspec.ValidationError as error:
        raise BadRecord(str(error)) from error
    created = known.created or known.updated or _first_time(known.turns) or now()
    head = ConversationHeader(
        storable(known.id),
        created,
        known.updated or created,
        known.title,
        known.system_prompt,
        known.pinned,
        known.preset,
        known.settings,
        keeps_ids=True,
        import_key=known.import_key,
    )
    notes = [SkippedRecord(f"`{name}` of {known.id}", reason) for name, reason in unreadable]
    return ImportedConversation(head, chain(notes, _arrivals(known)))


def _readable(
    value: Mapping[str, Any], kinds: Mapping[str, Any], essential: Set[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The valid fields, and the names of the others with the reasons.

    Raises `msgspec.ValidationError` if an essential field is invalid.
    """
    good: dict[str, Any] = {}
    unreadable = []
    for name, kind in kinds.items():
        try:
            if name in value:
                good[name] = msgspec.convert(value[name], kind)
        except msgspec.ValidationError as error:
            if name in essential:
                raise msgspec.ValidationError(f"{error} - at `$.{name}`") from error
            unreadable.append((name, str(error)))
    return good, unreadable


def _first_time(turns: Iterable[Any]) -> datetime | None:
    times = (time_of_text(each.get("created")) for each in turns if isinstance(each, dict))
    return next((time for time in times if time is not None), None)


def _arrivals(known: _Record) -> Iterator[ImportedTurn | SkippedRecord]:
    path = _path(known)
    # The children of an invalid turn are attached to its parent.
    above: dict[str, str | None] = {}
    came: set[str] = set()
    for position, is_cut in _parents_first(known.turns):
        value = known.turns[position]
        place = f"turn {position + 1} of {known.id}"
        id, parent = _links(value)
        parent = None if is_cut or parent is None else above.get(parent)
        if id is not None:
            above.setdefault(id, parent)
        try:
            turn, unreadable = _turn(value)
        except msgspec.ValidationError as error:
            yield SkippedRecord(place, str(error))
            continue
        if not 0 < len(turn.id) <= KEY_CHARACTERS or turn.id in came:
            yield SkippedRecord(place, "it has no id of its own")
            continue
        yield from (SkippedRecord(f"`{name}` of {place}", reason) for name, reason in unreadable)
        if is_cut:
            yield SkippedRecord(f"`parent` of {place}", "its parent does not exist: it now starts the conversation")
        try:
            route = msgspec.convert(value.get("route"), Route | None)
        except msgspec.ValidationError as error:
            yield SkippedRecord(f"the route of {place}", str(error))
            route = None
        came.add(turn.id)
        above[turn.id] = turn.id
        import_key = text_or_empty(value.get("import_key"))
        parent = parent and storable(parent)
        on_path = turn.id in path
        yield ImportedTurn(
            storable(turn.id), parent, _prepare_turn(turn), route, on_path=on_path, import_key=import_key
        )


def _links(value: Any) -> tuple[str | None, str | None]:
    """The ids of a turn and of its parent, if they are texts."""
    if not isinstance(value, dict):
        return None, None
    id, parent = value.get("id"), value.get("parent")
    return id if isinstance(id, str) else None, parent if isinstance(parent, str) else None


def _parents_first(turns: Sequence[Any]) -> Iterator[tuple[int, bool]]:
    """The positions of all turns, each after its parent's, otherwise in the order of the file; takes linear time.

    The mark is set where the parent is missing, or where following the parents leads back to the turn itself.
    """
    links = [_links(value) for value in turns]
    first: dict[str, int] = {}
    for position, (id, _) in enumerate(links):
        if id is not None:
            first.setdefault(id, position)
    parents = [None if parent is None else first.get(parent) for _, parent in links]
    waiting: dict[int, list[int]] = {}
    done = [False] * len(turns)

    def release(start: int, is_cut: bool) -> Iterator[tuple[int, bool]]:
        stack = [(start, is_cut)]
        while stack:
            position, mark = stack.pop()
            done[position] = True
            yield position, mark
            stack.extend((child, False) for child in reversed(waiting.pop(position, [])) if not done[child])

    for position, parent in enumerate(parents):
        if parent is not None and not done[parent]:
            waiting.setdefault(parent, []).append(position)
        else:
            yield from release(position, parent is None and links[position][1] is not None)
    for position in range(len(turns)):
        if not done[position]:
            yield from release(_in_ring(position, parents), True)


def _in_ring(position: int, parents: Sequence[int | None]) -> int:
    """A turn of the circle that the parents of this one end in."""
    seen: set[int] = set()
    while position not in seen:
        seen.add(position)
        above = parents[position]
        assert above is not None
        position = above
    return position


def _turn(value: Any) -> tuple[Turn, list[tuple[str, str]]]:
    """The turn, and the names of fields that were left out with the reasons.

    Raises `msgspec.ValidationError` if an essential field is invalid.
    """
    try:
        return msgspec.convert(value, Turn), []
    except msgspec.ValidationError:
        if not isinstance(value, dict):
            raise
    good, unreadable = _readable(value, _TURN_FIELDS, _ESSENTIAL)
    return Turn(**good) if good.keys() >= _REQUIRED else msgspec.convert(value, Turn), unreadable


def _prepare_turn(turn: Turn) -> Turn:
    """The turn as it can be stored: not growing, and with the content of its files."""
    files = tuple(Attachment(file.name, file.media_type, file.content) for file in turn.attachments)
    turn = msgspec.structs.replace(turn, id=storable(turn.id), attachments=files)
    return orphan(turn) if turn.state == "streaming" else turn


def _path(known: _Record) -> set[str]:
    """The ids of the current path, from the leaf that the export names, or else from the last turn."""
    parents: dict[str, str | None] = {}
    for value in known.turns:
        id, parent = _links(value)
        if id is not None:
            parents.setdefault(id, parent)
    step = known.leaf
    if step is None or (step and step not in parents):
        step = next(reversed(parents), None)
    path: set[str] = set()
    while step is not None and step in parents and step not in path:
        path.add(step)
        step = parents[step]
    return path
