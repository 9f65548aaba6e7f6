"""Plays a script in place of a model: for demonstrations and for tests. Never chosen by a strategy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

import msgspec

from chat_tui.core.chunks import Chunk, End, Token, ToolCallDelta, Usage
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool, new_call_id
from chat_tui.core.usage.token_estimate import estimate

DEMO = """# A scripted answer

You asked: *{question}*

This text comes from no model. It is played token by token, so that you can see what chat-tui does:

* the **stats panel** counts as it runs,
* `Esc` cancels and keeps the part,
* code is highlighted:

```python
def fibonacci(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
```

| key | what it does |
|---|---|
| Ctrl+O | opens the list of models |
| Ctrl+T | goes to the next strategy |

Choose another model with **Ctrl+O** for a real answer.
"""


_QUOTED = 300
"""Characters of a tool's result that the demonstration quotes."""
_EXAMPLES: Mapping[str, object] = {"integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}


class Pause(msgspec.Struct, frozen=True):
    """A step of a script: nothing comes for some seconds."""

    seconds: float

    async def wait(self) -> None:
        """Wait until it is over."""
        await asyncio.sleep(self.seconds)


class Fault(msgspec.Struct, frozen=True):
    """A step of a script: the reply breaks with this error."""

    error: ChatTuiError


Step = str | Chunk | Pause | Fault
"""A string is a token of answer text."""
Script = Sequence[Step]


def demo(request: Request) -> Script:
    """Return the shipped script: an answer that shows what Markdown looks like, at about 60 tokens a second.

    If tools are offered, it calls the first of them once for each question, and quotes what that returned.
    """
    last = request.turns[-1] if request.turns else None
    if last is not None and last.role == "tool":
        said = " ".join(last.text[:_QUOTED].split()) or "nothing"
        return _words(f"The tool returned: {said}\n\nThis text comes from no model.")
    if request.tools and request.tool_choice.mode != "none":
        return [*_words(f"I will use the tool {request.tools[0].name}."), *_call(request.tools[0])]
    spoken = request.spoken()
    question = " ".join(spoken[-1].text.split())[:200] if spoken else ""
    return _words(DEMO.format(question=question.replace("*", "∗")))


def _words(text: str) -> list[Step]:
    steps: list[Step] = [Pause(0.25)]
    for word in text.split(" "):
        steps += [word + " ", Pause(0.016)]
    return steps


def _call(tool: Tool) -> list[Step]:
    """A call of the tool with the simplest arguments that it takes."""
    properties = tool.parameters.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = tool.parameters.get("required")
    arguments = {
        str(name): _EXAMPLES.get(str((known.get(name) or {}).get("type")), "example")
        for name in (required if isinstance(required, list) else ())
    }
    text, id = msgspec.json.encode(arguments).decode(), new_call_id()
    return [
        ToolCallDelta(0, "start", id, tool.name),
        ToolCallDelta(0, "arguments", id, arguments=text),
        ToolCallDelta(0, "end", id, tool.name, text),
    ]


class Scripted:
    """Plays a script for each request; `scripts` are used in turn, the last one again and again."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.requests: list[Request] = []
        """The requests, oldest first."""
        self.closed = 0
        """How many replies were closed, finished or not."""

    def _script(self, request: Request) -> Script:
        if not self._scripts:
            return demo(request)
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yield the reply in bursts of one chunk; an `End` is added if the script has none."""
        self.requests.append(request)
        said = ""
        count = 0
        try:
            for step in self._script(request):
                # A socket would let others run between two reads; so does a script.
                await asyncio.sleep(0)
                if isinstance(step, Pause):
                    await step.wait()
                elif isinstance(step, Fault):
                    raise step.error
                elif isinstance(step, str):
                    if request.max_tokens is not None and count >= request.max_tokens:
                        yield [End(finish_reason="length", state="length", usage=_usage(request, count))]
                        return
                    said += step
                    count += 1
                    yield [Token(step)]
                else:
                    yield [step]
                    if isinstance(step, End):
                        return
            yield [End(finish_reason="stop", usage=_usage(request, count))]
        finally:
            self.closed += 1


def _usage(request: Request, count: int) -> Usage:
    prompt = sum(estimate(turn.text) for turn in request.spoken())
    return Usage(prompt_tokens=prompt, completion_tokens=count, total_tokens=prompt + count)
