"""What the dialects share about tools: results as text, what is said in words where a server has no field for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.tools import OutputFormat, Tool, ToolChoice
from chat_tui.providers.dialects.dialect import said_in

Json = Any

NO_PARAMETERS: Json = {"type": "object", "properties": {}}
"""The schema of a tool without parameters."""


def function_of(tool: Tool) -> dict[str, Json]:
    """Return a tool as OpenAI's chat completions have it, and Ollama."""
    function: dict[str, Json] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters or NO_PARAMETERS
    return {"type": "function", "function": function}


def result_in(turn: Turn, model: Model) -> tuple[str, Sequence[Attachment]]:
    """Return the text of a result and its images; images that cannot be sent are named in the text."""
    text, images = said_in(turn, model)
    structured = turn.result.structured if turn.result else ""
    return (structured if not text.strip() else text), images


def current_round(turns: Sequence[Turn]) -> int:
    """Return the index of the first turn after the last question: from there on the model is at work on its answer."""
    return next((place + 1 for place in range(len(turns) - 1, -1, -1) if turns[place].role == "user"), 0)


def with_instruction(turns: Sequence[Turn], text: str) -> tuple[Turn, ...]:
    """Return the turns with an instruction at the end of the system prompt."""
    if not text:
        return tuple(turns)
    if turns and turns[0].role == "system":
        system = msgspec.structs.replace(turns[0], text=f"{turns[0].text}\n\n{text}")
        return (system, *turns[1:])
    return (Turn("system", text), *turns)


def format_instruction(output: OutputFormat) -> str:
    """Return in words that the answer is to be JSON."""
    if output.schema is None:
        return "Answer with one JSON object, without any text before or after it."
    schema = json.dumps(output.schema, ensure_ascii=False)
    return f"Answer only with JSON that matches this JSON Schema, without any text before or after it:\n{schema}"


def choice_instruction(choice: ToolChoice) -> str:
    """Return in words that a tool must be called; empty if none must."""
    if choice.mode != "required":
        return ""
    return f"Call the tool `{choice.name}` now." if choice.name else "Call one of the tools now."


def short_id(id: str, length: int) -> str:
    """Return an id of so many letters and digits that stands for a longer or otherwise unusable one."""
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:length]
