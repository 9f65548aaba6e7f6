"""What is there: the models that a server names."""

from __future__ import annotations

from chat_tui.models import Model, Provider
from chat_tui.providers.dialects.dialect import Json
from chat_tui.text_safety import clean_line

MODELS_LIMIT = 5000
"""Of one server's list; more is not read."""


def models_of(provider: Provider, listing: Json) -> tuple[Model, ...]:
    """The models in a server's list, with the window where it tells one."""
    rows = listing.get("data") if isinstance(listing, dict) else listing
    if not isinstance(rows, list):
        return ()
    models = []
    for row in rows[:MODELS_LIMIT]:
        if isinstance(row, dict) and isinstance(row.get("id"), str) and row["id"]:
            name = f"{provider.name}/{clean_line(row['id'], 200)}"
            models.append(Model(name, context_window=window_of(row), local=provider.local))
    return tuple(models)


def window_of(row: dict[str, Json]) -> int | None:
    """A model's window in tokens, by whatever name the server has for it (llama.cpp, vLLM, OpenRouter, LM Studio)."""
    meta = row.get("meta")
    told = [meta.get("n_ctx")] if isinstance(meta, dict) else []
    told += [row.get(name) for name in ("max_model_len", "context_length", "max_context_length", "context_window")]
    for value in told:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000_000:
            return value
    return None
