"""Regenerates or continues an answer."""

from __future__ import annotations

from collections.abc import Callable

from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.tui.chat.controllers.model_selection import ModelSelection
from chat_tui.tui.chat.conversation.view import ChatView


class AnswerActions:
    """Requests further versions of a chat's answers. `on_asked` is called for each."""

    def __init__(self, chat: ChatView, models: ModelSelection, on_asked: Callable[[], None]) -> None:
        self._chat, self._models, self._on_asked = chat, models, on_asked

    def resume(self) -> None:
        """Continue the last answer if it is incomplete; regenerate it if it is empty."""
        if self._chat.conversation.is_busy:
            self._chat.host.say("An answer is still running")
        else:
            self._chat.sender.continue_answer(self._models.settings())

    def regenerate(self, model: str | None) -> None:
        """Regenerate the chosen answer, else the last one, with this model; None: the model that the strategy
        chooses."""
        if self._chat.conversation.can_change() and (turn := self._answer_to_repeat()):
            models = self._models
            if model is not None:
                models.use(model)
            asked = models.settings()
            if model != models.model:
                asked = Request(model=model, strategy=models.strategy, uses_memory=asked.uses_memory)
            self._chat.sender.regenerate(turn, asked)
            self._on_asked()

    def regenerate_with(self) -> None:
        """Regenerate with a model that is chosen for this answer only."""
        if self._chat.conversation.can_change() and self._answer_to_repeat():
            self._models.choose_once(self.regenerate)
            self._chat.host.say("Choose a model for this answer", "Later questions use the same model as before.")

    def _answer_to_repeat(self) -> Turn | None:
        turn = self._chat.conversation.chosen_answer()
        if turn is None:
            self._chat.host.say("There is no answer to regenerate")
        return turn

    def pause_or_resume(self) -> None:
        """Pause or resume the answer."""
        held = self._chat.conversation.pause_or_resume()
        if held is None:
            self._chat.host.say("No answer is running")
            return
        if held:
            # Resuming needs no notice: the text moves again.
            self._chat.host.say("The answer is paused", seconds=2)
        self._on_asked()
