"""The `model` of a request: a model, a name that only one provider has, a strategy, or `auto`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.engine import Engine
from chat_tui.web.errors import ApiError
from chat_tui.web.state import AppState

AUTO = "auto"
"""Use the config's choice."""


class ModelChoice(msgspec.Struct, frozen=True):
    """The choice of a request; if both are unset, the config decides."""

    model: str | None = None
    """`provider/model`."""
    strategy: str | None = None


async def is_known_model(state: AppState, wanted: str) -> bool:
    """Return whether this is a complete name of a model. Names without provider may contain slashes, so only the
    list of models can tell."""
    wanted = state.config.web.aliases.get(wanted, wanted)
    return "/" in wanted and (await state.engine()).models.knows(wanted)


def resolve_choice(engine: Engine, wanted: str) -> ModelChoice:
    """Return the choice among the engine's models; the config's aliases come first. Raises `ApiError`."""
    wanted = engine.config.web.aliases.get(wanted, wanted)
    meant = match_choice(wanted, engine.models.strategies(), [model.name for model in engine.models.in_use()])
    if meant.model is not None and not engine.models.knows(meant.model):
        raise unknown_model(meant.model)
    return meant


def match_choice(wanted: str, strategies: Sequence[str], models: Sequence[str]) -> ModelChoice:
    """Return the choice among these models; a name with a provider may be unlisted. Raises `ApiError`."""
    if wanted in ("", AUTO):
        return ModelChoice()
    if wanted in models:
        return ModelChoice(model=wanted)
    if wanted in strategies:
        return ModelChoice(strategy=wanted)
    meant = [name for name in models if name.partition("/")[2] == wanted]
    if len(meant) == 1:
        return ModelChoice(model=meant[0])
    if meant:
        raise _unknown(f"More than one provider has `{shorten(wanted, 80)}`: {', '.join(meant[:5])}. Name one of them.")
    if all(wanted.partition("/")[::2]):
        return ModelChoice(model=wanted)
    raise unknown_model(wanted)


def unknown_model(wanted: str) -> ApiError:
    """Return the error for an unknown name."""
    return _unknown(f"Unknown model or strategy `{shorten(wanted, 80)}`. GET /v1/models lists them.")


def _unknown(words: str) -> ApiError:
    return ApiError(404, words, code="model_not_found", param="model")
