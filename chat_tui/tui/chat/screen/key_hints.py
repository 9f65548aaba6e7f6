"""The keys that the last row shows, by focus and by what the conversation allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Place = Literal["prompt", "completions", "transcript", "selection", "find bar", "history", "picker"]

_IDLE_KEYS = (
    "prompt.send",
    "prompt.complete",
    "palette.open",
    "models.open",
    "history.open",
    "prompt.new_line",
    "strategy.next",
    "conversation.new",
    "app.quit",
)
_TURN_KEYS = (
    "answer.cancel",
    "answer.continue",
    "question.edit",
    "answer.regenerate",
    "version.before",
    "version.after",
    "version.compare",
    "transcript.copy",
    "code.copy",
    "code.after",
    "turn.branch",
    "answer.route",
    "change.undo",
)
_BUSY_KEYS = ("answer.cancel", "answer.pause", "models.open", "history.open")
_LIST_KEYS = (
    "list.choose",
    "answer.cancel",
    "history.filter",
    "conversation.rename",
    "conversation.pin",
    "conversation.delete",
    "undo.take",
)
_NO_ROW_KEYS = ("answer.cancel", "undo.take")
_KEYS: Mapping[Place, Sequence[str]] = {
    "picker": ("list.choose", "model.pin", "answer.cancel"),
    "completions": ("prompt.complete", "answer.cancel"),
    "find bar": ("find.next", "find.before", "find.close"),
    "selection": ("selection.begin", "selection.copy", "selection.leave"),
}
_WORDS: Mapping[Place, Mapping[str, str]] = {
    "transcript": {"answer.cancel": "back"},
    "history": {"answer.cancel": "back"},
    "picker": {"list.choose": "choose", "answer.cancel": "close"},
    "completions": {"prompt.complete": "complete", "answer.cancel": "close"},
}


MODES: Mapping[Place, str] = {"transcript": "Messages", "selection": "Select"}
"""The names of the modes in which letters are commands."""


class HintState(NamedTuple):
    """The state that the keys of the last row depend on."""

    place: Place
    on_row: bool = False
    """Whether the history list's cursor is on a conversation."""
    busy: bool = False
    paused: bool = False
    has_messages: bool = True
    has_versions: bool = False
    has_code: bool = False
    can_continue: bool = False
    """Whether the last answer is incomplete."""


def ids(state: HintState) -> Sequence[str]:
    """Return the ids of the keys that apply now, the most important first."""
    if state.place == "history":
        return _LIST_KEYS if state.on_row else _NO_ROW_KEYS
    if state.place in _KEYS:
        return _KEYS[state.place]
    if state.busy:
        return (*_BUSY_KEYS[:2], "transcript.leave", "transcript.copy") if state.place == "transcript" else _BUSY_KEYS
    without = set() if state.has_versions else {"version.before", "version.after", "version.compare"}
    if not state.has_messages:
        without.add("prompt.complete")
    if not state.has_code:
        without |= {"code.copy", "code.after"}
    if not state.can_continue:
        without.add("answer.continue")
    return [id for id in (_TURN_KEYS if state.place == "transcript" else _IDLE_KEYS) if id not in without]


def words(state: HintState) -> Mapping[str, str]:
    """Return descriptions of keys whose meaning differs from the table of keys at the moment."""
    if state.place in _WORDS and not (state.place == "transcript" and state.busy):
        return _WORDS[state.place]
    return {"answer.pause": "resume"} if state.paused else {}
