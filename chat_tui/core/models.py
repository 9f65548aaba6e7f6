"""Providers and models as rows of data."""

from __future__ import annotations

import msgspec

LOCAL_MODEL = "local/smollm2-135m"
"""The built-in model."""
SCRIPTED_MODEL = "scripted/demo"
"""Plays a script; never chosen by a strategy."""
DIALECTS = ("openai", "anthropic", "gemini", "ollama")
"""How servers can be spoken to."""


class Provider(msgspec.Struct, frozen=True):
    """Where to speak: an address, a key, a dialect."""

    name: str
    dialect: str = "openai"
    base_url: str = ""
    """Up to where the dialect's own paths begin, such as `http://host:8000/v1`."""
    api_key_env: str = ""
    """The environment variable that holds the key; empty when none is needed."""
    models: tuple[str, ...] = ()
    """Ids without the provider's name; empty: the server is asked."""
    local: bool = False
    """Its models run on this machine: free, and nothing leaves it."""
    base_urls: tuple[str, ...] = ()
    """More than one address of the same models; each request goes to one of them."""
    api_key_cmd: tuple[str, ...] = ()
    """A command whose output is the key."""
    key_optional: bool = False
    """Without a key it is asked without one."""
    headers: dict[str, str] = {}
    """Sent with every request."""
    proxy: str = ""
    """`none`, or an address; empty: what the environment says."""
    verify: bool | str = True
    """False: any certificate will do; a text: the file with the certificates to be trusted."""
    connection_seconds: float | None = None
    """Limit for connecting; None: everybody's."""
    price_in: float | None = None
    """US dollars per million prompt tokens of its models, where nobody says more of one."""
    price_out: float | None = None
    models_url: str = ""
    """Where its list of models is, if not at the dialect's path."""
    exact: bool = False
    """`base_url` is complete though it has no path."""
    is_bearer: bool = False
    """The key is sent as a bearer token, whatever the dialect does with keys."""
    address_source: str = ""
    """The environment variable that `base_url` comes from; empty: the config, or what is known of the provider."""
    price_cached: float | None = None
    price_cache_write: float | None = None

    def __repr__(self) -> str:
        # Without addresses and headers, which may hold credentials.
        return f"Provider({self.name!r})"


class PriceStep(msgspec.Struct, frozen=True, array_like=True):
    """US dollars per million tokens for prompts of more than `above_tokens`; None: as for smaller ones."""

    above_tokens: int
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_cache_write: float | None = None


class Model(msgspec.Struct, frozen=True):
    """Something the router can choose."""

    name: str
    """`provider/model`."""
    context_window: int | None = None
    """Tokens for prompt and reply together; None when not known."""
    price_in: float | None = None
    """US dollars per million prompt tokens; None when not known."""
    price_out: float | None = None
    """US dollars per million completion tokens; None when not known."""
    quality: float | None = None
    """Prior, 0 to 1; None when not known."""
    qualities: dict[str, float] = {}
    """The same by kind of task (`code`, `math`, `writing`, `long`) and by language (`zh`, …), where it is known."""
    images: bool | None = None
    """It takes images; None when not known."""
    thinking: bool | None = None
    """It can think before it answers; None when not known."""
    selectable: bool = True
    """False: only an explicit choice takes it, never a strategy."""
    named: bool = False
    """It is known only because a request has named it: nobody has told that it is there."""
    local: bool = False
    """It runs on this machine."""
    trim_step_tokens: int = 0
    """Context is trimmed in steps of about this size, so that a server's cached prefix survives; 0: as needed."""
    to_be_fetched: bool = False
    """It is not on this machine yet: a strategy asks it when nobody else can answer."""
    guessed: bool = False
    """The prior is a guess from its size or price: nobody has rated its family."""
    server: str = ""
    """The program that serves it, where that is known and matters: `llama.cpp`, `vllm`."""
    asked_window: int | None = None
    """Tokens that the config names for it: a server that makes room on request is asked for them."""
    max_output: int | None = None
    """Tokens that it writes at most, where its server tells."""
    replicas: int = 1
    """Addresses that answer for it."""
    price_cached: float | None = None
    """US dollars per million prompt tokens that the server had cached; None: as `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens that it writes to its cache; None: as `price_in`."""
    price_steps: tuple[PriceStep, ...] = ()
    """Other prices for larger prompts, in rising order."""

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.name.partition("/")[0]

    @property
    def free(self) -> bool:
        """It costs nothing: what runs on this machine may pass requests on to a paid one, and then has a price."""
        if self.local and self.price_in is None and self.price_out is None:
            return True
        return self.price_in == self.price_out == 0

    @property
    def id(self) -> str:
        """The model's id at its provider (it may hold slashes)."""
        return self.name.partition("/")[2]


class ModelStatus(msgspec.Struct, frozen=True):
    """A model as the picker shows it: what it is, and how it fares."""

    model: Model
    ttft_seconds: float | None = None
    """Measured; None when it has not answered yet."""
    tokens_per_second: float | None = None
    """Measured; None when it has not answered yet."""
    state: str = "ready"
    """`ready`, `not fetched`, `rests 12 s`, `no key`, … in words."""
    usable: bool = True
    """False: choosing it now would fail; `state` says why."""


class DownloadProgress(msgspec.Struct, frozen=True):
    """The fetch of what the built-in model needs, as it is now."""

    received_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None
