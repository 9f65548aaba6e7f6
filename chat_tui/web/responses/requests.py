"""Parses requests in the format of OpenAI's Responses API. Pure functions; slow for bodies of megabytes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request, Sampling
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import CALLS_LIMIT, HostedTool, OutputFormat, Tool, ToolCall, ToolChoice
from chat_tui.web.api.schemas import decode
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.documents import decode_document
from chat_tui.web.gateway.images import check_images, image_at
from chat_tui.web.gateway.question import GatewayQuestion, check_stored, finish_turns
from chat_tui.web.gateway.sealing import unseal
from chat_tui.web.gateway.tools import TOOL_NAME, CallLedger, check_depth, check_tools, clean_call
from chat_tui.web.openai.requests import EFFORTS
from chat_tui.web.openai.schemas import JsonObjectFormat
from chat_tui.web.responses.schemas import (
    AllowedFunctions,
    ContentPart,
    InputFile,
    InputImage,
    InputItem,
    JsonSchema,
    NamedFunction,
    RefusalText,
    ResponsesRequest,
    ResponseTool,
)

_FUNCTION = "function"
_HOSTED = re.compile(r"web_search|file_search|code_interpreter")
"""Beginnings of the types of tools that OpenAI runs itself. What they find is in the text of the answer."""
LOGPROBS = "message.output_text.logprobs"
"""Asks for the probabilities of tokens, in `include`."""


def parse_request(raw: bytes) -> ResponsesRequest:
    """Parse the body of a request. Raises `ApiError`."""
    body = decode(raw, ResponsesRequest)
    if body.background:
        raise ApiError(400, "`background` is not supported.", param="background", code="unsupported_parameter")
    return body


def build_question(body: ResponsesRequest, earlier: Sequence[Turn], token: str) -> GatewayQuestion:
    """Return the question. `earlier` is the conversation so far, which its items follow; `token` is the one that sealed
    what comes back. Raises `ApiError`."""
    hosted = _hosted_tools(body)
    tools, choice = _tools(body, hosted)
    new, system = _split_items(body.input, earlier, token)
    prompt = "\n\n".join(filter(None, [clean(body.instructions or ""), *system]))
    turns, prompt, part = finish_turns([*earlier, *new], prompt, "input")
    if len(turns) <= len(earlier):
        raise ApiError(400, "There is no message of the user and no result of a call.", param="input")
    settings = Request(
        max_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        thinking=EFFORTS[body.reasoning.effort] if body.reasoning and body.reasoning.effort else None,
        part=part,
        tools=tools,
        hosted_tools=hosted,
        tool_choice=choice,
        output=_output(body),
        sampling=_sampling(body),
    )
    question = GatewayQuestion(body.model, turns, prompt, settings, bool(body.store))
    check_stored(question, "store")
    return question


def _sampling(body: ResponsesRequest) -> Sampling:
    return Sampling(
        logprobs=LOGPROBS in (body.include or ()) or body.top_logprobs is not None,
        top_logprobs=body.top_logprobs,
        user=clean_line(body.user or "", 1000),
        service_tier=clean_line(body.service_tier or "", 100),
        verbosity=(body.text and body.text.verbosity) or "",
        cache_key=clean_line(body.prompt_cache_key or "", 1000),
    )


def _hosted_tools(body: ResponsesRequest) -> tuple[HostedTool, ...]:
    """Return the tools that OpenAI runs. Agents offer them with every request, so with other tools they are not
    required."""
    offered = [tool for tool in body.tools or () if _HOSTED.match(tool.type)]
    is_required = len(offered) == len(body.tools or ())
    rows = [msgspec.to_builtins(tool) for tool in offered]
    fields = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return tuple(HostedTool("openai", each, is_required=is_required) for each in fields)


def _tools(body: ResponsesRequest, hosted: Sequence[HostedTool]) -> tuple[tuple[Tool, ...], ToolChoice]:
    functions = [tool for tool in body.tools or () if tool.type == _FUNCTION]
    if body.tools and not functions and not hosted:
        raise ApiError(400, "Only functions, and tools that OpenAI runs, are supported.", param="tools")
    tools = tuple(_tool(tool, f"tools[{number}].name") for number, tool in enumerate(functions))
    wanted, name = body.tool_choice, ""
    mode = wanted if isinstance(wanted, str) else "auto"
    if isinstance(wanted, NamedFunction):
        mode, name = "required", wanted.name
    elif isinstance(wanted, AllowedFunctions):
        mode = wanted.mode
        allowed = {tool.name for tool in wanted.tools}
        if unknown := allowed - {tool.name for tool in tools}:
            raise ApiError(400, f"There is no tool `{min(unknown)}`.", param="tool_choice")
        tools = tuple(tool for tool in tools if tool.name in allowed)
    choice = ToolChoice(mode, name, body.parallel_tool_calls if tools else None)
    check_tools(tools, choice, "tools", "tool_choice", hosted)
    return tools, choice


def _tool(tool: ResponseTool, place: str) -> Tool:
    if tool.name is None or re.fullmatch(TOOL_NAME, tool.name) is None:
        raise ApiError(400, "A function needs a name of letters, digits, `_` and `-`.", param=place)
    return Tool(tool.name, clean(tool.description or ""), tool.parameters or {}, tool.strict)


def _output(body: ResponsesRequest) -> OutputFormat | None:
    wanted = body.text.format if body.text is not None else None
    if isinstance(wanted, JsonObjectFormat):
        return OutputFormat()
    if isinstance(wanted, JsonSchema):
        check_depth(wanted.schema, "text.format.schema")
        return OutputFormat(wanted.schema, wanted.name, clean(wanted.description or ""), wanted.strict)
    return None


class _AnswerItems:
    """The items of one earlier answer, which become one turn."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thinking: list[str] = []
        self.calls: list[ToolCall] = []
        self.sealed: list[str] = []

    def turn(self, token: str) -> Turn | None:
        """Return the turn; None if there is no item."""
        if not (self.texts or self.calls or self.thinking or self.sealed):
            return None
        turn = Turn(
            "assistant",
            clean("\n".join(self.texts)),
            thinking=clean("\n".join(self.thinking)),
            calls=tuple(self.calls),
        )
        for sealed in self.sealed:
            turn = unseal(sealed, turn, token)
        return turn


