"""What `model` may be on the web: a model, a bare name that only one provider has, a strategy, or `auto`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.core.text.control_characters import clean_line
from chat_tui.engine.engine import Engine
from chat_tui.web.errors import ApiError
from chat_tui.web.state import AppState

AUTO = "auto"
"""Whatever the config says."""


class ModelChoice(msgspec.Struct, frozen=True):
    """Who is to answer; with neither, whom the config says."""

    model: str | None = None
    """`provider/model`."""
    strategy: str | None = None


async def needs_no_list(door: AppState, wanted: str) -> bool:
    """Whether this names a model by itself. A bare name may hold slashes, too: only a list of all tells whose it is."""
    return "/" in wanted and (await door.engine()).models.knows(wanted)


def chosen(engine: Engine, wanted: str) -> ModelChoice:
    """Who is meant of what the engine has. Raises `ApiError`."""
    meant = choice(wanted, engine.models.strategies(), [model.name for model in engine.models.in_use()])
    if meant.model is not None and not engine.models.knows(meant.model):
        raise unknown_model(meant.model)
    return meant


def choice(wanted: str, strategies: Sequence[str], models: Sequence[str]) -> ModelChoice:
    """Who is meant among these models; a name with a provider in front is taken at its word. Raises `ApiError`."""
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
        raise _unknown(
            f"More than one provider has `{clean_line(wanted, 80)}`: {', '.join(meant[:5])}. Name one of them."
        )
    if all(wanted.partition("/")[::2]):
        return ModelChoice(model=wanted)
    raise unknown_model(wanted)


def unknown_model(wanted: str) -> ApiError:
    """There is nothing of this name."""
    return _unknown(f"Unknown model or strategy `{clean_line(wanted, 80)}`. GET /v1/models lists them.")


def _unknown(words: str) -> ApiError:
    return ApiError(404, words, code="model_not_found", param="model")
