"""Regenerates or continues an answer."""

from __future__ import annotations

from collections.abc import Callable

from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.conversation.view import ChatView


class AnswerActions:
    """Asks for other versions of the answers of a chat. `on_asked` is called when one was asked for."""

    def __init__(self, chat: ChatView, models: ModelSelection, on_asked: Callable[[], None]) -> None:
        self._chat, self._models, self._on_asked = chat, models, on_asked

    def resume(self) -> None:
        """Continue the last answer if it is incomplete; ask again if it is empty."""
        if self._chat.conversation.is_busy:
            self._chat.host.say("An answer is still running")
        else:
            self._chat.sender.continue_answer(self._models.settings())

    def regenerate(self, model: str | None) -> None:
        """Ask for another version of the chosen answer, else of the last one, by this model; None: the one that the
        strategy chooses."""
        if self._chat.conversation.can_change() and (turn := self._answer_to_repeat()):
            models = self._models
            if model is not None:
                models.use(model)
            asked = models.settings() if model == models.model else Request(model=model, strategy=models.strategy)
            self._chat.sender.regenerate(turn, asked)
            self._on_asked()

    def regenerate_with(self) -> None:
        """Ask for another version by a model that is chosen for this once."""
        if self._chat.conversation.can_change() and self._answer_to_repeat():
            self._models.choose_once(self.regenerate)
            self._chat.host.say("Choose a model for this answer", "Later questions use the same model as before.")

    def _answer_to_repeat(self) -> Turn | None:
        turn = self._chat.conversation.chosen_answer()
        if turn is None:
            self._chat.host.say("There is no answer to regenerate")
        return turn

    def pause_or_resume(self) -> None:
        """Pause the answer, or let it go on."""
        held = self._chat.conversation.pause_or_resume()
        if held is None:
            self._chat.host.say("No answer is running")
            return
        if held:
            # That it goes on is seen.
            self._chat.host.say("The answer is paused", seconds=2)
        self._on_asked()
