"""Parses requests for chat completions in OpenAI's format. Pure functions; slow for bodies of megabytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request, Sampling, Thinking
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.core.tools import OutputFormat, Tool, ToolCall, ToolChoice
from chat_tui.web.api.schemas import decode
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.documents import decode_document
from chat_tui.web.gateway.images import check_images, image_at
from chat_tui.web.gateway.question import GatewayQuestion, check_stored, finish_turns
from chat_tui.web.gateway.tools import CallLedger, check_depth, check_tools, clean_call
from chat_tui.web.openai.schemas import (
    AllowedToolsChoice,
    ChatRequest,
    FilePart,
    FunctionName,
    ImagePart,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    NamedToolChoice,
    OfferedFunction,
    OpenAiToolCall,
    RefusalPart,
)

EFFORTS: Mapping[str, Thinking] = {
    "none": "off",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


class ChatQuestion(msgspec.Struct, frozen=True):
    """A parsed request."""

    question: GatewayQuestion
    stream: bool = False
    include_usage: bool = False
    has_functions: bool = False
    """Whether the client offers functions, the old form of tools, and reads calls in the old form."""


def parse_request(raw: bytes) -> ChatQuestion:
    """Parse the body of a request. Raises `ApiError`."""
    body = decode(raw, ChatRequest)
    _check_supported(body)
    talk, system = _split_messages(body.messages)
    turns, system, part = finish_turns(talk, system, "messages")
    tools, choice = _tools(body)
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    settings = Request(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=tuple(filter(None, stop)),
        seed=body.seed,
        thinking=EFFORTS[body.reasoning_effort] if body.reasoning_effort else None,
        part=part,
        tools=tools,
        tool_choice=choice,
        web_search=_searches_web(body),
        output=_output(body),
        sampling=_sampling(body),
    )
    question = GatewayQuestion(body.model, turns, system, settings, bool(body.store), body.n or 1)
    check_stored(question, "store")
    return ChatQuestion(
        question,
        stream=bool(body.stream),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        has_functions=bool(body.functions),
    )


def _check_supported(body: ChatRequest) -> None:
    """Raise `ApiError` for options that would change the answer but are not supported, or contradict each other."""
    if set(body.modalities or ()) - {"text"}:
        message = "`modalities` is not supported: only text is possible."
        raise ApiError(400, message, param="modalities", code="unsupported_parameter")
    if body.top_logprobs is not None and not body.logprobs:
        raise ApiError(400, "`top_logprobs` needs `logprobs` to be true.", param="top_logprobs")
    if body.tools and body.functions:
        raise ApiError(400, "`functions` is the old form of `tools`: send only one of them.", param="functions")


def _tools(body: ChatRequest) -> tuple[tuple[Tool, ...], ToolChoice]:
    """Return the tools that are offered, and the choice among them."""
    if body.functions:
        tools = tuple(map(_tool, body.functions))
        chosen = body.function_call
        named = chosen.name if isinstance(chosen, FunctionName) else ""
        choice = ToolChoice("required", named) if named else ToolChoice("none" if chosen == "none" else "auto")
        check_tools(tools, choice, "functions", "function_call")
        return tools, choice
    functions = [tool.function for tool in body.tools or () if tool.type == "function"]
    if None in functions:
        raise ApiError(400, "A tool of the type `function` needs a `function`.", param="tools")
    tools = tuple(_tool(function) for function in functions if function is not None)
    wanted, name = body.tool_choice, ""
    mode = wanted if isinstance(wanted, str) else "auto"
    if isinstance(wanted, NamedToolChoice):
        mode, name = "required", wanted.function.name
    elif isinstance(wanted, AllowedToolsChoice):
        mode = wanted.allowed_tools.mode
        allowed = {tool.function.name for tool in wanted.allowed_tools.tools}
        if unknown := allowed - {tool.name for tool in tools}:
            raise ApiError(400, f"There is no tool `{min(unknown)}`.", param="tool_choice")
        tools = tuple(tool for tool in tools if tool.name in allowed)
    choice = ToolChoice(mode, name, body.parallel_tool_calls if tools else None)
    check_tools(tools, choice, "tools", "tool_choice")
    return tools, choice


def _searches_web(body: ChatRequest) -> bool:
    return body.web_search_options is not None or any(tool.type != "function" for tool in body.tools or ())


def _tool(offered: OfferedFunction) -> Tool:
    return Tool(offered.name, clean(offered.description or ""), offered.parameters or {}, offered.strict)


def _output(body: ChatRequest) -> OutputFormat | None:
    wanted = body.response_format
    if isinstance(wanted, JsonObjectFormat):
        return OutputFormat()
    if isinstance(wanted, JsonSchemaFormat):
        named = wanted.json_schema
        check_depth(named.schema, "response_format.json_schema.schema")
        return OutputFormat(named.schema, named.name, clean(named.description or ""), named.strict)
    return None


def _sampling(body: ChatRequest) -> Sampling:
    return Sampling(
        frequency_penalty=body.frequency_penalty,
        presence_penalty=body.presence_penalty,
        logit_bias=body.logit_bias or {},
        logprobs=bool(body.logprobs),
        top_logprobs=body.top_logprobs,
        top_k=body.top_k,
        user=clean_line(body.user or "", 1000),
        service_tier=clean_line(body.service_tier or "", 100),
        verbosity=body.verbosity or "",
        cache_key=clean_line(body.prompt_cache_key or "", 1000),
    )


def _split_messages(messages: Sequence[Message]) -> tuple[list[Turn], str]:
    """Return the turns and the system prompt. Raises `ApiError`."""
    turns: list[Turn] = []
    system: list[str] = []
    ledger = CallLedger()
    images = 0
    for number, message in enumerate(messages):
        text, files = _content(message, f"messages[{number}].content")
        images += len(files)
        check_images(images, f"messages[{number}].content")
        if message.role in {"system", "developer"}:
            system.append(text)
        elif message.role == "assistant":
            calls = _calls(message)
            ledger.add(calls)
            turns.append(Turn("assistant", text, calls=calls))
        elif message.role == "user":
            turns.append(Turn("user", text, attachments=files))
        else:
            # Functions of old clients have a name and no id.
            turns.append(ledger.result_turn(message.tool_call_id or "", text, files, name=message.name or ""))
    return turns, "\n\n".join(filter(None, system))


def _calls(message: Message) -> tuple[ToolCall, ...]:
    calls = list(message.tool_calls or ())
    if message.function_call is not None and not calls:
        calls = [OpenAiToolCall(function=message.function_call)]
    return tuple(clean_call(call.id, call.function.name, call.function.arguments, _signature(call)) for call in calls)


def _signature(call: OpenAiToolCall) -> str:
    extra = call.extra_content
    return extra.google.thought_signature if extra and extra.google else ""


def _content(message: Message, place: str) -> tuple[str, tuple[Attachment, ...]]:
    if isinstance(message.content, str) or message.content is None:
        return clean(message.content or ""), ()
    texts: list[str] = []
    files: list[Attachment] = []
    for number, part in enumerate(message.content):
        if isinstance(part, ImagePart):
            files.append(image_at(part.image_url.url, len(files) + 1, f"{place}[{number}].image_url"))
        elif isinstance(part, FilePart):
            given = part.file
            files.append(decode_document(given.file_data, given.filename, len(files) + 1, f"{place}[{number}].file"))
        else:
            texts.append(part.refusal if isinstance(part, RefusalPart) else part.text)
    return clean("\n".join(texts)), tuple(files)
