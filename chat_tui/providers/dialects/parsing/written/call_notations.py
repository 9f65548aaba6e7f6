"""Notations of calls and their arguments: JSON that grows, Python, as Gemma writes it, and FunctionGemma's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Json = Any

_IN_STRING = re.compile(r'\\.|"', re.DOTALL)
_OUTSIDE = re.compile(r'["{}\[\]]')
_CODE_CHARACTERS = 20_000
"""The longest code that is read; parsing it takes a few milliseconds."""
_QUOTE = "<escape>"
_BARE = re.compile(r"[^,{}\[\]]*")
_CONSTANTS = {"true": True, "false": False, "null": None}


class JsonEnd:
    """Finds where an object or an array ends in a growing text; each character is looked at once."""

    def __init__(self, start: int) -> None:
        self._at, self._depth, self._in_string = start, 0, False
        self.stop: int | None = None
        self.value: Json = None

    def find(self, text: str) -> int | None:
        """Return the index behind the end; None if it has not come."""
        while self.stop is None:
            found = (_IN_STRING if self._in_string else _OUTSIDE).search(text, self._at)
            if found is None:
                self._at = max(self._at, len(text) - text.endswith("\\"))
                return None
            self._at, mark = found.end(), found.group()
            if mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if mark in "{[" else -1
                if self._depth <= 0:
                    self.stop = self._at
        return self.stop


def read_python_calls(code: str) -> Sequence[tuple[str, Mapping[str, Json]]]:
    """Return the names and arguments of calls such as `print(add(a=1))`, one on each line or in a list.

    Nothing is run. Raises `ValueError` if there is anything but calls with named arguments, whose values are literals.
    """
    # Only a reply of Gemma needs it.
    import ast

    if len(code) > _CODE_CHARACTERS:
        raise ValueError("The code is too long.")

    def value(node: ast.expr) -> Json:
        if isinstance(node, ast.Name) and node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if isinstance(node, (ast.List, ast.Tuple)):
            return [value(each) for each in node.elts]
        if isinstance(node, ast.Dict):
            keys = [ast.literal_eval(key) for key in node.keys if key is not None]
            return dict(zip(keys, map(value, node.values), strict=True))
        return ast.literal_eval(node)

    def calls_in(node: ast.expr) -> Sequence[tuple[str, Mapping[str, Json]]]:
        if isinstance(node, ast.List) and node.elts:
            return [call for each in node.elts for call in calls_in(each)]
        if not isinstance(node, ast.Call):
            raise ValueError("This is no call.")
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.attr if function.value.id == "default_api" else ""
        else:
            name = function.id if isinstance(function, ast.Name) else ""
        if name == "print" and len(node.args) == 1 and not node.keywords:
            return calls_in(node.args[0])
        if node.args or not all(keyword.arg for keyword in node.keywords):
            raise ValueError("An argument has no name.")
        return [(name, {str(keyword.arg): value(keyword.value) for keyword in node.keywords})]

    try:
        statements = ast.parse(code.strip()).body
        expressions = [each.value for each in statements if isinstance(each, ast.Expr)]
        if not statements or len(expressions) < len(statements):
            raise ValueError("There is something else than calls.")
        return [call for each in expressions for call in calls_in(each)]
    except (SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError("This cannot be read.") from error


def read_marked_arguments(text: str) -> Mapping[str, Json]:
    """Return the arguments of FunctionGemma's `{city:<escape>Rome<escape>,days:2}`. Raises `ValueError`."""
    try:
        return _MarkedValues(text).read()
    except RecursionError as error:
        raise ValueError("This is nested too deeply.") from error


class _MarkedValues:
    """Reads an object whose texts are between marks."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def read(self) -> Mapping[str, Json]:
        """Return the object that is all of the text."""
        self._require("{")
        found = self._object()
        if self._text[self._at :].strip():
            raise ValueError("There is text behind the arguments.")
        return found

    def _object(self) -> Mapping[str, Json]:
        found: dict[str, Json] = {}
        while not self._take("}"):
            if found:
                self._require(",")
            if self._take(_QUOTE):
                key = self._behind(_QUOTE)
                self._require(":")
            else:
                key = self._behind(":").strip()
            found[key] = self._value()
        return found

    def _list(self) -> Sequence[Json]:
        found: list[Json] = []
        while not self._take("]"):
            if found:
                self._require(",")
            found.append(self._value())
        return found

    def _value(self) -> Json:
        if self._take(_QUOTE):
            return self._behind(_QUOTE)
        if self._take("{"):
            return self._object()
        if self._take("["):
            return self._list()
        bare = _BARE.match(self._text, self._at)
        assert bare is not None
        self._at = bare.end()
        text = bare.group().strip()
        try:
            return json.loads(text)
        except ValueError:
            return text

    def _behind(self, mark: str) -> str:
        stop = self._text.index(mark, self._at)
        text = self._text[self._at : stop]
        self._at = stop + len(mark)
        return text

    def _require(self, mark: str) -> None:
        if not self._take(mark):
            raise ValueError(f"There is no {mark}.")

    def _take(self, mark: str) -> bool:
        """Pass over a mark and the blanks before it, if it is next."""
        at = self._at
        while at < len(self._text) and self._text[at].isspace():
            at += 1
        if not self._text.startswith(mark, at):
            return False
        self._at = at + len(mark)
        return True
