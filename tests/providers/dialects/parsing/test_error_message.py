"""The server's own words are found in whatever shape it sends them, and a 403 is not always the key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chat_tui.providers.dialects.parsing.error_message import message_in, message_in_body
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.http.status_errors import ErrorContext, http_error

BOX = ErrorContext("box", "box/tiny", "BOX_KEY")
RAW = json.dumps({"error": {"message": "temperature is too high"}})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"error": {"message": "no", "type": "t", "code": 400}}, "no"),
        ({"error": "no"}, "no"),
        ({"error": {"error": {"message": "no"}}}, "no"),
        ({"error": {"error": "no"}}, "no"),
        ({"error": {"msg": "no"}}, "no"),
        ({"error": {"code": "bad_model"}}, "bad_model"),
        ({"error": {"message": {"detail": "no"}}}, "no"),
        ({"error": True, "message": "no"}, "no"),
        ({"error": {"message": "Provider returned error", "metadata": {"raw": RAW}}},
         "Provider returned error: temperature is too high"),
        ({"error": {"message": "Provider returned error", "metadata": {"raw": "plain"}}},
         "Provider returned error: plain"),
        ({"error": {"metadata": {"raw": RAW}}}, "temperature is too high"),
        ({"error": {"message": RAW}}, "temperature is too high"),
        ({"error": "Bad Request", "message": ["stop must be a list"]}, "Bad Request: stop must be a list"),
        ({"error": "invalid_request", "error_description": "no such scope"}, "invalid_request: no such scope"),
        ({"detail": "no"}, "no"),
        ({"detail": {"message": "no", "code": "x"}}, "no"),
        ({"detail": [{"msg": "field required"}]}, "field required"),
        ({"detail": [{"loc": ["body", "stop", 0], "msg": "a"}, {"msg": "b."}]}, "stop.0: a; b"),
        ({"msg": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"errors": ["a", "b"]}, "a; b"),
        ({"errors": [{"message": "a"}, {"detail": "b"}, "c"]}, "a; b; c"),
        ({"errors": {"seed": ["must be a number"]}}, "seed: must be a number"),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "login fail"),
        ({"type": "about:blank", "title": "Unprocessable", "status": 422}, "Unprocessable"),
        ({"title": "Unprocessable", "detail": "no"}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        ("no", "no"),
        ({"error": None, "detail": None, "message": 7}, ""),
        ([], ""),
        (None, ""),
    ],
)  # fmt: skip
def test_the_words_are_found_in_every_shape(value: Any, words: str) -> None:
    assert message_in(value) == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (RAW, "temperature is too high"),
        (f"data: {RAW}\n\ndata: [DONE]\n\n", "temperature is too high"),
        (f"event: error\ndata: {RAW}\n\n", "temperature is too high"),
        ('{"foo": 1}', '{"foo": 1}'),
        ("{}", ""),
        ("plain words", "plain words"),
        ('{"detail":[{"msg":"a \\"quoted\\" word","input":"' + "x" * 50_000, 'a "quoted" word'),
        ("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        ("<html><script>alert(1)</script><p>Out of <b>order</b></p></html>", "Out of order"),
        ("<Error><Code>AccessDenied</Code><Message>No &amp; no</Message></Error>", "No & no"),
    ],
)
def test_else_the_body_is_told(body: str, words: str) -> None:
    assert message_in_body(body) == words
    assert words[:20] in http_error(400, {}, body.encode(), BOX).title


@pytest.mark.parametrize("text", ["[" * 60_000, '{"a":' * 20_000, "<" * 60_000, "<script" * 9_000, '"' * 60_000])
def test_hostile_bodies_cost_little(text: str) -> None:
    began = time.process_time()
    message_in_body(text)
    message_in({"error": {"message": text, "metadata": {"raw": text}}})
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "Your input was flagged: it requires moderation", "code": 403}, "Rejected"),
        ({"code": "unsupported_country_region_territory", "message": "Not supported here"}, "Rejected"),
        ({"message": "This model is not available in your region."}, "Rejected"),
        ({"message": "Your team has reached its monthly spending limit."}, "QuotaUsedUp"),
        ({"message": "Key limit exceeded (total limit)"}, "QuotaUsedUp"),
        ({"message": "You have reached your specified workspace API usage limits."}, "QuotaUsedUp"),
        ({"message": "Budget has been exceeded! Current cost: 5.1, max budget: 5.0"}, "QuotaUsedUp"),
        ({"message": "This model is gated"}, "Rejected"),
        ({"message": "Invalid API key"}, "KeyRefused"),
        ({"status": "PERMISSION_DENIED", "message": "Method doesn't allow unregistered callers."}, "KeyRefused"),
        ({}, "KeyRefused"),
    ],
)
def test_a_403_means_what_its_words_say(error: dict[str, Any], kind: str) -> None:
    told = http_error(403, {}, json.dumps({"error": error}).encode(), BOX)
    assert told.kind == kind
    assert error.get("message", "")[:30].rstrip(".") in told.title
    assert ("key" in told.hint) == (kind == "KeyRefused")
    # The same as an event of a stream that had begun.
    assert error_of({"error": {**error, "code": 403}}).kind in {kind, "KeyRefused"}


def test_a_web_page_that_refuses_is_not_about_the_key() -> None:
    page = b"<!DOCTYPE html><html><head><title>Access Denied - Proxy</title></head><body>Log in first</body></html>"
    told = http_error(403, {}, page, BOX)
    assert (told.kind, "Access Denied - Proxy" in told.title, "key" in told.hint) == ("Rejected", True, False)
    assert "proxy" in told.hint
