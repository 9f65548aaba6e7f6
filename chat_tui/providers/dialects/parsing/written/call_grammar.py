"""The forms in which models write tool calls as text, as a parser that can be cut anywhere.

Sources: the chat templates of Hermes and Qwen (`<tool_call>`), Qwen3-Coder (`<function=`), GLM (`<arg_key>`), Mistral
(`[TOOL_CALLS]`), Llama 3 (`<|python_tag|>`, bare JSON), Granite and Phi (`<|tool_call|>`), DeepSeek
(`<｜tool▁calls▁begin｜>`, `<｜DSML｜function_calls>`), Kimi (`<|tool_calls_section_begin|>`), MiniMax
(`<minimax:tool_call>`), Gemma (a fence `tool_code`), FunctionGemma (`<start_function_call>`), and OpenAI's harmony
format, whose marks `ThinkingTags` has brought into one form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from chat_tui.providers.dialects.parsing.thinking_marks import HARMONY_CALL
from chat_tui.providers.dialects.parsing.written.call_notations import JsonEnd, read_marked_arguments, read_python_calls

Json = Any

_FIRST_KEY = re.compile(r'\{\s*"(\w{1,20})"\s*:\s*')
_BEGINNING = re.compile(r'\{\s*(?:"(\w{0,20})(?:"\s*:?\s*)?)?\Z')
_BLANKS = re.compile(r"\s{0,1000}")
"""More of them are no part of a call."""
_STRING = re.compile(r'"([^"\\]{0,200})("?)')
_NAME_KEYS, _ARGUMENT_KEYS = ("name", "function"), ("arguments", "parameters")
_KEYS = frozenset((*_NAME_KEYS, *_ARGUMENT_KEYS, "type", "id"))
_LONGEST_NAME = 100
_PYTHON = "tool_code"
_FENCES = ("json", "tool_call", "tool_calls", "function_call", _PYTHON, "")
"""Info strings of fences that may hold calls. Plain JSON counts only at the end of an answer."""
_ENDS = ("<|eom_id|>", "<|eot_id|>", "<|im_end|>", "</s>")

DEEPSEEK_SECTION, DEEPSEEK_CALL = "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"
_DEEPSEEK_SEPARATOR, _DEEPSEEK_END = "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_DEEPSEEK_SECTION_END = "<｜tool▁calls▁end｜>"
KIMI_SECTION, KIMI_CALL = "<|tool_calls_section_begin|>", "<|tool_call_begin|>"
_KIMI_ARGUMENTS, _KIMI_END, _KIMI_SECTION_END = (
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
    "<|tool_calls_section_end|>",
)
GEMMA_CALL, _GEMMA_END, _GEMMA_RESULT = "<start_function_call>", "<end_function_call>", "<start_function_response>"
_CLOSINGS = {
    "<tool_call>": "</tool_call>",
    "<function_call>": "</function_call>",
    "<|tool_call|>": "<|/tool_call|>",
    "<|python_tag|>": "<|eom_id|>",
}
_SECTIONS = {
    "<｜DSML｜function_calls>": ("｜DSML｜", "function_calls"),
    "<｜DSML｜tool_calls>": ("｜DSML｜", "tool_calls"),
    "<minimax:tool_call>": ("", "minimax:tool_call"),
}
OPENINGS = (
    *(*_CLOSINGS, *_SECTIONS, "[TOOL_CALLS]", "<function=", "```"),
    *(DEEPSEEK_SECTION, DEEPSEEK_CALL, KIMI_SECTION, KIMI_CALL, GEMMA_CALL, HARMONY_CALL),
)
"""With what a call begins, besides bare JSON."""


class MoreNeeded(Exception):
    """What follows decides."""


class NoCall(Exception):
    """The text is no call, whatever follows."""


class WrittenCall(msgspec.Struct, frozen=True, gc=False):
    """A call that was written as text."""

    name: str
    arguments: str
    """JSON text of an object."""


class CallReader:
    """Reads the calls at the beginning of a text, which may grow between two readings.

    `tools` are the names of the tools, each with those of its parameters that are text. Raises `MoreNeeded` and
    `NoCall`.
    """

    def __init__(self, tools: Mapping[str, Collection[str]]) -> None:
        self._tools = tools
        self._ends: dict[int, JsonEnd] = {}
        self._text, self._at, self._is_last = "", 0, False

    def read(self, text: str, *, is_last: bool) -> tuple[Sequence[WrittenCall], int]:
        """Return the calls and the index behind them. `is_last`: the model has ended its text."""
        self._text, self._at, self._is_last = text, 0, is_last
        opening = self._take(*OPENINGS)
        calls = self._calls_behind(opening) if opening else self._bare_calls()
        return calls, self._at

    def _calls_behind(self, opening: str) -> Sequence[WrittenCall]:
        if opening == "```":
            return self._fenced_calls()
        if opening == "[TOOL_CALLS]":
            return self._mistral_calls()
        if opening == "<function=":
            calls = [self._function_call()]
            self._close("</tool_call>")
            return calls
        if opening in _SECTIONS:
            return self._invoked_calls(*_SECTIONS[opening])
        if opening in (DEEPSEEK_SECTION, DEEPSEEK_CALL):
            return self._deepseek_calls(opening)
        if opening in (KIMI_SECTION, KIMI_CALL):
            return self._kimi_calls(opening)
        if opening == GEMMA_CALL:
            return [self._gemma_call()]
        if opening == HARMONY_CALL:
            return [self._harmony_call()]
        return self._tagged_calls(opening)

    # -- forms -----------------------------------------------------------------------------------------------------

    def _tagged_calls(self, opening: str) -> Sequence[WrittenCall]:
        """`<tool_call>{…}</tool_call>`, with JSON, a function's tag, or GLM's keys and values inside."""
        self._skip_blanks()
        if self._next() in ("{", "["):
            calls = [*self._json_calls(strict=False)]
            while opening == "<|python_tag|>" and self._continues(";"):
                calls += self._json_calls(strict=False)
        elif self._take("<function="):
            calls = [self._function_call()]
        else:
            return [self._glm_call()]
        self._close(_CLOSINGS[opening])
        return calls

    def _glm_call(self) -> WrittenCall:
        name = self._name(self._until("\n", "<arg_key>", "</tool_call>", limit=_LONGEST_NAME))
        arguments: dict[str, Json] = {}
        while True:
            self._skip_blanks()
            if self._take("</tool_call>"):
                return _call(name, arguments)
            self._require("<arg_key>")
            key = self._behind("</arg_key>").strip()
            self._skip_blanks()
            self._require("<arg_value>")
            arguments[key] = self._value(name, key, self._behind("</arg_value>"))

    def _function_call(self) -> WrittenCall:
        """`NAME>{…}</function>`, or parameters as tags."""
        name = self._name(self._until(">", limit=_LONGEST_NAME))
        self._require(">")
        self._skip_blanks()
        if self._next() == "{":
            value = self._json()
            self._close("</function>")
            return _call(name, value)
        arguments: dict[str, Json] = {}
        while not self._take("</function>"):
            self._require("<parameter=")
            key = self._behind(">").strip()
            arguments[key] = self._value(name, key, self._behind("</parameter>"))
            self._skip_blanks()
        return _call(name, arguments)

    def _invoked_calls(self, prefix: str, section: str) -> Sequence[WrittenCall]:
        """`<invoke name="…"><parameter name="…">…</parameter></invoke>`, several in a section."""
        calls: list[WrittenCall] = []
        self._skip_blanks()
        while not calls or not self._take(f"</{prefix}{section}>"):
            self._require(f'<{prefix}invoke name="')
            name = self._name(self._until('"', limit=_LONGEST_NAME))
            self._behind(">")
            self._skip_blanks()
            arguments: dict[str, Json] = {}
            while not self._take(f"</{prefix}invoke>"):
                self._require(f'<{prefix}parameter name="')
                key = self._behind('"')
                kind = self._behind(">")
                text = self._behind(f"</{prefix}parameter>")
                arguments[key] = text if 'string="true"' in kind else self._value(name, key, text)
                self._skip_blanks()
            calls.append(_call(name, arguments))
            self._skip_blanks()
        return calls

    def _mistral_calls(self) -> Sequence[WrittenCall]:
        """`[TOOL_CALLS][{…}, {…}]`, or `[TOOL_CALLS]NAME[ARGS]{…}`."""
        self._skip_blanks()
        if self._next() in ("{", "["):
            return self._json_calls(strict=False)
        name = self._name(self._until("[CALL_ID]", "[ARGS]", "{", limit=_LONGEST_NAME))
        if self._take("[CALL_ID]"):
            self._behind("[ARGS]", limit=_LONGEST_NAME)
        else:
            self._take("[ARGS]")
        self._skip_blanks()
        return [_call(name, self._json())]

    def _deepseek_calls(self, opening: str) -> Sequence[WrittenCall]:
        calls = []
        self._skip_blanks()
        if opening == DEEPSEEK_SECTION:
            self._require(DEEPSEEK_CALL)
        while True:
            name = self._until(_DEEPSEEK_SEPARATOR, limit=_LONGEST_NAME).strip()
            self._require(_DEEPSEEK_SEPARATOR)
            is_fenced = name == "function"
            if is_fenced:
                name = self._until("\n", limit=_LONGEST_NAME)
            name = self._name(name)
            self._skip_blanks()
            if is_fenced:
                self._take("```json", "```")
                self._skip_blanks()
            calls.append(_call(name, self._json()))
            if is_fenced:
                self._close("```")
            self._close(_DEEPSEEK_END)
            if not self._continues(DEEPSEEK_CALL):
                break
        self._close(_DEEPSEEK_SECTION_END)
        return calls

    def _kimi_calls(self, opening: str) -> Sequence[WrittenCall]:
        calls = []
        self._skip_blanks()
        if opening == KIMI_SECTION:
            self._require(KIMI_CALL)
        while True:
            id = self._behind(_KIMI_ARGUMENTS, limit=_LONGEST_NAME).strip()
            name = self._name(id.removeprefix("functions.").rpartition(":")[0] or id)
            self._skip_blanks()
            calls.append(_call(name, self._json()))
            self._close(_KIMI_END)
            if not self._continues(KIMI_CALL):
                break
            self._skip_blanks()
        self._close(_KIMI_SECTION_END)
        return calls

    def _gemma_call(self) -> WrittenCall:
        """`call:NAME{key:<escape>text<escape>}`."""
        self._require("call:")
        name = self._name(self._until("{", limit=_LONGEST_NAME))
        text = self._behind(_GEMMA_END, or_end=True)
        self._close(_GEMMA_RESULT)
        try:
            return _call(name, read_marked_arguments(text))
        except ValueError:
            raise NoCall from None

    def _harmony_call(self) -> WrittenCall:
        name = self._name(self._until("<|message|>", limit=_LONGEST_NAME))
        self._require("<|message|>")
        self._skip_blanks()
        value = self._json()
        self._close("<|call|>")
        return _call(name, value)

    def _python_calls(self) -> Sequence[WrittenCall]:
        """`NAME(key="text")` up to the end of a fence."""
        head = self._text[self._at : self._at + _LONGEST_NAME].lstrip()
        for prefix in ("[", "print(", "default_api."):
            if prefix.startswith(head) and not self._is_last:
                raise MoreNeeded
            head = head.removeprefix(prefix)
        name, separator, _ = head.partition("(")
        if not any(known == name.strip() if separator else known.startswith(name.strip()) for known in self._tools):
            raise NoCall
        try:
            calls = read_python_calls(self._behind("\n```", or_end=True))
            return [_call(self._name(name), arguments) for name, arguments in calls]
        except (ValueError, TypeError):
            raise NoCall from None

    def _bare_calls(self) -> Sequence[WrittenCall]:
        """JSON that is all of the answer."""
        calls = [*self._json_calls(strict=True)]
        while True:
            self._skip_blanks()
            self._take(";", *_ENDS)
            self._skip_blanks()
            if self._is_at_end():
                return calls
            calls += self._json_calls(strict=True)

    def _fenced_calls(self) -> Sequence[WrittenCall]:
        """Calls in a fence that says so, or in fences of JSON that are the end of the answer."""
        calls: list[WrittenCall] = []
        while True:
            info = self._until("\n", limit=20, expected=_FENCES).strip().lower()
            if info not in _FENCES:
                raise NoCall
            if info == _PYTHON:
                return self._python_calls()
            is_plain = info in ("json", "")
            self._skip_blanks()
            calls += self._json_calls(strict=is_plain)
            self._skip_blanks()
            self._require("```")
            if not is_plain:
                return calls
            self._skip_blanks()
            if self._is_at_end():
                return calls
            self._require("```")

    # -- parts -----------------------------------------------------------------------------------------------------

    def _json_calls(self, *, strict: bool) -> Sequence[WrittenCall]:
        """Return the calls in an object or a list. `strict`: nothing else marks them as calls."""
        start = self._at
        if self._next() == "[":
            rest = self._text[start + 1 : start + 100].lstrip()
            if rest:
                self._check_head(start + self._text[start:].index(rest[0], 1), strict=strict)
        else:
            self._check_head(start, strict=strict)
        value = self._json()
        rows = value if isinstance(value, list) else [value]
        calls = [self._call_in(row, strict=strict) for row in rows]
        if not calls:
            raise NoCall
        return calls

    def _check_head(self, at: int, *, strict: bool) -> None:
        """Raise `NoCall` as soon as the first key or the name shows that an object is no call."""
        text = self._text[at : at + 300]
        if not text.startswith("{"):
            raise NoCall
        key = _FIRST_KEY.match(text)
        if key is None:
            begun = _BEGINNING.match(text)
            if begun is None or (strict and not any(known.startswith(begun[1] or "") for known in _KEYS)):
                raise NoCall
            return
        if key[1] not in _KEYS:
            if strict:
                raise NoCall
            return
        value = _STRING.match(text, key.end())
        if key[1] in _NAME_KEYS and value is not None:
            names = self._tools
            if value[1] not in names if value[2] else not any(name.startswith(value[1]) for name in names):
                raise NoCall

    def _call_in(self, row: Json, *, strict: bool) -> WrittenCall:
        inner = row.get("function") if isinstance(row, dict) else None
        if isinstance(inner, dict):
            row = inner
        if not isinstance(row, dict) or (strict and not row.keys() <= _KEYS):
            raise NoCall
        name = next((row[key] for key in _NAME_KEYS if isinstance(row.get(key), str)), "")
        given = [row[key] for key in _ARGUMENT_KEYS if key in row]
        if name not in self._tools or (strict and not given):
            raise NoCall
        return _call(name, given[0] if given else {})

    def _name(self, text: str) -> str:
        name = text.strip()
        if name not in self._tools:
            raise NoCall
        return name

    def _value(self, tool: str, key: str, text: str) -> Json:
        """Return the value of a parameter that was written between tags."""
        text = text.removeprefix("\n").removesuffix("\n")
        if key in self._tools[tool]:
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    # -- the text --------------------------------------------------------------------------------------------------

    def _next(self) -> str:
        """Return the next character."""
        if self._at < len(self._text):
            return self._text[self._at]
        raise self._end()

    def _end(self) -> Exception:
        return NoCall() if self._is_last else MoreNeeded()

    def _is_at_end(self) -> bool:
        """Return whether the model's text ends here."""
        if self._at < len(self._text):
            return False
        if not self._is_last:
            raise MoreNeeded
        return True

    def _skip_blanks(self) -> None:
        if (blanks := _BLANKS.match(self._text, self._at)) is not None:
            self._at = blanks.end()

    def _take(self, *literals: str) -> str:
        """Pass over the first of these that is next, longer ones first; empty if none is."""
        rest = self._text[self._at : self._at + 40]
        for literal in literals:
            if rest.startswith(literal):
                self._at += len(literal)
                return literal
            if not self._is_last and len(rest) < len(literal) and literal.startswith(rest):
                raise MoreNeeded
        return ""

    def _require(self, literal: str) -> None:
        if not self._take(literal):
            raise NoCall

    def _close(self, literal: str) -> None:
        """Pass over a closing mark, if there is one behind blanks."""
        self._continues(literal)

    def _continues(self, literal: str) -> bool:
        """Pass over a mark and the blanks around it, if it is there; else over nothing."""
        start = self._at
        self._skip_blanks()
        if self._take(literal):
            if literal == ";":
                self._skip_blanks()
            return True
        self._at = start
        return False

    def _until(self, *literals: str, limit: int, expected: Sequence[str] = ()) -> str:
        """Return the text before the first of these, and stop there. A name that no tool begins with is none."""
        window = self._text[self._at : self._at + limit]
        places = [place for literal in literals if (place := window.find(literal)) >= 0]
        if not places:
            begun = window.strip().lower() if expected else window.strip()
            names = expected or ("function", *self._tools)
            is_name = any(name.startswith(begun) or begun.startswith(name) for name in names)
            if len(window) >= limit or not is_name:
                raise NoCall
            raise self._end()
        self._at += min(places)
        return window[: min(places)]

    def _behind(self, literal: str, limit: int | None = None, *, or_end: bool = False) -> str:
        """Return the text before a mark, and pass over the mark; with `or_end`, the model may end without it."""
        place = self._text.find(literal, self._at)
        if place < 0 and or_end and self._is_last:
            place = len(self._text)
        if place < 0:
            if limit is not None and len(self._text) - self._at > limit:
                raise NoCall
            raise self._end()
        text = self._text[self._at : place]
        self._at = min(place + len(literal), len(self._text))
        return text

    def _json(self) -> Json:
        """Return the object or array that is next."""
        start = self._at
        if self._next() not in ("{", "["):
            raise NoCall
        found = self._ends.setdefault(start, JsonEnd(start))
        stop = found.find(self._text)
        if stop is None:
            raise self._end()
        if found.value is None:
            found.value = _load(self._text[start:stop])
        self._at = stop
        return found.value


def _load(text: str) -> Json:
    """Return the value of a JSON text, in which models often leave line ends within strings."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise NoCall from None


def _call(name: str, arguments: Json) -> WrittenCall:
    """Return a call; arguments are sometimes JSON within a string. Raises `NoCall` if they are no object."""
    if isinstance(arguments, str):
        arguments = _load(arguments)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise NoCall
    return WrittenCall(name, json.dumps(arguments, ensure_ascii=False))
