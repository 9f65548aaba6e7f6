"""One question with more results of tools than the window holds: the oldest are shortened, and calls keep theirs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ContextTooLong
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.core.usage.token_estimate import estimate
from chat_tui.providers.scripted_provider import Fault, Scripted
from chat_tui.routing.execution.context_window import KEPT_CHARACTERS, fit, normalise_turns
from chat_tui.routing.ranking.prompt_features import features_of
from tests.support.scripted_router import A, Rig, all_of, ask, end_of

QUESTION = Turn("user", "Look at all of it.", id="q")
IMAGE = Attachment("plot.png", "image/png", b"png")


def round_of(number: int, *results: str) -> list[Turn]:
    """An answer with as many calls as there are results, and these."""
    calls = tuple(ToolCall(f"{number}.{place}", "read") for place in range(len(results)))
    answer = Turn("assistant", "", id=f"a{number}", calls=calls)
    return [
        answer,
        *(Turn("tool", text, result=ToolResult(call.id, "read")) for call, text in zip(calls, results, strict=True)),
    ]


texts = some.sampled_from(["", "short", "word " * 200, "日本語" * 300, "x" * 5000])
rounds = some.lists(some.lists(texts, min_size=1, max_size=3), min_size=1, max_size=6)


def exchange_of(wanted: list[list[str]]) -> list[Turn]:
    return [QUESTION, *(turn for number, results in enumerate(wanted) for turn in round_of(number, *results))]


@given(rounds, some.integers(50, 6000), some.sampled_from([1.0, 1.7]), some.booleans())
def test_no_call_loses_its_result_and_what_can_be_made_to_fit_fits(
    wanted: list[list[str]], window: int, scale: float, earlier: bool
) -> None:
    before = [Turn("user", "before"), Turn("assistant", "answer")] if earlier else []
    whole = list(normalise_turns(exchange_of(wanted)))
    context = fit([*before, *whole], window=window, scale=scale)
    sent = list(context.turns)[-len(whole) :]
    assert [(turn.role, turn.id, turn.calls) for turn in sent] == [(turn.role, turn.id, turn.calls) for turn in whole]
    assert [turn.result and turn.result.call for turn in sent] == [turn.result and turn.result.call for turn in whole]
    newest = 1 + len(wanted[-1])
    assert sent[-newest:] == whole[-newest:]
    changed = [place for place, (one, two) in enumerate(zip(sent, whole, strict=True)) if one != two]
    assert context.shortened == len(changed)
    for place in changed:
        assert "[… left out: " in sent[place].text
        assert estimate(sent[place].text) < estimate(whole[place].text)
    room = window - context.reply_tokens
    if context.tokens > room:
        # All that could be shortened is.
        assert all(len(turn.text) <= 60 for turn in sent[:-newest] if turn.role == "tool")
    if fit(whole, window=None, scale=scale).tokens <= room:
        assert not changed


def test_the_oldest_results_go_first_and_keep_their_beginning() -> None:
    whole = exchange_of([["first " * 400, "second " * 400], ["third " * 400], ["newest " * 400]])
    context = fit(whole, window=3000)
    told = [turn.text for turn in context.turns if turn.role == "tool"]
    assert context.shortened == 1
    assert told[0].startswith("first first ")
    assert told[0].endswith(f"\n[… left out: {2400 - KEPT_CHARACTERS:,} characters]")
    assert told[1:] == [turn.text for turn in whole if turn.role == "tool"][1:]
    assert context.tokens <= 3000 - context.reply_tokens


def test_an_image_and_a_structured_result_are_left_out_with_the_text() -> None:
    first = replace(round_of(0, "")[1], attachments=(IMAGE,), result=ToolResult("0.0", "read", structured='{"a":1}'))
    whole = [QUESTION, round_of(0, "")[0], first, *round_of(1, "word " * 100)]
    result = fit(whole, window=300).turns[2]
    assert (result.attachments, result.text) == ((), '{"a":1}\n[… left out: 1 file]')
    assert result.result == ToolResult("0.0", "read")


def test_a_structured_result_without_text_counts() -> None:
    structured = replace(round_of(0, "")[1], result=ToolResult("0.0", "read", structured='{"a": "' + "x" * 4000 + '"}'))
    assert fit([QUESTION, round_of(0, "")[0], structured], window=None).tokens > 900


async def test_what_was_shortened_is_told() -> None:
    turns = tuple(exchange_of([["word " * 2000], ["word " * 10]]))
    rig = Rig(a=["Done."])
    chunks = await all_of(rig.router(replace(A, context_window=2000)).process_stream(ask(prompt="", turns=turns)))
    told = [chunk.reason for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "trimmed"]
    assert told == ["1 earlier tool result was shortened to fit the context window."]
    end = end_of(chunks)
    assert end.state == "complete"
    assert end.route is not None
    assert end.route.notes == tuple(told)


async def test_a_server_that_finds_the_results_too_long_is_asked_with_shorter_ones() -> None:
    too_long = Fault(ContextTooLong("It is too long.", "Choose another.", provider="one", model="one/a"))
    turns = tuple(exchange_of([["word " * 2000], ["word " * 10]]))
    rig = Rig(a=Scripted([too_long], ["Done."]))
    chunks = await all_of(rig.router(A).process_stream(ask(prompt="", turns=turns)))
    assert end_of(chunks).state == "complete"
    sent = [len(request.turns[2].text) for request in rig.played["a"].requests]
    assert sent[0] == 10_000
    assert sent[1] < 500


def test_an_exchange_with_calls_names_its_last_answer() -> None:
    turns = [QUESTION, *round_of(1, "noon"), Turn("assistant", "It is noon.", id="last"), Turn("user", "And now?")]
    (row, _) = fit(turns, window=None, listed=True).exchanges
    assert (row.question, row.answer) == ("q", "last")
    (open_row,) = fit(turns[:3], window=None, listed=True).exchanges
    assert open_row.answer == "a1"


def test_a_result_without_its_call_does_not_part_two_questions() -> None:
    lost = Turn("tool", "noon", result=ToolResult("gone", "now"))
    sent = normalise_turns([QUESTION, lost, Turn("user", "And now?")])
    assert [turn.text for turn in sent] == ["Look at all of it.\n\nAnd now?"]


def test_calls_and_results_count_but_the_question_decides_how_difficult_it_is() -> None:
    proof = "Prove the theorem about the integral step by step, and explain why. " * 20
    plain = (Turn("user", "What time is it?"),)
    call = Turn("assistant", "", calls=(ToolCall("c", "now", '{"zone": "' + "x" * 3500 + '"}'),))
    result = Turn("tool", proof, result=ToolResult("c", "now"))
    alone, called = features_of(ask(prompt="", turns=plain)), features_of(ask(prompt="", turns=(*plain, call, result)))
    assert (called.difficulty, called.kind, called.thinking) == (alone.difficulty, alone.kind, alone.thinking)
    assert called.tokens - alone.tokens >= 1000 + len(proof) / 4
    assert called.last_tokens - alone.last_tokens >= len(proof) / 4
