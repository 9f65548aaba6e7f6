"""The lines that a turn has besides its text: header, badge, notes, thinking's fold, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.style import Style

from chat_tui.core.answers.finish_reasons import is_known
from chat_tui.core.answers.served_models import is_snapshot
from chat_tui.core.chunks import State
from chat_tui.core.conversation import Turn, summary_title
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions.bindings import as_bound, keys_to
from chat_tui.tui.theme.ink import Ink
from chat_tui.tui.transcript.model.parts import PartKind, TurnPart, VersionPlace
from chat_tui.tui.transcript.model.turn_stats import figures_of
from chat_tui.tui.transcript.render.renderer import Renderer
from chat_tui.tui.transcript.render.wrapping import Line, Run, fitting, width_of, wrap
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.formatting import byte_size

_BADGES: dict[State, str] = {
    "length": "token limit reached",
    "cancelled": "stopped",
    "broken": "connection lost",
    "failed": "failed",
    "refused": "refused",
    "empty": "no text",
}
_CONTINUE = (("answer.continue", "continue"), ("answer.regenerate", "regenerate"))
_ASK_AGAIN = (("answer.continue", "ask again"), ("models.open", "choose another model"))
_NEXT_STEPS: dict[State, Sequence[tuple[str, str]]] = {
    "length": _CONTINUE,
    "cancelled": _CONTINUE,
    "broken": _CONTINUE,
    "failed": _ASK_AGAIN,
    "empty": _ASK_AGAIN,
    "refused": (("question.edit", "edit the question"), ("models.open", "choose another model")),
}
"""The ids of the keys that help after an ending, and what each does."""
_REFUSED = "The model or its provider refused to answer."
_LONGEST_ERROR = 2_000
_SHORTEST_SECONDS = 0.05
"""Thinking that came in one burst took no measured time."""


def _clock(created: datetime | None) -> str:
    return created.astimezone().strftime("%H:%M") if created else ""


def header(turn: Turn, width: int, ink: Ink, place: VersionPlace | None = None) -> Line:
    """Who, and at the right how it ended, a person's verdict, when, and which version it is."""
    base = ink.ground + ink.text
    if turn.role == "user":
        name, style = "You", ink.user_name
    elif turn.role == "system":
        name, style = "System", ink.dim
    elif turn.role == "summary":
        name, style = summary_title(turn), ink.dim
    else:
        name, style = turn.model or "Assistant", ink.assistant_name
    told: list[tuple[str, Style]] = []
    badge = _BADGES.get(turn.state, "")
    if turn.state == "complete" and not is_known(turn.finish_reason):
        badge = f"ended with {turn.finish_reason}"
    if badge and turn.role == "assistant":
        badge_style = {"failed": ink.error, "broken": ink.warning, "refused": ink.warning, "empty": ink.error}.get(
            turn.state, ink.badge
        )
        told.append((badge, badge_style))
    if turn.verdict is not None:
        told.append(("+" if turn.verdict else "-", ink.badge))
    told.append((_clock(turn.created), ink.dim))
    if place is not None:
        told.append((place.text, ink.accent))
    told = [part for part in told if part[0]]
    right: list[Run] = [(" " * bool(at) + text, base + style, False) for at, (text, style) in enumerate(told)]
    name = fitting(name, max(width - width_of(right) - 1, 6))
    room = max(width - width_of(right) - width_of([(name, base, False)]), 1)
    return Line([(name, base + style, True), (" " * room, base, False), *right])


def note_lines(kind: PartKind, turn: Turn, width: int, ink: Ink) -> list[Line]:
    """The lines of a part that tells of the turn and not of its text; of any other an empty one."""
    match kind:
        case "left out":
            return left_out_lines(turn.left_out, width, ink)
        case "files":
            return file_lines(turn, width, ink)
        case "served":
            return served_lines(turn, width, ink)
        case "alone":
            return alone_lines(turn, width, ink)
    return [Line([])]


def alone_lines(turn: Turn, width: int, ink: Ink) -> list[Line]:
    """Says above a short answer that it is all there is, and why."""
    reason = shorten(turn.quick.alone[:_LONGEST_ERROR]) if turn.quick is not None else ""
    told = "quick answer only" + (f" · {reason}" if reason else "")
    return _decoration(told, width, ink.ground + ink.warning)


