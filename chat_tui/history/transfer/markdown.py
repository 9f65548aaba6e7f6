"""The current path of a conversation as Markdown, for people and for other programs.

Each turn begins with a line `<!-- turn … -->`, since answers have headings, too. The line has `id`, `role` and
`created`, for answers `model`, `state`, `tokens`, `cost`, `route` and `memory`, for results of tool calls `call`,
`tool`, `server` and `state`, and for a summary of earlier messages `model`. Calls and results are code blocks, results
folded. The front matter is YAML: `model` and `route` are those of the last answer, and `cost` is in US dollars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from chat_tui.core.chunks import Usage, sum_usages
from chat_tui.core.conversation import Tree, Turn, summary_title
from chat_tui.core.route import Route
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.memory_text import MemoryText

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_BACKTICKS = re.compile(r"`{3,}")
ENDINGS = {
    "length": "It ended at the limit of tokens.",
    "cancelled": "It was cancelled here.",
    "broken": "The answer broke off here.",
    "failed": "No answer came.",
    "refused": "The provider refused to answer.",
    "empty": "The answer ended without any text.",
    "streaming": "It was still being written.",
}
"""How an answer ended that is not complete."""


def markdown(tree: Tree) -> str:
    """The conversation as Markdown, without control characters."""
    return clean("\n".join([*_front_matter(tree), *_body(tree)]) + "\n")


def _front_matter(tree: Tree) -> Iterator[str]:
    of = tree.conversation
    usages = [turn.usage for turn in of.path if turn.usage is not None]
    costs = [turn.cost for turn in of.path if turn.cost is not None]
    yield "---"
    yield f"title: {_quote(of.title)}"
    yield f"id: {_quote(of.id)}"
    yield f"created: {_time(of.created)}"
    yield f"updated: {_time(of.updated)}"
    yield f"turns: {len(of.path)}"
    answers = [turn for turn in of.path if turn.role == "assistant"]
    last = answers[-1] if answers else None
    yield f"model: {_quote(last.model if last else '')}"
    models = dict.fromkeys(turn.model for turn in answers if turn.model)
    yield f"models: [{', '.join(map(_quote, models))}]"
    yield f"tokens: {sum(usage.total_tokens for usage in usages) if usages else 'null'}"
    total = sum_usages(usages) or Usage(None, None)
    yield f"tokens_in: {_count(total.prompt_tokens)}"
    yield f"tokens_out: {_count(total.completion_tokens)}"
    yield f"cost: {_dollars(sum(costs)) if costs else 'null'}"
    yield f"route: {_quote(shorten(_route_text(last, tree.routes.get(last.id)), 1000) if last else '')}"
    if of.system_prompt is not None:
        yield f"system_prompt: {_quote(of.system_prompt)}"
    yield "---"


def _body(tree: Tree) -> Iterator[str]:
    yield ""
    yield f"# {_heading(tree.conversation.title) or 'Conversation'}"
    memory: tuple[MemoryText, ...] = ()
    for turn in tree.conversation.path:
        route = tree.routes.get(turn.id)
        yield ""
        yield _mark(turn, route)
        yield f"## {_name(turn)}"
        yield ""
        yield from _turn(turn)
        if turn.role == "assistant" and route is not None and route.memory != memory:
            memory = route.memory
            yield from _memory(memory)


def _memory(memory: Sequence[MemoryText]) -> Iterator[str]:
    """What was sent of the memory with an answer's question, where it was another than before."""
    for each in memory:
        yield ""
        yield from _collapse(f"Memory that was sent: {_heading(each.name)}", each.text)
    if not memory:
        yield ""
        yield "*From here on no memory was sent.*"


def _name(turn: Turn) -> str:
    if turn.role == "user":
        return "You"
    if turn.role == "system":
        return "System"
    if turn.role == "summary":
        return summary_title(turn)
    if turn.role == "tool":
        return f"Tool: {_heading(turn.result.name) if turn.result else ''}".rstrip(": ")
    return _heading(turn.model) or "Answer"


