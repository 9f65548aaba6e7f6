"""What a user is promised of the chat: asking, streaming, cancelling, coming back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from chat_tui.config.schema import Config, ContextSettings
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.errors import LocalModelError, Overloaded, Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.scripted_provider import Fault, Pause, Script, Scripted
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.fake_backend import FakeWeights
from tests.doubles.scripted_chat import DEEP, scripted_chat
from tests.support.scripted_router import Gate, slowly

HELD: Script = ["Half of ", "an answer", Pause(60)]
LONG = [f"line {number}\n\n" for number in range(200)]


async def test_a_question_is_answered_and_drawn_as_markdown() -> None:
    async with scripted_chat(["# Title\n\n", "some **bold** words"]) as chat:
        await chat.ask("what?")
        await chat.answered()
        await chat.shows("You", "what?", "shelf/", "Title", "some bold words")
        assert "**" not in chat.shown()
        assert not chat.chat.prompt.text


@pytest.mark.parametrize("by", ["key", "signal"])
async def test_quitting_cancels_the_answer_before_all_else(by: str) -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("what?")
        await chat.shows("an answer")
        answer = chat.chat.conversation.answer
        assert answer is not None
        if by == "key":
            await chat.pilot.press("ctrl+q")
        else:
            # As the driver does it.
            chat.app.exit(return_code=143)
        async with asyncio.timeout(20):
            await answer.saved.wait()
    assert (answer.turn.state, answer.turn.text) == ("cancelled", "Half of an answer")


async def test_the_stats_panel_tells_the_figures() -> None:
    async with scripted_chat(["one ", Pause(0.1), "two ", Pause(0.1), "three"]) as chat:
        await chat.ask("count")
        await chat.answered()
        await chat.shows("● done")
        panel = chat.shown(chat.screen.stats)
        for label in ("TTFT", "Tokens/s", "Tokens in", "Tokens out", "Cost", "Context"):
            assert label in panel
        assert "balanced" in chat.shown(chat.screen.picker)
        out = next(line for line in panel.split("\n") if "Tokens out" in line)
        assert out.split()[-1] == "3"


class OneBurst(Scripted):
    """Its whole reply comes with one read."""

    async def stream(self, model: Model, request: Request) -> AsyncGenerator[Sequence[Chunk], None]:
        yield [Token("one "), Token("two "), Token("three"), End(finish_reason="stop")]


async def test_a_reply_in_one_burst_has_no_rate() -> None:
    async with scripted_chat() as chat:
        chat.provider = OneBurst()
        await chat.ask("count")
        await chat.answered()
        await chat.shows("● done")
        assert "Tokens/s" not in chat.shown(chat.screen.stats)


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ([Metadata("connecting"), Pause(60)], "connecting"),
        ([Metadata("waiting"), Pause(60)], "waiting"),
        ([Metadata("loading"), Pause(60)], "loading the model"),
        ([Token("hm", kind="thinking"), Pause(60)], "thinking"),
    ],
)
async def test_before_the_first_token_it_says_what_goes_on_and_for_how_long(steps: list[object], word: str) -> None:
    async with scripted_chat(steps) as chat:  # type: ignore[arg-type]
        await chat.ask("well?")
        # Only one of the two tells the time.
        timed = chat.screen.stats if word == "thinking" else chat.chat.transcript
        await chat.until(lambda: re.search(rf"{word} 0\.[1-9] s", chat.shown(timed)))
        await chat.until(lambda: f"● {word}" in chat.shown(chat.screen.stats))
        assert len(re.findall(rf"{word} 0\.", chat.shown())) == 1
        await chat.pilot.press("escape")
        await chat.answered()


async def test_a_retry_counts_down_and_esc_ends_it() -> None:
    async with scripted_chat([Fault(Overloaded("Busy.", "Try later.", retry_after=4.0))]) as chat:
        await chat.ask("well?")
        await chat.shows("retrying 2/3 in 4 s")
        await chat.pilot.press("escape")
        await chat.answered()
        await chat.shows("stopped")


async def test_esc_keeps_the_part_that_arrived() -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("go")
        await chat.shows("Half of an answer", "Esc stop")
        await chat.pilot.press("escape")
        await chat.shows("stopped", "Half of an answer", "Enter send")
        await chat.pilot.press("escape", "escape")
        await chat.answered()
        turns = (await chat.engine.conversations.conversation(chat.chat.session.conversation_id or "")).path
        assert [(turn.text, turn.state) for turn in turns] == [("go", "complete"), ("Half of an answer", "cancelled")]


async def test_a_cancelled_answer_does_not_spoil_the_next_question() -> None:
    async with scripted_chat(HELD, ["Fine."]) as chat:
        await chat.ask("go")
        await chat.shows("Half of an answer")
        await chat.pilot.press("escape")
        await chat.answered()
        await chat.ask("again")
        await chat.shows("Fine.")
        await chat.answered()
        assert [turn.role for turn in chat.provider.requests[-1].spoken()][-1] == "user"


async def test_esc_before_the_first_chunk_is_not_lost() -> None:
    async with scripted_chat([Pause(60)]) as chat:
        chat.chat.prompt.insert("go")
        await chat.pilot.press("enter", "escape")
        await chat.answered()
        assert chat.chat.transcript.turns[-1].state == "cancelled"


async def test_enter_while_an_answer_runs_queues_the_words_and_says_what_can_be_done() -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("go")
        await chat.shows("Half of")
        await chat.ask("and then?")
        await chat.shows("Queued: and then? · Up takes it back · Tab steers")
        assert chat.chat.prompt.text == ""
        assert len(chat.provider.requests) == 1


async def test_a_failed_answer_tells_why_in_the_transcript() -> None:
    async with scripted_chat([Fault(Rejected("The server said no.", "Ask for less."))]) as chat:
        chat.screen.models.choose("shelf/fast", "balanced")
        await chat.ask("go")
        await chat.answered()
        await chat.until(lambda: "The server said no." in chat.shown(chat.chat.transcript))
        await chat.shows("failed", "Ask for less.")


async def test_a_cut_line_keeps_the_part_as_broken() -> None:
    async with scripted_chat(["Some words", Fault(Overloaded("Connection lost.", "Ask again."))]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.shows("Some words", "connection lost", "Connection lost.")


async def test_an_answer_cut_at_the_limit_says_so() -> None:
    async with scripted_chat(["Some words", End(finish_reason="length", state="length")]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.shows("token limit reached")


async def test_the_model_sees_the_conversation_and_the_screen_says_what_was_left_out() -> None:
    async with scripted_chat(["Yes."], config=Config(memory=ContextSettings(exchanges=1))) as chat:
        for question in ("first", "second", "third"):
            await chat.ask(question)
            await chat.answered()
        said = [turn.text for turn in chat.provider.requests[-1].spoken()]
        assert said[-3:] == ["second", "Yes.", "third"]
        assert "first" not in said
        await chat.shows("1 earlier exchange was not sent")


async def test_typing_goes_on_while_an_answer_streams() -> None:
    async with scripted_chat([*["word "] * 20, Pause(60)]) as chat:
        await chat.ask("go")
        await chat.shows("word word")
        await chat.pilot.press("n", "e", "x", "t")
        assert chat.chat.prompt.text == "next"


async def test_scrolling_back_holds_still_and_a_chip_shows_that_there_is_more() -> None:
    gate = Gate()
    async with scripted_chat([*LONG, gate, *LONG]) as chat:
        await chat.ask("go")
        await chat.shows("line 199")
        await chat.pilot.press("tab", "home")
        await chat.shows("line 0")
        gate.open()
        await chat.shows("line 0", "below · End: jump to latest")
        await chat.answered()
        await chat.shows("line 0")
        await chat.pilot.press("end")
        await chat.until(lambda: not chat.chat.more_below.display)


async def test_nothing_moves_when_an_answer_begins_or_ends() -> None:
    gate = Gate()
    async with scripted_chat(["one ", gate, "two"]) as chat:
        await chat.ask("go")
        await chat.shows("one")
        places = {widget: widget.region for widget in (chat.chat.prompt, chat.chat.transcript, chat.screen.stats)}
        gate.open()
        await chat.answered()
        await chat.pilot.pause(0.05)
        assert {widget: widget.region for widget in places} == places


async def test_the_conversation_comes_back_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(LONG, file=file, size=(145, 36)) as chat:
        await chat.ask("tell me")
        await chat.answered()
        await chat.pilot.press("tab", "home", "pagedown")
        place = chat.chat.transcript.viewport.reading_position
        assert place is not None
    async with scripted_chat(file=file, size=(145, 36)) as chat:
        await chat.shows("tell me", "chat-tui")
        await chat.pilot.press("ctrl+r")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.shows("1 conversation")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.chat.session.conversation_id is not None)
        await chat.until(lambda: chat.chat.transcript.viewport.reading_position == place)


async def test_unsent_words_come_back_with_their_conversation(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(file=file) as chat:
        await chat.ask("first")
        await chat.answered()
        chat.chat.prompt.insert("half a thou")
        async with asyncio.timeout(20):
            while await chat.engine.drafts.load(chat.chat.session.conversation_id) != "half a thou":
                await chat.pilot.pause(0.01)
    async with scripted_chat(file=file) as chat:
        await chat.shows("first", "half a thou")


async def test_each_conversation_has_its_own_unsent_words() -> None:
    async with scripted_chat() as chat:
        await chat.ask("first")
        await chat.answered()
        first = chat.chat.session.conversation_id or ""
        chat.chat.prompt.insert("for the first")
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        assert chat.chat.prompt.text == ""
        chat.chat.prompt.insert("for a new one")
        await chat.chat.open(first)
        assert chat.chat.prompt.text == "for the first"
        await chat.chat.new()
        assert chat.chat.prompt.text == "for a new one"


async def test_leaving_a_conversation_does_not_stop_its_answer() -> None:
    gate = Gate()
    async with scripted_chat(["one ", gate, "two"], size=(145, 36)) as chat:
        await chat.ask("go")
        await chat.shows("one")
        first, answer = chat.chat.session.conversation_id or "", chat.chat.conversation.answer
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None)
        await chat.until(lambda: "●" in chat.shown(chat.screen.history))
        gate.open()
        await chat.until(lambda: answer is not None and answer.ended)
        await chat.until(lambda: "●" not in chat.shown(chat.screen.history))
        await chat.chat.open(first)
        await chat.shows("one two")


async def test_coming_back_to_a_running_answer_follows_it_from_its_beginning() -> None:
    async with scripted_chat(slowly(*(f"w{number} " for number in range(300)), seconds=0.1)) as chat:
        await chat.ask("go")
        await chat.shows("w0")
        first = chat.chat.session.conversation_id or ""
        await chat.chat.new()
        await chat.chat.open(first)
        await chat.shows("w0", "Esc stop")
        there = len(chat.chat.conversation.answer.text.split()) if chat.chat.conversation.answer else 0
        await chat.shows(f"w{there + 1} ")
        await chat.pilot.press("escape")
        await chat.shows("w0 w1", "stopped")


async def test_the_list_names_who_answered_as_soon_as_it_is_saved() -> None:
    async with scripted_chat(size=(145, 36)) as chat:
        await chat.ask("who are you?")
        await chat.answered()
        await chat.until(lambda: "fast" in chat.shown(chat.screen.history) or "deep" in chat.shown(chat.screen.history))


async def test_pause_holds_the_answer_and_goes_on_without_loss() -> None:
    gate = Gate()
    async with scripted_chat(["0 ", gate, *(f"{number} " for number in range(1, 60)), "end"]) as chat:
        await chat.ask("count")
        await chat.until(lambda: chat.chat.conversation.answer is not None and chat.chat.conversation.answer.text)
        await chat.pilot.press("f6")
        await chat.shows("The answer is paused", "F6 resume", "● paused")
        # A page of the web server resumes and pauses it, too.
        answer = chat.chat.conversation.answer
        assert answer is not None
        answer.resume()
        await chat.shows("F6 pause")
        answer.pause()
        await chat.shows("F6 resume", "● paused")
        gate.open()
        await chat.pilot.pause(0.1)
        assert chat.chat.conversation.is_busy
        await chat.pilot.press("f6")
        await chat.answered()
        assert chat.chat.transcript.turns[-1].text == "".join(f"{number} " for number in range(60)) + "end"


async def test_the_fetch_is_seen_and_esc_stops_it_and_it_can_be_asked_for_again() -> None:
    weights = FakeWeights(ready=False)
    async with scripted_chat(weights=weights, size=(120, 30)) as chat:
        await chat.shows("12.3 of 92.9 MB", "5.7 MB/s", "14 s left", "Esc stops")
        await chat.pilot.press("escape")
        await chat.shows("The download was stopped. Use /fetch to start it again.")
        assert weights.stopped == 1
        await chat.ask("/fetch")
        await chat.shows("12.3 of 92.9 MB")
        await chat.pilot.press("escape")
        await chat.shows("The download was stopped")
        await chat.pilot.press("ctrl+o")
        await chat.pilot.press(*"smollm2", "enter")
        await chat.shows("12.3 of 92.9 MB")
        weights.arrive.set()
        await chat.until(lambda: not chat.chat.fetch_line.display)
        assert weights.started == 3


async def test_without_a_network_it_says_so_and_what_to_do() -> None:
    weights = FakeWeights(ready=False, failing=LocalModelError("No network.", "Set a key or an address."))
    async with scripted_chat(weights=weights) as chat:
        await chat.shows("No network.", "Set a key or an address.", "/fetch to try again")
        await chat.ask("still here?")
        await chat.answered()


async def test_esc_ends_the_answer_before_the_fetch() -> None:
    weights = FakeWeights(ready=False)
    async with scripted_chat(HELD, weights=weights) as chat:
        await chat.shows("12.3 of 92.9 MB")
        await chat.ask("go")
        await chat.shows("Half of")
        await chat.pilot.press_at_once("escape", "escape")
        await chat.answered()
        assert weights.stopped == 0
        await chat.pilot.pause(0.6)
        await chat.pilot.press("escape")
        await chat.shows("The download was stopped")


async def test_page_keys_in_the_prompt_scroll_the_conversation() -> None:
    async with scripted_chat(LONG) as chat:
        await chat.ask("go")
        await chat.answered()
        chat.chat.prompt.insert("a draft")
        await chat.pilot.press("pageup")
        await chat.until(lambda: not chat.chat.transcript.viewport.follows)
        assert chat.chat.prompt.has_focus
        await chat.pilot.press("pagedown", "pagedown")
        await chat.until(lambda: chat.chat.transcript.viewport.follows)
        assert chat.chat.prompt.text == "a draft"


async def test_nothing_is_sent_from_a_screen_too_small_to_see_it() -> None:
    async with scripted_chat(size=(38, 11)) as chat:
        await chat.ask("go")
        await chat.pilot.pause(0.05)
        assert not chat.chat.conversation.is_busy
        assert chat.chat.prompt.text == "go"
        await chat.pilot.resize_terminal(80, 24)
        await chat.pilot.press("enter")
        await chat.answered()


async def test_in_the_open_list_of_models_a_rest_counts_down() -> None:
    async with scripted_chat() as chat:
        await chat.screen.wait_for_engine()
        chat.backend.states["shelf/deep"] = "rests 27 s"
        await chat.pilot.press("ctrl+o")
        await chat.shows("rests 27 s")
        chat.backend.states["shelf/deep"] = "rests 26 s"
        await chat.shows("rests 26 s")
        await chat.pilot.press("escape")


async def test_the_stats_tell_the_costs_when_the_answer_has_ended() -> None:
    async with scripted_chat(["one ", "two"], ["three"], config=Config(daily_budget=2.0)) as chat:
        chat.screen.models.choose(DEEP.name, "balanced")
        await chat.ask("a")
        await chat.answered()
        await chat.until(lambda: chat.figure("Today").endswith("of $2.00"))
        first = chat.figure("Today").removesuffix(" of $2.00")
        assert first == chat.figure("Cost").lstrip("≈")
        await chat.ask("b")
        await chat.answered()
        await chat.until(lambda: chat.figure("Conversation") not in ("", first))
        assert chat.figure("Today") == f"{chat.figure('Conversation')} of $2.00"
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: not chat.figure("Conversation"))


async def test_an_answer_that_is_opened_again_tells_its_figures_and_its_route(tmp_path: Path) -> None:
    async with scripted_chat(["one ", Pause(0.1), "two ", Pause(0.1), "three"], file=tmp_path / "h.db") as chat:
        await chat.ask("a")
        await chat.answered()
        await chat.until(lambda: "done" in chat.figure("●"))
        rows = ("●", "Context", "TTFT", "Tokens/s", "Tokens in", "Tokens out", "Cost")
        live = [chat.figure(row) for row in rows]
        id = chat.chat.session.conversation_id or ""
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: not chat.figure("TTFT"))
        await chat.chat.open(id)
        await chat.until(lambda: [chat.figure(row) for row in rows] == live)
