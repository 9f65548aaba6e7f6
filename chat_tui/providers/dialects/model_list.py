"""How a dialect's list of models is read: its path, its rows, its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chat_tui.providers.catalogue.purposes import listed_purpose
from chat_tui.providers.dialects.listed_prices import ListedPrices, prices_of

Row = dict[str, Any]
"""One JSON object of a list, of unknown shape."""

_WINDOWS = ("max_model_len", "context_length", "max_context_length", "context_window", "max_input_tokens")

_SERVERS = {"llamacpp": "llama.cpp", "vllm": "vllm"}
"""Server programs by what they write as the owner of their models."""


class ListedModel(msgspec.Struct, frozen=True):
    """A model as its server lists it."""

    id: str
    context_window: int | None = None
    """In tokens; None if the server does not say."""
    passed_on: bool = False
    """Whether the server lets another machine answer for it."""
    images: bool | None = None
    """Whether it takes images; None if the server does not say."""
    server: str = ""
    """The server program, if it is known and makes a difference: `llama.cpp`, `vllm`."""
    max_output: int | None = None
    """The most tokens that it writes; None if the server does not say."""
    prices: ListedPrices = ListedPrices()
    not_for_chat: str = ""
    """What it is for, if the list says that it does not chat: `makes embeddings`, …"""
    billions: float | None = None
    """Billions of weights; None if the server does not say."""


def read_row(row: Row) -> ListedModel | None:
    """Return the model of a row with an `id`, the shape of OpenAI and its imitators."""
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
        not_for_chat=listed_purpose(row),
    )


def no_more(page: Row) -> str:
    """Return an empty path: the list has one page."""
    return ""


class ModelList(msgspec.Struct, frozen=True):
    """Where the models are listed, and how a row is read."""

    path: str = "/models"
    """Relative to the provider's base URL."""
    key: str = "data"
    """The key of the rows."""
    read: Callable[[Row], ListedModel | None] = read_row
    """Returns the model of a row; None if it cannot answer."""
    more: Callable[[Row], str] = no_more
    """Returns the path of the page after this one; empty after the last."""


def window_of(row: Row) -> int | None:
    """Return a model's window in tokens, under any server's name for it (llama.cpp, vLLM, OpenRouter, LM Studio)."""
    meta = row.get("meta")
    told = [meta.get("n_ctx")] if isinstance(meta, dict) else []
    return next((window for value in (*told, *map(row.get, _WINDOWS)) if (window := tokens(value))), None)


def max_output_of(row: Row) -> int | None:
    """Return the most tokens that a model writes (Anthropic, LiteLLM, OpenRouter)."""
    top = row.get("top_provider")
    told = [top.get("max_completion_tokens")] if isinstance(top, dict) else []
    # OpenAI-compatible lists mean other things by `max_tokens`: only Anthropic's rows have a type.
    names = ("max_output_tokens", *(("max_tokens",) if row.get("type") == "model" or "max_input_tokens" in row else ()))
    return next((most for value in (*map(row.get, names), *told) if (most := tokens(value))), None)


def images_of(row: Row) -> bool | None:
    """Return whether a model takes images, in any server's form (OpenRouter, Mistral, Anthropic, LM Studio)."""
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
    """Return a window's size from a field that may be absent, null, a string or absurd."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000_000:
        return value
    return None
