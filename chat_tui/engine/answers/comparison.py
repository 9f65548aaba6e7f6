"""Several models answer the same question: their answers are siblings, and the user keeps one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import CommandError, HistoryError
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.engine.answers.answer import Answer

if TYPE_CHECKING:
    # The screen imports this module before it needs a store.
    from chat_tui.engine.conversations.conversations import Conversations

FEWEST, MOST = 2, 4
"""How many models a comparison can have."""
_WHOLE = {"complete", "length"}
_FAMILY = re.compile("[a-z]+")


class ComparisonResult(msgspec.Struct, frozen=True):
    """The current state of one answer of a comparison."""

    model: str
    """`provider/model` that was asked."""
    state: State
    characters: int = 0
    """Characters of the answer's text."""
    tokens: int | None = None
    """Tokens of the answer; None if that is not known."""
    tokens_estimated: bool = False
    """Whether `tokens`, and with them the rate and the cost, are estimated."""
    seconds: float = 0.0
    """From the request to the end."""
    ttft_seconds: float | None = None
    """Until the first token; None if none came."""
    tokens_per_second: float | None = None
    """None for an answer that came all at once."""
    cost: float | None = None
    """In US dollars; None if that is not known."""
    error: str = ""
    """Why the answer broke or failed; otherwise empty."""


class Comparison:
    """The answers of several models to one question, in the order in which the models were named.

    Each answer runs by itself, and is followed, paused or cancelled by its own methods.
    """

    def __init__(
        self,
        question: Turn,
        models: Sequence[str],
        answers: Sequence[Answer],
        conversations: Conversations,
        judge: Callable[[Turn, bool | None], None],
        *,
        without_tools: bool = False,
    ) -> None:
        self.conversation_id = answers[0].conversation_id
        self.question = question
        self.models = tuple(models)
        self.answers = tuple(answers)
        self.kept: int | None = None
        """The number of the answer that was kept, from 1; None if none was."""
        self.without_tools = without_tools
        """Whether the conversation uses tools, which are not offered to models that are compared."""
        self._conversations, self._judge = conversations, judge

    @property
    def ended(self) -> bool:
        """Whether all answers have ended."""
        return all(answer.ended for answer in self.answers)

    async def cancel_all(self) -> None:
        """End the running answers, and keep their parts."""
        for answer in self.answers:
            await answer.cancel()

    async def keep(self, number: int) -> Conversation:
        """Make this answer, counted from 1, the conversation's answer; the others stay beside it.

        The kept answer is judged as good, and a verdict on one that was kept before is removed. Raises `CommandError`
        if the answer is running or has no text, and `HistoryError`.
        """
        if not 1 <= number <= len(self.answers):
            raise CommandError(f"Answer {number} does not exist.", f"Choose one from 1 to {len(self.answers)}.")
        chosen = self.answers[number - 1]
        check_can_be_kept(chosen.turn)
        await chosen.saved.wait()
        if self.kept is not None and self.kept != number:
            self._judge(self.answers[self.kept - 1].turn, None)
        # From now on `settle` chooses no other answer while this one is selected.
        before, self.kept = self.kept, number
        try:
            conversation = await self._conversations.select(self.conversation_id, chosen.turn.id)
        except BaseException:
            self.kept = before
            raise
        self._judge(chosen.turn, True)
        return conversation

    async def settle(self) -> None:
        """When all answers have ended and none was kept, select the first complete one, or the first with any text."""
        for answer in self.answers:
            await answer.saved.wait()
        with_text = [answer.turn for answer in self.answers if answer.turn.text]
        best = next((turn.id for turn in [*(turn for turn in with_text if turn.state in _WHOLE), *with_text]), None)
        if best is None or self.kept is not None:
            return
        with suppress(HistoryError):
            path = (await self._conversations.conversation(self.conversation_id)).path
            # If the user has continued the conversation or moved in it, the path stays.
            if (
                self.kept is None
                and path
                and path[-1].id != best
                # Another process may have kept it.
                and path[-1].verdict is not True
                and any(path[-1].id == answer.turn.id for answer in self.answers)
            ):
                await self._conversations.select(self.conversation_id, best)

    def summary(self) -> tuple[ComparisonResult, ...]:
        """The current state of each answer."""
        return tuple(_result(model, answer) for model, answer in zip(self.models, self.answers, strict=True))


def _result(model: str, answer: Answer) -> ComparisonResult:
    figures, turn = answer.figures(), answer.turn
    return ComparisonResult(
        model,
        turn.state,
        characters=len(answer.text),
        tokens=figures.completion_tokens,
        tokens_estimated=figures.completion_estimated,
        seconds=figures.duration_seconds,
        ttft_seconds=figures.ttft_seconds,
        tokens_per_second=figures.rate,
        cost=figures.cost,
        error=turn.error.title if turn.error else "",
    )


def check_can_be_kept(answer: Turn) -> None:
    """Raise `CommandError` if this answer is running or has no text."""
    if answer.state == "streaming":
        raise CommandError("This answer is still running.", "Wait for it or stop it, then choose.")
    if not answer.text:
        raise CommandError("This answer has no text.", "Choose another.")


def check_models(models: Iterable[str]) -> tuple[str, ...]:
    """The models as they were named, without repetitions. Raises `CommandError` for too few, too many or bad names."""
    names = tuple(dict.fromkeys(name.strip() for name in models if name.strip()))
    if not FEWEST <= len(names) <= MOST:
        count = "one model" if len(names) == 1 else f"{len(names)} models"
        raise CommandError(f"{count.capitalize()} cannot be compared.", f"Choose {FEWEST} to {MOST} different models.")
    for name in names:
        if not all(name.partition("/")):
            raise CommandError("Write a model as provider/model.", "For example: local/smollm2-135m.")
    return names


def best_of(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The best two models of a strategy's ranking, of different families if possible.

    Raises `CommandError` if there are fewer than two.
    """
    names = [candidate.model for candidate in candidates if not candidate.out]
    if len(names) < FEWEST:
        raise CommandError(
            "Comparing needs at least two models.", "Add one with Ctrl+O or in the config, or name the models."
        )
    others = [name for name in names[1:] if family_of(name) != family_of(names[0])]
    return (names[0], [*others, names[1]][0])


def family_of(model: str) -> str:
    """The family in a model's name: `gpt` for `openai/gpt-4o-mini`."""
    name = model.rpartition("/")[2].lower()
    found = _FAMILY.search(name)
    return found[0] if found else name


def request_for(model: str, settings: Request, max_price: float | None) -> Request:
    """The settings for one of the models, without a fallback, within this price in US dollars."""
    return settings.replace(model=model, strategy=None, fallback=False, max_price=max_price, adaptive=False)
