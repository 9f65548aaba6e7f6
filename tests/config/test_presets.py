"""Presets: what a file may say, what is told where it is wrong, and what becomes of a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_tui.config import presets
from chat_tui.core.errors import CommandError, ConfigError
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import (
    Preset,
    Variable,
    decode_preset,
    encode_preset,
    parse_values,
    values_in,
    with_values,
)
from tests.support.scripted_engine import ended, stage


def parsed(text: str) -> Preset:
    return presets.parse(text.encode(), "mine.toml", "mine")


def shipped(name: str) -> Preset:
    return presets.find(name, presets.folders()[1:])


def test_those_that_come_along_can_be_read() -> None:
    good, wrong = presets.read_all(presets.folders()[1:])
    assert not wrong
    assert [preset.name for preset in good] == ["analyse", "code", "story", "translate"]
    for preset in good:
        assert preset.title
        assert preset.description
        assert "{" not in (preset.system() or "{")


def test_the_page_of_presets_names_all_and_its_example_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "presets.md").read_text()
    for preset in presets.read_all(presets.folders()[1:])[0]:
        assert f"| `{preset.name}` |" in page
        assert all(f"`{name}`" in page for name in preset.variables)
    example = parsed(page.split("```toml\n")[1].split("```")[0])
    assert set(example.variables) == {"language", "tone"}


def test_variables_are_filled_in_and_other_braces_stay() -> None:
    preset = parsed('system_prompt = "To {language}: {x} {} {text}"\n[variables]\nlanguage = "English"')
    assert preset.system() == "To English: {x} {} {text}"
    assert with_values(preset, {"language": "Dutch"}).system() == "To Dutch: {x} {} {text}"


def test_a_value_is_never_filled_in_once_more() -> None:
    preset = parsed('prompt = "{a}|{b}|{text}"\n[variables]\na = "{b}"\nb = "B"')
    assert preset.fill_prompt("{a}") == "{b}|B|{a}"


def test_a_variable_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(CommandError) as told:
        with_values(shipped("translate"), {"langage": "x"})
    assert "language" in told.value.hint


def test_a_short_name_takes_one_word_and_the_message_follows() -> None:
    translate = shipped("translate")
    assert parse_values(translate, "to=fr") == ({"language": "fr"}, "")
    assert parse_values(translate, "to=fr Is x = 1 if a=b?") == ({"language": "fr"}, "Is x = 1 if a=b?")
    assert parse_values(translate, "to='Brazilian Portuguese' Hi\nthere") == (
        {"language": "Brazilian Portuguese"},
        "Hi\nthere",
    )
    assert parse_values(translate, "language=Old Norse to=fr") == ({"language": "fr"}, "")
    assert parse_values(translate, "to= ") == ({"to": " "}, "")
    assert with_values(translate, {"to": "fr"}).values == {"language": "fr"}
    with pytest.raises(CommandError, match="has no variable `too`") as told:
        with_values(translate, parse_values(translate, "too=fr Hi")[0])
    assert told.value.hint == "It has: language. Short names: to for language."


def test_a_short_name_never_hides_a_variable() -> None:
    mine = parsed('[variables.a]\naliases = ["b"]\n[variables.b]\ndefault = "B"')
    assert with_values(mine, {"b": "x"}).values == {"b": "x"}
    assert decode_preset(encode_preset(mine)) == mine


def test_values_are_taken_as_they_are_typed() -> None:
    translate, story = shipped("translate"), shipped("story")
    assert values_in(translate, "Brazilian Portuguese") == {"language": "Brazilian Portuguese"}
    assert values_in(story, "words=80 genre=a space opera") == {"words": "80", "genre": "a space opera"}
    assert values_in(story, "noir words=80") == {"genre": "noir", "words": "80"}
    assert values_in(story, "") == values_in(Preset(), "") == {}
    with pytest.raises(CommandError):
        values_in(Preset(name="mine"), "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temprature = 1", "line 1: `temprature`"),
        ('title = "x"\ntemperature = -1', "line 2: `temperature`"),
        ("top_p = 2.0", "from 0 to 1"),
        ('model = "gpt"', "provider/model"),
        ("title = 5", "line 1: `title`"),
        ("title = ", "TOML"),
        ('thinking = "much"', "line 1: `thinking`"),
        ('[variables.a]\ndefault = "x"\nchoises = []', "line 3: `variables.a.choises`"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        parsed(text)
    assert said in told.value.title


def test_ones_own_go_first_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "code.toml").write_text('title = "Mine"')
    (tmp_path / "bad.toml").write_text("title = ")
    (tmp_path / "odd name.toml").write_text('title = "x"')
    among = (tmp_path, *presets.folders()[1:])
    good, wrong = presets.read_all(among)
    assert {preset.name: preset.title for preset in good}["code"] == "Mine"
    assert presets.find("code", among).title == "Mine"
    assert len(wrong) == 1
    with pytest.raises(CommandError):
        presets.find("../code", among)


def test_what_a_conversation_keeps_is_the_same_preset() -> None:
    preset = with_values(shipped("translate"), {"language": "日本語"})
    assert decode_preset(encode_preset(preset)) == preset
    assert decode_preset("") is decode_preset("{") is decode_preset('{"who": 1}') is None


def test_what_the_user_says_goes_before_the_preset() -> None:
    preset = Preset(temperature=0.1, max_tokens=9, strategy="speed-priority", stop=("x",))
    settled = preset.settings(Request(temperature=0.7))
    assert (settled.temperature, settled.max_tokens, settled.strategy, settled.stop) == (
        0.7,
        9,
        "speed-priority",
        ("x",),
    )
    assert preset.settings(Request(model="one/a")).strategy is None
    assert Preset(thinking="low").settings(Request()).thinking == "low"
    assert Preset(thinking="low").settings(Request(thinking="off")).thinking == "off"


async def test_a_conversation_speaks_as_its_preset_says() -> None:
    preset = with_values(shipped("translate"), {"language": "French"})
    async with stage(["Bonjour"], ["Non"]) as on:
        answer = await ended(await on.engine.ask(NewConversation(preset=preset), "Good day"))
        await answer.saved.wait()
        on.engine.conversations.cache._open.clear()
        await ended(await on.engine.ask(answer.conversation_id, "No"))
        asked = on.player.requests[-1]
        assert asked.turns[0].role == "system"
        assert "into French" in asked.turns[0].text
        assert [turn.text for turn in asked.turns[1:]] == [
            "Translate this text into French. Answer with the translation only.\n\nGood day",
            "Bonjour",
            "Translate this text into French. Answer with the translation only.\n\nNo",
        ]
        assert asked.temperature == 0.2
        path = (await on.engine.conversations.conversation(answer.conversation_id)).path
        assert [turn.text for turn in path] == ["Good day", "Bonjour", "No", "Non"]


async def test_a_system_prompt_that_was_set_goes_before_the_presets() -> None:
    async with stage(["a"], ["b"]) as on:
        answer = await ended(await on.engine.ask(NewConversation(preset=shipped("code")), "One"))
        await on.engine.conversations.set_system_prompt(answer.conversation_id, "Be brief.")
        await ended(await on.engine.ask(answer.conversation_id, "Two"))
        assert on.player.requests[-1].turns[0].text == "Be brief."


def test_a_preset_that_a_conversation_brings_is_cleaned_and_bounded() -> None:
    kept = {
        "name": "p\x1b]0;X\x07",
        "title": "T\u202e",
        "temperature": 1e300,
        "max_tokens": -1,
        "top_p": 0.5,
        "stop": ["\n\n"],
        "variables": {"tone": {"default": "dry\x9b1m", "choices": ["a\nb"]}},
    }
    preset = decode_preset(json.dumps(kept))
    assert preset is not None
    assert (preset.name, preset.title, preset.stop) == ("p", "T", ("\n\n",))
    assert (preset.temperature, preset.max_tokens, preset.top_p) == (None, None, 0.5)
    assert preset.variable("tone") == Variable("dry", choices=("a\nb",))
    assert decode_preset('{"x": ' + "[" * 100_000) is None


def test_a_presets_file_is_cleaned_where_it_comes_in() -> None:
    preset = presets.parse(rb'title = "T\u001b]0;X\u0007"' + b'\nprompt = "a\\nb {text}"', "x", "x")
    assert (preset.title, preset.prompt) == ("T", "a\nb {text}")
    with pytest.raises(ConfigError):
        presets.parse(b"max_tokens = 1" + b"0" * 5000, "x", "x")
