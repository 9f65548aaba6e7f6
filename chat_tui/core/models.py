"""Records of providers and models, and of adding them."""

from __future__ import annotations

from typing import Literal

import msgspec

LOCAL_MODEL = "local/smollm2-135m"
"""The built-in model."""
SCRIPTED_MODEL = "scripted/demo"
"""The model that plays a script; strategies never choose it."""
DIALECTS = ("openai", "openai-responses", "anthropic", "gemini", "ollama")
"""The built-in dialects."""


class Provider(msgspec.Struct, frozen=True):
    """A provider: an address, a key and a dialect."""

    name: str
    dialect: str = "openai"
    base_url: str = ""
    """Address without the dialect's own paths, such as `http://host:8000/v1`."""
    api_key_env: str = ""
    """Environment variable with the key; empty if no key is needed."""
    models: tuple[str, ...] = ()
    """Ids without the provider's name; empty: the server's own list."""
    local: bool = False
    """Whether its models run on this machine: they are free, and nothing leaves it."""
    base_urls: tuple[str, ...] = ()
    """Several addresses of the same models; each request goes to one of them."""
    api_key_cmd: tuple[str, ...] = ()
    """Command that prints the key."""
    key_optional: bool = False
    """Whether requests are sent even if there is no key."""
    headers: dict[str, str] = {}
    """HTTP headers that are sent with every request."""
    proxy: str = ""
    """Address of a proxy, or `none`; empty: from the environment."""
    verify: bool | str = True
    """False accepts any TLS certificate; a string is the file with the certificates to trust."""
    connection_seconds: float | None = None
    """Time limit for connecting; None: the general one."""
    price_in: float | None = None
    """US dollars per million prompt tokens, for models that have no price of their own."""
    price_out: float | None = None
    models_url: str = ""
    """Address of its list of models, if it differs from the dialect's."""
    exact: bool = False
    """Whether `base_url` is complete although it has no path."""
    is_bearer: bool = False
    """Whether the key is sent as a bearer token regardless of the dialect."""
    address_source: str = ""
    """Environment variable from which `base_url` comes; empty if it is configured or known."""
    price_cached: float | None = None
    price_cache_write: float | None = None

    def __repr__(self) -> str:
        # Without addresses and headers, which may hold credentials.
        return f"Provider({self.name!r})"


class PriceStep(msgspec.Struct, frozen=True, array_like=True):
    """Prices in US dollars per million tokens for prompts of more than `above_tokens`; None: as for smaller prompts."""

    above_tokens: int
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_cache_write: float | None = None


