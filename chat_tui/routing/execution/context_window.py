"""Selects what is sent of a conversation: the system turn and the last exchanges that fit the model's window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chat_tui.core.context import Context, Exchange, LeftOut
from chat_tui.core.conversation import Turn
from chat_tui.core.text.counts import count_of
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.core.usage.token_estimate import attachment_tokens, estimate

REPLY_TOKENS = 1024
"""Reserved for the reply if no limit is set, at most a quarter of the window."""
TURN_TOKENS = 5
"""Tokens that a turn costs besides its text."""
KEPT_CHARACTERS = 400
"""What stays of the beginning of a result that is shortened, as long as there is room for it."""
CALL_TOKENS = 20
"""Tokens that a tool call costs besides its arguments."""
_SAID_NOTHING = ("empty", "complete", "length")
"""States of answers without text that did not fail; stores of earlier versions have others than `empty`."""


def normalise_turns(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns as every server takes them: system turns as one at the head, no empty answers, user and assistant
    in turn; after each answer with tool calls one result for each call, and no other results.

    A question whose answer failed, was refused or cancelled before any text is left out with it: what was wrong with
    it would be wrong with every request that repeats it. Where a model just said nothing, the question stays.
    """
    system, talk, _ = _normalise(turns)
    return (*system, *pair_results(talk))


def pair_results(talk: Sequence[Turn]) -> Sequence[Turn]:
    """Return the turns with exactly one result for each tool call, directly after the answer with the calls.

    A call that has none gets one that says so: servers refuse a call without a result. Other results are left out.
    """
    if not any(turn.calls or turn.result for turn in talk):
        return talk
    out: list[Turn] = []
    for place, turn in enumerate(talk):
        if turn.role == "tool":
            continue
        out.append(turn)
        if not turn.calls:
            continue
        results: dict[str, Turn] = {}
        for following in talk[place + 1 :]:
            if following.role != "tool":
                break
            if following.result is not None:
                results.setdefault(following.result.call, following)
        out += [results.get(call.id) or _no_result(call) for call in turn.calls]
    return out


def _no_result(call: ToolCall) -> Turn:
    return Turn("tool", "This call was not run.", state="cancelled", result=ToolResult(call.id, call.name))


def _normalise(turns: Sequence[Turn]) -> tuple[list[Turn], list[Turn], list[tuple[int, Turn, Turn]]]:
    """The system turn; the talk, which begins with a question; and what was left out for its empty answer, each with
    the number of exchanges before it."""
    system: list[Turn] = []
    talk: list[Turn] = []
    empty: list[tuple[int, Turn, Turn]] = []
    for turn in turns:
        if turn.role == "tool":
            # A result that follows no call would part two questions, which servers want as one.
            if talk and (talk[-1].calls or talk[-1].role == "tool"):
                talk.append(turn)
            continue
        if turn.role != "user" and _blank(turn.text) and not turn.calls:
            if turn.role == "assistant" and turn.state not in _SAID_NOTHING and talk and talk[-1].role == "user":
                question = talk.pop()
                empty.append((sum(before.role == "user" for before in talk), question, turn))
            continue
        if turn.role == "system":
            system = [_join(system[0], turn)] if system else [turn]
        elif talk and talk[-1].role == turn.role and not talk[-1].calls:
            talk[-1] = _join(talk[-1], turn)
        elif talk or turn.role == "user":
            talk.append(turn)
    return system, talk, empty


def _blank(text: str) -> bool:
    return not text or text.isspace()


def _join(first: Turn, second: Turn) -> Turn:
    text = "\n\n".join(turn.text for turn in (first, second) if not _blank(turn.text))
    kept = first.kept if second.kept is None else second.kept
    attachments = (*first.attachments, *second.attachments)
    return msgspec.structs.replace(second, text=text, kept=kept, attachments=attachments)


def _exchanges(talk: Sequence[Turn]) -> list[list[Turn]]:
    """The talk cut before each question: a question, its answer, and the tool calls and results on the way to it."""
    exchanges: list[list[Turn]] = []
    for turn in talk:
        if turn.role == "user" or not exchanges:
            exchanges.append([])
        exchanges[-1].append(turn)
    return exchanges


