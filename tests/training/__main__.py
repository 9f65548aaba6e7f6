"""Fits `difficulty.bin` anew: `python -m tests.training`. Needs the `training` extra, and nothing from a network."""

from __future__ import annotations

import sys
import time

from tests.training.own_prompts import own_rows
from tests.training.public_rows import FILE, read
from tests.training.table import TABLE, fitted, table_bytes


def main() -> None:
    """Fit and write."""
    begun = time.perf_counter()
    data = table_bytes(fitted([read(FILE.read_bytes()), own_rows()]))
    TABLE.write_bytes(data)
    sys.stdout.write(f"{TABLE.name}: {len(data)} bytes, {time.perf_counter() - begun:.1f} s\n")


if __name__ == "__main__":
    main()