class Model(msgspec.Struct, frozen=True):
    """A model that the router can choose."""

    name: str
    """`provider/model`."""
    context_window: int | None = None
    """Context window in tokens, for prompt and answer together; None if unknown."""
    price_in: float | None = None
    """US dollars per million prompt tokens; None if unknown."""
    price_out: float | None = None
    """US dollars per million completion tokens; None if unknown."""
    quality: float | None = None
    """Prior quality: the share of prompts of average difficulty (0 on the scale of difficulties, about an item of MMLU
    or MBPP) that it answers well, 0 to 1. `logit(quality)` is its ability, and it answers a prompt of difficulty b well
    with the probability sigmoid(ability - b). None if unknown."""
    qualities: dict[str, float] = {}
    """The same by kind of task (`code`, `math`, `writing`, `long`) and by language (`zh`, …), where it differs."""
    images: bool | None = None
    """Whether it accepts images; None if unknown."""
    thinking: bool | None = None
    """Whether it supports thinking; None if unknown."""
    tools: bool | None = None
    """Whether it can use tools; None if unknown."""
    web_search: bool = False
    """Whether its provider can search the web for it."""
    hosted_tools: Literal["", "anthropic", "openai"] = ""
    """The API whose maker's own tools it has (`HostedTool.api`); empty: none."""
    schemas: bool | None = None
    """Whether its server can enforce a JSON Schema of the answer; None if unknown."""
    logprobs: bool | None = None
    """Whether its server can tell the probabilities of tokens; None if unknown."""
    image_addresses: bool | None = None
    """Whether its server fetches images from web addresses; None if unknown."""
    selectable: bool = True
    """False if strategies never choose it."""
    named: bool = False
    """Known only because a request has named it; it may not exist."""
    local: bool = False
    """Whether it runs on this machine."""
    trim_step_tokens: int = 0
    """Context is trimmed in steps of about this many tokens, to preserve the prefix that the server has cached; 0:
    as needed."""
    to_be_fetched: bool = False
    """Whether it must be downloaded first: strategies then use it only as the last resort."""
    guessed: bool = False
    """Whether the prior is only a guess: by a predecessor, size or price."""
    server: str = ""
    """Program that serves it, if that is known and matters: `llama.cpp`, `vllm`."""
    asked_window: int | None = None
    """Context window from the config, which is requested from servers that can adapt it."""
    max_output: int | None = None
    """Maximum length of an answer in tokens, if the server reports it."""
    replicas: int = 1
    """Number of addresses."""
    price_cached: float | None = None
    """US dollars per million prompt tokens that the server had cached; None: `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens that it writes to its cache; None: `price_in`."""
    price_steps: tuple[PriceStep, ...] = ()
    """Prices for larger prompts, in ascending order."""
    usual_tokens_per_second: float | None = None
    """Of its family at this kind of provider, for as long as nothing has been measured; None if unknown."""
    usual_ttft_seconds: float | None = None
    """Seconds until the answer's first token, likewise; with its thinking, if it thinks before it answers."""
    usual_thinking_tokens: int = 0
    """What it usually writes before an answer, in tokens, if a request does not say how much it is to think. They are
    paid for like the answer."""
    not_for_chat: str = ""
    """What it is for if it is not for chat, such as `makes embeddings`: strategies never choose it."""
    billions: float | None = None
    """Billions of weights, if its server tells; names such as `deepseek-r1:latest` do not."""

    @property
    def provider(self) -> str:
        """The name of the provider."""
        return self.name.partition("/")[0]

    @property
    def free(self) -> bool:
        """Whether it is free. A local server may forward requests to a paid provider, and then has a price."""
        if self.local and self.price_in is None and self.price_out is None:
            return True
        return self.price_in == self.price_out == 0

    @property
    def id(self) -> str:
        """The id of the model at its provider; may contain slashes."""
        return self.name.partition("/")[2]


class ModelStatus(msgspec.Struct, frozen=True):
    """A model as the list of models shows it, with its current state."""

    model: Model
    ttft_seconds: float | None = None
    """Measured; None if it has not answered yet."""
    tokens_per_second: float | None = None
    """Measured; None if it has not answered yet."""
    state: str = "ready"
    """State in words: `ready`, `not fetched`, `cooldown 12 s`, `no key`, …"""
    usable: bool = True
    """False if choosing it now would fail; `state` says why."""


class DownloadProgress(msgspec.Struct, frozen=True):
    """The progress of the download of a local model."""

    received_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None


KeyPlace = Literal["keyring", "file", "session"]
"""Where a key is kept: the system's keyring, a private file of this program, or only the memory of this process."""


class KeySource(msgspec.Struct, frozen=True):
    """Where a provider's key comes from."""

    provider: str
    place: str
    """`session`, `command`, `config`, `$` and the name of a variable, `keyring`, or `file`."""
    key: str = ""
    """Its last characters, if they are known without asking anybody."""


class HostedProvider(msgspec.Struct, frozen=True):
    """A known provider that needs a key."""

    name: str
    title: str
    """Name as its makers write it."""
    key_source: str = ""
    """Where its key comes from, as in `KeySource.place`; empty: there is none."""
    in_use: bool = False
    """Whether strategies may choose its models."""
    key_page: str = ""
    """Page of the provider on which a key is created, without `https://`; empty: unknown."""


class KeyCheck(msgspec.Struct, frozen=True):
    """What a provider said to a key that it did not refuse."""

    models: int
    """Length of its list of models."""
    is_certain: bool = True
    """False: the provider shows this list to everybody, so that only a question can show whether the key is good."""


class ServerCheck(msgspec.Struct, frozen=True):
    """A server that lists its models."""

    name: str
    """Its name as a provider."""
    base_url: str
    dialect: str
    models: int


class LocalOffer(msgspec.Struct, frozen=True):
    """A local model that can be downloaded."""

    name: str
    """The name to download it by, such as `qwen3-4b`."""
    title: str
    source: str
    """`ORG/REPO:FILE` on Hugging Face."""
    download_bytes: int
    memory_bytes: int
    """Memory while it runs, with the usual context window."""
    fits: bool = True
    """Whether this machine has that much memory."""
    model: str = ""
    """Its name as a model once it is on this machine, such as `local/qwen3-4b-q4_k_m`; else empty."""
