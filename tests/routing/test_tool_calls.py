"""Tool calls through the router: who may be asked, and when no other model may go on."""

from __future__ import annotations

from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import End, Error, Metadata, Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ContextTooLong, NotCapable, ToolsRefused
from chat_tui.core.request import Sampling
from chat_tui.core.tools import HostedTool, OutputFormat, Tool, ToolCall, ToolResult
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.providers.scripted_provider import Fault, Step
from chat_tui.routing.ranking.eligibility import NO_SCHEMAS, REFUSED_TOOLS
from chat_tui.routing.ranking.prompt_features import with_features
from tests.support.scripted_router import BUSY, A, B, Rig, all_of, ask, end_of, error_of, text_of, tries

TOOLS = (Tool("add"),)
FAR = Attachment("a.png", "image/*", address="https://example.com/a.png")
CALL = [
    ToolCallDelta(0, "start", "c", "add"),
    ToolCallDelta(0, "arguments", "c", arguments="{}"),
    ToolCallDelta(0, "end", "c", "add", "{}"),
]


async def test_an_answer_that_only_calls_a_tool_is_an_answer() -> None:
    chunks = await all_of(Rig(a=CALL).router(A).process_stream(ask(tools=TOOLS)))
    assert [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta)] == CALL
    assert end_of(chunks).state == "complete"
    assert tries(chunks) == [("one/a", "answered")]


async def test_a_model_without_tools_is_not_asked() -> None:
    rig = Rig(a=["no"], b=CALL)
    chunks = await all_of(rig.router(replace(A, tools=False), B).process_stream(ask(tools=TOOLS)))
    assert rig.asked == ["two/b"]
    route = end_of(chunks).route
    assert route is not None
    assert [(each.model, each.out) for each in route.candidates if each.out] == [("one/a", "cannot use tools")]


async def test_another_model_is_asked_before_the_first_call() -> None:
    chunks = await all_of(Rig(a=[BUSY], b=CALL).router(A, B).process_stream(ask(tools=TOOLS)))
    assert tries(chunks)[-1] == ("two/b", "answered")


async def test_nobody_goes_on_behind_a_call_that_has_begun() -> None:
    rig = Rig(a=[Token("Let me see."), CALL[0], BUSY], b=["whole"])
    chunks = await all_of(rig.router(A, B).process_stream(ask(tools=TOOLS)))
    assert rig.asked == ["one/a"]
    assert (end_of(chunks).state, error_of(chunks)) == ("broken", "Overloaded")
    assert text_of(chunks) == "Let me see."


async def test_what_must_be_returned_reaches_readers_without_metadata() -> None:
    told: list[Step] = [Metadata("replay", replay='{"a": 1}'), Metadata("usage"), "hi", End()]
    chunks = await all_of(Rig(a=told).router(A).process_stream(ask(include_metadata=False)))
    assert [chunk.replay for chunk in chunks if isinstance(chunk, Metadata)] == ['{"a": 1}']


async def test_arguments_count_as_tokens_of_the_answer() -> None:
    long = ToolCallDelta(0, "arguments", "c", arguments='{"text": "' + "word " * 200 + '"}')
    chunks = await all_of(Rig(a=[CALL[0], long, BUSY]).router(A).process_stream(ask(tools=TOOLS)))
    usage = end_of(chunks).usage
    assert usage is not None
    assert (usage.completion_tokens or 0) >= 200


async def test_a_model_that_is_named_and_cannot_do_what_is_needed_is_not_asked() -> None:
    rig = Rig(a=["no"])
    chunks = await all_of(rig.router(replace(A, tools=False)).process_stream(ask(tools=TOOLS, model="one/a")))
    assert error_of(chunks) == "NotCapable"
    assert rig.asked == []
    rig = Rig(b=CALL)
    fallback = rig.router(replace(A, tools=False), B, fallbacks=("two/b",))
    await all_of(fallback.process_stream(ask(tools=TOOLS, model="one/a")))
    assert rig.asked == ["two/b"]


