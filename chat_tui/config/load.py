"""Reads the config file. Errors name the file, the line and the setting; the records are in `schema`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.config.known_providers import known_providers, plug_in_dialects
from chat_tui.config.schema import Config, ProviderRow, ToolRow, Web
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.reading import NotRegularError, TooLargeError, read_regular
from chat_tui.core.models import DIALECTS, LOCAL_MODEL
from chat_tui.core.text.addresses import cleaned_address
from chat_tui.core.text.bounds import MOST_AMOUNT
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.excerpts import shorten

STRICT_TIMEOUTS = {"connection_seconds": 10.0, "token_seconds": 5.0, "stream_seconds": 30.0}
"""The defaults, in seconds, that `profile = "strict"` sets."""
_FORMER_PROFILES = {"seed": "strict"}
"""Names of profiles in configs of earlier versions, and the present names."""
ALIAS_CHARACTERS = 300
"""Characters of another name for a model."""
HOST = r"[\w.-]+|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?"
"""A host name or an IP address."""
ORIGIN = r"https?://[^/\s*?#@]+"
ROOT_PATH = r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+"
"""A path that a reverse proxy serves the app under: without a slash at its end."""
_APP_PATHS = frozenset(("api", "generate", "health", "metrics", "stream", "v1", "ws"))
"""First parts of the app's own paths: a path of the proxy that began with one could not be told from them."""
"""An origin, such as `https://chat.example.com`."""
HEADER_NAME = r"[\w!#$%&'*+.^`|~-]+"
"""The name of an HTTP header in ASCII (RFC 9110)."""
HEADER_VALUE = r"(?:[!-~](?:[ -~\t]*[!-~])?)?"
"""The value of an HTTP header: one line of ASCII without spaces around it."""
TOOL_SERVER_NAME = r"[A-Za-z0-9_-]{1,40}"
"""The name of a tool server; tools are written as `server.tool`, and models see it in names of tools."""
OWN_TOOLS = "chat-tui"
"""The name of the program's own tools, which no tool server may have."""
_OWN_HEADERS = {"content-length", "transfer-encoding"}
"""Headers, in lower case, that are computed for each request."""


_LIMIT_BYTES = 1_000_000
_NAME_CHARACTERS = 300

_ABOVE_0 = (0, math.inf, True)
_FROM_0 = (0, math.inf, False)
_RANGES: dict[str, tuple[float, float, bool]] = {
    "max_price_per_answer": _FROM_0,
    "daily_budget": _FROM_0,
    "request.max_tokens": _ABOVE_0,
    "request.temperature": _FROM_0,
    "request.top_p": (0, 1, False),
    "memory.exchanges": _FROM_0,
    "display.typing_delay_seconds": (0, 10, False),
    "performance.streaming_buffer_size": _ABOVE_0,
    "performance.streaming_batch_size": _ABOVE_0,
    "performance.max_concurrent_streams": _ABOVE_0,
    "timeouts.connection_seconds": _ABOVE_0,
    "timeouts.first_token_seconds": _ABOVE_0,
    "timeouts.working_seconds": _ABOVE_0,
    "timeouts.token_seconds": _ABOVE_0,
    "timeouts.stream_seconds": _ABOVE_0,
    "error_handling.retry_attempts": _ABOVE_0,
    "error_handling.retry_delay_seconds": _FROM_0,
    "error_handling.max_tries": _ABOVE_0,
    "adaptive.first_max_tokens": _ABOVE_0,
    "adaptive.first_temperature": _FROM_0,
    "providers.connection_seconds": _ABOVE_0,
    "providers.first_token_seconds": _ABOVE_0,
    "providers.working_seconds": _ABOVE_0,
    "providers.token_seconds": _ABOVE_0,
    "providers.stream_seconds": _ABOVE_0,
    "providers.retry_attempts": _ABOVE_0,
    "providers.retry_delay_seconds": _FROM_0,
    "providers.max_concurrent_streams": _ABOVE_0,
    "providers.price_in": _FROM_0,
    "providers.price_out": _FROM_0,
    "providers.price_cached": _FROM_0,
    "providers.price_cache_write": _FROM_0,
    "models.context_window": _ABOVE_0,
    "models.price_in": _FROM_0,
    "models.price_out": _FROM_0,
    "models.price_cached": _FROM_0,
    "models.price_cache_write": _FROM_0,
    "models.quality": (0, 1, False),
    "local.context_window": _ABOVE_0,
    "local.threads": _ABOVE_0,
    "local.idle_minutes": _ABOVE_0,
    "web.max_streams": _ABOVE_0,
    "web.requests_per_minute": _ABOVE_0,
    "web.unauthenticated_connections": _ABOVE_0,
    "web.unauthenticated_per_minute": _ABOVE_0,
    "web.max_body_bytes": _ABOVE_0,
    "web.reader_seconds": _ABOVE_0,
    "web.stop_seconds": _FROM_0,
    "web.orphan_seconds": _FROM_0,
    "tools.start_seconds": _ABOVE_0,
    "tools.call_seconds": _ABOVE_0,
    "tools.result_bytes": _ABOVE_0,
    "tool_use.max_calls": _ABOVE_0,
}
"""The minimum and maximum of each number by its key, and whether it must be greater than the minimum."""


