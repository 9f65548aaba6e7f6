"""Tools that a model may use, its calls, and their results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment

CALLS_LIMIT = 128
"""Calls of one answer that are kept."""
ARGUMENTS_LIMIT = 1_000_000
"""Characters of the arguments of all calls of one answer."""
VALUES_LIMIT = 10_000
"""Values in the arguments of a call that can run: a hundred times as many take 0.2 s to decode."""
_DIGITS_LIMIT = 500
_SHORT_CHARACTERS = 20_000
"""Text that is not checked before it is decoded."""

CONSENTS_LIMIT = 100
"""Consents that a conversation keeps; the oldest are forgotten, and asked for again."""

INTERRUPTED = "chat-tui was closed while this call ran. It may have had an effect."
"""The text of a result that did not come, for the model and for people."""


class Tool(msgspec.Struct, frozen=True):
    """A function that is offered to a model."""

    name: str
    """Letters, digits, `_` and `-`, 64 at most."""
    description: str = ""
    parameters: Mapping[str, Any] = {}
    """JSON Schema of the arguments, an object; empty: there are none."""
    strict: bool | None = None
    """Whether the arguments must match the schema exactly, for servers that can enforce it; None: their default."""


class HostedTool(msgspec.Struct, frozen=True):
    """A tool that the maker of an API has defined, such as its web search. Only models of this API have it."""

    api: Literal["anthropic", "openai"]
    """The API: Anthropic's Messages, or OpenAI's Responses."""
    fields: Mapping[str, Any]
    """The tool as the API takes it, with its `type`."""
    name: str = ""
    """Name with which the model calls it, if the client runs it; empty: the provider runs it."""
    is_required: bool = True
    """Whether only models that have it are asked; False: others are asked without it."""


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether the model must use a tool."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str = ""
    """The tool it must use; empty: any. Only with `required`."""
    parallel: bool | None = None
    """Whether it may call several at once; None: the provider's default."""


class OutputFormat(msgspec.Struct, frozen=True):
    """The answer is to be JSON."""

    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; None: any JSON object."""
    name: str = "answer"
    """Name of the schema: letters, digits, `_` and `-`."""
    description: str = ""
    strict: bool | None = None
    """Whether the answer must match exactly, for servers that can enforce it; None: their default."""


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A call of a tool by a model, part of an answer."""

    id: str
    """Unique in the conversation; the result names it."""
    name: str
    arguments: str = ""
    """JSON text, as the model has written it; may be invalid."""
    signature: str = ""
    """What the provider wants returned with the call, unchanged."""


class ToolResult(msgspec.Struct, frozen=True, gc=False):
    """What a turn of the role `tool` answers. Its text is the turn's, its images are attachments, its state the turn's:
    `complete`, `failed` (the tool reports an error), `refused` (by the user), `cancelled`, or `broken` (the program was
    closed while the tool ran)."""

    call: str
    """Id of the call."""
    name: str
    """Name of the tool."""
    source: str = ""
    """Name of the tool server; empty for results that a client has sent."""
    arguments: str = ""
    """The arguments it ran with, if the user has changed them; else empty."""
    structured: str = ""
    """The result as JSON, if the tool gave one besides the text."""


def new_call_id() -> str:
    """Return an id for a call of a provider that gives none."""
    return f"call_{os.urandom(8).hex()}"


