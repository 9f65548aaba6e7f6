"""The words: chunks as JSON, ids and titles, estimates of tokens, prices, errors."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.cli.options.question_options import THINKING
from chat_tui.core import errors
from chat_tui.core.chunks import (
    Chunk,
    End,
    Error,
    ErrorInfo,
    Event,
    Metadata,
    Start,
    Timings,
    Token,
    Usage,
    encode,
    error_info,
)
from chat_tui.core.conversation import TITLE_LENGTH, new_id, now, title_of
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.core.route import Candidate, Route, Try
from chat_tui.core.usage.pricing import cost
from chat_tui.core.usage.token_estimate import estimate, estimate_streamed

CHUNKS: list[Chunk] = [
    Start("one/a", "one", "id", "balanced"),
    Token("Good\nday", "thinking", 3),
    Metadata("usage", usage=Usage(1, 2, 3)),
    Metadata("retry", model="one/a", attempt=2, of=3, delay_seconds=1.5, reason="Too busy."),
    Error(ErrorInfo("Overloaded", "Too busy.", "Wait.", "one", "one/a", True)),
    End("one/a", "one", "id", "stop", "complete", Usage(1, 2, 3), Timings(0.1, 1.0, 40.0), 0.5, Route("balanced")),
]


# -- chunks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda chunk: type(chunk).__name__)
def test_a_chunk_is_one_line_of_json_and_comes_back_the_same(chunk: Chunk) -> None:
    line = encode(chunk)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=Chunk) == chunk


def test_the_names_in_json_are_the_contracts() -> None:
    start, token, usage, retry, error, end = (json.loads(encode(chunk)) for chunk in CHUNKS)
    assert set(start) == {"type", "model", "provider", "request_id", "strategy"}
    assert set(token) == {"type", "token", "kind", "index"}
    assert {"type", "event", "usage"} == set(usage)
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(usage["usage"])
    assert {"type", "event", "attempt", "of", "delay_seconds", "reason"} <= set(retry)
    assert set(error["error"]) == {"kind", "title", "hint", "provider", "model", "retryable"}
    names = {"type", "model", "provider", "request_id", "finish_reason", "state", "usage", "timings", "route"}
    assert names <= set(end)
    assert {"ttft_seconds", "duration_seconds", "tokens_per_second"} <= set(end["timings"])
    types = [chunk["type"] for chunk in (start, token, usage, retry, error, end)]
    assert types == ["start", "token", "metadata", "metadata", "error", "end"]


def test_lone_surrogates_do_not_stop_the_stream() -> None:
    assert json.loads(encode(Token("a\ud800b")))["token"] == "a?b"


def test_every_event_has_its_chunk() -> None:
    for event in get_args(Event):
        assert json.loads(encode(Metadata(event)))["event"] == event


def test_the_route_is_arrays_and_words() -> None:
    candidates = (Candidate("one/a", 0.5, {"quality": 1.0}), Candidate("two/b", out="rests"))
    end = End(route=Route("balanced", candidates, (Try("one/a", 1, "answered"),)))
    route = json.loads(encode(end))["route"]
    assert [candidate["model"] for candidate in route["candidates"]] == ["one/a", "two/b"]
    assert route["candidates"][1]["out"] == "rests"
    assert route["tries"][0]["outcome"] == "answered"


# -- errors -----------------------------------------------------------------------------------------------------------


def test_every_error_says_what_happened_and_what_to_do() -> None:
    known = (kind for _, kind in inspect.getmembers(errors, inspect.isclass))
    kinds = [kind for kind in known if issubclass(kind, errors.ChatTuiError)]
    assert len(kinds) > 20
    for kind in kinds:
        error = kind("It broke.", "Mend it.")
        assert str(error) == "It broke. Mend it."
        assert error_info(error).kind == kind.__name__
        assert inspect.getdoc(kind)


def test_what_may_be_tried_again_is_told_by_the_class() -> None:
    again: set[type[errors.ProviderError]] = {
        errors.RateLimited,
        errors.Overloaded,
        errors.Unreachable,
        errors.TooSlow,
        errors.Garbled,
    }
    never: set[type[errors.ProviderError]] = {
        errors.KeyMissing,
        errors.KeyRefused,
        errors.Rejected,
        errors.ContextTooLong,
        errors.ToolsRefused,
    }
    for kind in again | never:
        assert kind.retryable is (kind in again)
        assert error_info(kind("x", provider="p", model="p/m")).retryable is (kind in again)


# -- conversations ----------------------------------------------------------------------------------------------------


def test_ids_sort_by_the_time_they_were_made() -> None:
    first = new_id()
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(id[:11] >= first[:11] and len(id) == 21 for id in made)


def test_times_are_in_utc() -> None:
    assert now().tzinfo is UTC
    assert msgspec.json.encode(datetime(2026, 1, 2, tzinfo=UTC)) == b'"2026-01-02T00:00:00Z"'


@given(some.text(max_size=300))
def test_a_title_is_one_short_line(text: str) -> None:
    title = title_of(text)
    assert title
    assert len(title) <= TITLE_LENGTH
    assert len(title.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("  How do I\n\tbake bread? ", "How do I bake bread?"),
        ("", "New conversation"),
        ("word " * 30, "word word word word word word word word word word word…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_title_ends_at_a_word(text: str, title: str) -> None:
    assert title_of(text) == title


# -- models and requests ----------------------------------------------------------------------------------------------


def test_a_models_name_has_its_provider_in_front_and_the_rest_may_hold_slashes() -> None:
    model = Model("router/meta/llama-3")
    assert (model.provider, model.id) == ("router", "meta/llama-3")


def test_a_cost_needs_both_prices() -> None:
    assert cost(Model("a/b", price_in=2.0, price_out=8.0), 500_000, 250_000) == 3.0
    assert cost(Model("a/b", price_in=0.0, price_out=0.0), 5, 5) == 0.0
    assert cost(Model("a/b", price_in=2.0), 1, 1) is None


def test_the_prompt_follows_the_turns() -> None:
    request = Request(prompt="Now?")
    assert [turn.text for turn in request.spoken()] == ["Now?"]
    more = request.replace(turns=request.spoken(), prompt="Then?")
    assert [(turn.role, turn.text) for turn in more.spoken()] == [("user", "Now?"), ("user", "Then?")]
    assert request.prompt == "Now?"


# -- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("a", 1, 2),
        ("The quick brown fox jumps over the lazy dog.", 9, 13),
        ("x = [1, 2, 3]; print(x[0])", 12, 24),
        ("日本語の文章です。", 8, 16),
        ("Größe und Äpfel", 4, 10),
        ("🎉🎉🎉", 3, 9),
        ("\ud800", 1, 3),
    ],
)
def test_the_estimate_is_of_the_right_size(text: str, least: int, most: int) -> None:
    assert least <= estimate(text) <= most


@given(some.text(max_size=400))
def test_the_estimate_is_at_least_a_fifth_and_at_most_two_for_each_character(text: str) -> None:
    assert len(text) / 5 <= estimate(text) <= 2 * len(text) + 1


def test_a_long_text_is_judged_by_a_sample() -> None:
    text = "Some words, and a number 12. " * 5000
    assert estimate(text) == pytest.approx(estimate(text[:19_000]) * len(text) / 19_000, rel=0.02)


@pytest.mark.parametrize(
    ("pieces", "tokens"),
    [
        (["word "] * 40, 40),
        ([" strawberries"] * 10, 31),
        (["four words in one "] * 10, 43),
        (list("one letter at a time, as some proxies do it"), 11),
        (["語"] * 30, 30),
        (["whole reply at once"], 5),
        ([], 0),
    ],
)
def test_chunks_are_counted_as_tokens_where_they_look_like_tokens(pieces: list[str], tokens: int) -> None:
    text = "".join(pieces)
    assert abs(estimate_streamed(len(pieces), len(text), text[:2000]) - tokens) <= 1


def test_the_command_line_knows_every_wish_to_think() -> None:
    assert get_args(Thinking) == THINKING
