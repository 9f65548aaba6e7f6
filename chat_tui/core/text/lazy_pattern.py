"""Regular expressions that are compiled when they are first used: compiling takes far longer than importing."""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class LazyPattern(Generic[AnyStr]):
    """A pattern that compiles itself when its first attribute is asked for."""

    def __init__(self, source: AnyStr, flags: int = 0) -> None:
        self._source: AnyStr = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Called for what the object does not have yet only; later calls find the compiled pattern's own methods.
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self._source, self._flags)
        for each in _METHODS:
            setattr(self, each, getattr(compiled, each))
        return getattr(compiled, name)


_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split")


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern with the methods of a compiled one, which is compiled by the first of them.

    For patterns that are seldom used, or not before the first question.
    """
    return cast("re.Pattern[AnyStr]", LazyPattern(source, flags))
