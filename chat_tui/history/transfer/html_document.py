"""The current path of a conversation as one HTML file, to read, print and pass on.

It has no script and loads nothing: its content security policy allows only its own style and images within it. All
text passes `markdown/html/safe_html.py`; answers are rendered as on the web page, questions are shown as they were
typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Usage, sum_usages
from chat_tui.core.conversation import Tree, Turn, summary_title
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.tools import ToolCall
from chat_tui.history.transfer.markdown import ENDINGS
from chat_tui.markdown import html
from chat_tui.markdown.html.safe_html import COPY_BUTTON, code_html, data_image_html, escape_text
from chat_tui.markdown.html.static_text import static_html

IMAGES_LIMIT = 20_000_000
"""How many bytes of images a file may have in all; further images are only named."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_RESULT_STATES = {"failed": "failed", "refused": "refused", "cancelled": "stopped", "broken": "interrupted"}


class HtmlDocument:
    """A conversation as HTML. Slow if it is long: not for the event loop."""

    def __init__(self, tree: Tree, images_limit: int = IMAGES_LIMIT) -> None:
        """`tree`: its path has the content of attached images; those without content are only named."""
        self._tree = tree
        self._images_limit = self._bytes_left = images_limit

    def parts(self) -> Iterator[str]:
        """Return the parts of the file in order, about one for each turn."""
        title = escape_text(shorten(self._tree.conversation.title)) or "Conversation"
        style = (Path(html.__file__).parent / "export.css").read_text("utf-8")
        yield (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="referrer" content="no-referrer">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        )
        yield "".join(["<header>", f"<h1>{title}</h1>", *self._header(), "</header>\n"])
        memory: Sequence[MemoryText] = ()
        for turn in self._tree.conversation.path:
            route = self._tree.routes.get(turn.id) if turn.role == "assistant" else None
            sent = route.memory if route is not None else memory
            yield "".join(
                [
                    f'<article class="turn {turn.role}">',
                    _heading(turn),
                    *self._turn(turn),
                    *_figures(turn),
                    *(_memory(sent) if sent != memory else ()),
                    "</article>\n",
                ]
            )
            memory = sent
        yield "</main>\n</body>\n</html>\n"

    def _header(self) -> Iterator[str]:
        conversation = self._tree.conversation
        path = conversation.path
        usage = sum_usages([turn.usage for turn in path if turn.usage is not None])
        costs = [turn.cost for turn in path if turn.cost is not None]
        facts = [_time(conversation.created), count_of(len(path), "message")]
        yield _line("facts", [*facts, *_amounts(usage, sum(costs) if costs else None)])
        if others := len(self._tree.turns) - len(path):
            yield _line(
                "facts", ["current branch only", f"not included: {count_of(others, 'message')} of other branches"]
            )
        if conversation.system_prompt:
            yield _fold("System prompt", _said(conversation.system_prompt))

    def _turn(self, turn: Turn) -> Iterator[str]:
        if turn.thinking.strip():
            yield _fold("Thinking", _said(turn.thinking))
        if turn.role == "tool":
            yield _result(turn)
        elif turn.role == "assistant":
            yield f'<div class="text">{static_html(turn.text)}</div>'
        elif turn.role == "summary":
            yield _fold(summary_title(turn), f'<div class="text">{static_html(turn.text)}</div>')
        else:
            yield _said(turn.text)
        for call in turn.calls:
            yield _call(call)
        if turn.quick is not None and turn.quick.text.strip():
            yield _fold(
                f"Quick answer by {shorten(turn.quick.model)}",
                f'<div class="text">{static_html(turn.quick.text)}</div>',
            )
        for file in turn.attachments:
            yield self._file(file)
        if turn.role == "assistant" and turn.state in ENDINGS:
            why = f" {shorten(turn.error.title)}" if turn.error else ""
            yield f'<p class="ending">{escape_text(ENDINGS[turn.state] + why)}</p>'

    def _file(self, file: Attachment) -> str:
        size = len(file.content) or file.size_bytes
        facts = [f"Attached: {shorten(file.name)}", shorten(file.media_type), f"{size:,} bytes"]
        image = ""
        if file.is_image and size > self._bytes_left and file.content:
            facts.append(f"not included: the limit for images is {self._images_limit:,} bytes in all")
        elif file.is_image:
            image = data_image_html(shorten(file.name), file.content)
            self._bytes_left -= len(file.content)
            facts.append("" if image else "not included")
        return _line("file", map(escape_text, facts)) + image


