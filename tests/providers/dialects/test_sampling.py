"""What only some servers have is sent in each dialect that has a place for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_tui.core.models import Model
from chat_tui.core.request import Request, Sampling
from chat_tui.providers.dialects import dialect

SAMPLING = Sampling(frequency_penalty=0.5, presence_penalty=-0.5, top_k=7, user="someone")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("openai", {"frequency_penalty": 0.5, "presence_penalty": -0.5, "top_k": 7, "user": "someone"}),
        ("anthropic", {"top_k": 7, "metadata": {"user_id": "someone"}}),
        ("gemini", {"generationConfig": {"topK": 7, "frequencyPenalty": 0.5, "presencePenalty": -0.5}}),
        ("ollama", {"options": {"top_k": 7, "frequency_penalty": 0.5, "presence_penalty": -0.5}}),
        ("openai-responses", {"user": "someone"}),
    ],
)
def test_each_dialect_sends_what_its_api_has(name: str, fields: dict[str, Any]) -> None:
    def body_of(request: Request) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(dialect(name).encode(request, Model("box/m"), frozenset()).body)
        return body

    plain, body = body_of(Request("Hi")), body_of(Request("Hi", sampling=SAMPLING))
    assert {key: value for key, value in body.items() if plain.get(key) != value} == fields
