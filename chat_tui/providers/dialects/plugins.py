"""Dialects of other packages: entry points of the group `chat_tui.dialects`, found when a config names one.

This is the border to code that is not ours: whatever it raises becomes an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ParamSpec, TypeVar

import msgspec

from chat_tui.config.known_providers import DIALECT_PLUG_INS
from chat_tui.core.chunks import Chunk
from chat_tui.core.errors import ConfigError, Garbled, ProviderError, Rejected
from chat_tui.core.models import DIALECTS, Model
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.dialects.dialect import Call, Dialect, Reading
from chat_tui.providers.dialects.model_list import ListedModel, Row, no_more
from chat_tui.providers.dialects.model_probe import ModelProbe, keep_model, nothing

P = ParamSpec("P")
T = TypeVar("T")


@cache
def plug_in(name: str) -> Dialect:
    """Return the dialect of this name from its package. Raises `ConfigError`."""
    from importlib.metadata import entry_points

    shown = shorten(name, 60)
    point = next(iter(entry_points(group=DIALECT_PLUG_INS, name=name)), None)
    if point is None:
        raise ConfigError(
            f"Unknown dialect: `{shown}`.",
            f"Known: {', '.join(DIALECTS)}, and those of installed plug-ins.",
            key="dialect",
        )
    hint = f"Fix or remove the package that provides it ({shorten(point.value, 80)})."
    try:
        made = point.load()()
    except Exception as error:
        why = shorten(f"{type(error).__name__}: {error}", 200).rstrip(".")
        raise ConfigError(f"The dialect `{shown}` cannot be loaded: {why}.", hint, key="dialect") from error
    if not isinstance(made, Dialect):
        raise ConfigError(
            f"The dialect `{shown}` cannot be used: its function returns no `Dialect`.", hint, key="dialect"
        )
    return guard(made)


def guard(own: Dialect) -> Dialect:
    """Wrap a plug-in dialect, so that an answer ends properly even if it fails."""
    name = shorten(own.name, 60)

    def encode(request: Request, model: Model, quirks: frozenset[str]) -> Call:
        try:
            return own.encode(request, model, quirks)
        except Exception as error:
            raise Rejected(
                f"The dialect `{name}` cannot build the request: {type(error).__name__}.", "Choose another model."
            ) from error

    def reading() -> Reading:
        try:
            return _Guarded(own.reading(), name)
        except Exception as error:
            raise _unreadable_reply(name, error) from error

    rows, told = own.model_list, own.look_up
    return msgspec.structs.replace(
        own,
        encode=encode,
        reading=reading,
        headers=_else(own.headers, _no_headers),
        quirk=_else(own.quirk, _no_quirk),
        model_list=msgspec.structs.replace(rows, read=_else(rows.read, _no_row), more=_else(rows.more, no_more)),
        look_up=ModelProbe(_else(told.questions, nothing), _else(told.learned, keep_model)),
    )


def _else(own: Callable[P, T], otherwise: Callable[P, T]) -> Callable[P, T]:
    """Wrap a plug-in's function; if it fails, the result is that of `otherwise`."""

    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return own(*arguments, **named)
        except Exception:  # noqa: BLE001
            return otherwise(*arguments, **named)

    return called


def _no_headers(key: str) -> Mapping[str, str]:
    return {}


def _no_quirk(status: int, text: str) -> str | None:
    return None


def _no_row(row: Row) -> ListedModel | None:
    return None


def _unreadable_reply(name: str, error: Exception) -> Garbled:
    return Garbled(f"The dialect `{name}` cannot read the reply: {type(error).__name__}.", "Choose another model.")


class _Guarded:
    """Reads one reply by a plug-in."""

    def __init__(self, own: Reading, name: str) -> None:
        self._own, self._name = own, name

    @property
    def finished(self) -> bool:
        return bool(self._of(lambda: self._own.finished))

    def feed(self, data: bytes, name: str) -> Sequence[Chunk]:
        return self._of(self._own.feed, data, name)

    def whole(self, body: bytes) -> Sequence[Chunk]:
        return self._of(self._own.whole, body)

    def held(self) -> Sequence[Chunk]:
        return self._of(self._own.held)

    def close(self) -> Sequence[Chunk]:
        return self._of(self._own.close)

    def _of(self, reads: Callable[..., T], *arguments: Any) -> T:
        try:
            return reads(*arguments)
        except ProviderError:
            raise
        except Exception as error:
            raise _unreadable_reply(self._name, error) from error
