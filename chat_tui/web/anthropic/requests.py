"""Parses requests in Anthropic's format. Pure functions; slow for bodies of megabytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request, Sampling, Thinking
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import CALLS_LIMIT, HostedTool, OutputFormat, Tool, ToolCall, ToolChoice
from chat_tui.web.anthropic.schemas import (
    AnyChoice,
    AutoChoice,
    Base64Source,
    ClientTool,
    CountedRequest,
    DisabledThinking,
    DocumentBlock,
    EnabledThinking,
    GivenMessage,
    ImageBlock,
    MakersTool,
    MessagesRequest,
    NoChoice,
    RedactedThinkingBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolChoiceByName,
    ToolResultBlock,
    ToolUseBlock,
)
from chat_tui.web.api.schemas import decode, field_error
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.documents import decode_document, text_document
from chat_tui.web.gateway.images import check_images, decode_image, image_at
from chat_tui.web.gateway.question import GatewayQuestion, finish_turns
from chat_tui.web.gateway.sealing import unseal
from chat_tui.web.gateway.tools import CallLedger, check_depth, check_tools, clean_call

_Body: TypeAlias = MessagesRequest | CountedRequest
_Offered = TypeVar("_Offered", ClientTool, MakersTool)
_LITTLE_TOKENS, _MEDIUM_TOKENS = 4096, 16_384
"""Budgets of thinking below which the effort is low, or medium."""


class MessagesQuestion(msgspec.Struct, frozen=True):
    """A parsed request."""

    question: GatewayQuestion
    stream: bool = False


def parse_request(raw: bytes, token: str) -> MessagesQuestion:
    """Parse the body of a request. `token` is the one that sealed what comes back. Raises `ApiError`."""
    body = decode(raw, MessagesRequest)
    question = _question(body, token)
    settings = replace(
        question.settings,
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=tuple(filter(None, body.stop_sequences or ())),
        sampling=Sampling(top_k=body.top_k, user=clean_line((body.metadata and body.metadata.user_id) or "", 1000)),
    )
    return MessagesQuestion(replace(question, settings=settings), bool(body.stream))


def parse_counted(raw: bytes, token: str) -> GatewayQuestion:
    """Parse the body of a request to count tokens. Raises `ApiError`."""
    return _question(decode(raw, CountedRequest), token)


def _question(body: _Body, token: str) -> GatewayQuestion:
    turns, system, part = finish_turns(_turns(body.messages, token), _system(body), "messages")
    tools, hosted = _tools(body)
    choice = (
        _choice(body) if tools or hosted or isinstance(body.tool_choice, AnyChoice | ToolChoiceByName) else ToolChoice()
    )
    check_tools(tools, choice, "tools", "tool_choice", hosted)
    settings = Request(
        part=part,
        thinking=_thinking(body),
        tools=tools,
        hosted_tools=hosted,
        tool_choice=choice,
        output=_output(body),
    )
    return GatewayQuestion(body.model, turns, system, settings)


def _tools(body: _Body) -> tuple[tuple[Tool, ...], tuple[HostedTool, ...]]:
    """Return the tools of the client, and Anthropic's own. Raises `ApiError`."""
    tools: list[Tool] = []
    hosted: list[HostedTool] = []
    for number, given in enumerate(body.tools or ()):
        if given.get("type") in (None, "custom"):
            tool = _convert(given, ClientTool, number)
            tools.append(Tool(tool.name, clean(tool.description or ""), tool.input_schema, tool.strict))
        else:
            # The router marks what is cached.
            fields = {name: value for name, value in given.items() if name != "cache_control"}
            hosted.append(HostedTool("anthropic", fields, _convert(given, MakersTool, number).name))
    return tuple(tools), tuple(hosted)


def _convert(given: dict[str, Any], kind: type[_Offered], number: int) -> _Offered:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        place = f"tools[{number}]"
        raise ApiError(400, f"`{place}`: {field_error(error).words}", param=place) from error


def _system(body: _Body) -> str:
    if isinstance(body.system, str) or body.system is None:
        return clean(body.system or "")
    return clean("\n\n".join(block.text for block in body.system if block.text))


def _choice(body: _Body) -> ToolChoice:
    wanted = body.tool_choice
    if wanted is None:
        return ToolChoice()
    if isinstance(wanted, NoChoice):
        return ToolChoice("none")
    parallel = None if wanted.disable_parallel_tool_use is None else not wanted.disable_parallel_tool_use
    if isinstance(wanted, AutoChoice):
        return ToolChoice(parallel=parallel)
    name = wanted.name if isinstance(wanted, ToolChoiceByName) else ""
    return ToolChoice("required", name, parallel)


