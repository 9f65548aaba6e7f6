"""How a dialect's list of models is read: where it is, which rows count, where it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chat_tui.providers.dialects.listed_prices import ListedPrices, prices_of

Row = dict[str, Any]
"""One JSON object of a list, of unknown shape."""

_WINDOWS = ("max_model_len", "context_length", "max_context_length", "context_window", "max_input_tokens")

_SERVERS = {"llamacpp": "llama.cpp", "vllm": "vllm"}
"""What servers write as the owner of their models."""


class ListedModel(msgspec.Struct, frozen=True):
    """A model as its server names it."""

    id: str
    context_window: int | None = None
    """Tokens; None where the server does not tell."""
    passed_on: bool = False
    """The server has somebody else's machine answer for it."""
    images: bool | None = None
    """It takes images; None where the server does not tell."""
    server: str = ""
    """The program that serves it, where it tells and that matters: `llama.cpp`, `vllm`."""
    max_output: int | None = None
    """Tokens that it writes at most; None where the server does not tell."""
    prices: ListedPrices = ListedPrices()


def read_row(row: Row) -> ListedModel | None:
    """A row with an `id`, the shape of OpenAI and its imitators."""
    name = row.get("id")
    if not isinstance(name, str) or not name:
        return None
    owner = row.get("owned_by")
    server = _SERVERS.get(owner, "") if isinstance(owner, str) else ""
    return ListedModel(
        name,
        window_of(row),
        images=images_of(row),
        server=server,
        max_output=max_output_of(row),
        prices=prices_of(row),
    )


def no_more(page: Row) -> str:
    """For lists that come whole."""
    return ""


class ModelList(msgspec.Struct, frozen=True):
    """Where the models are listed, and what a row means."""

    path: str = "/models"
    """Relative to the provider's base URL."""
    key: str = "data"
    """What the rows stand under."""
    read: Callable[[Row], ListedModel | None] = read_row
    """A row to a model; None where it is none that could answer."""
    more: Callable[[Row], str] = no_more
    """A page to the path of the next one, empty at the last."""


def window_of(row: Row) -> int | None:
    """A model's window in tokens, by whatever name its server has for it (llama.cpp, vLLM, OpenRouter, LM Studio)."""
    meta = row.get("meta")
    told = [meta.get("n_ctx")] if isinstance(meta, dict) else []
    return next((window for value in (*told, *map(row.get, _WINDOWS)) if (window := tokens(value))), None)


def max_output_of(row: Row) -> int | None:
    """The most that a model writes, in tokens (Anthropic, LiteLLM, OpenRouter)."""
    top = row.get("top_provider")
    told = [top.get("max_completion_tokens")] if isinstance(top, dict) else []
    # OpenAI-compatible lists mean other things by `max_tokens`: only Anthropic's rows have a type.
    names = ("max_output_tokens", *(("max_tokens",) if row.get("type") == "model" or "max_input_tokens" in row else ()))
    return next((most for value in (*map(row.get, names), *told) if (most := tokens(value))), None)


def images_of(row: Row) -> bool | None:
    """Whether a model takes images, however its server says so (OpenRouter, Mistral, Anthropic, LM Studio)."""
    architecture, abilities = row.get("architecture"), row.get("capabilities")
    kinds = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    kinds = kinds or row.get("supported_input_modalities") or row.get("input_modalities")
    if isinstance(kinds, list) and kinds:
        return "image" in kinds
    if isinstance(abilities, dict):
        for name in ("vision", "image_input"):
            told = abilities.get(name)
            told = told.get("supported") if isinstance(told, dict) else told
            if isinstance(told, bool):
                return told
    if isinstance(abilities, list) and {"multimodal", "vision"} & {*map(str, abilities)}:
        return True
    return True if row.get("type") == "vlm" else None


def tokens(value: Any) -> int | None:
    """A window's size from a field that may be absent, null, a string or absurd."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000_000:
        return value
    return None
