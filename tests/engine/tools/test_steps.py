"""Arguments as they are shown to a person."""

from __future__ import annotations

import json

from chat_tui.engine.tools.steps import format_arguments


def test_arguments_are_indented_with_all_digits() -> None:
    assert format_arguments({"a": 12345678901234567, "b": ["é"]}) == (
        '{\n  "a": 12345678901234567,\n  "b": [\n    "é"\n  ]\n}'
    )
    assert format_arguments({}) == "{}"


def test_nested_arguments_do_not_grow_out_of_bounds() -> None:
    inner: object = [1] * 100_000
    for _ in range(500):
        inner = [inner]
    shown = format_arguments({"a": inner})
    assert len(shown) < 300_000
    assert json.loads(shown) == {"a": inner}
