"""JSON in a model's text, checked against a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_tui.cli.options.schema_option import REQUIREMENT, fields_schema, read_schema
from chat_tui.core.answers.json_answers import read_json_answer
from chat_tui.core.answers.schemas import schema_fault
from chat_tui.core.errors import CommandError
from chat_tui.core.processes.install_command import install_command
from chat_tui.core.tools import OutputFormat

PERSON = OutputFormat(fields_schema("name, age int"))


def test_without_its_library_a_schema_is_refused_with_what_adds_it() -> None:
    with pytest.raises(CommandError, match="needs a library") as caught:
        read_schema("name", find=lambda name: None)
    assert caught.value.hint == f"{install_command(REQUIREMENT)} adds it."


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "age": 36}',
        '\n {"name": "Ada", "age": 36}\n',
        '```json\n{"name": "Ada", "age": 36}\n```',
        '```\n{"name": "Ada", "age": 36}```\n',
    ],
)
def test_json_with_or_without_a_fence_is_read(text: str) -> None:
    answer = read_json_answer(text, PERSON)
    assert (answer.value, answer.text, answer.fault) == ({"name": "Ada", "age": 36}, '{"name": "Ada", "age": 36}', "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "The answer is empty."),
        ("Sure! Here it is.", "The answer is not JSON"),
        ('{"name": "Ada"', "The answer is not JSON"),
        ('{"name": "Ada"}', "'age' is a required property"),
        ('{"name": "Ada", "age": "36"}', "'36' is not of type 'integer' (at `$.age`)."),
        ('{"name": "Ada", "age": 36, "more": 1}', "Additional properties are not allowed"),
        ("[" * 100_000, "The answer is not JSON"),
    ],
)
def test_what_is_wrong_is_told(text: str, fault: str) -> None:
    assert fault in read_json_answer(text, PERSON).fault


def test_any_object_will_do_without_a_schema() -> None:
    assert read_json_answer('{"a": 1}', OutputFormat()).fault == ""
    assert read_json_answer("[1]", OutputFormat()).fault == "The answer is not a JSON object."


def test_a_reference_outside_of_the_schema_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"type": "string"}')
    address = f"file://{tmp_path}/x.json"
    schema = {"properties": {"a": {"$ref": address}}}
    assert "which it does not contain." in read_json_answer('{"a": 1}', OutputFormat(schema)).fault


def test_fields_have_types_lists_and_descriptions() -> None:
    assert fields_schema("name, age int, tags str[], bio: one line") == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "bio": {"type": "string", "description": "one line"},
        },
        "required": ["name", "age", "tags", "bio"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("", "--schema is empty."),
        ("age number years", "--schema: age number years is not a field."),
        ("age date", "--schema: age date is not a field."),
        ("none.schema.json", "none.schema.json is not a file."),
        ('{"type": ', "--schema is not JSON"),
        ('{"type": "thing"}', "--schema is not a JSON Schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(given: str, title: str) -> None:
    with pytest.raises(CommandError) as refused:
        read_schema(given)
    assert refused.value.title.startswith(title)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "it refers to `#/$defs/b`"),
        ({"items": {"anyOf": [{"$ref": "https://example.com/x.json"}]}}, "it refers to `https://example.com/x.json`"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {}}}, ""),
        ({"$id": "https://e.com/s", "$ref": "t#/a", "$defs": {"a": {"$id": "t", "a": {}}}}, ""),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a"}, "it refers to"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#"}, ""),
        ({"properties": {"a": {"pattern": "("}}}, "'(' is not a 'regex'."),
        ({"properties": {"pattern": {"const": {"$ref": "#/nowhere", "pattern": "("}}}}, ""),
    ],
)
def test_what_can_only_fail_at_an_answer_is_found_before_the_first_request(schema: Any, fault: str) -> None:
    assert schema_fault(schema).startswith(fault)
    assert bool(schema_fault(schema)) == bool(fault)


def test_a_pattern_that_takes_too_long_is_ended_and_told() -> None:
    output = OutputFormat({"properties": {"a": {"pattern": "^(a+)+$"}}})
    assert read_json_answer('{"a": "aaa"}', output).fault == ""
    assert "does not match '^(a+)+$'" in read_json_answer('{"a": "aab"}', output).fault
    ended = read_json_answer(f'{{"a": "{"a" * 60}b"}}', output, seconds=0.5)
    assert ended.fault == "The answer was not checked: a regular expression in the schema took longer than 0.5 seconds."
    assert not ended.is_checked


def test_a_wrong_schema_is_told() -> None:
    schema: Any = {"type": "object", "properties": {"a": {"type": 5}}}
    assert schema_fault(schema)
    assert schema_fault({"type": "object"}) == ""
