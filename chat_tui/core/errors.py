"""Every error that users may see. Each has a title (what happened) and a hint (what to do next).

    ChatTuiError
    ├── ConfigError, ThemeError, KeymapError, CommandError, ClipboardError, QueryError, AttachmentRefused, PlugInError
    ├── Notice, InternalError
    ├── ProviderError(provider, model; attribute `retryable`)
    │   ├── KeyMissing, KeyRefused, QuotaUsedUp     not retryable
    │   ├── Busy (RateLimited, Overloaded), Unreachable, TooSlow, Garbled, EmptyAnswer      retryable
    │   └── Rejected (ContextTooLong, ToolsRefused)  not retryable
    ├── NoModel ── NotCapable
    ├── AllFailed(tries)
    ├── LocalModelError ── WeightsMissing
    ├── ToolFailed
    └── HistoryError ── ConversationNotFound, SchemaTooNew, StoreBusy, StoreDamaged

A cancel is not an error, and a refusal is an ending. Exceptions of libraries are mapped once, where they arise. The
text of an error never contains a key.
"""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.text.control_characters import clean, clean_line

_TITLE_CHARACTERS = 2000


class ChatTuiError(Exception):
    """An error that is shown to the user. Text that it quotes is cleaned here."""

    def __init__(self, title: str, hint: str = "") -> None:
        self.title = clean_line(title, _TITLE_CHARACTERS)
        self.hint = clean(hint)
        super().__init__(self.title)

    @property
    def kind(self) -> str:
        """The name of the class, which is stable: it is in JSON output and in the store."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.title} {self.hint}".strip()


class Notice(ChatTuiError):
    """Not an error, but something that the user should know."""


class InternalError(ChatTuiError):
    """A bug in chat-tui."""


class ConfigError(ChatTuiError):
    """The config file cannot be used; `file` and `key` say where."""

    def __init__(self, title: str, hint: str = "", *, file: str = "", key: str = "") -> None:
        super().__init__(title, hint)
        self.file = file
        self.key = key


class ThemeError(ChatTuiError):
    """A theme file cannot be used; it is skipped with a notice."""


class KeymapError(ChatTuiError):
    """A row of `[keys]` cannot be used; it is skipped with a notice."""


class CommandError(ChatTuiError):
    """An unknown or malformed command; nothing was sent."""


class ClipboardError(ChatTuiError):
    """Nothing was copied, or nothing was pasted."""


class QueryError(ChatTuiError):
    """A search query that cannot be parsed; nothing was searched."""


class AttachmentRefused(ChatTuiError):
    """A file cannot be attached; nothing was sent."""


class PlugInError(ChatTuiError):
    """A plug-in of another package cannot be used; it is skipped."""


class ProviderError(ChatTuiError):
    """A request to a provider failed."""

    retryable: bool = False
    """Whether the same request may succeed later; depends on the class unless the server says otherwise."""

    def __init__(self, title: str, hint: str = "", *, provider: str = "", model: str = "") -> None:
        super().__init__(title, hint)
        self.provider = provider
        self.model = model


class KeyMissing(ProviderError):
    """No key was found; the hint names the variable."""


class KeyRefused(ProviderError):
    """The provider does not accept the key (401, or 403 without another reason)."""


class Busy(ProviderError):
    """The provider is busy; `retry_after` is the delay in seconds that it asks for, or None."""

    retryable = True

    def __init__(
        self,
        title: str,
        hint: str = "",
        *,
        provider: str = "",
        model: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(title, hint, provider=provider, model=model)
        self.retry_after = retry_after


class RateLimited(Busy):
    """429: too many requests or tokens at present."""


class QuotaUsedUp(ProviderError):
    """A 429 or 402 that waiting does not solve: no credit, or the quota of the day is used up."""


class Overloaded(Busy):
    """5xx, 529, or an error event inside a 200 stream."""


class Unreachable(ProviderError):
    """DNS, connection or TLS failed, or the connection was lost."""

    retryable = True
    unconnected: bool = False
    """No connection was made at all: nothing listens there, or the host was not found."""


class TooSlow(ProviderError):
    """A time limit was exceeded: for connecting, to the first token, or between tokens."""

    retryable = True


class Rejected(ProviderError):
    """The provider refuses the request as it is (400, 404, 413, 422)."""


class ContextTooLong(Rejected):
    """The request does not fit into the context window; sizes are in tokens, 0 if unknown."""

    def __init__(
        self,
        title: str,
        hint: str = "",
        *,
        provider: str = "",
        model: str = "",
        prompt_tokens: int = 0,
        window: int = 0,
    ) -> None:
        super().__init__(title, hint, provider=provider, model=model)
        self.prompt_tokens = prompt_tokens
        self.window = window


class ToolsRefused(Rejected):
    """The model, or its server, cannot use tools."""


class Garbled(ProviderError):
    """The reply does not follow the dialect, or has no proper end."""

    retryable = True


class EmptyAnswer(ProviderError):
    """The answer ended normally without text: it is empty, or only thinking or a tool call."""

    retryable = True


class NoModel(ChatTuiError):
    """No model is configured or found, or all are in cooldown; the hint says what to do."""


class NotCapable(NoModel):
    """The request needs what no model that may be chosen can do, such as tools."""


class AllFailed(ChatTuiError):
    """All attempts failed; `tries` contains the reason of each."""

    def __init__(self, title: str, hint: str = "", *, tries: Sequence[ChatTuiError] = ()) -> None:
        super().__init__(title, hint)
        self.tries = tuple(tries)


class LocalModelError(ProviderError):
    """A local model cannot run: no wheel for this machine, a wrong hash, a crashed child process."""


class WeightsMissing(LocalModelError):
    """The weights of the built-in model are not downloaded yet."""


class ToolFailed(ChatTuiError):
    """A tool could not be run: its server cannot start, is gone, or took too long."""


class HistoryError(ChatTuiError):
    """The store of conversations cannot do what was requested."""


class ConversationNotFound(HistoryError):
    """No conversation has this id."""


class SchemaTooNew(HistoryError):
    """The store was written by a newer chat-tui."""


class StoreBusy(HistoryError):
    """Another process has locked the store for too long."""


class StoreDamaged(HistoryError):
    """SQLite reports that the store's file is damaged."""
