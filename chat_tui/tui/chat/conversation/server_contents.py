"""What the tool servers of the conversation in view list: their prompts and resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import ToolServerStatus
from chat_tui.tui.chat.conversation.session import ConversationSession, ConversationVisit
from chat_tui.tui.chat.tools.server_prompts import PromptCommand
from chat_tui.tui.chat.tools.server_resources import resource_rows, resource_uri
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.prompt.prompt import Prompt

if TYPE_CHECKING:
    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.engine import Engine


_MOST_KEPT = 200
ValueKey: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""The command, its argument, and all that is typed."""


class ServerContents:
    """Knows the lists of the servers that are switched on. One whose lists are not known yet is started in the
    background when they are first needed; the completions of the prompt are shown anew when it has listed them."""

    def __init__(self, session: ConversationSession, prompt: Prompt) -> None:
        self._session, self._prompt = session, prompt
        self._visit: ConversationVisit | None = None
        self._requested: set[str] = set()
        """Servers that were asked for their lists in this visit."""
        self._values: dict[ValueKey, Sequence[str]] = {}
        """Completions of arguments; none while they are asked for."""
        self._is_loaded = False
        """Whether statuses are there at once: the first lists load the modules for them."""

    def server_named(self, name: str) -> str:
        """Return the server of this name, in upper or lower case, if it is on; else an empty text."""
        return next((each for each in self._servers() if each.casefold() == name.casefold()), "")

    def statuses(self) -> Sequence[ToolServerStatus]:
        """Return the statuses of the servers that are on, as far as they are known; never waits."""
        engine, servers = self._session.engine, self._servers()
        if engine is None or not servers:
            return ()
        if self._visit is not self._session.visit:
            self._visit = self._session.visit
            self._requested.clear()
        known = engine.tools.backend.statuses() if self._is_loaded else ()
        # One whose table in the config has changed begins anew.
        new = {each.name for each in known if each.state == "stopped" and not _has_lists(each)}
        if missing := [name for name in servers if name not in self._requested or name in new]:
            self._requested.update(missing)
            self._prompt.run_worker(self._request(engine, missing), group="beside")
        return [status for status in known if status.name in servers]

    async def status(self, server: str) -> ToolServerStatus:
        """Return the status of a server with its lists, once it has sent them. Raises `ToolFailed`."""
        engine = self._session.engine
        assert engine is not None
        await self._list(engine, [server])
        found = next((each for each in engine.tools.backend.statuses() if each.name == server), None)
        if found is None:
            raise ToolFailed(f"There is no tool server {server}.", "/tools lists them.")
        if found.state == "failed":
            raise ToolFailed(found.problem)
        return found

    def values(self, command: PromptCommand, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
        """Return the values that complete the one that is typed for an argument, as far as the server has sent them;
        never waits."""
        engine, key = self._session.engine, (command.word, argument, tuple(sorted(typed.items())))
        if key not in self._values and engine is not None:
            if len(self._values) >= _MOST_KEPT:
                self._values.clear()
            self._values[key] = ()
            self._prompt.run_worker(self._complete(engine, key, command, argument, typed), group="beside")
        return self._values.get(key, ())

    async def _complete(
        self, engine: Engine, key: ValueKey, command: PromptCommand, argument: str, typed: Mapping[str, str]
    ) -> None:
        backend = engine.tools.backend
        with suppress(ToolFailed):
            # A server that fails at this is told of when its prompt is asked for.
            self._values[key] = await backend.complete_argument(command.server, command.prompt.name, argument, typed)
            if self._values[key]:
                self._prompt.completer.refresh()

    def rows(self, mention: str) -> Sequence[CompletionItem]:
        """Return the resources that a mention typed so far may become; never waits."""
        return resource_rows(mention, self.statuses())

    def is_resource(self, name: str) -> bool:
        """Whether a name in a text (`server:uri`) is that of a resource: its server is on."""
        server, colon, _ = name.partition(":")
        return bool(colon) and bool(self.server_named(server))

    async def read_resource(self, name: str) -> Attachment:
        """Return the content of a resource as a file to attach. Raises `ToolFailed`, `AttachmentRefused`."""
        await self._session.is_ready.wait()
        server, _, text = name.partition(":")
        status = await self.status(self.server_named(server) or server)
        assert self._session.engine is not None
        return await self._session.engine.tools.backend.read_resource(status.name, resource_uri(status, text))

    async def _request(self, engine: Engine, servers: Sequence[str]) -> None:
        await self._list(engine, servers)
        self._prompt.completer.refresh()

    async def _list(self, engine: Engine, servers: Sequence[str]) -> None:
        await engine.tools.backend.list_contents(servers)
        self._is_loaded = True

    def _servers(self) -> Sequence[str]:
        use = self._session.own_settings.tools
        return use.servers if use is not None else ()


def _has_lists(status: ToolServerStatus) -> bool:
    """Whether a server has listed anything since it was last configured."""
    return bool(status.tools or status.prompts or status.resources)
