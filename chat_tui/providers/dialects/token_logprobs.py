"""The probabilities of tokens in the replies of all dialects, as OpenAI's chat completions have them.

Source of the shapes: the API documentation of OpenAI, Google and Ollama.
"""

from __future__ import annotations

import json
from typing import Any

from chat_tui.core.chunks import Chunk, Metadata

Json = Any


def add_logprobs(entries: Json, chunks: list[Chunk]) -> None:
    """Add the probabilities of the tokens that follow; `entries` is a list in OpenAI's form, or nothing."""
    if not entries or not isinstance(entries, list):
        return
    rows = [entry for entry in entries if isinstance(entry, dict)]
    chunks.append(Metadata("logprobs", logprobs=json.dumps([_complete(row) for row in rows])))


def gemini_logprobs(result: Json) -> Json:
    """Return a `logprobsResult` in OpenAI's form."""
    if not isinstance(result, dict):
        return None
    chosen, likely = _rows(result.get("chosenCandidates")), _rows(result.get("topCandidates"))
    entries = [_entry(row) for row in chosen]
    for entry, row in zip(entries, likely, strict=False):
        entry["top_logprobs"] = [_entry(each) for each in _rows(row.get("candidates"))]
    return entries


def _rows(rows: Json) -> list[dict[str, Json]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _entry(row: dict[str, Json]) -> dict[str, Json]:
    token = row.get("token") if isinstance(row.get("token"), str) else ""
    # Zero is left out on the wire.
    return {"token": token, "logprob": row.get("logProbability", 0.0), "bytes": _bytes_of(token)}


def _complete(row: dict[str, Json]) -> dict[str, Json]:
    """Return an entry with all of its fields; events of the Responses API leave some out."""
    likely = [{**each, "bytes": _bytes_of_row(each)} for each in _rows(row.get("top_logprobs"))]
    return {**row, "bytes": _bytes_of_row(row), "top_logprobs": likely}


def _bytes_of_row(row: dict[str, Json]) -> Json:
    return row["bytes"] if "bytes" in row else _bytes_of(row.get("token"))


def _bytes_of(token: Json) -> list[int] | None:
    return list(token.encode("utf-8", "replace")) if isinstance(token, str) else None
