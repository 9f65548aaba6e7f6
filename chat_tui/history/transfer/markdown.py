"""The current path of a conversation as Markdown, for people to read and for other programs to take apart.

A line `<!-- turn … -->` stands before each turn: it, and not the heading below it, is the boundary, so the headings of
an answer stay what they are. It has `id`, `role` and `created`, and for answers `model`, `state`, `tokens`, `cost` and
`route`. The front matter is YAML: `model` and `route` are the last answer's, `cost` is in US dollars.
Controls that a terminal obeys are left out; the JSON export has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec

from chat_tui.core.conversation import Tree, Turn
from chat_tui.core.route import Route
from chat_tui.core.text.control_characters import clean, clean_line

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_ENDINGS = {
    "length": "It ended at the limit of tokens.",
    "cancelled": "It was cancelled here.",
    "broken": "The answer broke off here.",
    "failed": "No answer came.",
    "refused": "The provider refused to answer.",
    "empty": "The answer ended without any text.",
    "streaming": "It was still being written.",
}


def markdown(tree: Tree) -> str:
    """The conversation as a whole text."""
    return "\n".join([*_front_matter(tree), *_body(tree)]) + "\n"


def _front_matter(tree: Tree) -> Iterator[str]:
    of = tree.conversation
    usages = [turn.usage for turn in of.path if turn.usage is not None]
    costs = [turn.cost for turn in of.path if turn.cost is not None]
    yield "---"
    yield f"title: {_quoted(of.title)}"
    yield f"id: {_quoted(of.id)}"
    yield f"created: {_time(of.created)}"
    yield f"updated: {_time(of.updated)}"
    yield f"turns: {len(of.path)}"
    answers = [turn for turn in of.path if turn.role == "assistant"]
    last = answers[-1] if answers else None
    yield f"model: {_quoted(last.model if last else '')}"
    models = dict.fromkeys(turn.model for turn in answers if turn.model)
    yield f"models: [{', '.join(map(_quoted, models))}]"
    yield f"tokens: {sum(usage.total_tokens for usage in usages) if usages else 'null'}"
    yield f"tokens_in: {sum(usage.prompt_tokens for usage in usages) if usages else 'null'}"
    yield f"tokens_out: {sum(usage.completion_tokens for usage in usages) if usages else 'null'}"
    yield f"cost: {_dollars(sum(costs)) if costs else 'null'}"
    yield f"route: {_quoted(clean_line(_told(last, tree.routes.get(last.id)), 1000) if last else '')}"
    if of.system_prompt is not None:
        yield f"system_prompt: {_quoted(of.system_prompt)}"
    yield "---"


def _body(tree: Tree) -> Iterator[str]:
    yield ""
    yield f"# {_heading(tree.conversation.title) or 'Conversation'}"
    for turn in tree.conversation.path:
        yield ""
        yield _mark(turn, tree.routes.get(turn.id))
        yield f"## {_name(turn)}"
        yield ""
        yield from _turn(turn)


def _name(turn: Turn) -> str:
    if turn.role == "user":
        return "You"
    if turn.role == "system":
        return "System"
    return _heading(turn.model) or "Answer"


def _turn(turn: Turn) -> Iterator[str]:
    if turn.thinking.strip():
        yield from _folded("Thinking", turn.thinking)
        yield ""
    yield _closed(clean(turn.text))
    if turn.quick is not None and turn.quick.text.strip():
        yield ""
        yield from _folded(f"Quick answer by {_heading(turn.quick.model)}", turn.quick.text)
    for file in turn.attachments:
        yield ""
        size = len(file.content) or file.size_bytes
        yield f"*Attached: {_heading(file.name)} ({_heading(file.media_type)}, {size} bytes)*"
    if turn.role == "assistant" and turn.state in _ENDINGS:
        yield ""
        why = f" {_heading(turn.error.title)}" if turn.error else ""
        yield f"*{_ENDINGS[turn.state]}{why}*"


def _folded(what: str, text: str) -> Iterator[str]:
    yield f"<details><summary>{what.replace('<', '&lt;')}</summary>"
    yield ""
    yield _closed(clean(text)).replace("</details", "&lt;/details")
    yield ""
    yield "</details>"


def _mark(turn: Turn, route: Route | None) -> str:
    facts = {"id": turn.id, "role": turn.role, "created": _time(turn.created)}
    if turn.role == "assistant":
        facts |= {"model": turn.model, "served": turn.served_model, "state": turn.state}
        if turn.usage:
            facts["tokens"] = f"{turn.usage.prompt_tokens}+{turn.usage.completion_tokens}"
        if turn.cost is not None:
            facts["cost"] = _dollars(turn.cost)
        facts["route"] = _told(turn, route)
    return f"<!-- turn {' '.join(f'{name}={_fact(value)}' for name, value in facts.items() if value)} -->"


def _told(turn: Turn, route: Route | None) -> str:
    """The route in one line: by which strategy, and what was tried."""
    if route is None:
        return turn.strategy
    tries = ", ".join(f"{each.model} {each.outcome}" for each in route.tries[:20])
    return f"{route.strategy}: {tries}" if tries else route.strategy


def _fact(value: str) -> str:
    # A comment must not hold what ends it.
    return _quoted(clean_line(value, 1000).replace("--", "- -"))


def _closed(text: str) -> str:
    """The text with its last fence closed: an answer that was cut must not swallow those behind it."""
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
    return clean_line(text, 300)


def _quoted(text: str) -> str:
    """A JSON string is one of YAML's too."""
    return msgspec.json.encode(clean(text)).decode()


def _time(time: datetime | None) -> str:
    return "null" if time is None else time.isoformat().replace("+00:00", "Z")


def _dollars(cost: float) -> str:
    return f"{cost:.8f}".rstrip("0").rstrip(".") or "0"
