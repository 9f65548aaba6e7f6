"""A fake engine with fixed times and figures, for pictures that are the same on every machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk, Token
from chat_tui.core.context import Context
from chat_tui.core.conversation import Conversation, ConversationSummary, Turn
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.models import Model, ModelStatus
from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.memory import Memory
from chat_tui.engine.engine import Engine
from chat_tui.tui.app import ChatApp

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
MODEL = "local/smollm2-135m"
QUESTION = "How do I read a file line by line in Python?"
ANSWER = """A file object is its own **iterator**, so a `for` loop is all it takes:

```python
from pathlib import Path

def lines(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as text:
        return [line.strip() for line in text]
```

* The `with` block closes the file, *always*.
* Nothing is read before it is needed:

| way | memory |
|---|---|
| `for line in text` | one line |
| `text.readlines()` | the whole file |

For very long lines, read in pie"""
STREAMING = StreamStats(
    model=MODEL,
    strategy="balanced",
    phase="answering",
    phase_seconds=5.7,
    ttft_seconds=0.31,
    gap_p50_seconds=0.023,
    gap_p95_seconds=0.058,
    tries=1,
    rate=41.3,
    rate_estimated=True,
    sparkline=(9.0, 21.0, 30.0, 38.0, 44.0, 33.0, 41.0, 43.0, 27.0, 36.0, 42.0, 41.0),
    prompt_tokens=412,
    completion_tokens=231,
    prompt_estimated=True,
    completion_estimated=True,
    context_tokens=643,
    context_window=2048,
    duration_seconds=6.0,
)
TITLES = (
    QUESTION,
    "What is a monad?",
    "Wörter, die es nur im Deutschen gibt",
    "Name three capitals of Europe",
    "Les plus longs fleuves d'Europe",
    "Write a haiku about the sea",
)


class FakeAnswer:
    """A running answer that has received `ANSWER` and waits."""

    def __init__(self) -> None:
        self.conversation_id = "c0"
        self.ended = self.paused = False
        self.round = self.next = None
        self.saved = asyncio.Event()
        self.question = Turn("user", QUESTION, id="q", created=NOW)
        self.turn = Turn("assistant", "", id="a", created=NOW, model=MODEL, strategy="balanced", state="streaming")
        self.text, self.thinking = ANSWER, ""

    def __len__(self) -> int:
        return 1

    async def follow(self, start: int = 0) -> AsyncIterator[Chunk]:
        for chunk in [Token(ANSWER)][start:]:
            yield chunk
        await asyncio.Event().wait()

    def figures(self) -> StreamStats:
        return STREAMING

    async def cancel(self) -> None:
        pass


class FakeDeletion:
    """Nothing was deleted."""

    async def count(self, *, private: bool = True) -> int:
        return 0


class FakeConversations:
    """The conversations that the screen lists; `listed` is their number."""

    def __init__(self, listed: int) -> None:
        ages = (timedelta(minutes=0), timedelta(hours=3), timedelta(days=1), timedelta(days=9), timedelta(days=12))
        self._summaries = [
            ConversationSummary(f"c{place}", title, NOW, NOW - ages[min(place, 4)], 2, MODEL)
            for place, title in enumerate(TITLES[:listed])
        ]
        self.deletion = FakeDeletion()

    def is_private(self, conversation_id: str | None) -> bool:
        return False

    async def summaries(self, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        return self._summaries

    async def conversation(self, conversation_id: str) -> Conversation:
        return Conversation(conversation_id, QUESTION)


class FakeToolLoop:
    """No tool call runs."""

    def conversations(self, *, asking: bool = False) -> frozenset[str]:
        return frozenset()

    def calling(self) -> Sequence[Answer]:
        return ()

    def answers(self, conversation_id: str) -> Sequence[Answer]:
        return ()

    async def prepare(self, conversation: object, settings: object) -> None:
        pass


class FakeDrafts:
    """No unsent text."""

    async def prompts(self) -> list[str]:
        return []

    async def load(self, conversation_id: str | None) -> str:
        return ""

    async def save(self, conversation_id: str | None, text: str) -> None:
        pass


class FakePlaces:
    """Nothing was stored."""

    async def get(self, key: str) -> str:
        return ""

    async def set(self, key: str, value: str) -> None:
        pass


class FakeModels:
    """The models of an engine as the screen needs them."""

    def first_choice(self, strategy: str) -> str:
        return ""

    def status(self) -> Sequence[ModelStatus]:
        return [ModelStatus(Model(MODEL, 2048, 0.0, 0.0, 0.1, local=True), 0.31, 41.0)]

    def in_use(self) -> Sequence[Model]:
        return [each.model for each in self.status()]

    def strategies(self) -> Sequence[str]:
        return ("balanced",)

    def needs_download(self, model: str | None, strategy: str) -> bool:
        return False

    async def use(self, model: str) -> None:
        pass

    async def discover(self) -> None:
        pass

    async def warm(self, model: str | None = None, strategy: str | None = None) -> None:
        pass


class FakeEstimates:
    """What the screen asks of an engine's estimates."""

    async def estimate(self, *_: object, **__: object) -> Context:
        return Context((), 12, model=MODEL, price=0.0)


class FakeEngine:
    """An engine as the screen needs it; `listed` is the number of saved conversations."""

    def __init__(self, listed: int) -> None:
        self.config = Config()
        self.weights = SimpleNamespace(ready=True, fetching=None)
        self.conversations = FakeConversations(listed)
        self.drafts = FakeDrafts()
        self.places = FakePlaces()
        self.tools = FakeToolLoop()
        self.memory = Memory()
        self.models = FakeModels()
        self.estimates = FakeEstimates()
        self.titles = SimpleNamespace(offer=lambda: "")
        self._running: list[Answer] = []

    async def spending(self, conversation_id: str | None) -> Spending:
        return Spending(0.0 if conversation_id else None, 0.0)

    async def prepare(self) -> None:
        pass

    def running(self, conversation_id: str | None = None) -> Sequence[Answer]:
        return self._running

    async def ask(self, *_: object, **__: object) -> Answer:
        self._running = [cast("Answer", FakeAnswer())]
        return self._running[0]

    async def close(self) -> None:
        pass


def pictured_app(*, listed: int = len(TITLES), theme: str = "dusk") -> ChatApp:
    """The app with a fake engine."""

    async def open_engine(tell: Callable[[ChatTuiError], None]) -> Engine:
        return cast("Engine", FakeEngine(listed))

    return ChatApp(Config(theme=theme), open_engine, clock=lambda: NOW)
