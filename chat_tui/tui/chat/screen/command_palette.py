"""The rows of the command palette: the actions of this moment, then all other keys, then commands without a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.keys import TABLE, Key
from chat_tui.tui.actions.slash_commands import CommandCall
from chat_tui.tui.chat.screen import key_hints
from chat_tui.tui.widgets.host import ListChoice

if TYPE_CHECKING:
    from chat_tui.tui.chat.screen.screen import ChatScreen

_PLACES = {"everywhere": "Anywhere", "transcript": "Answers and questions", "history list": "Conversations"}
_ELSEWHERE = {"palette.open", "copy.or_cancel", "undo.take", "history.filter"}
"""The third one is there as `change.undo`."""
_MOVES = {f"turn.{way}" for way in ("before", "after")} | {
    f"transcript.{way}" for way in ("page_up", "page_down", "begin", "end")
}
"""Nobody goes through a list to go a row up."""
_AT_THE_PROMPT = {"adaptive.toggle", "compare.open"}
"""They are bound only there, and worth finding everywhere."""
_OF_AN_ANSWER = ("transcript.copy", "answer.regenerate", "question.edit", "answer.route")
_LAST = ("help.open", "app.quit")


def choices(screen: ChatScreen) -> list[ListChoice]:
    """Return everything that can be done on this screen, each once."""
    left_out = _ELSEWHERE | _MOVES | (set() if screen.chat.conversation.is_busy else {"answer.cancel", "answer.pause"})
    rows = {
        row.id: row
        for row in TABLE
        if row.id in _AT_THE_PROMPT or (row.action and row.where in _PLACES and row.id not in left_out)
    }
    now = [id for id in _now(screen) if id in rows]
    offered = [_by_key(screen, rows.pop(id), "Now") for id in now]
    for where, group in _PLACES.items():
        here = [row for row in rows.values() if where == ("everywhere" if row.id in _AT_THE_PROMPT else row.where)]
        offered += [_by_key(screen, row, group) for row in here]
    return [*offered, *_commands(screen)]


def _now(screen: ChatScreen) -> Iterable[str]:
    """Return the ids of the keys in the last row; if an answer has ended, also of those that act on it."""
    answered = screen.chat.conversation.chosen_answer() is not None and not screen.chat.conversation.is_busy
    ids = dict.fromkeys((*(_OF_AN_ANSWER if answered else ()), *key_hints.ids(screen.hint_state())))
    return [*(id for id in ids if id not in _LAST), *_LAST]


def _by_key(screen: ChatScreen, row: Key, group: str) -> ListChoice:
    around = screen.chat if row.where == "transcript" else screen
    target = screen.chat.transcript if row.inner else around
    keys = bindings.format_keys(screen.host.changed_keys.get(row.id, row.keys))
    return ListChoice(_capital(row.help), partial(target.run_action, row.action), note=keys, group=group)


def _commands(screen: ChatScreen) -> Iterable[ListChoice]:
    for command in screen.commands.all():
        act: Callable[[], object | Awaitable[object]]
        if command.palette == "write":
            act = partial(screen.commands.begin, f"/{command.name} ")
        elif command.palette == "run":
            act = partial(screen.commands.run, CommandCall(command.name), f"/{command.name}")
        else:
            continue
        yield ListChoice(_capital(command.help), act, note=f"/{command.name}", group="Commands")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
