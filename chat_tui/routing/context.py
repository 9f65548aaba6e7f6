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
    """The turns as every server takes them: system turns as one at the head, no empty answers, user and assistant
    in turn.

    A question whose answer stayed empty is left out with it: it failed or was cancelled, and what was wrong with it
    would be wrong with every request that repeats it.
    """
    system: list[Turn] = []
    talk: list[Turn] = []
    for turn in turns:
        if turn.role != "user" and _blank(turn.text):
            if turn.role == "assistant" and talk and talk[-1].role == "user":
                talk.pop()
            continue
        if turn.role == "system":
            system = [_joined(system[0], turn)] if system else [turn]
        elif talk and talk[-1].role == turn.role:
            talk[-1] = _joined(talk[-1], turn)
        elif talk or turn.role == "user":
            talk.append(turn)
    return (*system, *talk)


def _blank(text: str) -> bool:
    return not text or text.isspace()


def _joined(first: Turn, second: Turn) -> Turn:
    text = "\n\n".join(turn.text for turn in (first, second) if not _blank(turn.text))
    return msgspec.structs.replace(second, text=text)


def fit(
    turns: Sequence[Turn],
    *,
    window: int | None,
    reply_tokens: int | None = None,
    exchanges: int | None = None,
    step_tokens: int = 0,
    scale: float = 1.0,
) -> Context:
    """The context for a window of so many tokens (None: not known, all is sent). The last exchange always stays.

    `exchanges` caps the earlier exchanges sent. With `step_tokens`, whole steps are cut from the beginning, so that
    the next requests begin with the same turns and a server's cached prefix survives. `scale` corrects the estimate
    for a tokenizer that is known to cost more.
    """
    formed = well_formed(turns)
    system = formed[:1] if formed and formed[0].role == "system" else ()
    # From here on turns alternate and begin with a question: an exchange is two of them.
    talk = formed[len(system) :]
    if not talk:
        return Context(system, _tokens(system, scale))
    base, last = _tokens(system, scale), (len(talk) - 1) // 2
    first = 0 if exchanges is None else max(0, last - exchanges)
    if window is None:
        return Context((*system, *talk[2 * first :]), base + _tokens(talk[2 * first :], scale), left_out=first)
    reply = min(reply_tokens or REPLY_TOKENS, window // 4 if reply_tokens is None else window // 2)
    begin, sums = _from_the_end(talk, first, window - reply - base, scale)
    if begin > first and step_tokens:
        begin = _stepped(talk, begin, sums, step_tokens)
    return Context((*system, *talk[2 * begin :]), base + sums[last - begin], left_out=begin)


def _tokens(turns: Sequence[Turn], scale: float) -> int:
    return round(sum(estimate(turn.text) + TURN_TOKENS for turn in turns) * scale)


def _from_the_end(talk: Sequence[Turn], first: int, room: int, scale: float) -> tuple[int, list[int]]:
    """The first exchange that is kept, not before `first`; and the tokens of the last exchange, the last two, …

    Only what is kept is looked at, so that a long conversation costs no more than the window is wide.
    """
    last = (len(talk) - 1) // 2
    sums = [_tokens(talk[2 * last :], scale)]
    begin = last
    while begin > first:
        total = sums[-1] + _tokens(talk[2 * begin - 2 : 2 * begin], scale)
        if total > room:
            break
        sums.append(total)
        begin -= 1
    return begin, sums


def _stepped(talk: Sequence[Turn], begin: int, sums: Sequence[int], step_tokens: int) -> int:
    """A later exchange to begin with, one that stays the same while the conversation grows by about a step.

    Steps are told from the lengths of all turns up to there, which is cheap and does not change. Where a step would
    cost more than half of what fits (its characters are rich in tokens), half steps are taken, and so on.
    """
    last = (len(talk) - 1) // 2
    lengths = [len(turn.text) // 4 + TURN_TOKENS for turn in talk]
    step = step_tokens
    while step >= TURN_TOKENS:
        passed = sum(lengths[: 2 * begin])
        wanted = -(-passed // step) * step
        later = begin
        while passed < wanted and later < last:
            passed += lengths[2 * later] + lengths[2 * later + 1]
            later += 1
        if passed >= wanted and sums[last - later] * 2 >= sums[last - begin]:
            return later
        step //= 2
    return begin
