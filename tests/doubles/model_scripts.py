"""How the loopback model server behaves for one request, written as words in a model id or in a question.

`t2000-r200-first250` is 2,000 tokens at 200 a second, the first after 250 ms. `SCRIPT_WORDS` lists every word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.doubles.sample_markdown import tokens as sample_tokens

HOSTILE_TOKENS = (
    "before ",
    "\x1b]52;c;cGF3bmVk\x07",
    "\x1b]0;owned\x1b",
    "\\",
    "\x1b[2",
    "J\x1b[31mred",
    "\x9b31m\x9d0;owned\x9c",
    "\x1bP+q544e\x1b\\",
    "\x1b]8;;http://evil.invalid\x1b\\link\x1b]8;;\x1b\\",
    "\r\b\x07\x0e",
    " \u202eafter\n\n[bold red]markup[/]\n\n```\n\x1b[2Jfence\n```\n",
)
"""Clipboard writes, titles, screen clears, C1 codes, hyperlinks and markup, whole and cut over tokens."""

HOSTILE_LINE = "owned\x1b]0;owned\x07\x1b[2J\x1b]52;c;cGF3bmVk\x07[bold]\x9b31m"
"""The same kinds of attack on one line, for ids and error texts."""


@dataclass(frozen=True)
class Script:
    """What the server does; by default it sends 200 tokens at full speed."""

    tokens: int = 200
    rate: float = 0
    """Tokens a second; 0 is full speed."""
    connect_seconds: float = 0
    """Delay before the response's headers."""
    first_seconds: float = 0
    """Delay between the headers and the first token."""
    thinking: int = 0
    """Tokens of `reasoning_content` before the answer."""
    mark: int | None = None
    """Ends the text with a paragraph `Finis<mark>`, for tests to find on a screen."""
    error: int = 0
    """Answer with this status and an error body."""
    retry_after: float | None = None
    cut: int | None = None
    """Drop the connection after this many tokens."""
    stall: int | None = None
    """Send nothing more after this many tokens, and keep the connection open."""
    body: str = ""
    """`html`, `json`, `garbage`, `empty` or `reset` in place of a stream of events."""
    hostile: bool = False
    keepalive: bool = False
    """Send a comment every 50 ms while nothing else is sent."""
    usage: bool = True
    done: bool = True
    """Send `[DONE]` at the end."""
    finish: str = "stop"
    calls: int = 0
    """Calls this many of the tools that are offered, and then says what they gave; see `tool_script.py`."""

    def pieces(self) -> tuple[str, ...]:
        """The answer's tokens."""
        if self.hostile:
            return HOSTILE_TOKENS
        mark = () if self.mark is None else (f"\n\nFinis{self.mark}\n",)
        return sample_tokens(self.tokens) + mark


SCRIPT_WORDS: dict[str, str] = {
    "t": "tokens",
    "r": "rate",
    "connect": "connect_seconds",
    "first": "first_seconds",
    "think": "thinking",
    "mark": "mark",
    "error": "error",
    "retry": "retry_after",
    "cut": "cut",
    "stall": "stall",
    "html": "body",
    "json": "body",
    "garbage": "body",
    "empty": "body",
    "reset": "body",
    "hostile": "hostile",
    "keepalive": "keepalive",
    "nousage": "usage",
    "nodone": "done",
    "calls": "calls",
    "length": "finish",
    "filter": "finish",
}
"""The words and the fields that they set; a number follows each word (`connect` and `first` in milliseconds)."""

_WORD = re.compile(r"([a-z]+)(\d*)")


def parsed(words: str) -> Script | None:
    """The script that the words describe; None if they are no script."""
    changes: dict[str, Any] = {}
    for word in words.split("-"):
        match = _WORD.fullmatch(word)
        if match is None or match[1] not in SCRIPT_WORDS:
            return None
        name, number = match[1], match[2]
        field = SCRIPT_WORDS[name]
        if name in ("connect", "first"):
            changes[field] = int(number or 0) / 1000
        elif number:
            changes[field] = int(number)
        elif field == "body":
            changes[field] = name
        elif field == "finish":
            changes[field] = {"length": "length", "filter": "content_filter"}[name]
        else:
            changes[field] = not name.startswith("no")
    return replace(Script(), **changes)


def asked_for(body: dict[str, Any]) -> Script | None:
    """The script in square brackets in the last question, such as `[t500-r100]`, else the one in the model id."""
    question = json.dumps(next((m for m in reversed(body.get("messages") or ()) if m.get("role") == "user"), ""))
    for words in reversed(re.findall(r"\[([a-z0-9-]+)\]", question)):
        script = parsed(words)
        if script is not None:
            return script
    return parsed(str(body.get("model", "")))


def events(script: Script, model: str, request: int) -> Iterator[bytes]:
    """The token events of a streamed answer, thinking first, each as the bytes of one server-sent event."""
    shell = {"id": f"chatcmpl-{request}", "object": "chat.completion.chunk", "created": 1, "model": model}
    head, tail = (json.dumps({**shell, "choices": ["@"]})[:-1] + "}").split('"@"')

    def event(delta: dict[str, str]) -> bytes:
        choice = '{"index": 0, "delta": ' + json.dumps(delta) + ', "finish_reason": null}'
        return f"data: {head}{choice}{tail}\n\n".encode()

    for piece in sample_tokens(script.thinking, seed=11):
        yield event({"reasoning_content": piece})
    for piece in script.pieces():
        yield event({"content": piece})


def last_events(script: Script, model: str, request: int, usage: dict[str, int] | None) -> bytes:
    """The events after the last token: the finish reason, the usage if requested, `[DONE]`."""
    shell = {"id": f"chatcmpl-{request}", "object": "chat.completion.chunk", "created": 1, "model": model}
    parts: list[object] = [{**shell, "choices": [{"index": 0, "delta": {}, "finish_reason": script.finish}]}]
    if usage is not None:
        parts.append({**shell, "choices": [], "usage": usage})
    text = "".join(f"data: {json.dumps(part)}\n\n" for part in parts)
    return (text + ("data: [DONE]\n\n" if script.done else "")).encode()