def _heading(turn: Turn) -> str:
    if turn.role in ("tool", "summary"):
        return ""
    names = {"user": "You", "system": "System"}
    name = names.get(turn.role) or shorten(turn.model) or "Answer"
    return f"<h2><span>{escape_text(name)}</span>{_time(turn.created)}</h2>"


def _call(call: ToolCall) -> str:
    return _fold(f"Called {shorten(call.name)}", _code(call.arguments, "json") if call.arguments else "")


def _result(turn: Turn) -> str:
    result = turn.result
    summary = [f"Result of {shorten(result.name)}" if result else "Result"]
    if result is not None and result.source:
        summary.append(shorten(result.source))
    if turn.state in _RESULT_STATES:
        summary.append(_RESULT_STATES[turn.state])
    parts = []
    if result is not None and result.arguments:
        parts.append("<p>The user changed the arguments:</p>" + _code(result.arguments, "json"))
    if turn.text or result is None or not result.structured:
        parts.append(_code(turn.text, "text"))
    if result is not None and result.structured:
        parts.append(_code(result.structured, "json"))
    return _fold(" · ".join(summary), "".join(parts))


def _figures(turn: Turn) -> Iterator[str]:
    if turn.role not in ("assistant", "summary"):
        return
    figures = _amounts(turn.usage, turn.cost)
    if turn.served_model:
        figures.append(f"answered by {escape_text(shorten(turn.served_model))}")
    if turn.timings is not None and turn.timings.duration_seconds:
        figures.append(f"{turn.timings.duration_seconds:,.1f} s")
    if figures:
        yield _line("figures", figures)


def _memory(memory: Sequence[MemoryText]) -> Iterator[str]:
    """What was sent of the memory with an answer's question, where it was another than before."""
    for each in memory:
        yield _fold(f"Memory that was sent: {shorten(each.name)}", _said(each.text))
    if not memory:
        yield _line("facts", ["From here on no memory was sent."])


def _amounts(usage: Usage | None, cost: float | None) -> list[str]:
    """Tokens and US dollars in words, as far as they are known."""
    words = []
    if usage is not None:
        about = "≈" if usage.estimated else ""
        tokens = ((usage.prompt_tokens, "in"), (usage.completion_tokens, "out"))
        told = [f"{about}{count:,} {where}" for count, where in tokens if count is not None]
        words.append(f"tokens: {', '.join(told)}" if told else f"{about}{usage.total_tokens:,} tokens")
    if cost is not None:
        words.append("$0" if not cost else "&lt;$0.0001" if cost < 0.0001 else f"${cost:,.4f}")
    return words


def _line(kind: str, facts: Iterable[str]) -> str:
    return f'<p class="{kind}">{" · ".join(fact for fact in facts if fact)}</p>'


def _fold(summary: str, content: str) -> str:
    return f'<details class="aside"><summary>{escape_text(summary)}</summary>{content}</details>'


def _said(text: str) -> str:
    return f'<div class="said">{escape_text(text)}</div>'


def _code(text: str, language: str) -> str:
    return code_html(text, language).replace(COPY_BUTTON, "")


def _time(time: datetime | None) -> str:
    if time is None:
        return ""
    utc = time.astimezone(UTC)
    return f'<time datetime="{utc:%Y-%m-%dT%H:%M:%SZ}">{utc:%Y-%m-%d %H:%M} UTC</time>'