def served_lines(turn: Turn, width: int, ink: Ink) -> list[Line]:
    """Says under an answer that another model gave it than the one that was asked."""
    return _decoration(f"answered by {turn.served_model}", width, ink.ground + ink.dim)


def has_substitute(turn: Turn) -> bool:
    """Whether that is worth telling: a dated version of the model is no other one."""
    return bool(turn.served_model) and not is_snapshot(turn.model, turn.served_model)


def left_out_lines(count: int, width: int, ink: Ink) -> list[Line]:
    """Says that earlier exchanges did not fit."""
    text = "1 earlier exchange was not sent" if count == 1 else f"{count} earlier exchanges were not sent"
    return _decoration(
        f"{text} · /compact summarises {'it' if count == 1 else 'them'}", width, ink.ground + ink.warning
    )


def file_lines(turn: Turn, width: int, ink: Ink) -> list[Line]:
    """The files that went along, a line each."""
    sizes = ((file.name, byte_size(file.size_bytes or len(file.content))) for file in turn.attachments)
    told = (f"+ {name} · {size}" for name, size in sizes)
    return [Line([(fitting(text, width), ink.ground + ink.dim, False)]) for text in told]


def fold_lines(
    characters: int, lasted_seconds: float | None, width: int, ink: Ink, key: str, *, folded: bool
) -> list[Line]:
    """Return the line for folded or unfolded thinking: how long it took, else how long it is. `key` folds it."""
    known = lasted_seconds is not None and lasted_seconds >= _SHORTEST_SECONDS
    told = f"thought for {formatting.seconds(lasted_seconds)}" if known else f"thinking · {characters:,} characters"
    text = f"▸ {told} · {key} shows it" if folded else f"▾ {told} · {key} hides it"
    return [Line([(fitting(text, width), ink.ground + ink.thinking, False)])]


def summary_fold_lines(turn: Turn, width: int, ink: Ink, key: str, *, folded: bool) -> list[Line]:
    """Return the line under the heading of a summary: what it is for, who wrote it, and the `key` that folds it."""
    told = [f"▸ {key} shows it" if folded else f"▾ {key} hides it", "sent in their place"]
    told += [f"by {shorten(turn.model, 60)}"] if turn.model else []
    return [Line([(fitting(" · ".join(told), width), ink.ground + ink.thinking, False)])]


def scroll_tables(parts: Sequence[TurnPart], renderer: Renderer, width: int, before: int, shift: int) -> bool:
    """Have the parts rendered again that look different when their wide tables are scrolled by `shift` columns instead
    of `before`; False if there are none."""
    moved = [part for part in parts if _table_differs(part, renderer, width, before, shift)]
    for part in moved:
        part.lines = None
    return bool(moved)


def _table_differs(part: TurnPart, renderer: Renderer, width: int, before: int, shift: int) -> bool:
    block = part.block
    if part.kind != "body" or block is None or "|" not in block.source or block.kind == "code":
        return False
    now, was = (renderer.lines(block, width, shift=columns) for columns in (shift, before))
    return [line.text for line in now] != [line.text for line in was]


def summary_lines(text: str, width: int, ink: Ink, *, folded: bool) -> list[Line]:
    """Stands above a part of the answer that is folded away, or shown."""
    mark = ("▸ " if folded else "▾ ", ink.ground + ink.accent, False)
    return [Line([mark, (fitting(shorten(text, 300), width - 2), ink.ground + ink.text + ink.strong, True)])]


def _token_count(tokens: int | None, estimated: bool, what: str, *, unknown: bool = False) -> str:
    """Empty if there are none. `unknown` says that a missing count is told as unknown, since another one is known."""
    if tokens is None and unknown:
        return f"{formatting.UNKNOWN} {what}"
    return f"{formatting.tokens(tokens, estimated)} {what}" if tokens else ""


