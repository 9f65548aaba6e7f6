"""Checks and converts the tools, calls and results of a request. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import ARGUMENTS_LIMIT, HostedTool, Tool, ToolCall, ToolChoice, ToolResult, new_call_id
from chat_tui.web.errors import ApiError

TOOLS_LIMIT = 512
"""Tools in one request."""
DEPTH_LIMIT = 64
"""Objects and lists within each other, in a JSON Schema or in the arguments of a call."""

TOOL_NAME = r"^[a-zA-Z0-9_-]{1,128}$"
ToolName = Annotated[str, Meta(pattern=TOOL_NAME)]
CallId = Annotated[str, Meta(max_length=200)]
Arguments = Annotated[str, Meta(max_length=ARGUMENTS_LIMIT)]


def check_tools(
    tools: Sequence[Tool], choice: ToolChoice, place: str, choice_place: str, hosted: Sequence[HostedTool] = ()
) -> None:
    """Raise `ApiError` if two tools have the same name, a schema is nested too deep, or the choice is none of them."""
    names = {tool.name for tool in hosted}
    for tool in hosted:
        check_depth(tool.fields, place)
    for number, offered in enumerate(tools):
        if offered.name in names:
            raise ApiError(400, f"There are two tools with the name `{offered.name}`.", param=f"{place}[{number}]")
        names.add(offered.name)
        check_depth(offered.parameters, f"{place}[{number}]")
    if choice.name and choice.name not in names:
        raise ApiError(400, f"There is no tool `{choice.name}`.", param=choice_place)
    if choice.mode == "required" and not names:
        raise ApiError(400, "A tool must be used, but there are no tools.", param=choice_place)


def check_depth(value: Mapping[str, Any], place: str) -> None:
    """Raise `ApiError` if a JSON value is nested too deep."""
    layer: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        layer = [
            inner
            for each in layer
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return
    raise ApiError(400, f"`{place}` is nested deeper than {DEPTH_LIMIT} levels.", param=place)


def clean_call(id: str, name: str, arguments: str, signature: str = "") -> ToolCall:
    """Return a call of an earlier message; a missing id is replaced."""
    return ToolCall(clean_line(id, 200) or new_call_id(), clean_line(name, 200), clean(arguments), signature)


class CallLedger:
    """The calls of the messages so far, for the results that follow."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._open: dict[str, None] = {}

    def add(self, calls: Sequence[ToolCall]) -> None:
        """Note the calls of an answer; those before it stay without a result."""
        self._open = dict.fromkeys(call.id for call in calls)
        self._names |= {call.id: call.name for call in calls}

    def result_turn(
        self, id: str, text: str, files: Sequence[Attachment] = (), *, name: str = "", is_error: bool = False
    ) -> Turn:
        """Return the turn of a result. One without an id belongs to the first open call (with this name, if there is
        one); a result that belongs to none is a message of the user."""
        id = clean_line(id, 200)
        if not id:
            id = next((call for call in self._open if not name or self._names[call] == name), "")
        if id not in self._open:
            return Turn("user", f"[Tool result:]\n{text}", attachments=tuple(files))
        del self._open[id]
        return Turn(
            "tool",
            text,
            attachments=tuple(files),
            state="failed" if is_error else "complete",
            result=ToolResult(id, self._names[id]),
        )
