"""Every error that people may meet. Each carries a title (what happened) and a hint (what to do next).

    ChatTuiError
    ├── ConfigError, ThemeError, KeymapError, CommandError, ClipboardError, QueryError, AttachmentRefused, PlugInError
    ├── Notice, InternalError
    ├── ProviderError(provider, model; attribute `retryable`)
    │   ├── KeyMissing, KeyRefused, QuotaUsedUp     not retryable
    │   ├── Busy (RateLimited, Overloaded), Unreachable, TooSlow, Garbled, EmptyAnswer      retryable
    │   └── Rejected ── ContextTooLong              not retryable
    ├── NoModel, AllFailed(tries)
    ├── LocalModelError ── WeightsMissing
    └── HistoryError ── ConversationNotFound, SchemaTooNew, StoreBusy, StoreDamaged

A cancel is not an error and a refusal is an ending. Foreign exceptions are mapped once, at the border where they
arise. Keys never stand in an error's text.
"""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.text.control_characters import clean, clean_line

_TITLE_CHARACTERS = 2000


class ChatTuiError(Exception):
    """Anything that went wrong and that a person is told about. What it quotes is cleaned here."""

    def __init__(self, title: str, hint: str = "") -> None:
        self.title = clean_line(title, _TITLE_CHARACTERS)
        self.hint = clean(hint)
        super().__init__(self.title)

    @property
    def kind(self) -> str:
        """The class's name: stable, for `--json` and the store."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.title} {self.hint}".strip()


class Notice(ChatTuiError):
    """Nothing went wrong: something that a person should know."""


class InternalError(ChatTuiError):
    """A fault of chat-tui's own."""


class ConfigError(ChatTuiError):
    """The config file cannot be used; `file` and `key` tell where."""

    def __init__(self, title: str, hint: str = "", *, file: str = "", key: str = "") -> None:
        super().__init__(title, hint)
        self.file = file
        self.key = key


class ThemeError(ChatTuiError):
    """A theme file cannot be used; it is skipped with a notice."""


class KeymapError(ChatTuiError):
    """A row of `[keys]` cannot be used; it is skipped with a notice."""


class CommandError(ChatTuiError):
    """A slash command that is not there or not well formed; nothing was sent."""


class ClipboardError(ChatTuiError):
    """Nothing was copied."""


class QueryError(ChatTuiError):
    """A search that cannot be understood; nothing was searched."""


class AttachmentRefused(ChatTuiError):
    """A file cannot go along with a question; nothing was sent."""


class PlugInError(ChatTuiError):
    """What another package brings cannot be used; it is left out."""


class ProviderError(ChatTuiError):
    """A provider did not give what was asked of it."""

    retryable: bool = False
    """The same request may succeed in a moment; of the class, unless the server says otherwise."""

    def __init__(self, title: str, hint: str = "", *, provider: str = "", model: str = "") -> None:
        super().__init__(title, hint)
        self.provider = provider
        self.model = model


class KeyMissing(ProviderError):
    """No key was found; the hint names the variable."""


class KeyRefused(ProviderError):
    """The provider does not accept the key (401, and 403 where it says no other reason)."""


class Busy(ProviderError):
    """Come back later; `retry_after` is the provider's own wish in seconds, None when it said nothing."""

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
    """429: too many requests or tokens for now."""


class QuotaUsedUp(ProviderError):
    """A 429 or 402 that waiting does not mend: no credit, or the day's quota is gone."""


class Overloaded(Busy):
    """5xx, 529, or an error event inside a 200 stream."""


class Unreachable(ProviderError):
    """DNS, connect, TLS or a broken pipe."""

    retryable = True
    unconnected: bool = False
    """No connection was made at all: nobody listens there, or the host is not found."""


class TooSlow(ProviderError):
    """A time limit ran out: connecting, before the first token, or between tokens."""

    retryable = True


class Rejected(ProviderError):
    """The provider will not take the request as it is (400, 404, 413, 422)."""


class ContextTooLong(Rejected):
    """The request does not fit the model's window; the sizes are in tokens, 0 when not told."""

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


class Garbled(ProviderError):
    """What came was not the dialect, or it ended without its ending."""

    retryable = True


class EmptyAnswer(ProviderError):
    """The answer ended well and holds no text: nothing came, or only thinking, or a call of a tool."""

    retryable = True


class NoModel(ChatTuiError):
    """Nothing is configured or found, or all of it rests; the hint says what to do."""


class AllFailed(ChatTuiError):
    """Every try failed; `tries` holds each one's reason."""

    def __init__(self, title: str, hint: str = "", *, tries: Sequence[ChatTuiError] = ()) -> None:
        super().__init__(title, hint)
        self.tries = tuple(tries)


class LocalModelError(ProviderError):
    """The built-in model cannot run: no wheel for this machine, a wrong hash, the child died."""


class WeightsMissing(LocalModelError):
    """The built-in model's weights are not on this machine yet."""


class HistoryError(ChatTuiError):
    """The store of conversations cannot do what was asked."""


class ConversationNotFound(HistoryError):
    """No conversation has this id."""


class SchemaTooNew(HistoryError):
    """The store was written by a newer chat-tui."""


class StoreBusy(HistoryError):
    """Another process holds the store's lock for too long."""


class StoreDamaged(HistoryError):
    """SQLite says that the store's file is damaged."""
