"""What of a conversation is sent: the system turn and as many of the last exchanges as fit the model's window."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.conversation import Turn
from chat_tui.tokens import estimate

REPLY_TOKENS = 1024
"""Kept free for the reply where no limit is set, at most a quarter of the window."""
TURN_TOKENS = 5
"""What a turn costs beside its text."""


class Context(msgspec.Struct, frozen=True):
    """The turns to be sent."""

    turns: tuple[Turn, ...]
    tokens: int
    """Estimated."""
    left_out: int = 0
    """Earlier exchanges that are not sent."""


def well_formed(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns as every server takes them: no empty answers, user and assistant in turn.

    A question whose answer never came stays, joined to the next one.
    """
    out: list[Turn] = []
    for turn in turns:
        if not turn.text.strip() and turn.role != "user":
            continue
        if out and out[-1].role == turn.role:
            joined = f"{out[-1].text}\n\n{turn.text}"
            out[-1] = msgspec.structs.replace(turn, text=joined)
        elif turn.role == "assistant" and not any(earlier.role == "user" for earlier in out):
            continue
        else:
            out.append(turn)
    return tuple(out)


def fit(
    turns: Sequence[Turn],
    *,
    window: int | None,
    reply_tokens: int | None = None,
    exchanges: int | None = None,
    step_tokens: int = 0,
    scale: float = 1.0,
) -> Context:
    """The context for a window of so many tokens (None: not known, all is sent).

    `exchanges` caps the earlier exchanges sent. With `step_tokens`, whole steps are cut from the beginning, so that
    the next requests begin with the same turns and a server's cached prefix survives. `scale` corrects the estimate
    for a tokenizer that is known to cost more.
    """
    formed = well_formed(turns)
    system = formed[:1] if formed and formed[0].role == "system" else ()
    groups = _exchanges(formed[len(system) :])
    if not groups:
        return Context(system, 0)
    sizes = [round(sum(estimate(turn.text) + TURN_TOKENS for turn in group) * scale) for group in groups]
    base = round(sum(estimate(turn.text) + TURN_TOKENS for turn in system) * scale)
    first = 0 if exchanges is None else max(0, len(groups) - 1 - exchanges)
    if window is not None:
        reply = min(reply_tokens or REPLY_TOKENS, window // 4 if reply_tokens is None else window // 2)
        first = max(first, _first_that_fits(sizes, window - reply - base, step_tokens))
    kept = groups[first:]
    return Context((*system, *(turn for group in kept for turn in group)), base + sum(sizes[first:]), left_out=first)


def _exchanges(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Groups that begin with a user turn; the last one is the question that waits."""
    groups: list[list[Turn]] = []
    for turn in turns:
        if turn.role == "user" or not groups:
            groups.append([turn])
        else:
            groups[-1].append(turn)
    return groups


def _first_that_fits(sizes: Sequence[int], room: int, step: int) -> int:
    total = sum(sizes)
    if total <= room:
        return 0
    cut = total - room
    if step:
        cut = -(-cut // step) * step
    first = 0
    while cut > 0 and first < len(sizes) - 1:
        cut -= sizes[first]
        first += 1
    return first
