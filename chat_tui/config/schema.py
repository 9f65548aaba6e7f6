"""The records of `config.toml`. The text under each field is its line in `docs/settings.md` and `chat-tui settings`."""

from __future__ import annotations

from typing import Literal

import msgspec

from chat_tui.core.request import Thinking

DEFAULT_SYSTEM_PROMPT = (
    "You are a helpful AI assistant. Maintain context from the conversation history and provide thoughtful responses."
)


class RequestDefaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[request]`: defaults for every request. The provider decides what is unset."""

    max_tokens: int | None = None
    """Maximum length of an answer in tokens."""
    temperature: float | None = None
    """0 = deterministic; higher = more varied."""
    top_p: float | None = None
    """Nucleus sampling, 0 to 1: only the most likely tokens with this total probability are considered."""
    stop: tuple[str, ...] = ()
    """Texts at which an answer stops."""
    seed: int | None = None
    """Sampling seed, for repeatable answers where supported."""
    thinking: Thinking | None = None
    """Reasoning effort, if the model supports it."""
    prompt_cache: bool = True
    """Mark the system prompt, and a conversation that continues, for the provider's prompt cache where that must be
    requested (Anthropic). Cached tokens cost about a tenth."""


class ContextSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[memory]`: what is sent with a question besides it. `docs/memory.md` says more."""

    enabled: bool = True
    """Send what you have asked to remember (`/remember`), and the notes of a folder that you have allowed. `/set memory
    off` does without them in one conversation."""

    exchanges: int | None = None
    """Maximum number of previous exchanges (a question and its answer). Unset: as many as fit into the context
    window."""


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[display]`: how the screen looks and behaves."""

    insights: bool = False
    """Show sentiment, keywords and reading time of answers, also with `ask`."""
    motion: bool = True
    """Allow blinking and smooth scrolling."""
    typing_delay_seconds: float = 0.0
    """Pause after each token on the screen and in `ask` on a terminal, for demonstrations; it does not slow down the
    model. Can also be written `typing_delay`."""
    links: bool = True
    """Make links in answers clickable where the terminal supports it (OSC 8)."""
    bell: bool = True
    """Ring the terminal's bell when an answer that took more than 10 seconds ends while you
    are not looking: the terminal is not in focus, or another conversation is open. Where the terminal can show
    notices on the desktop (OSC 9, OSC 777), one is shown, too."""


