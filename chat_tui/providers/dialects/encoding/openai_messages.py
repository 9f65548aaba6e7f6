"""Messages and tools of OpenAI's chat completions as they are sent."""

from __future__ import annotations

from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool
from chat_tui.providers.dialects.dialect import Json, base64_of, said_in


def message_of(turn: Turn, model: Model) -> dict[str, Json]:
    """Return a turn as a message."""
    text, images = said_in(turn, model, addresses=True)
    if turn.result is not None:
        # Images of results have no place in this format: `said_in` names them in the text.
        return {"role": "tool", "tool_call_id": turn.result.call, "content": text}
    if turn.calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in turn.calls
        ]
        return {"role": turn.role, "content": text or None, "tool_calls": calls}
    if not images:
        return {"role": turn.role, "content": text}
    urls = [image.address or f"data:{image.media_type};base64,{base64_of(image)}" for image in images]
    parts: list[Json] = [{"type": "text", "text": text}] if text else []
    return {"role": turn.role, "content": [*parts, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]}


def tool_fields(request: Request) -> dict[str, Json]:
    """Return the fields for tools and for the format of the answer."""
    fields: dict[str, Json] = {}
    if request.tools:
        fields["tools"] = [{"type": "function", "function": _function(tool)} for tool in request.tools]
        choice = request.tool_choice
        if choice.name:
            fields["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        elif choice.mode != "auto":
            fields["tool_choice"] = choice.mode
        if choice.parallel is not None:
            fields["parallel_tool_calls"] = choice.parallel
    output = request.output
    if output is not None and output.schema is None:
        fields["response_format"] = {"type": "json_object"}
    elif output is not None:
        schema: dict[str, Json] = {"name": output.name, "schema": output.schema}
        if output.description:
            schema["description"] = output.description
        if output.strict is not None:
            schema["strict"] = output.strict
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    return fields


def _function(tool: Tool) -> dict[str, Json]:
    function: dict[str, Json] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or {"type": "object", "properties": {}}
    if tool.strict is not None:
        function["strict"] = tool.strict
    return function