def figures_lines(turn: Turn, width: int, ink: Ink) -> list[Line]:
    """Return figures such as `412 in · 1,234 out · first token 0.34 s · 41 tok/s · 30.2 s · $0.0012`."""
    figures = figures_of(turn)
    told = [
        _token_count(figures.prompt_tokens, figures.prompt_estimated, "in", unknown=turn.usage is not None),
        _token_count(figures.cached_tokens, False, "of them cached"),
        _token_count(figures.completion_tokens, figures.completion_estimated, "out", unknown=turn.usage is not None),
        _token_count(figures.thinking_tokens, figures.thinking_estimated, "of them thinking"),
        f"first token {formatting.ttft(figures.ttft_seconds)}" if figures.ttft_seconds is not None else "",
        formatting.rate(figures.rate, figures.rate_estimated) if figures.rate is not None else "",
        formatting.seconds(figures.duration_seconds) if figures.duration_seconds else "",
        formatting.full_cost(figures, 60) if figures.cost is not None else "",
        f"by {figures.strategy}" if figures.strategy else "",
        f"answered by {figures.served_model}" if figures.served_model else "",
    ]
    # A figure and its unit stay on one line, and the dot with what it follows.
    return _decoration(
        "\xa0· ".join(part.replace(" ", "\xa0") for part in told if part) or "no statistics available",
        width,
        ink.ground + ink.dim,
    )


def status_lines(text: str, width: int, ink: Ink) -> list[Line]:
    """The status of an answer before its first token."""
    return _decoration(text, width, ink.ground + ink.dim)


class NextStepKeys(NamedTuple):
    """How the keys are named that help after an ending."""

    changed: Mapping[str, str]
    """Rebound keys by id."""
    shown: bool
    """They act on this answer."""
    from_prompt: bool
    """As they are pressed from the prompt; else as those of the messages."""


def error_lines(turn: Turn, width: int, ink: Ink, keys: NextStepKeys) -> list[Line]:
    """An error below what has come of the answer, and the keys that help."""
    lines: list[Line] = [Line([])] if turn.text else []
    hint = _REFUSED if turn.state == "refused" else ""
    if turn.error is not None:
        title = turn.error.title[:_LONGEST_ERROR].expandtabs(4)
        lines += wrap([(title, ink.ground + ink.error, True)], width)
        hint = as_bound(turn.error.hint[:_LONGEST_ERROR].expandtabs(4), keys.changed) or hint
    if hint:
        lines += wrap([(hint, ink.ground + ink.dim, True)], width)
    return [*lines, *_next_step_lines(turn, width, ink, keys)] if keys.shown else lines


def _next_step_lines(turn: Turn, width: int, ink: Ink, keys: NextStepKeys) -> list[Line]:
    """Return a line such as `Tab c continue · Tab r regenerate`."""
    steps = _NEXT_STEPS.get(turn.state, ()) if turn.role == "assistant" else ()
    runs: list[Run] = []
    for id, what in steps:
        key = keys_to(id, keys.changed, from_prompt=keys.from_prompt).replace(" ", "\xa0")
        dot = "\xa0· " if runs else ""
        runs += [(dot, ink.ground + ink.dim, False), (key, ink.ground + ink.text + ink.strong, False)]
        runs.append((f"\xa0{what}".replace(" ", "\xa0"), ink.ground + ink.dim, False))
    return wrap(runs, width) if runs else []


def ending_parts(turn: Turn, *, keys: bool, unanswered: int = 0) -> Iterator[TurnPart]:
    """Yield the parts below an answer that has ended; `keys`: with the keys that help; `unanswered`: so many of its
    tool calls have no result."""
    if unanswered:
        yield TurnPart("unanswered", unanswered)
    if has_substitute(turn):
        yield TurnPart("served", 1)
    ending = turn.state in _NEXT_STEPS if keys else turn.state == "refused"
    if turn.error is not None or (turn.role == "assistant" and ending):
        yield TurnPart("error", 2 + bool(turn.text))


def _decoration(text: str, width: int, style: Style) -> list[Line]:
    return wrap([(text, style, False)], width)


def text_of(lines: Sequence[Line]) -> str:
    """The text that a copy of these lines takes: broken lines joined again, decoration left out."""
    pieces: list[str] = []
    joint = ""
    for line in lines:
        text = line.copy_text()
        pieces.append(joint + (text.lstrip(" ") if joint == " " else text))
        joint = line.joint
    return "".join(pieces)