class Performance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[performance]`: how answers are streamed."""

    enable_streaming: bool = True
    """Show answers while they are generated; `false`: show each answer when it is complete."""
    streaming_buffer_size: int = 8192
    """Bytes of an answer that are buffered for a slow reader before the model has to wait."""
    streaming_batch_size: int = 4
    """Number of tokens that are shown together; the rest follows with the next frame."""
    max_concurrent_streams: int = 3
    """Maximum number of concurrent answers from one provider; others wait in a queue."""


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[timeouts]`: time limits in seconds. A setting without a default has no limit until it is set."""

    connection_seconds: float | None = 10.0
    """Time to connect."""
    first_token_seconds: float | None = 120.0
    """Time to the first token."""
    working_seconds: float | None = 600.0
    """Time to the first token if the server shows that it is working (by keep-alives or empty chunks), and time for a
    whole answer that is not streamed."""
    token_seconds: float | None = 60.0
    """Time between two tokens; keep-alives do not count as tokens."""
    stream_seconds: float | None = None
    """Time for the whole answer."""
    profile: Literal["", "strict"] = ""
    """`strict` changes the defaults to 10 s to connect, 5 s between tokens and 30 s for the whole answer."""


class ErrorHandling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[error_handling]`: how failed requests are retried."""

    retry_attempts: int = 3
    """Maximum number of attempts with one model, including the first."""
    retry_delay_seconds: float = 1.0
    """Delay before the second attempt; a delay that the server asks for takes precedence."""
    exponential_backoff: bool = True
    """Double the maximum delay after each attempt."""
    max_tries: int = 8
    """Maximum number of attempts with all models together."""


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[strategies.NAME]`: what a good answer is worth to this strategy, and how good a model must be. What is unset
    keeps the strategy's own value."""

    good_answer_dollars: float | None = None
    """US dollars that a good answer is worth: a lower value makes the price count more."""
    good_answer_seconds: float | None = None
    """Seconds that a good answer is worth: a lower value makes the time count more."""
    min_success: float | None = None
    """Probability of a good answer (0 to 1) below which a model is used only if there is no better one."""
    quality: float | None = None
    """Former weight of quality: a higher value makes price and time count less."""
    speed: float | None = None
    """Former weight of speed: a higher value makes time count more."""
    cost: float | None = None
    """Former weight of the price: a higher value makes the price count more."""
    load: float | None = None
    """Former weight of running answers; without effect."""
    fit: float | None = None
    """Former weight of suitability; without effect."""
    learned: float | None = None
    """Former weight of outcomes; without effect."""


class Strategies(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """`[strategies.NAME]`: the settings of each strategy."""

    quality_first: StrategySettings = StrategySettings()
    cost_optimized: StrategySettings = StrategySettings()
    speed_priority: StrategySettings = StrategySettings()
    balanced: StrategySettings = StrategySettings()
    round_robin: StrategySettings = StrategySettings()
    least_loaded: StrategySettings = StrategySettings()
    capability_match: StrategySettings = StrategySettings()
    learned: StrategySettings = StrategySettings()


class Adaptive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[adaptive]`: a short answer by a fast model, which is replaced by a detailed answer from the best model."""

    enabled: bool = False
    """Start the screen with adaptive answers switched on; `/adaptive` toggles them."""
    first_strategy: str = "speed-priority"
    """Strategy that chooses the fast model."""
    first_max_tokens: int = 50
    """Maximum length of the quick answer in tokens."""
    first_temperature: float = 0.5
    """Temperature of the quick answer: 0 = deterministic; higher = more varied."""
    second_strategy: str = "quality-first"
    """Strategy that chooses the best model if you have not chosen one."""
    instruction: str = "Give a detailed and comprehensive answer."
    """Text that is added to the question for the detailed answer."""


class LocalModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[local]`: the built-in model, and other models that run on this machine."""

    weights: str = ""
    """GGUF file to use instead of the downloaded weights."""
    context_window: int = 2048
    """Context window of the built-in model in tokens. Reading a prompt takes about 13 ms per token on two cores."""
    threads: int | None = None
    """Number of threads. Unset: the number of cores."""
    idle_minutes: float | None = 10.0
    """Unload a model that has not been used for this many minutes, to free its memory."""


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[web]`: access to `chat-tui serve`, and its limits."""

    token: str = ""
    """Token that every request must carry. Unset: a random one at each start. The variable `CHAT_TUI_TOKEN` takes
    precedence."""
    hosts: tuple[str, ...] = ()
    """Host names by which the server may be addressed in addition to loopback, such as the name of a reverse proxy."""
    origins: tuple[str, ...] = ()
    """Origins whose pages may send requests, such as `https://chat.example.com`."""
    proxies: tuple[str, ...] = ()
    """Addresses or networks of reverse proxies, such as `127.0.0.1`, whose `X-Forwarded-For`, `X-Forwarded-Proto` and
    `X-Forwarded-Prefix` are believed."""
    root_path: str = ""
    """Path under which a reverse proxy serves the page and the APIs, as in `root_path = "/chat"`."""
    aliases: dict[str, str] = {}
    """Further names that clients may use as `model`, each with the model or strategy that it stands for, such as
    `{ "gpt-4o" = "balanced" }`."""
    max_streams: int = 1024
    """Maximum number of concurrent answers for one client."""
    requests_per_minute: int = 6000
    """Maximum number of requests of one client per minute, in bursts of up to the same number."""
    unauthenticated_connections: int = 100
    """Maximum number of connections of one client that have not shown the token; further ones are closed after 2
    seconds."""
    unauthenticated_per_minute: int = 600
    """Maximum number of requests of one client per minute that have no token. After a twentieth of it with wrong
    tokens, the client is slowed down."""
    max_body_bytes: int = 20 * 1024 * 1024
    """Maximum size of a request in bytes. Uploaded files have limits of their own."""
    access_log: bool = True
    """Write one line to stderr for each request, without its content."""
    reader_seconds: float = 600.0
    """Disconnect a client that has read nothing of its answer for this long (Linux only)."""
    stop_seconds: float = 10.0
    """Time that running answers are given to finish when the server is stopped."""
    orphan_seconds: float = 600.0
    """Time that an answer of the web page runs on while no page is open; then it is cancelled and saved. 0: at once."""


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[providers]]`: one table for each provider. A known provider needs only its `name`."""

    name: str
    """Name of a known provider, or a name of your own. Models are written as `name/model`."""
    base_url: str = ""
    """Address of the API. Default: from the environment (`OPENAI_BASE_URL`, `OLLAMA_HOST`, …), or the known
    provider's."""
    dialect: str = ""
    """Protocol that the server speaks. Default: the known provider's, or `openai`."""
    api_key_env: str = ""
    """Environment variable that contains the API key."""
    models: tuple[str, ...] = ()
    """Ids of the models at the provider. Default: the server's own list."""
    base_urls: tuple[str, ...] = ()
    """Several addresses that serve the same models, instead of `base_url`."""
    api_key_cmd: str | tuple[str, ...] = ""
    """Command that prints the API key. A string is split into words as in a shell."""
    api_key: str = ""
    """The API key itself. Not recommended: use the keyring, a variable or a command."""
    headers: dict[str, str] = {}
    """HTTP headers that are sent with every request."""
    proxy: str = ""
    """Address of a proxy, or `none`. Default: from the environment."""
    verify: bool | str = True
    """`false` accepts any TLS certificate; a string is the file with the certificates to trust."""
    connection_seconds: float | None = None
    """Time to connect. This and the next four override `[timeouts]`."""
    first_token_seconds: float | None = None
    """Time to the first token."""
    working_seconds: float | None = None
    """Time to the first token if the server shows that it is working, and time for a whole answer that is not
    streamed."""
    token_seconds: float | None = None
    """Time between two tokens."""
    stream_seconds: float | None = None
    """Time for the whole answer."""
    retry_attempts: int | None = None
    """Maximum number of attempts with one model. This and the next two override `[error_handling]`."""
    retry_delay_seconds: float | None = None
    """Delay before the second attempt."""
    exponential_backoff: bool | None = None
    """Double the maximum delay after each attempt."""
    max_concurrent_streams: int | None = None
    """Maximum number of concurrent answers. Overrides `[performance]`."""
    price_in: float | None = None
    """US dollars per million prompt tokens, for all models that have no price of their own."""
    price_out: float | None = None
    """US dollars per million completion tokens, for all models that have no price of their own."""
    price_cached: float | None = None
    """US dollars per million prompt tokens that are read from the provider's cache. Default: `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens that are written to the provider's cache. Default: `price_in`."""

    def __repr__(self) -> str:
        # Without the key and the headers, which may contain one.
        return f"ProviderRow({self.name!r})"


class ModelRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[models]]`: one table for each model whose properties you want to set or correct."""

    name: str
    """The model as `provider/model`, or `local/NAME` for a GGUF file of your own with `path`."""
    context_window: int | None = None
    """Context window in tokens. An Ollama server is asked to provide a window of this size."""
    price_in: float | None = None
    """US dollars per million prompt tokens."""
    price_out: float | None = None
    """US dollars per million completion tokens."""
    quality: float | None = None
    """Share of prompts of average difficulty that the model answers well, 0 to 1: about 0.97 for the best models of
    2026, 0.85 for a good one of 70B, 0.7 for one of 8B."""
    path: str = ""
    """GGUF file to run on this machine; `name` must begin with `local/`."""
    fallbacks: tuple[str, ...] = ()
    """Models to try, in this order, when this one fails, instead of the general `fallbacks`."""
    images: bool | None = None
    """Whether the model accepts images."""
    tools: bool | None = None
    """Whether the model can use tools."""
    schemas: bool | None = None
    """Whether the model's server can hold an answer to a JSON Schema."""
    price_cached: float | None = None
    """US dollars per million prompt tokens that are read from the provider's cache. Default: `price_in`."""
    price_cache_write: float | None = None
    """US dollars per million prompt tokens that are written to the provider's cache. Default: `price_in`."""


class ToolRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[tools]]`: one table for each tool server (Model Context Protocol). `$NAME` and `${NAME}` in `command`, `args`,
    `env`, `url` and `headers` are replaced by the environment variable. `docs/tools.md` has examples."""

    name: str
    """A name of your own: letters, digits, `_` and `-`, at most 40."""
    command: str = ""
    """Program that is the server, such as `npx`; it is started when a question needs it."""
    args: tuple[str, ...] = ()
    """Arguments of the program."""
    env: dict[str, str] = {}
    """Environment variables of the program, such as `API_KEY = "$API_KEY"`. Of your own variables it is given only a
    few that hold no keys, such as `PATH` and `HOME`."""
    cwd: str = ""
    """Folder in which the program starts. Default: your home folder."""
    url: str = ""
    """Address of a server that is reached over HTTP, instead of `command`."""
    headers: dict[str, str] = {}
    """HTTP headers for that server, such as `Authorization = "Bearer $TOKEN"`."""
    enabled: bool = True
    """`false` keeps the table but does not offer the server."""
    disabled_tools: tuple[str, ...] = ()
    """Tools of the server that are not offered to models."""
    start_seconds: float = 30.0
    """Time for the server to start and to list its tools."""
    call_seconds: float = 60.0
    """Time for one call of a tool."""
    result_bytes: int = 200_000
    """Maximum size of the text of a result; the rest is cut off."""

    def __repr__(self) -> str:
        # Without its arguments, variables and headers, which may contain a key.
        return f"ToolRow({self.name!r})"


class ToolLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[tool_use]`: how models may use tools, and what chat-tui's own tools may read."""

    max_calls: int = 10
    """Maximum number of tool calls for one question."""
    allow: tuple[str, ...] = ()
    """Tools that run without a person's consent in `chat-tui batch`, and when a program asks the web server, each as
    `server.tool`, where `*` stands for any characters. Both still have to name them. Unset: none. A person on the web
    page, or in the terminal, is asked about each call."""
    folders: tuple[str, ...] = ()
    """Folders that the tools `read_file` and `list_files` may read. They read no hidden files, no files that usually
    hold keys, and nothing outside these folders. Unset: these two tools are not offered."""
    fetch_page: bool = True
    """Offer the tool `fetch_page`, which reads web pages, but none of this machine or of a private network."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `config.toml`; every field has a default."""

    strategy: str = "balanced"
    """How models are chosen. `docs/routing.md` describes the strategies."""
    model: str | None = None
    """Always use this model, written as `provider/model`."""
    theme: str = "dusk"
    """Colour theme of the screen; `auto` is dark or light, as the terminal's background is."""
    system_prompt: str = DEFAULT_SYSTEM_PROMPT
    """System prompt of conversations that have none of their own."""
    fallback: bool = True
    """Try other models when the first one fails."""
    fallbacks: tuple[str, ...] = ()
    """Models to try, in this order, when the first one fails. If you have chosen a model, only these are tried."""
    on_break: Literal["keep", "continue"] = "keep"
    """When the connection is lost during an answer, keep what has arrived, or also continue the answer."""
    max_price_per_answer: float | None = None
    """Maximum price of an answer in US dollars; models that would cost more are not used."""
    daily_budget: float | None = None
    """Maximum cost of a day in US dollars; when little is left, only cheaper and free models are used."""
    titles: Literal["question", "model"] = "question"
    """Where titles of conversations come from: the first words of the question, or a free model in the background."""
    titles_model: str | None = None
    """Model that writes the titles, as `provider/model`; it may cost something. Default: a free model."""
    mouse: bool = True
    """Use the mouse; `false` leaves it to the terminal."""
    discovered: Literal["ask", "use", "ignore"] = "ask"
    """What to do with hosted providers whose API key is found, and with local servers whose owner is unknown: offer
    them, use them, or ignore them."""
    request: RequestDefaults = RequestDefaults()
    memory: ContextSettings = ContextSettings()
    display: Display = Display()
    performance: Performance = Performance()
    timeouts: Timeouts = Timeouts()
    error_handling: ErrorHandling = ErrorHandling()
    adaptive: Adaptive = Adaptive()
    strategies: Strategies = Strategies()
    local: LocalModel = LocalModel()
    web: Web = Web()
    tool_use: ToolLimits = ToolLimits()
    keys: dict[str, str] = {}
    """Keys of the screen, each as `id = "key"`, such as `"answer.cancel" = "escape"`. `docs/keys.md` lists the ids."""
    providers: tuple[ProviderRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    tools: tuple[ToolRow, ...] = ()
