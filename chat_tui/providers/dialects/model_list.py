"""How a dialect's list of models is read: its path, its rows, its pages."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from chat_tui.providers.catalogue.purposes import listed_purpose
from chat_tui.providers.dialects.listed_prices import ListedPrices, prices_of

Row = dict[str, Any]
"""One JSON object of a list, of unknown shape."""

_WINDOWS = ("max_model_len", "context_length", "max_context_length", "context_window", "max_input_tokens")

_TOOL_WORDS = (
    *("supports_tools", "supports_function_calling", "supports_tool_calling", "trained_for_tool_use"),
    *("function_calling", "tool_calling", "tool_calls", "tool_use", "tools"),
)
_SCHEMA_WORDS = (
    *("supports_response_schema", "supports_structured_output", "supports_structured_outputs"),
    *("structured_outputs", "structured_output", "json_schema"),
)
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
    tools: bool | None = None
    """Whether it can use tools; None if the server does not say."""
    schemas: bool | None = None
    """Whether it can be held to a JSON Schema; None if the server does not say."""


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
        tools=tools_of(row),
        schemas=schemas_of(row),
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


def tools_of(row: Row) -> bool | None:
    """Return whether a model can use tools, in any server's form (OpenRouter, Mistral, Fireworks, LM Studio, …)."""
    return _ability(row, _TOOL_WORDS, "tools")


def schemas_of(row: Row) -> bool | None:
    """Return whether a model can be held to a JSON Schema (OpenRouter, Anthropic, Hugging Face)."""
    return _ability(row, _SCHEMA_WORDS, "structured_outputs")


def _ability(row: Row, words: Collection[str], parameter: str) -> bool | None:
    """Return what a row says about an ability, in a flag, a list of abilities, or a list of parameters."""
    parameters, abilities = row.get("supported_parameters"), row.get("capabilities")
    if isinstance(parameters, list) and parameters:
        return parameter in parameters
    for holder in (row, abilities if isinstance(abilities, dict) else {}):
        for name in words:
            told = holder.get(name)
            told = told.get("supported") if isinstance(told, dict) else told
            if isinstance(told, bool):
                return told
    # Such lists name other things, too: what is missing may be unsaid.
    lists = (abilities, row.get("features"), row.get("tags"))
    named = {str(each).lower().replace("-", "_") for told in lists if isinstance(told, list) for each in told}
    behind = row.get("providers")
    rows = [each for each in behind if isinstance(each, dict)] if isinstance(behind, list) else []
    if not named.isdisjoint(words) or any(each.get(name) is True for each in rows for name in words):
        return True
    return None


def tokens(value: Any) -> int | None:
    """Return a window's size from a field that may be absent, null, a string or absurd."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000_000:
        return value
    return None
