"""Makes turns of another program's tree of messages, some of which are not visible there.

Visible messages become turns: questions, and answers that join all consecutive messages of the assistant. Its thoughts
become the thinking of that answer. Where it called tools, the answer is split into several turns. Hidden messages are
left out: their children are attached to their parents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.history.transfer.answer_parts import split_answer
from chat_tui.history.transfer.records import ImportedTurn, SkippedRecord, text_or_empty
from chat_tui.history.transfer.source_messages import SourceMessage

Files = Callable[[tuple[str, ...]], tuple[list[Attachment], list[str]]]
"""Finds files by the source's ids; returns those that exist, and a note for each that does not."""


class TurnDraft:
    """A question, or an answer that is made of one or more messages."""

    def __init__(self, key: str, above: TurnDraft | None, step: SourceMessage) -> None:
        self.key, self.above = key, above
        self.kind = step.kind
        self.messages: list[tuple[str, SourceMessage]] = []
        """The messages with their keys, in order."""
        self.created = step.created
        self.on_path = False
        self.end = key
        """The key of the last turn that is made of this draft."""

    @property
    def texts(self) -> list[str]:
        """The texts of the messages."""
        return [message.text for _, message in self.messages if message.text.strip()]


class _Before(msgspec.Struct, frozen=True):
    """A message before an answer, linked to those before it, so that a chain of thousands is never copied."""

    above: _Before | None
    key: str
    message: SourceMessage


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
    newest = max(enumerate(drafts), key=lambda each: (_seconds(each[1].created), each[0]), default=None)
    step = newest[1] if newest else None
    while step is not None:
        step.on_path = True
        step = step.above


def _seconds(time: datetime | None) -> float:
    return 0.0 if time is None else time.timestamp()


def imported_turns(drafts: list[TurnDraft], files: Files) -> Iterator[ImportedTurn | SkippedRecord]:
    """The turns to import, made one by one because of their files.

    What two answers have in common, such as the tool call before both, comes with each of them, under the same keys.
    """
    last = None
    for draft in drafts:
        last = draft.created or last
        parent, answer = (draft.above.end, draft.above.key) if draft.above else (None, "")
        for key, turn, file_ids in _turns_of(draft):
            last = turn.created or last
            found, notes = files(tuple(dict.fromkeys(file_ids)))
            text = text_or_empty("\n\n".join([*filter(None, [turn.text]), *notes]))
            turn = msgspec.structs.replace(turn, text=text, created=last, attachments=tuple(found))
            yield ImportedTurn(
                key,
                parent,
                turn,
                on_path=draft.on_path,
                answer="" if key == draft.key else draft.key,
                parent_answer="" if parent == answer else answer,
            )
            parent = draft.end = key
            answer = draft.key


def _turns_of(draft: TurnDraft) -> Iterator[tuple[str, Turn, list[str]]]:
    """The turns of a draft, each with its key and the ids of its files."""
    if draft.kind == "user":
        _, question = draft.messages[0]
        yield draft.key, Turn("user", question.text, created=draft.created), list(question.files)
        return
    parts = list(split_answer(draft.messages))
    for part in parts:
        is_whole = len(parts) == 1 and not part.results
        turn = Turn(
            "assistant",
            text_or_empty("\n\n".join(part.texts)),
            created=draft.created if is_whole else part.created,
            thinking=text_or_empty("\n\n".join(part.asides)),
            model=part.model,
            state=part.state,
            usage=part.usage,
            calls=tuple(part.calls),
        )
        yield draft.key if is_whole else part.key, turn, part.files
        for result in part.results:
            text = text_or_empty("\n\n".join(filter(None, result.texts)))
            turn = Turn("tool", text, created=result.created, state=result.state, result=result.result)
            yield result.key, turn, result.files


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
            draft.messages.append((key, step))
            return _Place(draft)
        if step.kind == "assistant" and (step.text.strip() or step.files):
            return _Place(self._answer(key, step, place), is_open=True)
        is_before = step.kind != "hidden" and bool(
            step.aside
            or step.files
            or step.calls
            or any(result.aside for result in step.results)
            # A result without text says something only about the call before it.
            or (step.results and (place.before is not None or place.is_open))
        )
        if is_before:
            place = msgspec.structs.replace(place, before=_Before(place.before, key, step))
        if is_last and place.before is not None:
            # At the end of a branch, what the assistant did without a text after it is an answer, too.
            usage = None if is_before else step.usage
            end = SourceMessage(step.kind, created=step.created, model=step.model, state=step.state, usage=usage)
            return _Place(self._answer(key, end, place))
        return place

    def _answer(self, key: str, step: SourceMessage, place: _Place) -> TurnDraft:
        above = place.above
        if above is not None and above.kind == "assistant" and place.is_open:
            draft = above
            draft.on_path = draft.on_path or key in self._path
        else:
            draft = self._draft(key, step, above)
            draft.kind = "assistant"
        draft.messages += [*_in_order(place.before), (key, step)]
        return draft

    def _draft(self, key: str, step: SourceMessage, above: TurnDraft | None) -> TurnDraft:
        draft = TurnDraft(key, above, step)
        draft.on_path = key in self._path
        self.drafts.append(draft)
        return draft


def _in_order(last: _Before | None) -> list[tuple[str, SourceMessage]]:
    """The messages with their keys, in their order."""
    messages = []
    while last is not None:
        messages.append((last.key, last.message))
        last = last.above
    return messages[::-1]
