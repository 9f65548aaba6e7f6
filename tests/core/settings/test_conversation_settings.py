"""The settings that a conversation has of its own: what may be typed, how it is stored, what comes first."""

from __future__ import annotations

import pytest

from chat_tui.core.errors import CommandError
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import (
    ConversationSettings,
    decode_settings,
    encode_settings,
    parse_setting,
    without_costs,
)

ALL = ConversationSettings(0.2, 0.9, 500, ("END", "\n\n"), 7, "high")


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("temperature", "0.2", 0.2),
        ("temperature", "2", 2.0),
        ("top_p", "1", 1.0),
        ("max_tokens", "16_000", 16000),
        ("seed", "-3", -3),
        ("thinking", "HIGH", "high"),
        ("stop", "END", ("END",)),
        ("stop", 'END "The end" \\n#1', ("END", "The end", "\n#1")),
    ],
)
def test_a_value_is_read_as_it_was_typed(name: str, typed: str, value: object) -> None:
    assert parse_setting(name, typed) == value


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("temperature", "3", "temperature must be a number from 0 to 2, not 3."),
        ("temperature", "nan", "a number from 0 to 2"),
        ("temperature", "warm", "a number from 0 to 2"),
        ("top_p", "1.1", "a number from 0 to 1"),
        ("max_tokens", "0", "a whole number from 1 to 1,000,000,000"),
        ("max_tokens", "1.5", "a whole number"),
        ("seed", "9" * 40, "a whole number"),
        ("thinking", "deep", "one of off, low, medium, high"),
        ("stop", '"', "is not closed"),
        ("stop", '""', "1 to 16 texts"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(name: str, typed: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_setting(name, typed)
    assert said in caught.value.title


def test_settings_are_stored_and_read_again() -> None:
    assert decode_settings(encode_settings(ALL)) == ALL
    assert encode_settings(ConversationSettings()) == ""


@pytest.mark.parametrize("stored", ["", "{", "7", '{"stop": 1}', "[" * 5000, '{"temperature": 9, "seed": null}'])
def test_what_cannot_be_used_is_left_out(stored: str) -> None:
    assert decode_settings(stored) == ConversationSettings()


def test_a_request_keeps_what_it_has() -> None:
    asked = ALL.apply(Request(temperature=1.0, stop=("x",)))
    assert (asked.temperature, asked.stop) == (1.0, ("x",))
    assert (asked.top_p, asked.max_tokens, asked.seed, asked.thinking) == (0.9, 500, 7, "high")


def test_each_setting_is_told_in_short() -> None:
    assert ALL.labels() == ["temp 0.2", "top_p 0.9", "max 500", "seed 7", "thinking high", "stop END +1"]
    assert ConversationSettings(temperature=0, max_tokens=1).labels() == ["temp 0", "max 1"]


def test_anothers_file_does_not_decide_what_an_answer_costs() -> None:
    kept = decode_settings(without_costs(encode_settings(ALL)))
    assert (kept.max_tokens, kept.thinking, kept.temperature, kept.seed) == (None, None, 0.2, 7)
