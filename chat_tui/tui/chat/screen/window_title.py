"""The terminal's title, and the bell and the notice at the end of a long answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.conversation.view import ChatView

if TYPE_CHECKING:
    from chat_tui.core.conversation import Turn
    from chat_tui.engine.answers.answer import Answer

LONG_SECONDS = 10.0
"""Seconds; after a longer wait for an answer the user may have looked away."""
_CELLS = 60


def title(turns: Sequence[Turn], *, running: bool, ended: bool, asks: bool = False) -> str:
    """Return the terminal's title: the question in view, and whether its answer is running or has ended."""
    mark = "? " if asks else "● " if running else "✓ " if ended else ""
    question = next((turn.text for turn in reversed(turns) if turn.role == "user"), "")
    asked = shorten(question[: 4 * _CELLS], _CELLS)
    return f"{mark}chat-tui — {asked}" if asked else f"{mark}chat-tui"


class EndedAnswers:
    """Finds the questions that were answered since the last look."""

    def __init__(self) -> None:
        self._followed: dict[str, dict[str, Answer]] = {}
        """Running answers by question and by turn."""

    def look(self, running: Sequence[Answer]) -> list[Answer]:
        """Return the answers that have ended since the last look; of several to one question, the one that took
        longest. The `running` ones are followed from now on."""
        for answer in running:
            self._followed.setdefault(answer.question.id, {})[answer.turn.id] = answer
        over = [id for id, answers in self._followed.items() if all(map(_has_ended, answers.values()))]
        return [max(self._followed.pop(id).values(), key=_seconds) for id in over]


class WindowTitle:
    """Shows the state of a chat in the terminal's title, and rings for answers that end unseen."""

    def __init__(self, chat: ChatView) -> None:
        self._chat = chat
        self._answers = EndedAnswers()
        self._called: set[str] = set()
        """Ids of the tool calls that it has rung for, or that were seen."""

    def update(self, running: Sequence[Answer]) -> None:
        """Show the running answers, and ring for those that have ended; `running`: in all conversations."""
        chat, host = self._chat, self._chat.host
        # The title of a private conversation must not appear in a list of windows.
        turns = () if chat.prompt.border_title else chat.transcript.turns
        ended = chat.conversation.answer is not None and not chat.conversation.is_busy
        # Of several models asked at once, the chat knows one.
        runs = chat.conversation.is_busy or any(
            answer.conversation_id == chat.session.conversation_id for answer in running
        )
        asking = [answer for answer in running if answer.round is not None and answer.round.asked is not None]
        host.show_title(title(turns, running=runs, ended=ended, asks=bool(asking)))
        self._ring_for_calls(asking)
        for answer in self._answers.look(running):
            seen = chat.app.app_focus and answer.conversation_id == chat.session.conversation_id
            if not seen and answer.figures().duration_seconds > LONG_SECONDS:
                host.ring(f"Answered: {answer.question.text[:200]}" if self._may_be_shown(answer) else "Answered")

    def _ring_for_calls(self, asking: Sequence[Answer]) -> None:
        """Ring once for each tool call that waits for a person who does not see it."""
        chat = self._chat
        for answer in asking:
            call = answer.round.asked if answer.round is not None else None
            seen = chat.app.app_focus and answer.conversation_id == chat.session.conversation_id
            if call is not None and call.call.id not in self._called:
                self._called.add(call.call.id)
                if not seen:
                    name = shorten(call.call.name, _CELLS)
                    chat.host.ring(f"May it run? {name}" if self._may_be_shown(answer) else "A tool call waits")

    def _may_be_shown(self, answer: Answer) -> bool:
        """Return whether the question may be shown: it is not private."""
        chat, engine = self._chat, self._chat.session.engine
        if chat.prompt.border_title or engine is None:
            return False
        return not engine.conversations.is_private(answer.conversation_id)


def _has_ended(answer: Answer) -> bool:
    """Whether an answer has ended, and its tool calls too."""
    return answer.ended and (answer.round is None or answer.round.ended)


def _seconds(answer: Answer) -> float:
    return answer.figures().duration_seconds
