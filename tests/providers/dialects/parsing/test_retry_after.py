"""How long a server wants to be left alone is read in every form, and what no wait mends is not asked again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chat_tui.config.schema import ErrorHandling
from chat_tui.core import errors
from chat_tui.core.models import Model
from chat_tui.providers.dialects.parsing.retry_after import limits_reset, retry_after, too_large_for_limit, wait_in_text
from chat_tui.providers.http.status_errors import ErrorContext, http_error
from chat_tui.providers.scripted_provider import Fault
from tests.support.scripted_router import B, Rig, all_of, ask, text_of, tries
from tests.wire.home import Home
from tests.wire.raw_server import RawServer, saying, whole

AT = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = int(AT.timestamp())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sun, 01 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "2026-11-01T12:00:30Z"}, 30),
        ({"retry-after": "20s"}, 20),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": str(EPOCH + 9)}, 9),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "-3s"}, None),
        ({"retry-after-ms": "-1500"}, None),
        ({"retry-after-ms": "-1500", "retry-after": "4"}, 4),
        ({"retry-after": "Sun, 01 Nov 2026 11:59:30 GMT"}, None),
        ({"retry-after": "2026-11-01T11:59:30Z"}, None),
        ({"retry-after": str(EPOCH - 9)}, None),
        ({"retry-after": str((EPOCH - 9) * 1000)}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_wish_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, AT) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "12ms"}, 0.012),
        ({"x-ratelimit-reset-tokens": "11.38"}, 11.38),
        ({"x-ratelimit-reset-requests-day": "33011.4", "x-ratelimit-reset-tokens-minute": "11"}, 11),
        ({"x-ratelimit-reset": str(EPOCH + 20)}, 20),
        ({"x-ratelimit-reset": f"{(EPOCH + 20) * 1000}"}, 20),
        ({"x-ratelimit-reset": "20"}, 20),
        ({"ratelimit-reset": "15"}, 15),
        ({"ratelimit": "limit=100, remaining=0, reset=5"}, 5),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"x-ratelimit-reset-after": "0.75"}, 0.75),
        ({"x-ratelimit-reset-requests": "2026-11-01T12:00:45+00:00"}, 45),
        ({"anthropic-ratelimit-input-tokens-reset": "2026-11-01T12:00:30Z"}, 30),
        ({"x-ratelimit-reset": str(EPOCH - 20)}, None),
        ({"x-ratelimit-reset-requests": str(EPOCH - 20), "x-ratelimit-reset-tokens": "5"}, 5),
        ({"anthropic-ratelimit-input-tokens-reset": "2026-11-01T11:59:30Z"}, None),
        ({"x-ratelimit-reset": "1e99"}, None),
        ({"x-request-reset": "5"}, None),
    ],
)
def test_the_reset_of_a_limit_is_read_as_period_number_or_time(headers: dict[str, str], seconds: float | None) -> None:
    assert limits_reset(headers, AT) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached. Please try again in 4s.", 4),
        ("Please try again in 1m30.5s. Visit https://x.", 90.5),
        ("Please retry after 20 seconds.", 20),
        ("Requests have exceeded the call rate limit. Please retry after 1 second.", 1),
        ("Limit 200000, Used 199999, Requested 10. Please try again in 6ms.", 0.006),
        ("try again in 6 ms", 0.006),
        ("Please retry in 45.837906927s.", 45.837906927),
        ("Please wait 2 minutes before retrying", 120),
        ("Try again in 1 hour and 5 minutes", 3900),
        ("Your limit resets in 7m12s", 432),
        ("Try again in the next minute", 60),
        ("wait until the next minute", 60),
        ("Please try again in a minute", 60),
        ("retry after 20", 20),
        ("try again at 2026-11-01T12:00:10Z", 10),
        ("Wait 1,200 seconds.", 1200),
        ("please try again in 5 to 10 minutes", 600),
        ("next request allowed in 3 seconds", 3),
        ("请在 20 秒后重试", 20),
        ("resets at 2026-11-01 13:00:00 UTC", 3600),
        ("try again at 2026-11-01T11:00:10Z", None),
        ("Too many requests", None),
        ("We will try again with model 4", None),
        ("You sent 12 requests in 4s", None),
    ],
)
def test_a_wait_is_read_from_what_the_server_says(text: str, seconds: float | None) -> None:
    assert wait_in_text(text, AT) == (None if seconds is None else pytest.approx(seconds))


def error_for(status: int, error: Any, **headers: str) -> errors.ProviderError:
    body = json.dumps({"error": error}).encode()
    return http_error(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, body, ErrorContext("p")
    )


@pytest.mark.parametrize(
    ("error", "headers", "kind", "wait"),
    [
        ({"message": "Slow down, try again in 4s"}, {}, "RateLimited", 4),
        ({"message": "Slow down, try again in 4s"}, {"retry_after": "9"}, "RateLimited", 9),
        ({"message": "Slow down", "retry_after": 3}, {}, "RateLimited", 3),
        ({"message": "Slow", "metadata": {"headers": {"X-RateLimit-Reset": "30"}}}, {}, "RateLimited", 30),
        ({"message": "Slow", "metadata": {"headers": {"Retry-After": "8"}}}, {}, "RateLimited", 8),
        ({"message": "Rate limit exceeded: free-models-per-min."}, {}, "RateLimited", None),
        ({"message": "Rate limit exceeded: free-models-per-day. Add 10 credits"}, {}, "QuotaUsedUp", None),
        ({"message": "You have reached your daily limit."}, {}, "QuotaUsedUp", None),
        ({"message": "tokens per day (TPD): Limit 100, Used 99, Requested 5. Please try again in 7m12s."}, {},
         "RateLimited", 432),
        ({"message": "requests per day (RPD) used up, try again in 9h"}, {}, "QuotaUsedUp", None),
        ({"message": "Request too large for m on tokens per minute (TPM): Limit 6000, Requested 7,000"}, {},
         "Rejected", None),
        ({"message": "Limit 6000, Used 5500, Requested 700. Please try again in 2s."}, {}, "RateLimited", 2),
        ({"code": "insufficient_quota", "message": "You exceeded your current quota, try again in 4s"}, {},
         "QuotaUsedUp", None),
    ],
)  # fmt: skip
def test_a_429_means_a_wait_or_that_no_wait_helps(
    error: Any, headers: dict[str, str], kind: str, wait: float | None
) -> None:
    made = error_for(429, error, **headers)
    assert made.kind == kind
    assert made.retryable is (kind == "RateLimited")
    if isinstance(made, errors.Busy):
        assert made.retry_after == (None if wait is None else pytest.approx(wait))


def test_one_request_that_is_more_than_a_minutes_tokens_is_known() -> None:
    assert too_large_for_limit("(TPM): Limit 30,000, Requested 50,000. The input") == (30_000, 50_000)
    assert too_large_for_limit("Limit: 30000, Used: 20000, Requested: 15000") is None
    assert error_for(413, {"message": "Limit 6000, Requested 7000", "code": "rate_limit_exceeded"}).kind == "Rejected"


async def test_what_no_wait_mends_goes_to_the_next_model_at_once() -> None:
    error = error_for(413, {"message": "tokens per minute (TPM): Limit 6000, Requested 7000"})
    rig = Rig(a=[Fault(error)], b=["ok"])
    handling = ErrorHandling(retry_delay_seconds=5)
    chunks = await all_of(rig.router(Model("one/a", quality=0.9), B, handling=handling).process_stream(ask()))
    assert text_of(chunks) == "ok"
    assert tries(chunks) == [("one/a", "Rejected"), ("two/b", "answered")]


async def test_a_day_that_is_used_up_is_asked_once(tmp_path: Any) -> None:
    home = Home(tmp_path)
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str((int(datetime.now(UTC).timestamp()) + 9000) * 1000)}
    error = {"message": "Rate limit exceeded: free-models-per-day", "code": 429, "metadata": {"headers": reset}}
    async with RawServer(saying(whole(json.dumps({"error": error}).encode(), "429 No"))) as server:
        home.serve(server.base_url, "tiny", more="")
        ran = await home.run("ask", "--json", "hello")
    assert (ran.code, len(server.asked)) == (1, 1)
    assert ran.chunks[-2]["error"]["kind"] == "QuotaUsedUp"
