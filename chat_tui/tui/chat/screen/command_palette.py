"""The rows of the command palette: the actions for the current state, the last used ones, then all others by topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.action import Action, split_words
from chat_tui.tui.actions.table import BY_ID, TOPICS
from chat_tui.tui.chat.screen import key_hints
from chat_tui.tui.widgets.host import ListChoice

if TYPE_CHECKING:
    from chat_tui.tui.chat.screen.screen import ChatScreen

_PLACES = ("everywhere", "transcript", "history list")
_LEFT_OUT = {"palette.open", "prompt.complete", "copy.or_cancel", "undo.take", "history.filter", "help.here"}
"""Actions that the palette lists under another id, such as undo and help, or that make no sense there."""
_MOVES = {f"turn.{way}" for way in ("before", "after")} | {
    f"transcript.{way}" for way in ("page_up", "page_down", "begin", "end")
}
"""Movements, for which nobody opens a list."""
_WHILE_BUSY = {"answer.cancel", "answer.pause"}
_IDLE = "no answer is running"
"""Why these cannot be used now. They are listed all the same: who looks for "stop" is not to find something else."""
_OF_AN_ANSWER = ("transcript.copy", "answer.regenerate", "question.edit", "answer.route")
_LAST = ("help.open", "app.quit")
_MOST_RECENT = 5


def is_listed(action: Action) -> bool:
    """Return whether the palette can offer an action."""
    here = action.slash or (action.action and action.where in _PLACES)
    return bool(here) and action.id not in _LEFT_OUT | _MOVES


def choices(screen: ChatScreen) -> list[ListChoice]:
    """Return all actions that are possible on this screen, each once, and those that need a running answer."""
    actions = {action.id: (topic, action) for topic, group in TOPICS.items() for action in group if is_listed(action)}
    now = [id for id in _now(screen) if id in actions]
    recent = [id for id in reversed(screen.host.kept.used) if id in actions and id not in now][:_MOST_RECENT]
    groups = dict.fromkeys(now, "Now") | dict.fromkeys(recent, "Recent")
    order = [*now, *recent, *(id for id in actions if id not in groups)]
    used = {id: place for place, id in enumerate(screen.host.kept.used, 1)}
    return [
        choice(actions[id][1], screen, groups.get(id, actions[id][0]), used.get(id, 0), screen.host.changed_keys)
        for id in order
    ]


def choice(action: Action, screen: ChatScreen, group: str, used: int, changed: Mapping[str, str]) -> ListChoice:
    """Return the row of an action; `used` is higher the later it was last used."""
    around = screen.chat if action.where == "transcript" else screen
    target = screen.chat.transcript if action.inner else around
    keys = changed.get(action.id, action.keys)
    note = bindings.format_keys(keys) if keys else f"/{action.command}" if action.slash else ""
    if keys and action.where == "transcript" and not screen.chat.transcript.has_focus:
        note = f"{bindings.first_key('prompt.complete', changed)} {note}"
    # The argument of its slash command is described where it is typed.
    brief = action.help.partition(";")[0]
    act: Callable[[], object] = partial(target.run_action, action.action)
    if action.id in _WHILE_BUSY and _is_idle(screen):
        brief, act = _IDLE, partial(screen.host.say, f"{_IDLE[:1].upper()}{_IDLE[1:]}")
    return ListChoice(
        action.name,
        act,
        help="" if brief == action.name.lower() else brief,
        note=note,
        group=group,
        id=action.id,
        words=(*split_words(action.words), *split_words(action.slash)),
        used=used,
        grave=action.grave,
    )


def _is_idle(screen: ChatScreen) -> bool:
    """Return whether there is nothing to cancel or to pause, not even a download."""
    return not screen.chat.conversation.is_busy and not screen.chat.fetch_line.running


def _now(screen: ChatScreen) -> Iterable[str]:
    """Return the ids of the keys in the last row; if an answer has ended, also of those that act on it."""
    answered = screen.chat.conversation.chosen_answer() is not None and not screen.chat.conversation.is_busy
    ids = dict.fromkeys((*(_OF_AN_ANSWER if answered else ()), *key_hints.ids(screen.hint_state())))
    return [id for id in (*(id for id in ids if id not in _LAST), *_LAST) if id in BY_ID]
