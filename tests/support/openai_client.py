"""OpenAI's own client, which takes as long to import as a hundred tests: it is imported when a test first uses it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openai
else:

    class _ModuleInUse:
        def __getattr__(self, name: str) -> Any:
            # The classes of the client. pytest asks what it finds in a file of tests for other names.
            if not name[0].isupper():
                raise AttributeError(name)
            return getattr(importlib.import_module("openai"), name)

    openai = _ModuleInUse()

__all__ = ["openai"]
