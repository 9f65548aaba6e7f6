"""Checks a value against a schema in a process of its own, since a regular expression may take all time there is.

Run as `python -m chat_tui.core.answers.schema_worker`, with a `CheckedValue` as JSON on stdin; writes what is wrong as
a JSON string to stdout.
"""

from __future__ import annotations

import sys

import msgspec

from chat_tui.core.answers.schemas import CheckedValue, mismatch
from chat_tui.core.processes.resource_limits import limit_resources

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 60


def main() -> int:
    """Read the value and its schema, check them, and write the result."""
    limit_resources(MEMORY_BYTES, CPU_SECONDS)
    checked = msgspec.json.decode(sys.stdin.buffer.read(), type=CheckedValue)
    sys.stdout.buffer.write(msgspec.json.encode(mismatch(checked.value, checked.schema)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