def fit(
    turns: Sequence[Turn],
    *,
    window: int | None,
    reply_tokens: int | None = None,
    exchanges: int | None = None,
    step_tokens: int = 0,
    scale: float = 1.0,
    listed: bool = False,
    tool_tokens: int = 0,
) -> Context:
    """The context for a window of so many tokens (None: not known, all is sent). The last exchange always stays; if it
    is too long by itself, the oldest results of its tool calls are shortened.

    A summary of earlier turns is always sent, in front of the first of the others.
    Exchanges that a person keeps take their room first, the newest first; then the last of the others, at most
    `exchanges` of them. With `step_tokens`, whole steps are cut from the beginning, so that the next requests begin
    with the same turns and a server's cached prefix survives. `scale` corrects the estimate for a tokenizer that is
    known to cost more. `tool_tokens` are those of the tools that are offered. `listed` gives each exchange too, which
    costs a look at all of the conversation.
    """
    summary = [turn for turn in turns if turn.role == "summary"]
    system, talk, empty = _normalise([turn for turn in turns if turn.role != "summary"])
    pairs = _exchanges(pair_results(talk))
    base = _tokens(system, scale) + _tokens(summary, scale) + round(tool_tokens * scale)
    reply = _reply_tokens(window, reply_tokens)
    room = None if window is None else window - reply - base
    chosen, spent, why = _choose(pairs, room, exchanges, step_tokens, scale)
    shortened = 0
    if room is not None and spent > room and pairs:
        # Only the last exchange is left.
        pairs[-1], shortened = _shorten_results(pairs[-1], room / scale)
        spent = _tokens(pairs[-1], scale)
    sent = _put_in_front(summary, [turn for index in chosen for turn in pairs[index]])
    return Context(
        (*system, *sent),
        base + spent,
        left_out=sum(reason != "kept out" for reason in why.values()),
        exchanges=(*_list_summary(summary, scale), *_list_exchanges(pairs, why, empty, scale)) if listed else (),
        window=window,
        reply_tokens=reply,
        shortened=shortened,
    )


def _put_in_front(summary: Sequence[Turn], talk: Sequence[Turn]) -> Sequence[Turn]:
    """The talk with the summary as the beginning of its first question: a summary is the work of a model, so it is not
    sent as instructions, and servers want two messages of the user as one."""
    if not summary:
        return talk
    first = msgspec.structs.replace(summary[0], role="user")
    if not talk or talk[0].role != "user":
        return [first, *talk]
    return [_join(first, talk[0]), *talk[1:]]


def _list_summary(summary: Sequence[Turn], scale: float) -> Sequence[Exchange]:
    return [Exchange(turn.id, tokens=_tokens([turn], scale), is_summary=True) for turn in summary]


def can_be_cut(turns: Sequence[Turn]) -> bool:
    """Whether a context that the server refused as too long can be made shorter: by an earlier exchange, or by results
    of tool calls."""
    old = (turn for turn in turns[: _newest_round(turns)] if turn.role == "tool")
    return sum(turn.role == "user" for turn in turns) > 1 or any(
        _turn_tokens(turn) > _turn_tokens(_shorten(turn, 0)) for turn in old
    )


