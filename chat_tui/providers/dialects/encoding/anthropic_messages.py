"""Anthropic's messages as they are sent: blocks of text, images, thinking, tool calls and results."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import ToolCall, decode_arguments
from chat_tui.providers.dialects.dialect import Json, base64_of, said_in
from chat_tui.providers.dialects.encoding.json_schemas import close_objects
from chat_tui.providers.dialects.encoding.replay import read_replay
from chat_tui.providers.dialects.encoding.tool_messages import (
    NO_PARAMETERS,
    choice_instruction,
    current_round,
    result_in,
)

THOUGHTS = ("thinking", "redacted_thinking")
_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_ENFORCES = re.compile(r"claude-(?:opus-4-[1-9]|(?:sonnet|haiku)-4-[5-9]|(?:opus|sonnet|haiku|fable|mythos)-[5-9])")
"""Models with structured outputs and strict tools; one that refuses them is asked in another way."""

_BETAS = {"computer": "computer-use", "code_execution": "code-execution", "web_fetch": "web-fetch"}
"""Tools that need a header, with its beginning."""
_BETA = re.compile(rf"({'|'.join(_BETAS)})_(\d{{4}})(\d\d)(\d\d)")


def messages_of(turns: Sequence[Turn], model: Model, *, with_thoughts: bool) -> list[dict[str, Json]]:
    """Return the messages: the results of one round of calls are one message, together with a question behind them.

    `with_thoughts`: the thinking that came before calls is handed back.
    """
    messages: list[dict[str, Json]] = []
    after_result = False
    for turn in turns:
        if turn.role == "system":
            continue
        if turn.result is not None:
            blocks = [_result(turn, model)]
        elif after_result and turn.role == "user":
            blocks = _blocks(*said_in(turn, model, addresses=True))
        else:
            messages.append(_message(turn, model, with_thoughts=with_thoughts))
            after_result = False
            continue
        if after_result:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": "user", "content": blocks})
        after_result = turn.result is not None
    return messages


def has_images(messages: Sequence[dict[str, Json]]) -> bool:
    """Return whether a message, or a result in it, has an image."""
    blocks = [block for message in messages if isinstance(message["content"], list) for block in message["content"]]
    inner = [part for block in blocks if isinstance(block.get("content"), list) for part in block["content"]]
    return any(block.get("type") == "image" for block in (*blocks, *inner))


def _message(turn: Turn, model: Model, *, with_thoughts: bool) -> dict[str, Json]:
    text, images = said_in(turn, model, addresses=True)
    if turn.calls:
        return {"role": "assistant", "content": _call_blocks(turn, text, model, with_thoughts=with_thoughts)}
    return {"role": turn.role, "content": _blocks(text, images) if images else text}


def _blocks(text: str, images: Sequence[Attachment]) -> list[Json]:
    sources = [
        {"type": "url", "url": image.address}
        if image.address
        else {"type": "base64", "media_type": image.media_type, "data": base64_of(image)}
        for image in images
    ]
    # Blocks of text without visible characters are refused.
    return [
        *({"type": "image", "source": source} for source in sources),
        *([{"type": "text", "text": text}] if text.strip() else []),
    ]


def _result(turn: Turn, model: Model) -> dict[str, Json]:
    text, images = result_in(turn, model)
    block: dict[str, Json] = {"type": "tool_result", "tool_use_id": _id(turn.result.call if turn.result else "")}
    if images:
        block["content"] = _blocks(text, images)
    elif text.strip():
        block["content"] = text
    if turn.state != "complete":
        block["is_error"] = True
    return block


def _id(id: str) -> str:
    """Return the id of a call as the API accepts it; other providers' ids may have other characters."""
    return _NOT_IN_ID.sub("_", id)


def _call_blocks(turn: Turn, text: str, model: Model, *, with_thoughts: bool) -> list[Json]:
    calls = [_call(call) for call in turn.calls]
    written: list[Json] = [{"type": "text", "text": text}] if text.strip() else []
    content = read_replay(turn, "anthropic", model) if with_thoughts else None
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return [*written, *calls]
    lengths = [block["text"] for block in content if isinstance(block.get("text"), int)]
    places = [block["call"] for block in content if isinstance(block.get("call"), int)]
    if sum(lengths) != len(text) or places != [*range(len(calls))]:
        # The text is not as it came: only the thinking before it has its place still.
        first = next((n for n, block in enumerate(content) if block.get("type") not in THOUGHTS), len(content))
        return [*content[:first], *written, *calls]
    blocks: list[Json] = []
    start = 0
    for block in content:
        if block.get("type") in THOUGHTS:
            blocks.append(block)
        elif isinstance(block.get("call"), int):
            blocks.append(calls[block["call"]])
        elif isinstance(block.get("text"), int):
            part = text[start : start + block["text"]]
            start += block["text"]
            blocks += [{"type": "text", "text": part}] if part.strip() else []
    return blocks


