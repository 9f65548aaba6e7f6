"""Where another model has answered than the one that was asked, the answer says so everywhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chat_tui.core.answers.served_models import is_snapshot, substitute
from chat_tui.core.chunks import End
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.history import records
from chat_tui.providers.scripted_provider import Script
from chat_tui.tui.compare.lines import mask
from chat_tui.tui.dialogs.route import route_lines
from tests.support.scripted_engine import stage
from tests.support.transcript_app import pane, settled, shown
from tests.wire.home import QUICK, Home
from tests.wire.raw_server import DONE, RawServer, chunked, event, saying


@pytest.mark.parametrize(
    ("asked", "served", "told"),
    [
        ("gpt-4o", "gpt-4o", ""),
        ("gpt-4o", "", ""),
        ("gpt-4o", "GPT-4o", ""),
        ("openai/gpt-4o", "gpt-4o", ""),
        ("gpt-4o", "openai/gpt-4o", ""),
        ("gemini-2.5-flash", "models/gemini-2.5-flash", ""),
        ("llama3", "llama3:latest", ""),
        ("tiny", "/home/models/Tiny.gguf", ""),
        ("gpt-4o", "gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("claude-opus", "claude-haiku", "claude-haiku"),
    ],
)
def test_a_name_is_the_same_whatever_its_case_and_path(asked: str, served: str, told: str) -> None:
    assert substitute(asked, served) == told


def test_a_dated_version_is_no_other_model() -> None:
    for served in ("gpt-4o-2024-08-06", "gpt-4o-20240806", "openai/GPT-4o-2024-08-06", "gpt-4o-001"):
        assert is_snapshot("box/gpt-4o", served)
    assert is_snapshot("a/claude-sonnet-latest", "claude-sonnet-20241022")
    for served in ("gpt-4o-mini", "gpt-4", "gpt-4o-mini-2024-07-18", "other"):
        assert not is_snapshot("box/gpt-4o", served)


async def test_it_stands_in_the_route_the_end_and_the_store() -> None:
    script: Script = ["Hello", End(finish_reason="stop", served_model="cheap\x1b[31m")]
    async with stage(script) as on:
        answer = await on.engine.ask(None, "Hi", Request(model="one/a"))
        await answer.saved.wait()
        assert (answer.turn.model, answer.turn.served_model) == ("one/a", "cheap")
        assert answer.route is not None
        assert [entry.served_model for entry in answer.route.tries] == ["cheap"]
        lines = "\n".join("".join(span.text for span in line) for line in route_lines(answer.turn, answer.route, 90))
        assert lines.count("cheap") == 2
        kept = await on.engine.conversations.conversation(answer.conversation_id)
        assert kept.path[-1].served_model == "cheap"
    assert records.encode_details(Turn("assistant", "x", served_model="cheap")) == '{"served_model":"cheap"}'
    assert mask(answer.turn, "A").served_model == ""
    # A record of an earlier version.
    assert msgspec.json.decode(b'{"role":"assistant","text":"x"}', type=Turn).served_model == ""


async def test_it_stands_under_the_answer_on_the_screen() -> None:
    async with pane() as (transcript, pilot):
        turn = Turn("assistant", "Hello.", id="a", model="box/gpt-4o", served_model="gpt-4o-mini")
        transcript.show([Turn("user", "Hi", id="q"), turn])
        await settled(pilot)
        lines = shown(transcript)
        text, note = (next(at for at, line in enumerate(lines) if words in line) for words in ("Hello.", "answered by"))
        assert note > text
        assert "gpt-4o-mini" in lines[note]
        transcript.show([msgspec.structs.replace(turn, served_model="gpt-4o-2024-08-06")])
        await settled(pilot)
        assert not any("answered by" in line for line in shown(transcript))


async def test_ask_tells_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    reply = chunked(event("Hello", model="cheap") + event(None, "stop", model="cheap") + DONE)
    async with RawServer(saying(reply)) as server:
        home.config.write_text(
            f'model = "box/tiny"\n{QUICK}\n[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{server.port}"\n'
            'models = ["tiny"]\n'
        )
        plain = await home.run("ask", "hello")
        as_json = await home.run("ask", "--json", "hello")
    assert (plain.code, plain.text) == (0, "Hello\n")
    assert "answered by cheap" in plain.told()
    end = as_json.chunks[-1]
    assert (end["model"], end["served_model"]) == ("box/tiny", "cheap")
    assert end["route"]["tries"][0]["served_model"] == "cheap"
