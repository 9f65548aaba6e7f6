"""The probabilities of tokens: asked for in each dialect that has them, and read into one form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat_tui.core.chunks import Chunk, Metadata, Token
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Sampling
from chat_tui.providers.dialects import dialect

WANTED = Request("Hi", sampling=Sampling(logprobs=True, top_logprobs=2))
WITHOUT_COUNT = Request("Hi", sampling=Sampling(logprobs=True))
LIKELY = [{"token": "Hi", "logprob": -0.1}, {"token": "Yo", "logprob": -2.5}]
TOLD = {"token": "Hi", "logprob": -0.1, "top_logprobs": LIKELY}
FULL = {
    "token": "Hi",
    "logprob": -0.1,
    "bytes": [72, 105],
    "top_logprobs": [
        {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]},
        {"token": "Yo", "logprob": -2.5, "bytes": [89, 111]},
    ],
}
RESULT = {
    "chosenCandidates": [{"token": "Hi", "tokenId": 3, "logProbability": -0.1}],
    "topCandidates": [
        {"candidates": [{"token": "Hi", "logProbability": -0.1}, {"token": "Yo", "logProbability": -2.5}]}
    ],
}
EVENTS: dict[str, dict[str, Any]] = {
    "openai": {"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": [TOLD]}}]},
    "openai-responses": {
        "type": "response.output_text.delta",
        "output_index": 0,
        "content_index": 0,
        "delta": "Hi",
        "logprobs": [TOLD],
    },
    "gemini": {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "logprobsResult": RESULT}]},
    "ollama": {"message": {"role": "assistant", "content": "Hi"}, "done": False, "logprobs": [TOLD]},
}
WHOLE: dict[str, dict[str, Any]] = {
    "openai-responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi", "logprobs": [TOLD]}]}],
    },
    "gemini": {"candidates": [{**EVENTS["gemini"]["candidates"][0], "finishReason": "STOP"}]},
    "ollama": {**EVENTS["ollama"], "done": True, "done_reason": "stop"},
}


def body_of(name: str, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(dialect(name).encode(request, Model("a/m"), frozenset()).body)
    return body


def read(name: str, event: dict[str, Any], *, wanted: bool = True, whole: bool = False) -> list[Chunk]:
    reading: Any = dialect(name).reading()
    if wanted:
        reading.expect_logprobs()
    raw = json.dumps(event).encode()
    return [*(reading.whole(raw) if whole else reading.feed(raw, ""))]


def test_they_are_asked_for() -> None:
    assert body_of("openai-responses", WANTED)["include"] == ["message.output_text.logprobs"]
    assert body_of("openai-responses", WANTED)["top_logprobs"] == 2
    thinking = body_of("openai-responses", WANTED.replace(thinking="low"))
    assert thinking["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    settings = body_of("gemini", WANTED)["generationConfig"]
    assert (settings["responseLogprobs"], settings["logprobs"]) == (True, 2)
    assert (body_of("ollama", WANTED)["logprobs"], body_of("ollama", WANTED)["top_logprobs"]) == (True, 2)
    for name in EVENTS:
        assert "top_logprobs" not in json.dumps(body_of(name, WITHOUT_COUNT))
        assert "ogprobs" not in json.dumps(body_of(name, Request("Hi")))


@pytest.mark.parametrize("name", EVENTS)
def test_they_come_before_their_text_in_one_form(name: str) -> None:
    told, text = read(name, EVENTS[name])[:2]
    assert isinstance(told, Metadata)
    assert json.loads(told.logprobs) == [FULL]
    assert text == Token("Hi")
    assert not any(isinstance(chunk, Metadata) for chunk in read(name, EVENTS[name], wanted=False))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_reply_has_them_too(name: str) -> None:
    told = [chunk for chunk in read(name, WHOLE[name], whole=True) if isinstance(chunk, Metadata)]
    assert [json.loads(chunk.logprobs) for chunk in told if chunk.logprobs] == [[FULL]]


@pytest.mark.parametrize(
    "wrong", [None, 3, "x", {}, [3], [None], {"chosenCandidates": [3, {"token": 4}], "topCandidates": [{}]}]
)
@pytest.mark.parametrize("name", EVENTS)
def test_malformed_ones_do_no_harm(name: str, wrong: Any) -> None:
    event = json.loads(json.dumps(EVENTS[name]))
    place = event
    if name in ("openai", "gemini"):
        place = event["choices" if name == "openai" else "candidates"][0]
    place["logprobsResult" if name == "gemini" else "logprobs"] = {"content": wrong} if name == "openai" else wrong
    assert Token("Hi") in read(name, event)
