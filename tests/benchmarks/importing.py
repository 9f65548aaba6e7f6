"""The import of a ChatGPT export: turns a second, memory, and how long another process's writes wait meanwhile.

Run alone: `python -m tests.benchmarks.importing [--chats 400]`; each has 50 turns, about 1.6 KB an answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chat_tui.core.conversation import Conversation
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.importer import import_file
from tests.benchmarks.figures import say
from tests.benchmarks.history import COMMON, SYLLABLES

TURNS = 50

IMPORT = f"""
import asyncio, resource, sys
from pathlib import Path
from {Store.__module__} import Store
from {import_file.__module__} import import_file

async def main(kept, file):
    store = await Store.open(Path(kept))
    report = await import_file(store, Path(file), lambda _: None)
    await store.close()
    print(report.turns, report.seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

asyncio.run(main(*sys.argv[1:]))
"""


def write_export(file: Path, chats: int) -> None:
    """A file as ChatGPT's export has it."""
    chance = random.Random(1)

    def text(words: int) -> str:
        return " ".join(
            chance.choice(COMMON) if chance.random() < 0.8 else "".join(chance.choices(SYLLABLES, k=3))
            for _ in range(words)
        )

    with file.open("w") as out:
        out.write("[")
        for chat in range(chats):
            nodes = {}
            for number in range(TURNS):
                role = ("user", "assistant")[number % 2]
                content = {"content_type": "text", "parts": [text(30 if role == "user" else 320)]}
                message = {"author": {"role": role}, "create_time": 1.7e9 + chat * 1000 + number, "content": content}
                nodes[str(number)] = {"parent": str(number - 1) if number else None, "message": message}
            record = {"id": str(chat), "title": f"Chat {chat}", "mapping": nodes, "current_node": str(TURNS - 1)}
            out.write(("," if chat else "") + json.dumps(record))
        out.write("]")


async def measure(folder: Path, chats: int) -> None:
    """Import in a process of its own, and write beside it."""
    file, kept = folder / "conversations.json", folder / "history.db"
    await asyncio.to_thread(write_export, file, chats)
    store = await Store.open(kept)
    await store.write(writes.add_conversation, Conversation("beside"))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPORT, str(kept), str(file), stdout=subprocess.PIPE
    )
    waits: list[float] = []
    while child.returncode is None:
        begun = time.monotonic()
        await store.write(writes.save_draft, "beside", str(begun))
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(0.05)
    assert child.stdout is not None
    turns, seconds, kilobytes = map(float, (await child.stdout.read()).split())
    await store.close()
    waits.sort()
    size = os.stat(file).st_size / 1e6
    say(f"{turns:,.0f} turns of {size:.0f} MB in {seconds:.1f} s: {turns / seconds:,.0f} turns/s")
    say(f"memory at most {kilobytes / 1024:.0f} MB; this process {_own_megabytes():.0f} MB")
    say(
        f"{len(waits)} writes beside it: p50 {waits[len(waits) // 2] * 1e3:.1f} ms, "
        f"p99 {waits[int(len(waits) * 0.99)] * 1e3:.1f} ms, at most {waits[-1] * 1e3:.1f} ms"
    )


def _own_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chats", type=int, default=400)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.parse_args().chats))


if __name__ == "__main__":
    main()
