"""Makes turns of another program's tree of messages, some of which are not visible there.

Visible messages become turns: questions, and answers that join all consecutive messages of the assistant. Its thoughts,
tool calls and their results become the thinking of that answer. Hidden messages are left out: their children are
attached to their parents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import State, Usage, sum_usages
from chat_tui.core.conversation import Turn
from chat_tui.history.transfer.records import ImportedTurn, SkippedRecord, text_or_empty
from chat_tui.history.transfer.source_messages import SourceMessage

Files = Callable[[tuple[str, ...]], tuple[list[Attachment], list[str]]]
"""Finds files by the source's ids; returns those that exist, and a note for each that does not."""


class TurnDraft:
    """A turn that is made of one or more messages."""

    def __init__(self, key: str, parent: str | None, step: SourceMessage) -> None:
        self.key, self.parent = key, parent
        self.kind = step.kind
        self.texts: list[str] = []
        self.asides: list[str] = []
        self.files: list[str] = []
        self.created = step.created
        self.model = ""
        self.state: State = "complete"
        self.usage: Usage | None = None
        self.on_path = False


class _Before(msgspec.Struct, frozen=True):
    """A message before an answer, linked to those before it, so that a chain of thousands is never copied."""

    above: _Before | None
    aside: str
    files: tuple[str, ...]


class _Place(msgspec.Struct, frozen=True):
    """The position of a message in the tree."""

    above: TurnDraft | None = None
    """The turn above it."""
    is_open: bool = False
    """Whether the message can continue that turn, because nothing branches in between."""
    before: _Before | None = None
    """What the assistant did before the next answer's text."""


def build_turns(steps: Mapping[str, SourceMessage], current: str | None) -> tuple[list[TurnDraft], int]:
    """The turns, parents first, and the number of messages that refer to each other in a circle.

    The current path ends with the message `current`, or with the newest turn if there is no such message.
    """
    builder = _TreeBuilder(steps, current)
    reached = builder.run()
    if current not in steps:
        _follow_newest(builder.drafts)
    return builder.drafts, len(steps) - reached


def _follow_newest(drafts: list[TurnDraft]) -> None:
    by_key = {draft.key: draft for draft in drafts}
    newest = max(enumerate(drafts), key=lambda each: (_seconds(each[1].created), each[0]), default=None)
    step = newest[1] if newest else None
    while step is not None:
        step.on_path = True
        step = by_key.get(step.parent) if step.parent is not None else None


def _seconds(time: datetime | None) -> float:
    return 0.0 if time is None else time.timestamp()


def imported_turns(drafts: list[TurnDraft], files: Files) -> Iterator[ImportedTurn | SkippedRecord]:
    """The turns to import, made one by one because of their files."""
    last = None
    for draft in drafts:
        last = draft.created or last
        found, notes = files(tuple(dict.fromkeys(draft.files)))
        turn = Turn(
            "user" if draft.kind == "user" else "assistant",
            text_or_empty("\n\n".join([*draft.texts, *notes])),
            created=last,
            thinking=text_or_empty("\n\n".join(filter(None, draft.asides))),
            model=draft.model,
            state=draft.state,
            usage=draft.usage,
            attachments=tuple(found),
        )
        yield ImportedTurn(draft.key, draft.parent, turn, on_path=draft.on_path)


class _TreeBuilder:
    """Walks from the roots down, without recursion, since a chat can be ten thousand messages deep."""

    def __init__(self, steps: Mapping[str, SourceMessage], current: str | None) -> None:
        self._steps = steps
        self._path: set[str] = set()
        while current is not None and current in steps and current not in self._path:
            self._path.add(current)
            current = steps[current].parent
        self._below: dict[str | None, list[str]] = {}
        for key, step in steps.items():
            known = step.parent is not None and step.parent in steps
            self._below.setdefault(step.parent if known else None, []).append(key)
        for siblings in self._below.values():
            siblings.sort(key=self._time)
        self.drafts: list[TurnDraft] = []

    def _time(self, key: str) -> float:
        return _seconds(self._steps[key].created)

    def run(self) -> int:
        """Make the drafts; returns the number of messages that were reached."""
        reached = 0
        stack = [(key, _Place()) for key in reversed(self._below.get(None, []))]
        while stack:
            key, place = stack.pop()
            reached += 1
            below = self._below.get(key, [])
            place = self._place_step(key, place, is_last=not below)
            if len(below) > 1:
                place = msgspec.structs.replace(place, is_open=False)
            stack.extend((child, place) for child in reversed(below))
        return reached

    def _place_step(self, key: str, place: _Place, *, is_last: bool) -> _Place:
        """Add a message; returns the position of those below it."""
        step = self._steps[key]
        if step.kind == "user":
            draft = self._draft(key, step, place.above)
            draft.texts.append(step.text)
            draft.files.extend(step.files)
            return _Place(draft)
        if step.kind == "assistant" and (step.text.strip() or step.files):
            return _Place(self._answer(key, step, place), is_open=True)
        if step.kind != "hidden" and (step.aside or step.files):
            place = msgspec.structs.replace(place, before=_Before(place.before, step.aside, step.files))
        if is_last and place.before is not None:
            # At the end of a branch, what the assistant did without a text after it is an answer, too.
            return _Place(self._answer(key, msgspec.structs.replace(step, text="", aside="", files=()), place))
        return place

    def _answer(self, key: str, step: SourceMessage, place: _Place) -> TurnDraft:
        above = place.above
        if above is not None and above.kind == "assistant" and place.is_open:
            draft = above
            draft.on_path = draft.on_path or key in self._path
        else:
            draft = self._draft(key, step, above)
            draft.kind = "assistant"
        if step.text.strip():
            draft.texts.append(step.text)
        for before in _in_order(place.before):
            draft.asides.append(before.aside)
            draft.files.extend(before.files)
        draft.asides.append(step.aside)
        draft.files.extend(step.files)
        draft.model = step.model or draft.model
        draft.state = step.state
        draft.usage = _sum(draft.usage, step.usage)
        return draft

    def _draft(self, key: str, step: SourceMessage, above: TurnDraft | None) -> TurnDraft:
        draft = TurnDraft(key, above.key if above else None, step)
        draft.on_path = key in self._path
        self.drafts.append(draft)
        return draft


def _in_order(last: _Before | None) -> list[_Before]:
    """The messages in their order."""
    steps = []
    while last is not None:
        steps.append(last)
        last = last.above
    return steps[::-1]


def _sum(one: Usage | None, two: Usage | None) -> Usage | None:
    if one is None or two is None:
        return one or two
    return sum_usages([one, two])