def _turn(turn: Turn) -> Iterator[str]:
    if turn.thinking.strip():
        yield from _collapse("Thinking", turn.thinking)
        yield ""
    if turn.role == "tool":
        yield from _result(turn)
    else:
        yield _close_fence(turn.text)
    for call in turn.calls:
        yield ""
        yield f"Called {_heading(call.name)}:"
        yield ""
        yield _fenced(call.arguments, "json")
    if turn.quick is not None and turn.quick.text.strip():
        yield ""
        yield from _collapse(f"Quick answer by {_heading(turn.quick.model)}", turn.quick.text)
    for file in turn.attachments:
        yield ""
        size = len(file.content) or file.size_bytes
        yield f"*Attached: {_heading(file.name)} ({_heading(file.media_type)}, {size} bytes)*"
    if turn.role == "assistant" and turn.state in ENDINGS:
        yield ""
        why = f" {_heading(turn.error.title)}" if turn.error else ""
        yield f"*{ENDINGS[turn.state]}{why}*"


def _result(turn: Turn) -> Iterator[str]:
    if turn.result is not None and turn.result.arguments:
        yield "The user changed the arguments:"
        yield ""
        yield _fenced(turn.result.arguments, "json")
        yield ""
    structured = turn.result.structured if turn.result is not None else ""
    yield "<details><summary>Result</summary>"
    yield ""
    if turn.text or not structured:
        yield _fenced(turn.text)
        yield ""
    if structured:
        yield _fenced(structured, "json")
        yield ""
    yield "</details>"


def _fenced(text: str, language: str = "") -> str:
    """The text as a code block, whose fence is longer than any in the text."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _collapse(what: str, text: str) -> Iterator[str]:
    yield f"<details><summary>{what.replace('<', '&lt;')}</summary>"
    yield ""
    yield _close_fence(text).replace("</details", "&lt;/details")
    yield ""
    yield "</details>"


def _mark(turn: Turn, route: Route | None) -> str:
    facts = {"id": turn.id, "role": turn.role, "created": _time(turn.created)}
    if turn.role == "assistant":
        facts |= {"model": turn.model, "served": turn.served_model, "state": turn.state}
        if turn.usage:
            facts["tokens"] = f"{_count(turn.usage.prompt_tokens)}+{_count(turn.usage.completion_tokens)}"
        if turn.cost is not None:
            facts["cost"] = _dollars(turn.cost)
        facts["route"] = _route_text(turn, route)
        facts["memory"] = ", ".join(each.name for each in route.memory) if route is not None else ""
    if turn.role == "summary":
        facts["model"] = turn.model
    if turn.result is not None:
        facts |= {"call": turn.result.call, "tool": turn.result.name, "server": turn.result.source, "state": turn.state}
    return f"<!-- turn {' '.join(f'{name}={_fact(value)}' for name, value in facts.items() if value)} -->"


def _route_text(turn: Turn, route: Route | None) -> str:
    """The route in one line: the strategy, and the models that were tried."""
    if route is None:
        return turn.strategy
    tries = ", ".join(f"{each.model} {each.outcome}" for each in route.tries[:20])
    return f"{route.strategy}: {tries}" if tries else route.strategy


def _fact(value: str) -> str:
    # A comment must not contain the characters that end it.
    return _quote(shorten(value, 1000).replace("--", "- -"))


def _close_fence(text: str) -> str:
    """The text with an open code block closed, so that a truncated answer does not include the next turns."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found is None:
            continue
        if not fence:
            if found[1][0] == "~" or "`" not in found[2]:
                fence = found[1]
        elif found[1][0] == fence[0] and len(found[1]) >= len(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _heading(text: str) -> str:
    return shorten(text, 300)


def _quote(text: str) -> str:
    """The text as a YAML string, which can be written like one in JSON."""
    return msgspec.json.encode(text).decode()


def _time(time: datetime | None) -> str:
    return "null" if time is None else time.isoformat().replace("+00:00", "Z")


def _count(tokens: int | None) -> str:
    return "null" if tokens is None else str(tokens)


def _dollars(cost: float) -> str:
    return f"{cost:.8f}".rstrip("0").rstrip(".") or "0"