def decode_arguments(arguments: str) -> Mapping[str, Any] | None:
    """Return the arguments of a call as an object; None if they are no JSON object, or one that takes long to decode.
    Empty text means no arguments."""
    if not arguments.strip():
        return {}
    if is_elaborate(arguments):
        return None
    try:
        value = msgspec.json.decode(arguments.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


_AS_ZERO = str.maketrans("123456789", "0" * 9)


def is_elaborate(arguments: str) -> bool:
    """Return whether a JSON text has more than `VALUES_LIMIT` values, or numbers of very many digits: then decoding it
    would hold the event loop."""
    if len(arguments) <= _SHORT_CHARACTERS:
        return False
    plain = arguments.replace("\\\\", "").replace('\\"', "")
    if plain.count('"') > 4 * VALUES_LIMIT:
        return True
    outside = "".join(plain.split('"')[::2])
    return sum(map(outside.count, ",:[{")) > VALUES_LIMIT or "0" * _DIGITS_LIMIT in outside.translate(_AS_ZERO)


class OfferedTool(msgspec.Struct, frozen=True):
    """A tool of a tool server, as a model is offered it."""

    tool: Tool
    """Its name is unique among all tools that are offered together; it begins with the server's name if need be."""
    server: str
    """Name of the tool server in the config; `chat-tui` for the program's own tools."""
    own_name: str
    """The name that the server gave it."""
    title: str = ""
    """For people; empty: `own_name`."""
    is_read_only: bool = False
    """Whether the server says that it changes nothing. A hint, which nobody has checked."""
    host_argument: str = ""
    """The argument with an address: consent is then given for its host only. Empty: for all calls."""


class GivenConsent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool that the user has allowed to run without being asked about."""

    tool: str
    """`server.tool`."""
    fingerprint: str
    """Hash of the tool as it was then: another description, for example, is asked about again."""
    host: str = ""
    """The only host that it was allowed for; empty: any call."""


class ToolUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which tools a conversation uses, and which calls run without being asked about."""

    servers: tuple[str, ...] = ()
    """Names of the tool servers that are on."""
    only: tuple[str, ...] = ()
    """Patterns (`server.tool`, with `*` and `?`) of the tools that are offered; empty: all of these servers."""
    off: tuple[str, ...] = ()
    """Tools of these that are not offered, each as `server.tool`."""
    allow: tuple[str, ...] = ()
    """Patterns (`server.tool`, with `*` and `?`) of tools whose calls run at once."""
    consents: tuple[GivenConsent, ...] = ()
    """What the user has allowed in this conversation, the oldest first; at most `CONSENTS_LIMIT`."""
    allows_read_only: bool = False
    """Whether tools run at once that their server calls read-only."""
    asks: bool = True
    """Whether a person is asked about other calls; False: they are refused."""

    def switch(self, server: str) -> ToolUse:
        """Return the use without this server, or with it if it was off."""
        rest = tuple(name for name in self.servers if name != server)
        return msgspec.structs.replace(self, servers=rest if server in self.servers else (*rest, server))


class ToolOutput(msgspec.Struct, frozen=True):
    """What a call came to. Untrusted: cleaned and bounded by who makes it."""

    text: str = ""
    images: tuple[Attachment, ...] = ()
    structured: str = ""
    """The result as JSON, if the tool gave one besides the text."""
    is_error: bool = False
    """The tool itself says that it failed."""


class PromptArgument(msgspec.Struct, frozen=True, omit_defaults=True):
    """An argument of a prompt of a tool server; its value is a text."""

    name: str
    description: str = ""
    is_required: bool = False


class ServerPrompt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt that a tool server offers to people. Its texts are cleaned and bounded."""

    name: str
    description: str = ""
    title: str = ""
    """For people; empty: `name`."""
    arguments: tuple[PromptArgument, ...] = ()


class PromptMessage(msgspec.Struct, frozen=True):
    """A message of a prompt, with its arguments filled in. Untrusted: cleaned and bounded by who makes it."""

    role: Literal["user", "assistant"]
    text: str


class ServerResource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that a tool server lets be read, such as a file. Its texts are cleaned and bounded."""

    uri: str
    """If `is_template`, with variables in braces (RFC 6570)."""
    name: str = ""
    title: str = ""
    """For people; empty: `name`."""
    description: str = ""
    media_type: str = ""
    """What the server says; nobody has checked it."""
    size_bytes: int = 0
    """What the server says; 0: nothing."""
    is_template: bool = False


class ToolServerStatus(msgspec.Struct, frozen=True):
    """A tool server, as the list shows it."""

    name: str
    source: str = ""
    """Its command or address, without secrets; empty for the program's own tools."""
    state: Literal["stopped", "starting", "ready", "failed"] = "stopped"
    problem: str = ""
    """Why it failed, and what to do."""
    tools: tuple[OfferedTool, ...] = ()
    """Those it listed when it last ran; empty if it never did."""
    prompts: tuple[ServerPrompt, ...] = ()
    """As `tools`."""
    resources: tuple[ServerResource, ...] = ()
    """As `tools`; templates last."""