async def test_that_nobody_can_do_what_is_needed_is_an_error_of_its_own() -> None:
    for model, needs in (
        (replace(A, tools=False), ask(tools=TOOLS)),
        (replace(A, logprobs=False), ask(sampling=Sampling(logprobs=True))),
        (replace(A, web_search=False), ask(web_search=True)),
        (replace(A, hosted_tools="openai"), ask(hosted_tools=(HostedTool("anthropic", {"type": "bash_20250124"}),))),
        (replace(A, image_addresses=False), ask(turns=(Turn("user", "?", attachments=(FAR,)),), prompt="")),
    ):
        assert error_of(await all_of(Rig(a=["no"]).router(model).process_stream(needs))) == "NotCapable"


async def test_a_model_that_has_refused_tools_is_not_asked_for_them_again() -> None:
    refusal = Fault(ToolsRefused("It does not support tools.", "Choose another.", provider="one", model="one/a"))
    rig = Rig(a=[refusal], b=CALL)
    router = rig.router(A, B)
    chunks = await all_of(router.process_stream(ask(tools=TOOLS)))
    assert end_of(chunks).model == "two/b"
    assert end_of(await all_of(router.process_stream(ask(tools=TOOLS)))).model == "two/b"
    assert rig.asked == ["one/a", "two/b", "two/b"]
    assert [each.out for each in router.plan(ask(tools=TOOLS)).candidates if each.model == "one/a"] == [REFUSED_TOOLS]
    assert router.plan(ask()).models[0].name == "one/a"
    assert '"refuses_tools":true' not in router.health.to_json(0.0)
    named = router.plan(ask(tools=TOOLS, model="one/a")).error
    assert isinstance(named, NotCapable)
    assert "switch the tools off" in named.hint


def test_that_nobody_can_use_tools_says_what_to_do() -> None:
    error = Rig().router(replace(A, tools=False), replace(B, tools=False)).plan(ask(tools=TOOLS)).error
    assert isinstance(error, NotCapable)
    assert error.title == "No model can use tools."
    assert "one/a cannot use tools" in error.hint
    assert "switch the tools off" in error.hint


def test_a_model_that_can_be_held_to_a_schema_is_preferred() -> None:
    loose, wanted = replace(A, schemas=False), ask(output=OutputFormat({"type": "object"}))
    plan = Rig().router(loose, B).plan(wanted)
    assert plan.models[0].name == "two/b"
    assert ("one/a", NO_SCHEMAS) in [(each.model, each.out) for each in plan.candidates]
    assert Rig().router(loose).plan(wanted).models[0].name == "one/a"
    assert Rig().router(loose, B).plan(ask(output=OutputFormat())).models[0].name == "one/a"


def test_tools_count_in_the_context_and_in_the_price() -> None:
    router = Rig().router(replace(A, price_in=10.0, price_out=0.0, context_window=100_000))
    many = tuple(Tool(f"tool_{n}", "Does something that takes some words to describe." * 3) for n in range(50))
    without, offered = router.context(ask()), router.context(ask(tools=many))
    assert offered.tokens - without.tokens == tool_tokens(many) > 1000
    assert (offered.price or 0.0) > (without.price or 0.0) + 0.01
    needs = with_features(ask(tools=many)).features
    assert needs is not None
    assert needs.tokens >= tool_tokens(many)
    assert "tools" in router.plan(ask(tools=many)).needs.split(", ")


def test_tools_that_do_not_fit_exclude_a_small_window() -> None:
    many = tuple(Tool(f"tool_{n}", "Does something." * 20) for n in range(50))
    plan = Rig().router(replace(A, context_window=2000), B).plan(ask(tools=many))
    assert [each.model for each in plan.candidates if "too small" in each.out] == ["one/a"]


async def test_a_request_that_is_too_long_is_not_sent_again_if_nothing_of_it_can_be_left_out() -> None:
    many = tuple(Tool(f"tool_{n}", "Does something." * 20) for n in range(50))
    too_long = Fault(ContextTooLong("It is too long.", "Choose another.", provider="one", model="one/a"))
    turns = (
        Turn("user", "Add."),
        Turn("assistant", "", calls=(ToolCall("c", "add"),)),
        Turn("tool", "word " * 1000, result=ToolResult("c", "add")),
    )
    rig = Rig(a=[too_long])
    chunks = await all_of(rig.router(A).process_stream(ask(prompt="", turns=turns, tools=many)))
    assert rig.asked == ["one/a"]
    error = next(chunk.error for chunk in chunks if isinstance(chunk, Error))
    assert f"about {tool_tokens(many):,} tokens" in error.hint
