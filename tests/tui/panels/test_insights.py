"""What a user is promised of the insights below the figures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from chat_tui.config.schema import Config, Display
from chat_tui.core.chunks import Insights, Sentiment
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.panels.insights import insights_lines
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.panels_app import EVIL

GOOD = ["The ", "mountain ", "is ", "good, ", "and ", "the ", "mountain ", "is ", "the ", "best. "]
ON = Config(display=Display(insights=True))
SAID = Insights(Sentiment(12, 3, 195, 0.35), (("healthcare", 12), ("model", 3)), 1234, 210, 63.0, {"loud": {"!": 4}})


def fold(chat: ScriptedChat) -> str:
    return chat.shown(chat.screen.panels.insights) if chat.screen.panels.insights is not None else ""


async def test_they_are_brought_up_to_date_every_ten_tokens_and_at_the_end() -> None:
    async with scripted_chat([*GOOD, "It ", "is ", "terrible.", Pause(60)], config=ON, size=(120, 40)) as chat:
        await chat.until(lambda: "Insights" in fold(chat))
        assert "–" in fold(chat)
        await chat.ask("how is it?")
        await chat.until(lambda: "positive +0.85" in fold(chat))
        await chat.shows("is terrible.")
        told = {"mountain 2", "Positive · negative 2 · 0", "Neutral 8", "Words 10", "Reading time 3 s"}
        await chat.until(lambda: told <= {" ".join(row.split()) for row in fold(chat).splitlines()})
        await chat.pilot.press("escape")
        await chat.answered()
        await chat.until(lambda: "2 · 1" in fold(chat))
        assert "Words 13" in " ".join(fold(chat).split())


async def test_a_command_and_a_key_fold_them_and_it_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(GOOD, file=file) as chat:
        assert chat.screen.panels.insights is None
        await chat.ask("how is it?")
        await chat.answered()
        await chat.ask("/insights")
        await chat.until(lambda: "mountain" in fold(chat))
    async with scripted_chat(file=file) as chat:
        await chat.until(lambda: "Insights" in fold(chat))
        chat.chat.transcript.display = True
        chat.chat.transcript.focus()
        await chat.pilot.press("i")
        await chat.until(lambda: chat.screen.panels.insights is None)
        await chat.until(lambda: "Insights" not in chat.shown())
    async with scripted_chat(file=file, config=ON) as chat:
        await chat.pilot.pause()
        assert chat.screen.panels.insights is None


async def test_unfolded_in_the_middle_of_an_answer_they_tell_of_all_of_it() -> None:
    async with scripted_chat([*GOOD, Pause(60)], size=(120, 40)) as chat:
        await chat.ask("how is it?")
        await chat.shows("is the best.")
        await chat.ask("/insights")
        await chat.until(lambda: "positive +0.85" in fold(chat))
        await chat.pilot.press("escape")
        await chat.answered()


async def test_they_follow_the_conversation_in_view() -> None:
    async with scripted_chat(GOOD, ["It is a terrible, awful valley."], config=ON, size=(120, 40)) as chat:
        await chat.ask("how is it?")
        await chat.answered()
        first = chat.chat.session.conversation_id or ""
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: "mountain" not in fold(chat))
        await chat.ask("and now?")
        await chat.until(lambda: "negative -1.00" in fold(chat))
        await chat.answered()
        await chat.chat.open(first)
        await chat.until(lambda: "positive +0.85" in fold(chat))


async def test_folded_they_cost_nothing() -> None:
    before = set(sys.modules)
    async with scripted_chat(GOOD) as chat:
        await chat.ask("how is it?")
        await chat.answered()
        fresh = set(sys.modules) - before
        assert not {"chat_tui.engine.insights", "chat_tui.tui.panels.insights"} & fresh
        assert not [worker for worker in chat.app.workers if worker.group == "insights"]


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_figures_and_prompt_keep_their_place_beside_them(size: tuple[int, int]) -> None:
    async with scripted_chat(GOOD, size=size) as chat:
        await chat.ask("/insights")
        await chat.ask("how is it?")
        await chat.answered()
        await chat.until(lambda: "mountain" in fold(chat))
        await chat.shows("Insights", "Sentiment", "positive +0.85", "how is it?")
        assert chat.chat.prompt.region.bottom <= size[1]
        if size[0] >= 80:
            await chat.shows("Tokens in", "Tokens out")


async def test_a_terminal_that_becomes_narrow_folds_them_and_nothing_is_computed() -> None:
    async with scripted_chat(GOOD, config=ON) as chat:
        await chat.until(lambda: "Insights" in fold(chat))
        await chat.pilot.resize_terminal(60, 20)
        await chat.until(lambda: "Insights" not in chat.shown())
        await chat.ask("how is it?")
        await chat.answered()
        assert chat.screen.panels.insights is not None
        assert chat.screen.panels.insights.insights == Insights()
        await chat.pilot.resize_terminal(120, 36)
        await chat.until(lambda: "positive +0.85" in fold(chat))


@pytest.mark.parametrize("width", [4, 12, 28, 58])
@pytest.mark.parametrize("tall", [True, False])
def test_every_line_fits(width: int, tall: bool) -> None:
    evil = Insights(
        Sentiment(10**9, 10**9, 10**9, -1), ((EVIL, 10**9),) * 5, 10**12, 10**12, 1e9, {"日本": {"x" * 40: 1}}
    )
    for insights in (Insights(), SAID, evil):
        lines = insights_lines(insights, width, tall=tall)
        assert all(sum(cell_len(span.text) for span in line) <= width for line in lines)
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text_of(lines).replace("\n", ""))


@pytest.mark.parametrize(("width", "tall"), [(28, True), (28, False), (58, False)])
def test_the_rows_stay_where_they_are(width: int, tall: bool) -> None:
    without = Insights(SAID.sentiment, SAID.keywords, SAID.characters, SAID.words, SAID.reading_seconds)
    assert len(insights_lines(without, width, tall=tall)) == len(insights_lines(Insights(), width, tall=tall))
    assert len(insights_lines(SAID, width, tall=tall)) == len(insights_lines(without, width, tall=tall)) + 1
