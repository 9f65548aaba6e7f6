"""What this process and the child of a tool server tell each other: one JSON object per line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.tools import PromptMessage, ServerPrompt, ServerResource, ToolOutput

WORKER = "chat_tui.tools.worker.server_session"
"""The module of the child process."""


class ServerLaunch(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to reach a tool server; the first line that the child is sent."""

    name: str = ""
    """Name of the server in the config."""
    arguments: tuple[str, ...] = ()
    """The program, as a full path, and its arguments; empty if there is a `url`."""
    environment: Mapping[str, str] = {}
    """All variables of the program."""
    folder: str | None = None
    """Folder in which the program starts."""
    url: str = ""
    headers: Mapping[str, str] = {}
    result_bytes: int = 200_000
    """Size of the text of a result, and of its JSON, that is kept."""
    token_file: str = ""
    """File with the tokens of a server that wants the user to sign in; empty: there is none."""
    may_sign_in: bool = False
    """Whether the user can be asked to sign in now."""

    def __repr__(self) -> str:
        # Without its arguments, variables and headers, which may contain a key.
        return "ServerLaunch()"


class WorkerOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request to the server: to list prompts and resources, to call a tool, or for a prompt or a resource. Without
    any of them it cancels the request with its number."""

    id: int
    """Number of the request."""
    lists_contents: bool = False
    """List prompts and resources, now and whenever they change; there is no reply besides the lists."""
    tool: str = ""
    """Name of the tool as it was listed."""
    prompt: str = ""
    """Name of the prompt as it was listed."""
    completes: str = ""
    """Argument of the prompt whose value is completed, in place of asking for the prompt. `arguments` has what is typed
    until now."""
    resource: str = ""
    """URI of the resource, as it was listed if it was."""
    arguments: Mapping[str, Any] = {}
    """Those of the tool or the prompt."""


class ListedTool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool as its server lists it, cleaned and bounded."""

    name: str
    description: str = ""
    title: str = ""
    parameters: Mapping[str, Any] = {}
    is_read_only: bool = False


class WorkerReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child reports: its tools when the server is ready and when they change; its prompts and resources, once
    they are asked for; the reply to a request; or why the server cannot be used, after which the child ends."""

    kind: Literal["tools", "contents", "reply", "sign-in", "problem"]
    """`contents` has prompts and resources; `reply` is for the request with this `id`."""
    id: int = 0
    """Number of the request."""
    tools: tuple[ListedTool, ...] = ()
    prompts: tuple[ServerPrompt, ...] = ()
    resources: tuple[ServerResource, ...] = ()
    output: ToolOutput | None = None
    """What a call came to."""
    messages: tuple[PromptMessage, ...] = ()
    """Those of a prompt."""
    values: tuple[str, ...] = ()
    """Completions of an argument's value."""
    attachment: Attachment | None = None
    """Content of a resource."""
    problem: str = ""
    """Why the server cannot be used, or has refused a request for a prompt or a resource; a clause without a full
    stop."""
    hint: str = ""
    address: str = ""
    """Where the user signs in, for `sign-in`."""
