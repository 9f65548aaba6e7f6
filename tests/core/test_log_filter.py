"""The debug log's filter: names, numbers and kinds of errors pass; keys and texts do not."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Any

import pytest

import chat_tui
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Provider
from chat_tui.core.text.log_filter import LINE_LIMIT, LogFilter, name_of_reason
from chat_tui.core.text.redaction import Credential
from chat_tui.providers.credentials.config_credentials import credentials_of

PACKAGE = Path(chat_tui.__file__).parent
PROVIDER = Provider(
    "box",
    "https://user:hunter2-base@llm.example:8443/v1?token=hunter2-query",
    headers={"X-Api-Key": "hunter2-header-value", "Authorization": "Basic dXNlcjpodW50ZXIyLWJhc2lj"},
    proxy="http://proxyuser:hunter2-proxy@proxy.example:3128",
)
KEY = "hunter2-the-key-itself"


def written(message: str, *arguments: object, exc_info: Any = None) -> str:
    hiding = LogFilter()
    hiding.hide(credentials_of(PROVIDER, KEY))
    record = logging.LogRecord("chat_tui.x", logging.INFO, "x.py", 1, message, arguments, exc_info)
    assert hiding.filter(record)
    return logging.Formatter("%(message)s").format(record)


def test_names_and_numbers_are_written() -> None:
    told = written("try: model=%s attempt=%d seconds=%.2f x=%s", "openai/gpt-4o-mini", 2, 0.5, None)
    assert told == "try: model=openai/gpt-4o-mini attempt=2 seconds=0.50 x=None"


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        f"https://user:hunter2-base@llm.example/{KEY}",
        "hunter2-header-value",
        "dXNlcjpodW50ZXIyLWJhc2lj",
        "/v1/models?token=hunter2-query",
        "http://proxyuser:hunter2-proxy@proxy.example:3128",
        "hunter2-basic",
        "sk-proj-0123456789abcdef",
    ],
)
def test_credentials_are_removed_wherever_they_are(secret: str) -> None:
    for told in (
        written("http: %s", secret),
        written(f"http: {secret}"),
        written("many: %s", [secret, "x"]),
        written("named: %(name)s", {"name": secret}),
    ):
        assert "[key]" in told
        for part in ("hunter2", "0123456789", "dXNlcjpod"):
            assert part not in told


@pytest.mark.parametrize(
    "text",
    ["Tell me a secret", "two\nlines", "a\tb", "你好世界", "x" * 201, "\x1b]0;owned\x07"],
)
def test_a_text_is_replaced_by_its_length(text: str) -> None:
    assert written("prompt=%s", text) == f"prompt=[text of {len(text)} characters]"
    assert written("%s", ["box/a", text]) == f"box/a,[text of {len(text)} characters]"


def test_an_error_is_written_as_its_class_and_never_with_its_message_or_traceback() -> None:
    error = Rejected("The server says: Tell-me-a-secret", "hint")
    assert written("outcome=%s", error, exc_info=(Rejected, error, None)) == "outcome=Rejected"


def test_other_values_are_written_as_their_class() -> None:
    assert written("%s %s", b"bytes", {"a": "b"}) == "[bytes] [dict]"


def test_a_line_stays_one_line_and_short() -> None:
    told = written("a\nb " + "c" * 5000)
    assert len(told) == LINE_LIMIT
    assert "\n" not in told


def test_a_long_list_is_cut() -> None:
    assert written("%s", [f"m{number}" for number in range(20)]).endswith("m11,+8")
    assert written("%s", []) == "-"


def test_wrong_arguments_write_none_of_them() -> None:
    assert written("%d %d", "one") == "[a log call with wrong arguments]"


def test_credentials_that_become_known_later_are_removed_too() -> None:
    hiding = LogFilter()
    hiding.hide([Credential("hunter2-first")])
    hiding.hide([Credential("other-second-1")])
    record = logging.LogRecord("x", logging.INFO, "x", 1, "hunter2-first other-second-1", (), None)
    hiding.filter(record)
    assert record.getMessage() == "[key] [key]"


def test_a_reason_becomes_a_name() -> None:
    assert name_of_reason("would cost $0.50, more than $0.10") == "would-cost-$0.50-more-than-$0.10"
    assert name_of_reason("") == ""


def test_every_log_call_has_a_constant_message() -> None:
    # The filter lets the message itself through: it must not be made of anything.
    wrong = [
        f"{file.name}:{node.lineno}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"log.info", "log.warning", "log.debug", "log.error", "log.exception"}
        and not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
    ]
    assert not wrong
