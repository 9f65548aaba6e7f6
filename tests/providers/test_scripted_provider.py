"""The demonstration calls a tool where tools are offered, and quotes what that returned."""

from __future__ import annotations

from chat_tui.core.chunks import Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.models import SCRIPTED_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool, ToolChoice, ToolResult
from chat_tui.providers.scripted_provider import Scripted, demo

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "count": {"type": "integer"}}}
TOOL = Tool("read", parameters={**SCHEMA, "required": ["path", "count"]})
ASKED = (Turn("user", "Read it."),)


def calls(request: Request) -> list[ToolCallDelta]:
    return [step for step in demo(request) if isinstance(step, ToolCallDelta)]


def test_it_calls_the_first_tool_with_the_simplest_arguments() -> None:
    start, _, end = calls(Request(turns=ASKED, tools=(TOOL,)))
    assert (start.name, end.name, end.arguments) == ("read", "read", '{"path":"example","count":1}')


def test_it_calls_none_where_none_is_offered_or_wanted() -> None:
    assert not calls(Request(turns=ASKED))
    assert not calls(Request(turns=ASKED, tools=(TOOL,), tool_choice=ToolChoice("none")))


async def test_it_quotes_the_result() -> None:
    result = Turn("tool", "bread\nmilk", result=ToolResult("c", "read"))
    request = Request(turns=(*ASKED, Turn("assistant", ""), result), tools=(TOOL,))
    model = Model(SCRIPTED_MODEL, 32_000, 0.0, 0.0)
    bursts = [chunk async for burst in Scripted().stream(model, request) for chunk in burst]
    said = "".join(chunk.token for chunk in bursts if isinstance(chunk, Token))
    assert said.startswith("The tool returned: bread milk")
