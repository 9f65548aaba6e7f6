"""Interfaces of the parts that the engine does not import: the backend, and the built-in model's weights."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from chat_tui.core.attachments.attached_page import AttachedPage
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Metadata
from chat_tui.core.models import (
    DownloadProgress,
    HostedProvider,
    KeyCheck,
    KeyPlace,
    LocalOffer,
    Model,
    ModelStatus,
    ServerCheck,
)
from chat_tui.core.request import Request
from chat_tui.core.tools import OfferedTool, PromptMessage, ToolOutput, ToolServerStatus


class LocalWeights(Protocol):
    """The built-in model's weights, for the faces that show their fetch."""

    @property
    def ready(self) -> bool:
        """They are on this machine."""

    @property
    def fetching(self) -> DownloadProgress | None:
        """The fetch that runs, None when none does."""

    async def fetch(self) -> None:
        """Fetch them, or join the fetch that runs. Raises `LocalModelError`."""


class ModelBackend(Protocol):
    """Everything that answers: servers, local models, the scripted provider. `bootstrap/backend.py` implements it."""

    def statuses(self) -> Sequence[ModelStatus]:
        """Every model with its status."""

    def remarks(self, model: Model, request: Request) -> Sequence[Metadata]:
        """What the route of this model's answer tells: providers that cannot be used, and who answers instead."""

    def offers(self, name: str) -> bool:
        """Whether this model's provider was only found, and is not used until the user chooses the model."""

    def server_of(self, name: str) -> str:
        """The server that the user agrees to by choosing this model: its address and, on this machine, its owner."""

    def take(self, agreed: Mapping[str, str]) -> None:
        """Use the offered ones of these models, now or as soon as they are found, each at the server that the user
        agreed to (empty if unknown)."""

    def drop(self, names: Sequence[str]) -> None:
        """Stop using those of these models that are only offered."""

    def admit(self, name: str) -> None:
        """Let the router choose a model that its server does not list, if its provider is known."""

    async def discover(self) -> None:
        """Ask the servers that name no models for their lists."""

    async def look_up(self, name: str) -> None:
        """Ask the model's server for its context window if it is unknown; waits a third of a second at most."""

    async def embed(self, name: str, body: Mapping[str, Any]) -> Any:
        """What a model's provider, or a local model, sends for a request for embeddings in OpenAI's format.

        Raises `ProviderError`.
        """

    async def look_up_prices(self) -> None:
        """Wait for the prices of hosted models if none are known; takes a second, once."""

    async def prepare(self) -> None:
        """Load what a question to any server needs."""

    async def warm(self, name: str) -> None:
        """Load what this model needs."""

    async def close(self) -> None:
        """Let go of connections and children."""


class SourceSetup(Protocol):
    """Adds what models come from: providers with their keys, servers, and local models."""

    async def reload(self) -> None:
        """Use the providers and keys that another program has added to the config meanwhile, and no longer those that
        it has removed. Raises `ConfigError` if the config cannot be read; all stays as it was then."""

    @property
    def key_file(self) -> Path:
        """The private file for keys."""

    async def keyring_problem(self) -> str:
        """Return why no key can be saved in the system's keyring; empty if one can."""

    async def hosted_providers(self) -> Sequence[HostedProvider]:
        """Return the known providers that need a key."""

    async def check_key(self, name: str, key: str) -> KeyCheck:
        """Ask the provider whether it accepts a key. Raises `ChatTuiError`."""

    async def save_key(self, name: str, key: str, place: KeyPlace) -> int:
        """Keep a key and put its provider to use; returns how many models it lists. Raises `ChatTuiError`."""

    async def use_found_key(self, name: str) -> int:
        """Put a provider whose key was found to use; returns how many models it lists. Raises `ChatTuiError`."""

    async def forget_key(self, name: str) -> Sequence[KeyPlace]:
        """Remove a kept key; returns where it was. Raises `ChatTuiError`."""

    async def check_server(self, address: str, key: str = "") -> ServerCheck:
        """Ask a server for its models. Raises `ChatTuiError`; `KeyRefused` if it wants a key, or another one."""

    async def add_server(self, server: ServerCheck, key: str = "", place: KeyPlace = "session") -> int:
        """Write a checked server into the config and put it to use; returns how many models it lists.

        Raises `ChatTuiError`.
        """

    async def local_offers(self) -> Sequence[LocalOffer]:
        """Return better local models to download."""

    async def pull(self, offer: LocalOffer, received: Callable[[int, int], None]) -> str:
        """Download a model and put it to use; returns its name. A cancel stops it. Raises `LocalModelError`."""


class ToolBackend(Protocol):
    """The tool servers of the config, and the program's own tools."""

    def statuses(self) -> Sequence[ToolServerStatus]:
        """Every tool server with its status, in the order of the config, the program's own tools last."""

    async def reload(self) -> None:
        """Use the tool servers that the config names now, if another program has changed it. Those that have not
        changed run on. Raises `ConfigError` if it cannot be read; all stays as it was then."""

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        """Start those servers that do not run and return their tools, in a stable order with unique names.

        A server that cannot start is left out; its status says why. A cancel stops what was starting.
        """

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool, bounded in time and size. Raises `ToolFailed` if its server is gone or took too long.

        A cancel ends the call, and the server's work on it.
        """

    async def list_contents(self, servers: Collection[str]) -> None:
        """Start those servers that do not run, and wait until their statuses have their prompts and resources.

        The status of a server that cannot start says why. Those that no question uses stop after a while.
        """

    async def get_prompt(self, server: str, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt, bounded in time and size. Raises `ToolFailed`."""

    async def complete_argument(
        self, server: str, prompt: str, argument: str, typed: Mapping[str, str]
    ) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt; `typed` has those of the other
        arguments, too. Raises `ToolFailed`."""

    async def read_resource(self, server: str, uri: str) -> Attachment:
        """Return the content of a resource as a file to attach, bounded in time and size. Raises `ToolFailed`."""

    async def release(self, servers: Collection[str]) -> None:
        """Stop those servers after a while without calls."""

    async def close(self) -> None:
        """Stop all servers."""


class PageSource(Protocol):
    """Fetches web pages that a person attaches to a question."""

    async def fetch(self, address: str) -> AttachedPage:
        """Fetch the page at this address; none of this machine or of a private network. Raises `AttachmentRefused`.

        A cancel ends the fetch.
        """