def _thinking(body: _Body) -> Thinking | None:
    wanted = body.thinking
    if isinstance(wanted, DisabledThinking):
        return "off"
    if body.output_config is not None and body.output_config.effort is not None:
        effort = body.output_config.effort
        return effort if effort in ("low", "medium", "high") else "high"
    if isinstance(wanted, EnabledThinking):
        budget = wanted.budget_tokens
        return "low" if budget < _LITTLE_TOKENS else "medium" if budget < _MEDIUM_TOKENS else "high"
    return None


def _output(body: _Body) -> OutputFormat | None:
    in_config = body.output_config.format if body.output_config is not None else None
    wanted = in_config or body.output_format
    if wanted is None:
        return None
    check_depth(wanted.schema, "output_config.format.schema")
    return OutputFormat(wanted.schema, strict=True)


class _ParsedContent:
    """The blocks of one message, by kind."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thinking: list[str] = []
        self.files: list[Attachment] = []
        self.calls: list[ToolCall] = []
        self.results: list[ToolResultBlock] = []
        self.sealed: list[str] = []


def _turns(messages: Sequence[GivenMessage], token: str) -> list[Turn]:
    turns: list[Turn] = []
    ledger = CallLedger()
    images = 0
    for number, message in enumerate(messages):
        place = f"messages[{number}].content"
        content = _parse_content(message, place)
        images += len(content.files)
        text = clean("\n".join(content.texts))
        if message.role == "assistant":
            ledger.add(content.calls)
            thinking = clean("\n".join(content.thinking))
            turn = Turn("assistant", text, thinking=thinking, calls=tuple(content.calls))
            for sealed in content.sealed:
                turn = unseal(sealed, turn, token)
            turns.append(turn)
            continue
        for result in content.results:
            said, files = _result_content(result, place)
            images += len(files)
            turns.append(ledger.result_turn(result.tool_use_id, said, files, is_error=bool(result.is_error)))
        check_images(images, place)
        if text or content.files or not content.results:
            turns.append(Turn("user", text, attachments=tuple(content.files)))
    return turns


def _parse_content(message: GivenMessage, place: str) -> _ParsedContent:
    found = _ParsedContent()
    if isinstance(message.content, str):
        found.texts.append(message.content)
        return found
    for number, block in enumerate(message.content):
        where = f"{place}[{number}]"
        if isinstance(block, TextBlock):
            found.texts.append(block.text)
        elif isinstance(block, ImageBlock | DocumentBlock):
            found.files.append(_file(block, len(found.files) + 1, where))
        elif isinstance(block, ToolResultBlock):
            found.results.append(block)
        elif isinstance(block, ToolUseBlock):
            check_depth(block.input, f"{where}.input")
            found.calls.append(clean_call(block.id, block.name, json.dumps(block.input, ensure_ascii=False)))
        elif isinstance(block, ThinkingBlock):
            found.thinking.append(block.thinking)
        elif isinstance(block, RedactedThinkingBlock):
            found.sealed.append(block.data)
    if message.role == "user" and found.calls:
        raise ApiError(400, "Only messages of the assistant can have `tool_use` blocks.", param=place)
    if message.role == "assistant" and found.results:
        raise ApiError(400, "Only messages of the user can have `tool_result` blocks.", param=place)
    if len(found.calls) > CALLS_LIMIT:
        raise ApiError(400, f"A message can have at most {CALLS_LIMIT} calls.", param=place)
    return found


def _result_content(result: ToolResultBlock, place: str) -> tuple[str, Sequence[Attachment]]:
    if isinstance(result.content, str) or result.content is None:
        return clean(result.content or ""), ()
    texts = [block.text for block in result.content if isinstance(block, TextBlock)]
    others = [block for block in result.content if not isinstance(block, TextBlock)]
    files = [_file(block, number, place) for number, block in enumerate(others, 1)]
    return clean("\n".join(texts)), files


def _file(block: ImageBlock | DocumentBlock, number: int, place: str) -> Attachment:
    if isinstance(block, ImageBlock):
        if isinstance(block.source, Base64Source):
            return decode_image(block.source.data, block.source.media_type, number, place)
        return image_at(block.source.url, number, place)
    source = block.source
    if isinstance(source, Base64Source):
        return decode_document(source.data, block.title, number, place)
    if isinstance(source, TextSource):
        return text_document(source.data, block.title, number, place)
    texts = [source.content] if isinstance(source.content, str) else [each.text for each in source.content]
    return text_document("\n\n".join(texts), block.title, number, place)
