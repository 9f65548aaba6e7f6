"""Makes `prices.json` anew, of the version of `genai-prices` that is installed: `python -m tests.prices`."""

from __future__ import annotations

import json
import sys
from typing import Any

from chat_tui.providers.catalogue.prices_worker import SNAPSHOT, library_snapshot


def snapshot_text(snapshot: dict[str, dict[str, list[Any]]]) -> str:
    """Return the snapshot as JSON with a line for each model."""
    providers = []
    for provider, models in snapshot.items():
        rows = [f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in sorted(models.items())]
        providers.append(f"{json.dumps(provider)}: {{\n" + ",\n".join(rows) + "\n}")
    return "{\n" + ",\n".join(providers) + "\n}\n"


def main() -> None:
    """Write the file."""
    SNAPSHOT.write_text(snapshot_text(library_snapshot()), "utf-8")
    sys.stdout.write(f"{SNAPSHOT.name}: {SNAPSHOT.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