def _split_items(given: str | Sequence[InputItem], earlier: Sequence[Turn], token: str) -> tuple[list[Turn], list[str]]:
    """Return the new turns and the parts of the system prompt. Raises `ApiError`."""
    if isinstance(given, str):
        return [Turn("user", clean(given))], []
    turns: list[Turn] = []
    system: list[str] = []
    ledger, answer = CallLedger(), _AnswerItems()
    if earlier:
        ledger.add(earlier[-1].calls)
    images = 0
    for number, item in enumerate(given):
        place = f"input[{number}]"
        if item.type == "function_call":
            _add_call(answer, item, place)
            continue
        if item.type == "reasoning":
            answer.thinking.append(_text_of(item.summary))
            answer.sealed += [item.encrypted_content] if item.encrypted_content else []
            continue
        if item.type == "message" and item.role == "assistant":
            if answer.calls:
                turns, answer = _with_answer(turns, answer, ledger, token), _AnswerItems()
            answer.texts.append(_text_of(item.content))
            continue
        content = item.output if item.type == "function_call_output" else item.content
        text, files = clean(_text_of(content)), _files_of(content, place)
        images += len(files)
        check_images(images, place)
        turns, answer = _with_answer(turns, answer, ledger, token), _AnswerItems()
        if item.type == "function_call_output":
            if not item.call_id:
                raise ApiError(400, "A result needs the `call_id` of its call.", param=f"{place}.call_id")
            turns.append(ledger.result_turn(item.call_id, text, files))
        elif item.role is None:
            raise ApiError(400, "A message needs a `role`.", param=f"{place}.role")
        elif item.role == "user":
            turns.append(Turn("user", text, attachments=tuple(files)))
        else:
            system.append(text)
    return _with_answer(turns, answer, ledger, token), system


def _with_answer(turns: list[Turn], answer: _AnswerItems, ledger: CallLedger, token: str) -> list[Turn]:
    turn = answer.turn(token)
    if turn is None:
        return turns
    ledger.add(turn.calls)
    return [*turns, turn]


def _add_call(answer: _AnswerItems, item: InputItem, place: str) -> None:
    if not item.call_id or not item.name:
        raise ApiError(400, "A call needs a `call_id` and a `name`.", param=place)
    if len(answer.calls) >= CALLS_LIMIT:
        raise ApiError(400, f"An answer can have at most {CALLS_LIMIT} calls.", param=place)
    answer.calls.append(clean_call(item.call_id, item.name, item.arguments or ""))


def _text_of(content: str | Sequence[ContentPart] | None) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    said = [part for part in content if not isinstance(part, InputImage | InputFile)]
    return "\n".join(part.refusal if isinstance(part, RefusalText) else part.text for part in said)


def _files_of(content: str | Sequence[ContentPart] | None, place: str) -> list[Attachment]:
    files: list[Attachment] = []
    for part in () if isinstance(content, str) else content or ():
        if isinstance(part, InputImage):
            files.append(image_at(part.image_url, len(files) + 1, place))
        elif isinstance(part, InputFile):
            files.append(decode_document(part.file_data, part.filename, len(files) + 1, place))
    return files
