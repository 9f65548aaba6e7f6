"""Where text turns out to be thinking, every face, the store and the next request go on with it as thinking."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.engine.insights.observer import InsightsObserver
from chat_tui.providers.scripted_provider import Script
from chat_tui.web.api.events import EventEncoder
from chat_tui.web.api.html_events import PageStream
from chat_tui.web.openai.responses import CompletionEvents, CompletionTally
from tests.support.scripted_engine import stage
from tests.support.scripted_router import A, B, Rig, all_of, ask, events
from tests.support.transcript_app import begin, pane, settled, shown
from tests.wire.home import QUICK, Home
from tests.wire.raw_server import DONE, Asked, RawServer, chunked, event, saying

TO_THINKING = Metadata("reclassified", kind="thinking", characters=13)
TO_TEXT = Metadata("reclassified", kind="text", characters=5)
LATE: Script = ["I should ", "hi.\n", TO_THINKING, "Hello", "!"]
AFTER_ALL: Script = [Token("Hel", "thinking"), Token("lo", "thinking"), TO_TEXT]


def replayed(chunks: list[Chunk]) -> tuple[str, str]:
    text = thinking = ""
    for chunk in chunks:
        if isinstance(chunk, Token):
            text, thinking = (text + chunk.token, thinking) if chunk.kind == "text" else (text, thinking + chunk.token)
        elif isinstance(chunk, Metadata) and chunk.event == "reclassified":
            text, thinking = reclassify(text, thinking, chunk)
    return text, thinking


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("metadata", [True, False])
async def test_whoever_reads_the_stream_is_told(stream: bool, metadata: bool) -> None:
    rig = Rig(a=LATE)
    chunks = await all_of(rig.router().process_stream(ask(stream=stream, include_metadata=metadata)))
    assert replayed(chunks) == ("Hello!", "I should hi.\n")
    # Of a reply that comes as a whole nobody has seen the text before.
    assert ("reclassified" in events(chunks)) == stream
    reply = await Rig(a=LATE).router().process(ask())
    assert (reply.text, reply.thinking) == ("Hello!", "I should hi.\n")


@pytest.mark.parametrize("stream", [True, False])
async def test_thinking_that_was_the_answer_is_no_empty_answer(stream: bool) -> None:
    chunks = await all_of(Rig(a=AFTER_ALL).router().process_stream(ask(stream=stream)))
    assert replayed(chunks) == ("Hello", "")
    last = chunks[-1]
    assert isinstance(last, End)
    assert last.state == "complete"
    # And what was all thinking is one.
    script: Script = ["I should hi.\n", TO_THINKING]
    chunks = await all_of(Rig(a=script).router().process_stream(ask(stream=stream, fallback=False)))
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "empty"


async def test_controls_that_are_cleaned_away_do_not_count() -> None:
    script: Script = [
        "I \x1b[31mshould ",
        "\x07hi.\n",
        Metadata("reclassified", kind="thinking", characters=19),
        "Hello",
    ]
    assert replayed(await all_of(Rig(a=script).router().process_stream(ask()))) == ("Hello", "I should hi.\n")
    script = ["First. ", "I should hi.\n", TO_THINKING, "Hello"]
    assert replayed(await all_of(Rig(a=script).router().process_stream(ask()))) == ("First. Hello", "I should hi.\n")


async def test_a_model_is_remembered_for_its_next_answers() -> None:
    rig = Rig(a=LATE)
    router = rig.router(A, B)
    await all_of(router.process_stream(ask()))
    assert router.health.vitals("one/a").begins_thinking
    text = router.health.to_json(0.0)
    later = Rig(a=AFTER_ALL).router()
    later.health.load_json(text, 10.0)
    assert later.health.vitals("one/a").begins_thinking
    await all_of(later.process_stream(ask()))
    assert not later.health.vitals("one/a").begins_thinking


async def test_the_store_and_the_next_request_have_it_as_thinking() -> None:
    async with stage(LATE, ["Fine."]) as on:
        answer = await on.engine.ask(None, "Hi", Request(model="one/a"))
        await answer.saved.wait()
        assert (answer.turn.text, answer.turn.thinking) == ("Hello!", "I should hi.\n")
        assert replayed([chunk async for chunk in answer.follow()]) == ("Hello!", "I should hi.\n")
        conversation = await on.engine.conversations.conversation(answer.conversation_id)
        assert conversation.path[-1].text == "Hello!"
        again = await on.engine.ask(answer.conversation_id, "And?", Request(model="one/a"))
        await again.saved.wait()
    sent = on.player.requests[-1]
    assert [turn.text for turn in sent.spoken()][-3:] == ["Hi", "Hello!", "And?"]


async def test_the_growing_answer_in_the_store_goes_on_behind_it() -> None:
    async with stage(LATE) as on:
        answer = await on.engine.ask_apart(None, "Hi", Request(model="one/a"))
        await answer.saved.wait()
    piece = answer.take_delta()
    assert piece is not None
    assert piece.text == "!" or piece.text == "Hello!"


def test_a_pipe_says_once_that_it_was_thinking(capfd: pytest.CaptureFixture[str]) -> None:
    paper = AnswerWriter(as_json=False)
    for step in [*LATE, "more ", "and more.\n", TO_THINKING, "Bye"]:
        paper.take(Token(step) if isinstance(step, str) else step)  # type: ignore[arg-type]
    paper.flush()
    out, err = capfd.readouterr()
    assert err.count("thinking") == 1
    assert out.endswith("Bye")
    paper = AnswerWriter(as_json=False)
    for chunk in AFTER_ALL:
        paper.take(chunk)  # type: ignore[arg-type]
    paper.take(End())
    paper.flush()
    assert capfd.readouterr() == ("Hello\n", "")


def test_the_openai_door_tells_what_was_the_answer_after_all() -> None:
    door = CompletionEvents("id", 0, CompletionTally(include_usage=False))
    raw = door.of([*AFTER_ALL, End(finish_reason="stop")]).decode()  # type: ignore[list-item]
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in raw.splitlines() if line.startswith("data: {")]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello"


async def test_the_screen_lays_it_anew() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("I should ")
        transcript.live.append("hi.\n")
        await settled(pilot)
        assert any("I should hi." in line for line in shown(transcript))
        transcript.live.reclassify(TO_THINKING)
        transcript.live.append("Hello!")
        await settled(pilot)
        lines = shown(transcript)
        assert any("Hello!" in line for line in lines)
        assert not any("I should hi." in line for line in lines)
        assert any("thinking" in line for line in lines)
        turn = Turn("assistant", "Hello!", id="a", thinking="I should hi.\n", model="local/m")
        transcript.live.finish(turn)
        await settled(pilot)
        assert transcript.turns[-1].text == "Hello!"


async def test_the_page_gets_its_blocks_anew() -> None:
    async with stage(LATE) as on:
        answer = await on.engine.ask_apart(None, "Hi", Request(model="one/a"))
        await answer.saved.wait()
        told = PageStream(on.engine, answer, EventEncoder("", metadata=True))
        seen = b""
        async for chunk in answer.follow():
            seen += await told.encode([chunk])
    values = [json.loads(line[6:]) for line in seen.decode().splitlines() if line.startswith("data: ")]
    (at,) = [place for place, value in enumerate(values) if value.get("data", {}).get("event") == "reclassified"]
    assert values[at]["data"] == {"event": "reclassified", "kind": "thinking", "characters": 13}
    html = "".join(value["html"] for value in values[at:] if value["type"] == "html")
    assert "Hello" in html
    assert "should" not in html


async def test_insights_are_of_the_answer_alone() -> None:
    observer = InsightsObserver(lambda error: None)
    chunks: list[Chunk] = [Token(step) if isinstance(step, str) else step for step in LATE]  # type: ignore[misc]
    last = (await observer.take([*chunks, End()]))[-1]
    assert isinstance(last, End)
    assert last.insights is not None
    assert last.insights.characters == len("Hello!")


async def test_what_comes_together_is_told_apart_before_anybody_sees_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    reply = chunked(event("I greet.\n</th") + event("ink>\n\nHello") + event("!") + event(None, "stop") + DONE)
    async with RawServer(saying(reply)) as server:
        home.config.write_text(
            f'model = "box/tiny"\n{QUICK}\n[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{server.port}"\n'
            'models = ["tiny"]\n'
        )
        plain = await home.run("ask", "hello")
        as_json = await home.run("ask", "--json", "hello")
    assert (plain.code, plain.text, plain.told()) == (0, "Hello!\n", "")
    tokens = [(chunk["token"], chunk["kind"]) for chunk in as_json.chunks if chunk["type"] == "token"]
    assert tokens == [("I greet.\n", "thinking"), ("Hello", "text"), ("!", "text")]


async def test_a_pipe_that_has_it_already_is_told_so_once_in_its_life(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first, last = event("I greet.\n"), event("</think>\n\nHello!") + event(None, "stop") + DONE

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(first, end=False))
        await writer.drain()
        # Long enough for two reads.
        await asyncio.sleep(0.3)
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))
        await writer.drain()

    async with RawServer(answer) as server:
        home.config.write_text(
            f'model = "box/tiny"\n{QUICK}\n[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{server.port}"\n'
            'models = ["tiny"]\n'
        )
        one = await home.run("ask", "hello")
        two = await home.run("ask", "hello")
    assert (one.code, one.text) == (0, "I greet.\nHello!\n")
    assert "model's thinking" in one.told()
    # From then on it is known, also to the next process.
    assert (two.code, two.text, two.told()) == (0, "Hello!\n", "")


def test_nothing_is_moved_that_is_not_there() -> None:
    assert reclassify("abc", "", Metadata("reclassified", kind="thinking", characters=99)) == ("", "abc")
    assert reclassify("", "abc", Metadata("reclassified", kind="text", characters=0)) == ("", "abc")
    assert reclassify("abc", "x", Metadata("reclassified", kind="thinking", characters=1)) == ("ab", "xc")
