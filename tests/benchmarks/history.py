"""Search and start over a history of 10, 10,000 and 1,000,000 turns, and how much the file grows with each.

Run alone (`python -m tests.benchmarks.history [--folder F] [--sizes 10,10000]`): it prints its own table. The stores
are made by the store's own writes, kept in the folder and used again. Texts are words with the frequencies of a
language, code, Chinese and Japanese, about 1.6 KB a turn, with a few words in each that no other turn has.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.history import opening
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.queries import reads, writes
from chat_tui.history.search import index
from chat_tui.history.store import Store
from tests.benchmarks.figures import say

SIZES = (10, 10_000, 1_000_000)
_COMMON = """
    the of and to a in is it you that he was for on are with as i his they be at one have this from or had by hot but
    some what there we can out other were all your when up use word how said an each she which do their time if will
"""
_SYLLABLES = """
    ba co de fi gu ha je ki lo mu ne po qua re si ta ul vo wi xe yo za tion ment ing er st pre con dis
"""
COMMON, SYLLABLES = _COMMON.split(), _SYLLABLES.split()
CJK = "的一是不了人我在有他这为之大来以个中上们天气很好公园散步日本語東京今日は世界サーバー接続を確認する"
MODELS = (
    "openai/gpt-5-mini",
    "anthropic/claude-sonnet",
    "ollama/llama3",
    "local/smollm2-135m",
    "openrouter/deepseek-r1",
)
TURNS_A_CONVERSATION = 50
BEGINNING = datetime(2023, 1, 1, tzinfo=UTC)


class Texts:
    """Texts by chance, the same each time."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        words = dict.fromkeys(COMMON)
        while len(words) < 60_000:
            words["".join(self.chance.choices(SYLLABLES, k=self.chance.choice((1, 2, 2, 3, 3, 4))))] = None
        self.words = list(words)
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        self._sentences = [self._sentence() for _ in range(60_000)]
        self._code = [self._code_line() for _ in range(20_000)]
        self._cjk = ["".join(self.chance.choices(CJK, k=24)) + "。" for _ in range(5_000)]

    def some(self, count: int) -> list[str]:
        """Words as often as they are used."""
        return self.chance.choices(self.words, cum_weights=self._weights, k=count)

    def _sentence(self) -> str:
        words = self.some(self.chance.randint(6, 24))
        return " ".join(words).capitalize() + self.chance.choice(".....?!:,")

    def _code_line(self) -> str:
        first, second, third = (word.lower() for word in self.some(3))
        return self.chance.choice(
            (
                f"    {first}_{second} = self.{third}.get_{first}({second})",
                f"def parse_{first}_{second}({third}: str) -> int:",
                f"const {first}{second.capitalize()} = await this.{third}->fetch('/src/{first}/{second}.py');",
                f"    std::{first}<{second}> {third}{first.capitalize()}{second.capitalize()};",
            )
        )

    def adjacent_words(self) -> set[tuple[str, str]]:
        """Words that follow each other in a sentence."""
        return {pair for sentence in self._sentences for pair in pairwise(re.findall(r"\w+", sentence.lower()))}

    def text(self, number: int) -> str:
        """A short question for even numbers, a long answer for odd ones."""
        chance = self.chance
        parts = chance.choices(self._sentences, k=4 if number % 2 == 0 else chance.randint(10, 36))
        if chance.random() < 0.3:
            parts.append("\n```python\n" + "\n".join(chance.choices(self._code, k=12)) + "\n```\n")
        if chance.random() < 0.05:
            parts += chance.choices(self._cjk, k=12)
        parts.append(f"ref {chance.getrandbits(40):x} v{number % 997}.{number}")
        return " ".join(parts)


def conversations(texts: Texts, size: int) -> Iterator[Conversation]:
    """Conversations of so many turns together, at even distances of time up to 2026."""
    step = timedelta(days=1200) / size
    for first in range(0, size, TURNS_A_CONVERSATION):
        turns: list[Turn] = []
        for number in range(first, min(first + TURNS_A_CONVERSATION, size)):
            answer = number % 2 == 1
            turns.append(
                Turn(
                    "assistant" if answer else "user",
                    texts.text(number),
                    id=f"{number:021x}",
                    parent=turns[-1].id if turns else None,
                    created=BEGINNING + step * number,
                    model=texts.chance.choice(MODELS) if answer else "",
                )
            )
        yield Conversation(f"c{first:020x}", f"Talk {first}", path=tuple(turns), created=turns[0].created)