def load(file: Path) -> Config:
    """Read the config; a file that does not exist means the defaults. Raises `ConfigError`."""
    raw = read_bytes(file)
    return Config() if raw is None else parse(raw, str(file))


def read_bytes(file: Path) -> bytes | None:
    """Return the content of the config file; None if it does not exist. Raises `ConfigError`."""
    try:
        if str(file) == os.devnull:
            return None
        return read_regular(file, _LIMIT_BYTES)
    except NotRegularError:
        raise ConfigError(f"{file} is not a file.", "Set CHAT_TUI_CONFIG to a TOML file.", file=str(file)) from None
    except TooLargeError:
        raise ConfigError(f"{file} is larger than 1 MB.", "Is it the right file?", file=str(file)) from None
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get("CHAT_TUI_CONFIG"):
            raise ConfigError(
                f"{file} does not exist.",
                "CHAT_TUI_CONFIG names it: create the file, or unset the variable.",
                file=str(file),
            ) from None
        return None
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", "Check its permissions.", file=str(file)
        ) from error


def parse(raw: bytes, file: str) -> Config:
    """Convert the bytes of a TOML file to a config; `file` is named in errors. Raises `ConfigError`."""
    import tomllib

    try:
        table = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8.", "Save it as UTF-8.", file=file) from error
    except tomllib.TOMLDecodeError as error:
        # The parser counts lines, except at the end.
        last = len(raw.decode("utf-8-sig").rstrip().split("\n"))
        said = shorten(str(error)).replace("at end of document", f"at the end, line {last}")
        raise ConfigError(f"{file} is not valid TOML: {said}.", "Fix that line.", file=file) from error
    except (ValueError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else "contains a number that is too long"
        raise ConfigError(f"{file} {why}.", "Is it the right file?", file=file) from error
    try:
        config = msgspec.convert(_with_full_names(with_profile(table)), Config)
    except msgspec.ValidationError as error:
        from chat_tui.config.diagnostics import explain

        raise explain(str(error), table, raw.decode("utf-8-sig"), file, Config) from error
    config = _with_clean_names(config)
    _check(config, file, raw.decode("utf-8-sig"))
    return config


def with_profile(table: dict[str, Any]) -> dict[str, Any]:
    """Return the config's table with the time limits of its `profile`, except those that the table sets itself."""
    timeouts = table.get("timeouts")
    if not isinstance(timeouts, dict) or not isinstance(timeouts.get("profile"), str):
        return table
    profile = _FORMER_PROFILES.get(timeouts["profile"], timeouts["profile"])
    if profile != "strict":
        return table
    return {**table, "timeouts": {**STRICT_TIMEOUTS, **timeouts, "profile": profile}}


def _with_clean_names(config: Config) -> Config:
    """Return the config with names of models and providers that are safe to show."""
    return msgspec.structs.replace(
        config,
        providers=tuple(msgspec.structs.replace(row, name=_clean_name(row.name)) for row in config.providers),
        models=tuple(
            msgspec.structs.replace(row, name=_clean_name(row.name), fallbacks=tuple(map(_clean_name, row.fallbacks)))
            for row in config.models
        ),
        fallbacks=tuple(map(_clean_name, config.fallbacks)),
        model=config.model and _clean_name(config.model),
        titles_model=config.titles_model and _clean_name(config.titles_model),
    )


def _clean_name(name: str) -> str:
    return clean_line(name, _NAME_CHARACTERS)


def _with_full_names(table: dict[str, Any]) -> dict[str, Any]:
    """Return the config's table with `typing_delay` under its full name."""
    display = table.get("display")
    if not isinstance(display, dict) or "typing_delay" not in display:
        return table
    others = {key: value for key, value in display.items() if key != "typing_delay"}
    return {**table, "display": {"typing_delay_seconds": display["typing_delay"], **others}}


def _check(config: Config, file: str, text: str) -> None:
    """Check what the types cannot express. Raises `ConfigError`."""
    for key, value in _numbers(config):
        if not abs(value) <= MOST_AMOUNT:
            raise _wrong(file, text, key, f"must be a number up to {MOST_AMOUNT:g}")
        known = _FROM_0 if key.startswith("strategies.") else (-math.inf, math.inf, False)
        known = (0, 1, False) if key.endswith(".min_success") else known
        least, most, strictly = _RANGES.get(re.sub(r"\[\d+\]", "", key), known)
        if value < least or (strictly and value == least):
            raise _wrong(
                file, text, key, f"must be greater than {least:g}" if strictly else f"must be at least {least:g}"
            )
        if value > most:
            raise _wrong(file, text, key, f"must be at most {most:g}")
    _check_names(config, file, text)


def _numbers(config: Config) -> Iterator[tuple[str, float]]:
    """Yield every number in the config with its key, such as `models[0].quality`."""
    tables: list[tuple[str, msgspec.Struct]] = [("", config)]
    while tables:
        place, table = tables.pop(0)
        for name, value in msgspec.structs.asdict(table).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield place + name, value
            elif isinstance(value, msgspec.Struct):
                tables.append((f"{place}{name.replace('_', '-') if place == 'strategies.' else name}.", value))
            elif isinstance(value, tuple):
                rows = enumerate(value)
                tables += [(f"{place}{name}[{i}].", row) for i, row in rows if isinstance(row, msgspec.Struct)]


def root_path_error(path: str) -> str:
    """Return what is wrong with a path that a reverse proxy is to serve the app under; empty if nothing is."""
    if not path or (re.fullmatch(ROOT_PATH, path) and path.split("/")[1] not in _APP_PATHS):
        return ""
    return "must be a path such as /chat, without a slash at its end, and none of the app's own"


def _check_web(web: Web, file: str, text: str) -> None:
    """Check the hosts, origins and proxies of the web server. Raises `ConfigError`."""
    for origin in web.origins:
        if not re.fullmatch(ORIGIN, origin):
            raise _wrong(
                file, text, "web.origins", "must be written as https://HOST or http://HOST:PORT, without a path"
            )
    for host in web.hosts:
        if not re.fullmatch(HOST, host):
            raise _wrong(file, text, "web.hosts", "must be host names or addresses only, such as chat.example.com")
    for proxy in web.proxies:
        try:
            ip_network(proxy, strict=False)
        except ValueError:
            what = "must be addresses or networks, such as 127.0.0.1 or 10.0.0.0/8"
            raise _wrong(file, text, "web.proxies", what) from None
    if wrong := root_path_error(web.root_path):
        raise _wrong(file, text, "web.root_path", wrong)


def _check_names(config: Config, file: str, text: str) -> None:
    """Check names, addresses and origins. Raises `ConfigError`."""
    names: set[str] = set()
    for index, row in enumerate(config.providers):
        where = f"providers[{index}]"
        if not row.name or "/" in row.name or row.name in {"local", "scripted"}:
            raise _wrong(file, text, f"{where}.name", "must be a name of your own, without a slash")
        if row.name in names:
            raise _wrong(file, text, f"{where}.name", f"`{shorten(row.name, 40)}` is defined twice")
        _check_addresses(row, where, file, text)
        _check_headers(row, where, file, text)
        if row.dialect and row.dialect not in DIALECTS and row.dialect not in (others := plug_in_dialects()):
            raise _wrong(file, text, f"{where}.dialect", f"must be one of {', '.join([*DIALECTS, *others])}")
        names.add(row.name)
    _check_web(config.web, file, text)
    _check_tools(config, file, text)
    _check_aliases(config, file, text)
    rows = [row.name for row in config.models]
    for index, name in enumerate(rows):
        if config.models[index].path and (not name.startswith("local/") or name == LOCAL_MODEL):
            raise _wrong(file, text, f"models[{index}].name", "must be local/NAME because it has a `path`")
        if name in rows[:index]:
            raise _wrong(file, text, f"models[{index}].name", f"`{shorten(name, 60)}` is defined twice")
    named = [
        ("model", config.model),
        ("titles_model", config.titles_model),
        *(("fallbacks", name) for name in config.fallbacks),
    ]
    for index, model_row in enumerate(config.models):
        named += [(f"models[{index}].fallbacks", name) for name in model_row.fallbacks]
    for key, model in [*named, *((f"models[{index}].name", name) for index, name in enumerate(rows))]:
        if model is not None and not all(model.partition("/")[::2]):
            raise _wrong(file, text, key, f"`{shorten(model, 60)}` must be written as provider/model")


def _check_addresses(row: ProviderRow, where: str, file: str, text: str) -> None:
    if row.base_url and row.base_urls:
        raise _wrong(file, text, f"{where}.base_urls", "cannot be used together with `base_url`")
    if not row.base_url and not row.base_urls and row.name not in known_providers():
        raise _wrong(
            file,
            text,
            f"{where}.name",
            f"needs a `base_url`: `{shorten(row.name, 40)}` is not a known provider ({', '.join(known_providers())})",
        )
    named = [("base_url", row.base_url), *(("base_urls", url) for url in row.base_urls)]
    for key, url in named:
        if (url or key == "base_urls") and not cleaned_address(url).startswith(("http://", "https://")):
            raise _wrong(file, text, f"{where}.{key}", "must begin with http:// or https://")


def _check_aliases(config: Config, file: str, text: str) -> None:
    """Check the further names of models. Raises `ConfigError`."""
    for alias, meant in config.web.aliases.items():
        if not 0 < len(alias) <= ALIAS_CHARACTERS or not meant or alias == "auto":
            raise _wrong(file, text, "web.aliases", "must give each name, but not auto, a model or strategy")
        if meant in config.web.aliases:
            raise _wrong(file, text, "web.aliases", f"`{shorten(meant, 40)}` is itself an alias")


def _check_tools(config: Config, file: str, text: str) -> None:
    """Check the tool servers. Raises `ConfigError`, which contains no argument, variable or header."""
    names: set[str] = set()
    for index, row in enumerate(config.tools):
        where = f"tools[{index}]"
        if not re.fullmatch(TOOL_SERVER_NAME, row.name) or row.name == OWN_TOOLS:
            what = f"must be letters, digits, `_` and `-`, at most 40, and not `{OWN_TOOLS}`"
            raise _wrong(file, text, f"{where}.name", what)
        if row.name in names:
            raise _wrong(file, text, f"{where}.name", f"`{row.name}` is defined twice")
        names.add(row.name)
        if not row.command.strip() and not row.url.strip():
            raise _wrong(file, text, f"{where}.name", "needs a `command` or a `url`")
        if row.command.strip() and row.url.strip():
            raise _wrong(file, text, f"{where}.url", "cannot be used together with `command`")
        if row.url and not row.url.startswith(("http://", "https://", "$")):
            raise _wrong(file, text, f"{where}.url", "must begin with http:// or https://")
        _check_headers(row, where, file, text)
    for index, pattern in enumerate(config.tool_use.allow):
        if not all(pattern.partition(".")[::2]):
            raise _wrong(file, text, f"tool_use.allow[{index}]", "must be written as `server.tool`")


def _check_headers(row: ProviderRow | ToolRow, where: str, file: str, text: str) -> None:
    """Raise `ConfigError` for headers that HTTP cannot carry; it never contains a value, which may be a key."""
    for name, value in row.headers.items():
        key = f"{where}.headers.{shorten(name, 40)}"
        if not re.fullmatch(HEADER_NAME, name, re.ASCII):
            raise _wrong(file, text, key, "is not a valid header name: use letters, digits and hyphens")
        if name.lower() in _OWN_HEADERS:
            raise _wrong(file, text, key, "cannot be set: it is computed for each request")
        if not re.fullmatch(HEADER_VALUE, value):
            raise _wrong(file, text, key, "must be one line of ASCII characters, without spaces around it")


def _wrong(file: str, text: str, key: str, what: str) -> ConfigError:
    from chat_tui.config.diagnostics import line_of

    line = line_of(text, key)
    place = f"{file}, line {line}" if line else file
    return ConfigError(f"{place}: `{key}` {what}.", "Fix it and start again.", file=file, key=key)
