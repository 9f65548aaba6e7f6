"""What a user is promised of adaptive answers on the screen: the quick one at once, the detailed one in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chat_tui.config.schema import Adaptive, Config
from chat_tui.core.chunks import Chunk, Timings, Token
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Scripted
from chat_tui.tui.chat.screen import command_palette
from tests.doubles.scripted_chat import DEEP, FAST, ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate

AWAY = [Fault(Rejected("It is away.", "Ask another."))]
SHORT = ["In ", "short: ", "**yes**."]
ON = Config(adaptive=Adaptive(enabled=True), fallback=False)


class TwoScripts(Scripted):
    """Plays one script for the quick answer and one for the detailed, which waits until the test lets it `go`."""

    def __init__(self, quick: Script, detailed: Script) -> None:
        super().__init__(detailed)
        self.quick = Scripted(quick)
        self.go = asyncio.Event()

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        detailed = request.max_tokens is None
        if detailed:
            await self.go.wait()
        bursts = super().stream(model, request) if detailed else self.quick.stream(model, request)
        async for burst in bursts:
            yield burst


@asynccontextmanager
async def adaptive_chat(*, file: Path | None = None, size: tuple[int, int] = (120, 36)) -> AsyncIterator[ScriptedChat]:
    """The screen with adaptive answers on; `shelf/fast` is known to be fast, `shelf/deep` to be good."""
    async with scripted_chat(config=ON, file=file, size=size) as chat:
        health = chat.engine._router.health
        for model, seconds in ((DEEP, 5.0), (FAST, 0.1)):
            for _ in range(5):
                health.note_answer(model.name, Timings(seconds, seconds * 2, 10 / seconds), "")
        yield chat


def play(chat: ScriptedChat, quick: Script, detailed: Script) -> asyncio.Event:
    """Play these from now on; the event lets the detailed one go."""
    chat.provider = scripts = TwoScripts(quick, detailed)
    return scripts.go


async def test_the_quick_answer_is_there_at_once_and_the_detailed_one_takes_its_place() -> None:
    async with adaptive_chat() as chat:
        go = play(chat, SHORT, ["All ", "of it."])
        await chat.ask("Why?")
        await chat.shows("quick answer · shelf/fast", "In short: yes.", "detailed answer:")
        assert chat.chat.transcript.viewport.copy_text() == "In short: **yes**."
        go.set()
        await chat.answered()
        await chat.shows("All of it.", "▸ quick answer · shelf/fast · Tab T shows it", "● done")
        assert "In short" not in chat.shown()
        assert "quick answer after" in chat.shown(chat.screen.stats)
        await chat.pilot.press("tab", "T")
        await chat.shows("All of it.", "▾ quick answer · shelf/fast", "In short: yes.")
        await chat.pilot.press("T")
        await chat.until(lambda: "In short" not in chat.shown())
        assert chat.chat.transcript.viewport.copy_text() == "All of it."


async def test_what_is_read_does_not_move_when_the_detailed_answer_takes_its_place() -> None:
    # So high that the question stays in sight above the most rows that may be left empty under fast text.
    async with adaptive_chat(size=(80, 26)) as chat:
        play(chat, SHORT, [f"line {number}\n\n" for number in range(30)]).set()
        await chat.ask("Long?")
        await chat.answered()
        go = play(chat, ["one\n\n", "two\n\n", "three\n\n", "four"], ["All of it.", Pause(60)])
        await chat.ask("Why?")
        await chat.shows("Why?", "four", "detailed answer: ")
        before = _rows(chat)
        go.set()
        await chat.shows("All of it.", "▸ quick answer")
        above = _row_of(before, "Why?") + 1
        assert _rows(chat)[:above] == before[:above]
        await chat.pilot.press("escape")


async def test_thinking_is_folded_away_while_the_quick_answer_stands() -> None:
    thinking = [Token("Hm, ", "thinking"), Token("let me see.", "thinking")]
    async with adaptive_chat() as chat:
        gate = Gate()
        go = play(chat, SHORT, [*thinking, gate, "All of it."])
        await chat.ask("Why?")
        await chat.shows("In short: yes.")
        go.set()
        await chat.shows("thinking · 15 characters", "In short: yes.", "detailed answer: thinking")
        assert "let me see" not in chat.shown()
        gate.open()
        await chat.answered()
        await chat.shows("All of it.", "▸ quick answer", "thought for")


async def test_where_the_quick_answer_fails_the_detailed_one_stands() -> None:
    async with adaptive_chat() as chat:
        play(chat, AWAY, ["All of it."]).set()
        await chat.ask("Why?")
        await chat.answered()
        await chat.shows("All of it.", "shelf/deep")
        assert "quick answer" not in chat.shown(chat.chat.transcript)


async def test_where_the_detailed_answer_fails_the_quick_one_stands_and_says_why() -> None:
    async with adaptive_chat() as chat:
        go = play(chat, SHORT, AWAY)
        await chat.ask("Why?")
        await chat.shows("In short: yes.")
        go.set()
        await chat.answered()
        await chat.shows("quick answer only · It is away.", "In short: yes.")
        assert "shelf/fast" in chat.shown(chat.chat.transcript)


async def test_a_cancel_keeps_the_quick_answer_with_its_badge() -> None:
    async with adaptive_chat() as chat:
        play(chat, SHORT, ["never"])
        await chat.ask("Why?")
        await chat.shows("In short: yes.")
        await chat.pilot.press("escape")
        await chat.answered()
        await chat.shows("In short: yes.", "stopped", "quick answer only")


async def test_the_fold_is_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with adaptive_chat(file=file) as chat:
        go = play(chat, SHORT, ["All of it."])
        await chat.ask("Why?")
        await chat.shows("In short: yes.")
        go.set()
        await chat.answered()
        conversation_id = chat.chat.session.conversation_id
    async with scripted_chat(file=file) as chat:
        await chat.chat.open(conversation_id or "")
        await chat.shows("All of it.", "▸ quick answer · shelf/fast")
        await chat.pilot.click(chat.chat.transcript, offset=(4, _row_of(_rows(chat), "▸ quick answer")))
        await chat.shows("▾ quick answer", "In short: yes.")


def _rows(chat: ScriptedChat) -> list[str]:
    return chat.shown(chat.chat.transcript).split("\n")


def _row_of(rows: Sequence[str], text: str) -> int:
    return next(row for row, line in enumerate(rows) if text in line)


async def test_adaptive_answers_are_switched_by_command_key_and_palette_and_left_by_a_strategy() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/adaptive on")
        await chat.until(lambda: "adaptive" in chat.shown(chat.screen.picker))
        assert chat.screen.models.settings() == Request(strategy="quality-first", adaptive=True, uses_memory=True)
        await chat.ask("/adaptive off")
        await chat.until(lambda: "balanced" in chat.shown(chat.screen.picker))
        chat.screen.models.toggle_adaptive()
        await chat.until(lambda: "adaptive" in chat.shown(chat.screen.picker))
        await chat.pilot.press("ctrl+t")
        await chat.until(lambda: "balanced" in chat.shown(chat.screen.picker))
        assert chat.screen.models.settings() == Request(strategy="balanced", uses_memory=True)
        await chat.ask("/adaptive")
        await chat.until(lambda: chat.screen.models.adaptive)
        await chat.ask("/strategy balanced")
        await chat.until(lambda: not chat.screen.models.adaptive)
        await chat.ask("/adaptive perhaps")
        await chat.until(lambda: "neither on nor off" in chat.notices())
        commands = [choice.name for choice in command_palette.choices(chat.screen)]
        assert any("Adaptive answers" in title for title in commands)


async def test_a_fixed_model_gives_the_detailed_answer() -> None:
    async with adaptive_chat() as chat:
        chat.screen.models.choose("shelf/deep", chat.screen.models.strategy)
        assert chat.screen.models.settings().model == "shelf/deep"
        await chat.until(lambda: "adaptive (fixed" in chat.shown(chat.screen.picker))


async def test_the_price_of_both_is_shown_before_they_are_asked() -> None:
    async with adaptive_chat() as chat:
        chat.chat.prompt.insert("Why?")
        await chat.until(lambda: "for both answers" in str(chat.chat.prompt.border_subtitle))
        chat.screen.models.toggle_adaptive()
        await chat.until(lambda: "both" not in str(chat.chat.prompt.border_subtitle))
        assert "$" in str(chat.chat.prompt.border_subtitle)
