"""What is wrong in a config is told in plain words, on the right line."""

from __future__ import annotations

import pytest

from chat_tui.config.load import parse
from chat_tui.core.errors import ConfigError


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        parse(text.encode(), "my.toml")
    assert raised.value.hint
    return raised.value.title


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mouse = 1", "line 1: `mouse` must be true or false."),
        ("theme = 1979-05-27", "line 1: `theme` must be a string in quotes."),
        ("memory = 5", "line 1: `memory` must be a table."),
        ("on_break = 'stop'", "line 1: `on_break` must be one of keep, continue."),
        ("fallbacks = 'a/b'", "line 1: `fallbacks` must be a list of strings in brackets."),
        ("fallbacks = ['a/b', 5]", "line 1: `fallbacks[1]` must be a string in quotes."),
        ("[request]\nmax_tokens = 1.5", "line 2: `request.max_tokens` must be a whole number."),
        ("[request]\ntemperature = 'hot'", "line 2: `request.temperature` must be a number."),
        ("[request]\nthinking = 'much'", "line 2: `request.thinking` must be one of off, low, medium, high."),
        ("providers = 5", "line 1: `providers` must be a list of tables, each under its name in double brackets."),
        ("[[providers]]\nverify = 5", "line 2: `providers[0].verify` must be true or false or a string in quotes."),
        ("[strategies.quality-first]\nspeed = 'x'", "line 2: `strategies.quality-first.speed` must be a number."),
        ("[[models]]\nquality = 1", "line 1: `models[0].name` is missing."),
        ("[keys]\n'app.quit' = 'x'\n'answer.cancel' = 5", "line 3: `keys.answer.cancel` must be a string in quotes."),
        ("theme = 'dusk'\n[keys]\nanswer.cancel = 'x'", "line 3: `keys.answer` must be a string in quotes."),
        ("keys = { x = 5 }", "line 1: `keys.x` must be a string in quotes."),
        ("[[providers]]\nheaders = { B = 5 }", "line 2: `providers[0].headers.B` must be a string in quotes."),
        ("[request]\nmax_tokns = 5", "line 2: `request.max_tokns` is not a setting."),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_told_in_plain_words(text: str, told: str) -> None:
    title = fault(text)
    assert title.startswith("my.toml")
    assert title.endswith(told)


def test_a_name_with_dots_is_told_to_need_quotes() -> None:
    with pytest.raises(ConfigError) as raised:
        parse(b"[keys]\nanswer.cancel = 'x'", "my.toml")
    assert '"answer.cancel"' in raised.value.hint


def test_no_word_of_the_parsers_is_left() -> None:
    told = []
    for value in ("5", "1.5", "true", "'x'", "[]", "[1]", "{}", "{ a = 1 }", "1979-05-27", "07:32:00"):
        for key in ("mouse", "theme", "daily_budget", "memory", "keys", "providers", "discovered", "request.stop"):
            try:
                parse(f"{key} = {value}".encode(), "my.toml")
            except ConfigError as error:
                told.append(str(error))
    assert len(told) > 50
    words = set(" ".join(told).replace("`", " ").split())
    assert not {"object", "array", "null", "Expected", "Invalid"} & words


ONE_LINE = "`providers[0].headers.X` must be one line of ASCII characters, without spaces around it."


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("'X Y' = 'a'", "`providers[0].headers.X Y` is not a valid header name: use letters, digits and hyphens."),
        ("'X:' = 'a'", "`providers[0].headers.X:` is not a valid header name: use letters, digits and hyphens."),
        ('X = "secret\\r\\nEvil: 1"', ONE_LINE),
        ("X = 'secret€'", ONE_LINE),
        ("X = ' secret'", ONE_LINE),
        (
            "Content-Length = '5'",
            "`providers[0].headers.Content-Length` cannot be set: it is computed for each request.",
        ),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_sent_is_told_with_its_line_and_without_its_value(header: str, told: str) -> None:
    title = fault(f"[[providers]]\nname = 'a'\nbase_url = 'http://x'\nheaders = {{ {header} }}")
    assert title.endswith(told)
    assert "line 4" in title
    assert "secret" not in title


@pytest.mark.parametrize("value", ["", "a", "Basic dXNlcjpwdw==", "a b\tc", "~!"])
def test_what_a_header_can_hold_is_taken(value: str) -> None:
    text = f"[[providers]]\nname = 'a'\nbase_url = 'http://x'\nheaders = {{ X-Team_1 = '{value}' }}"
    assert parse(text.encode(), "my.toml").providers[0].headers == {"X-Team_1": value}