def _call(call: ToolCall) -> dict[str, Json]:
    arguments = decode_arguments(call.arguments)
    return {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": arguments or {}}


def may_think(turns: Sequence[Turn], model: Model) -> bool:
    """Return whether a budget of thinking is accepted: not while calls are answered that came without thinking, for
    example from another model."""
    at_work = [turn for turn in turns[current_round(turns) :] if turn.calls]
    return all(_begins_with_thinking(read_replay(turn, "anthropic", model)) for turn in at_work[-1:])


def _begins_with_thinking(content: Json) -> bool:
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and first.get("type") in THOUGHTS


def enforces_schemas(model: Model) -> bool:
    """Return whether the model has structured outputs by its name."""
    return _ENFORCES.search(model.id) is not None


def format_by(request: Request, model: Model, quirks: frozenset[str]) -> str:
    """Return how the format of the answer is asked for: `format` (the API's own field), `tool` (the arguments of a tool
    that must be called, which older models and imitators know), `text` (an instruction), or empty."""
    output = request.output
    if output is None:
        return ""
    if output.schema is None:
        return "text"
    if "output_format" not in quirks and enforces_schemas(model):
        return "format"
    has_tools = request.tools or request.hosted_tools
    return "text" if has_tools or "tool_choice" in quirks else "tool"


def tool_fields(request: Request, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields for tools and for the format of the answer."""
    how, output, choice = format_by(request, model, quirks), request.output, request.tool_choice
    fields: dict[str, Json] = {}
    if how == "format" and output and output.schema is not None:
        fields["output_config"] = {"format": {"type": "json_schema", "schema": close_objects(output.schema)}}
    elif how == "tool" and output:
        about = output.description or "Takes the answer."
        fields["tools"] = [{"name": output.name, "description": about, "input_schema": output.schema}]
        fields["tool_choice"] = {"type": "tool", "name": output.name}
    hosted = [dict(tool.fields) for tool in request.hosted_tools if tool.api == "anthropic"]
    if not request.tools and not hosted:
        return fields
    fields["tools"] = hosted
    for tool in request.tools:
        described = {"description": tool.description} if tool.description else {}
        strict = {"strict": True} if tool.strict and "strict" not in quirks and enforces_schemas(model) else {}
        fields["tools"].append(
            {"name": tool.name, **described, "input_schema": tool.parameters or NO_PARAMETERS, **strict}
        )
    mode: dict[str, Json] = {"type": {"auto": "auto", "none": "none", "required": "any"}[choice.mode]}
    if choice_instruction(choice) and "tool_choice" in quirks:
        mode = {"type": "auto"}
    elif choice.name and choice.mode == "required":
        mode = {"type": "tool", "name": choice.name}
    if choice.parallel is not None and choice.mode != "none":
        mode["disable_parallel_tool_use"] = not choice.parallel
    if mode != {"type": "auto"}:
        fields["tool_choice"] = mode
    return fields


def beta_headers(request: Request) -> dict[str, str]:
    """Return the header that some of Anthropic's own tools need, by their types: `computer_20250124` needs
    `computer-use-2025-01-24`."""
    betas: list[str] = []
    for tool in request.hosted_tools:
        found = _BETA.fullmatch(str(tool.fields.get("type")))
        if tool.api == "anthropic" and found:
            betas.append(f"{_BETAS[found[1]]}-{found[2]}-{found[3]}-{found[4]}")
    return {"anthropic-beta": ",".join(dict.fromkeys(betas))} if betas else {}


def forces_call(fields: dict[str, Json]) -> bool:
    """Return whether a tool must be called, which excludes thinking."""
    return fields.get("tool_choice", {}).get("type") in ("any", "tool")


def arguments_text(value: Json) -> str:
    """Return arguments that came as an object, as JSON text; empty if there are none."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) and value else ""