def _reply_tokens(window: int | None, asked: int | None) -> int:
    if window is None:
        return asked or 0
    return min(asked or REPLY_TOKENS, window // 4 if asked is None else window // 2)


def _choose(
    pairs: Sequence[Sequence[Turn]], room: int | None, most: int | None, step_tokens: int, scale: float
) -> tuple[list[int], int, dict[int, LeftOut]]:
    """The exchanges that are sent, their tokens, and why the others are not."""
    last = len(pairs) - 1
    wanted = [pairs[index][0].kept if index < last else None for index in range(len(pairs))]
    why: dict[int, LeftOut] = {index: "kept out" for index, kept in enumerate(wanted) if kept is False}
    spent = 0
    kept = [index for index in range(last - 1, -1, -1) if wanted[index]]
    last_tokens = _tokens(pairs[last], scale) if pairs and kept else 0
    for index in kept:
        tokens = _tokens(pairs[index], scale)
        if room is not None and spent + tokens > room - last_tokens:
            why[index] = "window"
        else:
            spent += tokens
    free = [index for index, kept in enumerate(wanted) if kept is None]
    if not free:
        return [], 0, why
    talk = [pairs[index] for index in free]
    first = 0 if most is None else max(0, len(free) - 1 - most)
    begin, sums = _from_the_end(talk, first, None if room is None else room - spent, scale)
    if begin > first and step_tokens:
        begin = _round_to_step(talk, begin, sums, step_tokens)
    why |= {index: "exchanges" if place < first else "window" for place, index in enumerate(free[:begin])}
    return [index for index in range(len(pairs)) if index not in why], spent + sums[len(free) - 1 - begin], why


def _list_exchanges(
    pairs: Sequence[Sequence[Turn]],
    why: Mapping[int, LeftOut],
    empty: Sequence[tuple[int, Turn, Turn]],
    scale: float,
) -> tuple[Exchange, ...]:
    """Each exchange in the order of the conversation, those with empty answers at their places."""
    rows = [(index, 1, _exchange(pair, why.get(index, ""), scale)) for index, pair in enumerate(pairs)]
    rows += [(place, 0, _exchange(pair, "empty", scale)) for place, *pair in empty]
    return tuple(exchange for _, _, exchange in sorted(rows, key=lambda row: row[:2]))


def _exchange(pair: Sequence[Turn], why_not: LeftOut, scale: float) -> Exchange:
    question = pair[0]
    answer = next((turn.id for turn in reversed(pair) if turn.role == "assistant"), "")
    return Exchange(question.id, answer, _tokens(pair, scale), question.kept, why_not)


def _tokens(turns: Sequence[Turn], scale: float) -> int:
    return round(sum(map(_turn_tokens, turns)) * scale)


def _turn_tokens(turn: Turn) -> int:
    calls = sum(estimate(call.arguments) + CALL_TOKENS for call in turn.calls)
    return estimate(_result_text(turn)) + TURN_TOKENS + calls + sum(map(attachment_tokens, turn.attachments))


def _from_the_end(talk: Sequence[Sequence[Turn]], first: int, room: int | None, scale: float) -> tuple[int, list[int]]:
    """The first exchange that is sent, not before `first`; and the tokens of the last exchange, the last two, …

    Only what is sent is looked at, so that a long conversation costs no more than the window is wide.
    """
    begin = len(talk) - 1
    sums = [_tokens(talk[begin], scale)]
    while begin > first:
        total = sums[-1] + _tokens(talk[begin - 1], scale)
        if room is not None and total > room:
            break
        sums.append(total)
        begin -= 1
    return begin, sums


def _length(turn: Turn) -> int:
    """About a turn's tokens, by what is cheap to tell."""
    attached = sum(map(attachment_tokens, turn.attachments)) if turn.attachments else 0
    called = sum(len(call.arguments) // 4 + CALL_TOKENS for call in turn.calls)
    return len(_result_text(turn)) // 4 + TURN_TOKENS + called + attached


def _round_to_step(talk: Sequence[Sequence[Turn]], begin: int, sums: Sequence[int], step_tokens: int) -> int:
    """A later exchange to begin with, one that stays the same while the conversation grows by about a step.

    Steps are told from the lengths of all turns up to there, which is cheap and does not change. Where a step would
    cost more than half of what fits (its characters are rich in tokens), half steps are taken, and so on.
    """
    last = len(talk) - 1
    lengths = [sum(map(_length, pair)) for pair in talk]
    step = step_tokens
    while step >= TURN_TOKENS:
        passed = sum(lengths[:begin])
        wanted = -(-passed // step) * step
        later = begin
        while passed < wanted and later < last:
            passed += lengths[later]
            later += 1
        if passed >= wanted and sums[last - later] * 2 >= sums[last - begin]:
            return later
        step //= 2
    return begin


def _shorten_results(exchange: Sequence[Turn], room: float) -> tuple[list[Turn], int]:
    """Return an exchange that takes at most `room` tokens, and how many of its results were shortened for that.

    The oldest results go first: to their beginnings, and if that is not enough, to a note of their length. Turns are
    never left out, so that each call keeps its result. The newest round, which the model has not seen, is not touched:
    the exchange stays too long if that alone is.
    """
    out, shortened = list(exchange), set[int]()
    spent = sum(map(_turn_tokens, out))
    old = [place for place in range(_newest_round(out)) if out[place].role == "tool"]
    for kept in (KEPT_CHARACTERS, 0):
        for place in old:
            if spent <= room:
                return out, len(shortened)
            shorter = _shorten(exchange[place], kept)
            saved = _turn_tokens(out[place]) - _turn_tokens(shorter)
            if saved > 0:
                out[place] = shorter
                spent -= saved
                shortened.add(place)
    return out, len(shortened)


def _newest_round(turns: Sequence[Turn]) -> int:
    """The place of the last answer with calls; 0 if there is none."""
    return next((place for place in range(len(turns) - 1, -1, -1) if turns[place].calls), 0)


def _shorten(turn: Turn, kept: int) -> Turn:
    """The result with only the first characters of its text, a note of what was left out, and no images."""
    whole = _result_text(turn)
    text = whole[:kept].rstrip()
    left_out = [f"{len(whole) - len(text):,} characters"] if len(text) < len(whole) else []
    if turn.attachments:
        left_out.append(count_of(len(turn.attachments), "file"))
    note = f"[… left out: {', '.join(left_out)}]" if left_out else ""
    result = turn.result and msgspec.structs.replace(turn.result, structured="")
    return msgspec.structs.replace(turn, text="\n".join(filter(None, [text, note])), attachments=(), result=result)


def _result_text(turn: Turn) -> str:
    """The text of a result as it is sent: the structured one where there is no other."""
    return turn.text if turn.result is None or turn.text.strip() else turn.result.structured
