"""What `model` may be at the OpenAI door: a model, a model's bare name where only one has it, a strategy, or `auto`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.models import Model
from chat_tui.text_safety import clean_line
from chat_tui.web.openai_bodies import ModelCard
from chat_tui.web.refusals import Refused

AUTO = "auto"
"""Whatever the config says."""
OURS = "chat-tui"
"""Owns `auto` and the strategies."""


class Choice(msgspec.Struct, frozen=True):
    """Who is to answer; with neither, whom the config says."""

    model: str | None = None
    """`provider/model`."""
    strategy: str | None = None


def choice(wanted: str, strategies: Sequence[str], models: Sequence[str]) -> Choice:
    """Who is meant among these models; a name with a provider in front is taken at its word. Raises `Refused`."""
    if wanted in ("", AUTO):
        return Choice()
    if wanted in models:
        return Choice(model=wanted)
    if wanted in strategies:
        return Choice(strategy=wanted)
    meant = [name for name in models if name.partition("/")[2] == wanted]
    if len(meant) == 1:
        return Choice(model=meant[0])
    if meant:
        raise _unknown(
            f"More than one provider has `{clean_line(wanted, 80)}`: {', '.join(meant[:5])}. Name one of them."
        )
    if all(wanted.partition("/")[::2]):
        return Choice(model=wanted)
    raise unknown_model(wanted)


def unknown_model(wanted: str) -> Refused:
    """There is nothing of this name."""
    return _unknown(f"There is no model or strategy `{clean_line(wanted, 80)}`. GET /v1/models lists them.")


def _unknown(words: str) -> Refused:
    return Refused(404, words, code="model_not_found", param="model")


def cards(strategies: Sequence[str], models: Sequence[Model]) -> list[ModelCard]:
    """What can be named as `model`."""
    ours = [ModelCard(name, 0, OURS) for name in (AUTO, *strategies)]
    return [*ours, *(card_of(model) for model in models)]


def card_of(model: Model) -> ModelCard:
    """A model as clients know it; when it was made is not known."""
    return ModelCard(model.name, 0, model.provider, context_window=model.context_window or msgspec.UNSET)
