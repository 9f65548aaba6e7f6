"""A context that a server finds too long is cut and sent again, and that has an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ContextTooLong
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Script, Scripted
from tests.support.scripted_router import QUICK, B, Rig, all_of, ask, error_of, events, text_of


@dataclass
class Narrow:
    """Refuses what has more turns than it takes, and notes what it was asked."""

    most: int
    error: Callable[[int], ContextTooLong]
    seen: list[int] = field(default_factory=list)

    def script(self, request: Request) -> Script:
        self.seen.append(len(request.turns))
        if len(request.turns) > self.most:
            return [Fault(self.error(len(request.turns)))]
        return ["ok"]


class Judged(Scripted):
    def __init__(self, narrow: Narrow) -> None:
        super().__init__()
        self._narrow = narrow

    def _script(self, request: Request) -> Script:
        return self._narrow.script(request)


def long_talk(exchanges: int) -> tuple[Turn, ...]:
    roles = ["user", "assistant"] * exchanges
    talk = (Turn(role, f"{number} " + "word " * 40) for number, role in enumerate(roles))  # type: ignore[arg-type]
    return (Turn("system", "Be kind."), *talk)


@pytest.mark.parametrize("window", [None, 2000])
@pytest.mark.parametrize("told", [0, 1200])
async def test_a_context_that_is_too_long_for_the_server_is_cut_and_sent_again(window: int | None, told: int) -> None:
    narrow = Narrow(12, lambda turns: ContextTooLong("Too long.", prompt_tokens=turns * 60, window=told))
    router = Rig(a=Judged(narrow)).router(Model("one/a", context_window=window), handling=QUICK)
    chunks = await all_of(router.process_stream(ask(turns=long_talk(12))))
    assert text_of(chunks) == "ok"
    assert narrow.seen == sorted(narrow.seen, reverse=True)
    assert "trimmed" in events(chunks)
    assert router.health.vitals("one/a").failures_in_a_row == 0


async def test_one_question_that_is_too_long_is_sent_and_the_server_decides() -> None:
    narrow = Narrow(0, lambda _: ContextTooLong("Too long."))
    rig = Rig(a=Judged(narrow), b=["larger"])
    small = Model("one/a", context_window=50, quality=1.0)
    alone = await all_of(rig.router(small).process_stream(ask(prompt="word " * 500)))
    assert error_of(alone) == "ContextTooLong"
    assert narrow.seen == [1]
    told = next(chunk for chunk in alone if isinstance(chunk, Metadata) and chunk.event == "trimmed")
    assert "do not fit the context window of 50" in told.reason
    chunks = await all_of(rig.router(small, B).process_stream(ask(prompt="word " * 500)))
    assert text_of(chunks) == "larger"


async def test_cutting_has_an_end() -> None:
    narrow = Narrow(0, lambda _: ContextTooLong("Too long."))
    router = Rig(a=Judged(narrow)).router(Model("one/a", context_window=100_000))
    chunks = await all_of(router.process_stream(ask(turns=long_talk(30))))
    assert error_of(chunks) == "ContextTooLong"
    assert len(narrow.seen) <= 5