def filled(folder: Path, size: int) -> Path:
    """The store of this size, made when it is not there, with all that belongs into its index."""
    file = folder / f"turns-{size}" / "history.db"
    made = file if file.exists() else file.with_name("half.db")
    if made != file:
        made.parent.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
    begun = time.perf_counter()
    owner = ProcessLock(opening.owners_folder(made))
    db, _ = opening.writer(made, owner, opening.StoreSettings())
    with closing(db):
        if made != file:
            db.execute("PRAGMA cache_size = -400000")
            batch: list[Conversation] = []
            for conversation in conversations(Texts(), size):
                batch.append(conversation)
                if len(batch) == 40:
                    _write(db, batch)
            _write(db, batch)
            say(f"{size:,} turns written in {time.perf_counter() - begun:.0f} s")
        begun = time.perf_counter()
        steps = 0
        while _catches_up(db):
            steps += 1
        if steps:
            say(f"caught up in {time.perf_counter() - begun:.0f} s, {steps:,} steps")
        _plant(db, old_phrases(Texts()))
    owner.release()
    if made != file:
        made.rename(file)
    return file


def _write(db: StoreConnection, batch: list[Conversation]) -> None:
    with transaction(db):
        for conversation in batch:
            writes.add_conversation(db, conversation)
    batch.clear()


def _catches_up(db: StoreConnection) -> bool:
    with transaction(db):
        return index.catch_up(db)


def _plant(db: StoreConnection, phrases: list[str]) -> None:
    """Into the oldest turn."""
    id, text = db.execute("SELECT id, text FROM turn ORDER BY key LIMIT 1").fetchone()
    planted = f"\n{'; '.join(phrases)}"
    if not text.endswith(planted):
        with transaction(db):
            writes.finish(db, Turn("user", text + planted, id=id), None)


def old_phrases(texts: Texts) -> list[str]:
    """Two, three and four common words that follow each other in no text."""
    chance = random.Random(13)
    known = texts.adjacent_words()
    found: list[str] = []
    for size in (2,) * 8 + (3,) * 8 + (4,) * 4:
        words = chance.sample(COMMON, size)
        while known.issuperset(pairwise(words)):
            words = chance.sample(COMMON, size)
        found.append(" ".join(words))
    return found


def queries(texts: Texts) -> dict[str, list[str]]:
    """What is searched for, by kind."""
    chance = random.Random(11)
    rare, middle = texts.words[20_000:], texts.words[200:3000]
    unknown = [f"zz{chance.getrandbits(30):x}" for _ in range(20)]
    sentences = [texts.text(2 * number).split() for number in range(20)]
    old = old_phrases(Texts())
    phrases = ['"' + " ".join(words[3:6]).replace('"', "") + '"' for words in sentences]
    return {
        "common word": COMMON[:20],
        "rare word": chance.sample(rare, 20),
        "two words": [" ".join(chance.sample(middle, 2)) for _ in range(20)],
        "common and rare": [f"{chance.choice(COMMON)} {chance.choice(rare)}" for _ in range(20)],
        "typed: 1 character": list("abcdefghilmnoprstuvw"),
        "typed: 2 characters": [word[:2] for word in chance.sample(middle, 20)],
        "typed: 3 characters": [word[:3] for word in chance.sample(middle, 20)],
        "phrase": phrases,
        "phrase of common words": [f'"{" ".join(chance.sample(COMMON, 3))}"' for _ in range(20)],
        "only in the oldest turn": [f'"{phrase}"' for phrase in old],
        "the same, typed": [f'"{phrase[: phrase.rindex(" ") + 2]}' for phrase in old if phrase.count(" ") > 1],
        "inside of words": [word[1:-1] for word in chance.sample([word for word in rare if len(word) > 6], 20)],
        "code": ["parse_", "std::", "->", "::", "self.", "/src/", "getUser", ".py'", "fetch('", "def parse"] * 2,
        "Chinese, Japanese": [
            *"天气好公园東京本語界",
            "天气",
            "公园",
            "東京",
            "世界",
            "サー",
            "接続",
            "确认",
            "今日は",
            "的一",
            "是不",
        ],
        "filters alone": ["role:user", "model:gpt", "before:2024", "after:2025-06", "role:assistant model:llama"] * 4,
        "word and filters": [f"{word} role:user before:2023-03" for word in chance.sample(middle, 20)],
        "nothing there": unknown,
    }


