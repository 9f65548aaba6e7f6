"""The rows of the config: `[[providers]]` and `[[models]]`."""

from __future__ import annotations

import msgspec


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `[[providers]]`; a known name needs nothing else."""

    name: str
    """A known provider's, or one of your own; models are named behind it."""
    base_url: str = ""
    """Its address. Default: from the environment (`OPENAI_BASE_URL`, `OLLAMA_HOST`, …), else the known provider's."""
    dialect: str = ""
    """Empty: the known provider's, else `openai`."""
    api_key_env: str = ""
    """The variable with the key."""
    models: tuple[str, ...] = ()
    """Ids at the provider; empty: its server is asked."""
    base_urls: tuple[str, ...] = ()
    """Several addresses of the same models, in place of `base_url`."""
    api_key_cmd: str | tuple[str, ...] = ""
    """The command that writes the key to its stdout; a text is split into words as a shell would."""
    api_key: str = ""
    """The key itself: better kept elsewhere, and told so."""
    headers: dict[str, str] = {}
    """Sent with every request."""
    proxy: str = ""
    """`none`, or an address; empty: what the environment says."""
    verify: bool | str = True
    """False: any certificate will do; a text: the file with the certificates to be trusted."""
    connection_seconds: float | None = None
    """Overrides `[timeouts]`, like the next four."""
    first_token_seconds: float | None = None
    """From the question to the first token."""
    working_seconds: float | None = None
    """To the first token while the server shows that it is working, and for a reply that is not streamed."""
    token_seconds: float | None = None
    """Silence between tokens."""
    stream_seconds: float | None = None
    """For the whole answer."""
    retry_attempts: int | None = None
    """In place of that of `[error_handling]`, as the next two."""
    retry_delay_seconds: float | None = None
    """Before the second try."""
    exponential_backoff: bool | None = None
    """Each wait may be twice the one before."""
    max_concurrent_streams: int | None = None
    """In place of that of `[performance]`."""
    price_in: float | None = None
    """US dollars per million prompt tokens, for all of its models that say nothing else."""
    price_out: float | None = None
    """US dollars per million completion tokens, likewise."""
    price_cached: float | None = None
    """US dollars per million prompt tokens read from the provider's cache; unset: as `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens written to its cache; unset: as `price_in`."""

    def __repr__(self) -> str:
        # Without the key and the headers, which may hold one.
        return f"ProviderRow({self.name!r})"


class ModelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of `[[models]]`: facts of a model that nobody tells."""

    name: str
    """`provider/model`; `local/NAME` for one of your own with `path`."""
    context_window: int | None = None
    """Tokens; an Ollama server is asked to make room for so many."""
    price_in: float | None = None
    """US dollars per million prompt tokens."""
    price_out: float | None = None
    """US dollars per million completion tokens."""
    quality: float | None = None
    """0 to 1."""
    path: str = ""
    """A GGUF file to be run on this machine; the name begins with `local/` then."""
    fallbacks: tuple[str, ...] = ()
    """Models to try, in this order, when this one fails; in place of the config's own `fallbacks`."""
    images: bool | None = None
    """It takes images."""
    price_cached: float | None = None
    """US dollars per million prompt tokens read from the provider's cache; unset: as `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens written to its cache; unset: as `price_in`."""
