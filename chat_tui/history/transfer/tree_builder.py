"""Makes turns of another program's tree of steps, of which some are machinery.

What a person saw becomes turns: questions, and answers made of all that the assistant said in a row. What it did
meanwhile (thoughts, tools that it called and what they gave back) becomes the thinking of that answer. Steps that
nobody saw give way: those below them hang on what stands above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import State, Usage
from chat_tui.core.conversation import Turn
from chat_tui.history.transfer.records import ImportedTurn, SkippedRecord, words

Files = Callable[[tuple[str, ...]], tuple[list[Attachment], list[str]]]
"""Finds files by what the source calls them: those that are there, and a note for each that is not."""


class SourceMessage(msgspec.Struct, frozen=True):
    """One message of the source."""

    kind: Literal["user", "assistant", "aside", "hidden"] = "hidden"
    parent: str | None = None
    text: str = ""
    aside: str = ""
    """What the assistant did or thought, for people to read."""
    files: tuple[str, ...] = ()
    created: datetime | None = None
    model: str = ""
    state: State = "complete"
    usage: Usage | None = None


class TurnDraft:
    """A turn that is being made of steps."""

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
    """A step before an answer, linked to those before it: a chain of thousands is never copied."""

    above: _Before | None
    aside: str
    files: tuple[str, ...]


class _Place(msgspec.Struct, frozen=True):
    """Where a step stands."""

    above: TurnDraft | None = None
    """The turn above it."""
    is_open: bool = False
    """It may go on in that turn: nothing branches in between."""
    before: _Before | None = None
    """What the next answer did before it spoke."""


def woven(steps: Mapping[str, SourceMessage], current: str | None) -> tuple[list[TurnDraft], int]:
    """The turns, parents first, and how many steps hang on one another in a ring.

    `current` ends the current path; where there is no such step, the newest turn does.
    """
    loom = _Loom(steps, current)
    reached = loom.run()
    if current not in steps:
        _follow_newest(loom.drafts)
    return loom.drafts, len(steps) - reached


def _follow_newest(drafts: list[TurnDraft]) -> None:
    by_key = {draft.key: draft for draft in drafts}
    newest = max(enumerate(drafts), key=lambda each: (_seconds(each[1].created), each[0]), default=None)
    step = newest[1] if newest else None
    while step is not None:
        step.on_path = True
        step = by_key.get(step.parent) if step.parent is not None else None


def _seconds(time: datetime | None) -> float:
    return 0.0 if time is None else time.timestamp()


def arrivals(drafts: list[TurnDraft], files: Files) -> Iterator[ImportedTurn | SkippedRecord]:
    """The turns as they come in, made one by one: their files are large."""
    last = None
    for draft in drafts:
        last = draft.created or last
        found, notes = files(tuple(dict.fromkeys(draft.files)))
        turn = Turn(
            "user" if draft.kind == "user" else "assistant",
            words("\n\n".join([*draft.texts, *notes])),
            created=last,
            thinking=words("\n\n".join(filter(None, draft.asides))),
            model=draft.model,
            state=draft.state,
            usage=draft.usage,
            attachments=tuple(found),
        )
        yield ImportedTurn(draft.key, draft.parent, turn, on_path=draft.on_path)


class _Loom:
    """From the roots down, without recursion: a chat of ten thousand steps is as deep."""

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
        """Makes the drafts; gives the number of steps that were reached."""
        reached = 0
        stack = [(key, _Place()) for key in reversed(self._below.get(None, []))]
        while stack:
            key, place = stack.pop()
            reached += 1
            below = self._below.get(key, [])
            place = self._placed(key, place, is_last=not below)
            if len(below) > 1:
                place = msgspec.structs.replace(place, is_open=False)
            stack.extend((child, place) for child in reversed(below))
        return reached

    def _placed(self, key: str, place: _Place, *, is_last: bool) -> _Place:
        """Where the steps below this one stand."""
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
            # At the end of a branch, what the assistant did without a word after it is an answer too.
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
    """The steps, first one first."""
    steps = []
    while last is not None:
        steps.append(last)
        last = last.above
    return steps[::-1]


def _sum(one: Usage | None, two: Usage | None) -> Usage | None:
    if one is None or two is None:
        return one or two
    prompt = one.prompt_tokens + two.prompt_tokens
    completion = one.completion_tokens + two.completion_tokens
    return Usage(prompt, completion, prompt + completion)