async def _searches(file: Path, wanted: dict[str, list[str]]) -> dict[str, tuple[list[float], list[float], int]]:
    """For each kind: milliseconds to the first hits, of the first time and of the second, and hits."""
    _forget_pages(file)
    store = await Store.open(file)
    found = {}
    try:
        await store.search("absent")
        for kind, texts in wanted.items():
            times: tuple[list[float], list[float]] = ([], [])
            hits = 0
            for warm in times:
                for text in texts:
                    begun = time.perf_counter()
                    first, count = 0.0, 0
                    async for step in store.search_steps(text):
                        count += len(step.hits)
                        first = first or (time.perf_counter() - begun if count or step.complete else 0.0)
                    hits += count
                    warm.append(first * 1000)
            found[kind] = (*times, hits // 2)
    finally:
        await store.close()
    return found


def _forget_pages(file: Path) -> None:
    """Out of the system's memory, where it has a way."""
    if hasattr(os, "posix_fadvise"):
        with file.open("rb") as handle:
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def _start(file: Path) -> float:
    """Milliseconds to open and list."""
    begun = time.perf_counter()
    store = await Store.open(file)
    await store.read(reads.summaries, limit=200)
    taken = (time.perf_counter() - begun) * 1000
    await store.close()
    return taken


def p95(values: list[float]) -> float:
    """The 95th of a hundred."""
    return sorted(values)[int(len(values) * 0.95)]


def growth(file: Path, size: int) -> tuple[float, float]:
    """Bytes of the file a turn, and its ratio to the texts as UTF-8."""
    with closing(opening.reader(file, opening.StoreSettings())) as db:
        (text,) = db.execute("SELECT sum(length(CAST(text AS BLOB))) FROM turn").fetchone()
    return file.stat().st_size / size, file.stat().st_size / text


def main() -> None:
    """Fill, search, print."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    options.add_argument("--folder", type=Path, help="where the stores are kept; else they are thrown away")
    options.add_argument("--sizes", default=",".join(map(str, SIZES)))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        rows: list[tuple[str, ...]] = []
        for size in map(int, given.sizes.split(",")):
            rows += _rows(given.folder or Path(temporary), size)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _rows(folder: Path, size: int) -> Iterator[tuple[str, ...]]:
    file = filled(folder, size)
    starts = [asyncio.run(_start(file)) for _ in range(5)]
    yield (
        f"{size:,} turns",
        "start: open and list",
        f"{statistics.median(starts):.1f} ms",
        f"first {starts[0]:.1f} ms",
        "",
    )
    each, ratio = growth(file, size)
    yield ("", "file", f"{each:,.0f} bytes a turn", f"{ratio:.2f} times the text", "")
    found = asyncio.run(_searches(file, queries(Texts())))
    cold = [value for first, _, _ in found.values() for value in first]
    warm = [value for _, again, _ in found.values() for value in again]
    for values, name in ((cold, "first time after a cold start"), (warm, "again")):
        yield (
            "",
            f"{len(values)} searches, {name}",
            f"p50 {statistics.median(values):.1f} ms",
            f"p95 {p95(values):.1f} ms",
            f"most {max(values):.0f} ms",
        )
    for kind, (first, again, hits) in found.items():
        yield (
            "",
            f"  {kind}",
            f"p50 {statistics.median(again):.1f} ms",
            f"p95 {p95(again):.1f} ms",
            f"first p95 {p95(first):.0f} ms, {hits} hits",
        )


if __name__ == "__main__":
    main()
