"""Downloads a model from Hugging Face in a process of its own, so that it can be stopped at any time.

Run as `python -m chat_tui.local.hub.pull_worker NAME FOLDER`. Writes lines of JSON: `{"received", "total"}` while it
downloads, at the end `{"file", "source"}`, or `{"title", "hint"}` of an error; the exit code is 1 after an error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from chat_tui.core.errors import LocalModelError
from chat_tui.local.hub.huggingface import pull

_SECONDS = 0.2
"""The least time between two lines of progress that are less than `_BYTES` apart."""
_BYTES = 10_000_000


def main(arguments: list[str]) -> int:
    """Download; returns the exit code."""
    name, folder = arguments
    told_at, told_bytes = 0.0, 0

    def report(received: int, total: int) -> None:
        nonlocal told_at, told_bytes
        now = time.monotonic()
        if now - told_at >= _SECONDS or received - told_bytes >= _BYTES or received == total:
            told_at, told_bytes = now, received
            _write({"received": received, "total": total})

    try:
        file, source = pull(name, Path(folder), report, endpoint=os.environ.get("HF_ENDPOINT") or None)
    except LocalModelError as error:
        _write({"title": error.title, "hint": error.hint})
        return 1
    _write({"file": str(file), "source": source})
    return 0


def _write(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
