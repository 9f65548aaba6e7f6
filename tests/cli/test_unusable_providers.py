"""A provider that the config names and that cannot be used is reported, and never replaced without a word."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.test_serve import serving
from tests.doubles.model_server import ModelServer
from tests.support.weights import weights_file
from tests.wire.home import QUICK, Home, Ran
from tests.wire.raw_server import Asked, RawServer, whole

__all__ = ["weights_file"]

QUESTION = "What is the capital of France?"
NO_KEY = "chat-tui: groq cannot be used: No API key for groq."
STANDS_IN = "The built-in model (local/smollm2-135m) answers instead of "


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def configure(home: Home, *providers: str) -> None:
    home.config.write_text("\n".join([QUICK, *providers]))


def row(name: str, base_url: str = "", more: str = "") -> str:
    address = f'base_url = "{base_url}"\n' if base_url else ""
    return f'[[providers]]\nname = "{name}"\n{address}{more}\n'


async def refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(whole(b'{"error": {"message": "Incorrect API key provided"}}', "401 Unauthorized"))


async def list_nothing(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(whole(b'{"object": "list", "data": []}'))


def notes(ran: Ran) -> list[str]:
    route = ran.chunks[-1]["route"]
    return [str(note) for note in route["notes"]]


def told_of(ran: Ran, provider: str) -> list[str]:
    return [line for line in ran.told().splitlines() if f"{provider} cannot be used" in line]


async def test_a_provider_without_a_key_is_reported_before_the_built_in_model_answers(home: Home) -> None:
    configure(home, row("groq"))
    ran = await home.run("ask", "--no-save", QUESTION)
    lines = ran.told().splitlines()
    assert lines[0].startswith(NO_KEY)
    # There is no Ctrl+O in a shell.
    assert lines[0].endswith("or choose another model with Ctrl+O or --model.")
    assert lines[1] == f"chat-tui: {STANDS_IN}groq."
    assert len(told_of(ran, "groq")) == 1


async def test_the_route_tells_of_it_too(home: Home) -> None:
    configure(home, row("groq"))
    ran = await home.run("ask", "--no-save", "--json", QUESTION)
    assert len(told_of(ran, "groq")) == 1
    assert [note.startswith(start) for note, start in zip(notes(ran), (NO_KEY[10:], STANDS_IN), strict=True)] == [
        True
    ] * 2


async def test_a_list_that_answers_401_is_reported_while_another_provider_answers(home: Home) -> None:
    async with RawServer(refuse) as refusing, ModelServer(models=["tiny"]) as good:
        configure(home, row("strict", refusing.base_url), row("box", good.base_url))
        ran = await home.run("ask", "--no-save", "--json", QUESTION)
    assert ran.code == 0
    assert ran.chunks[-1]["model"] == "box/tiny"
    assert len(told_of(ran, "strict")) == 1
    assert [note.partition(":")[0] for note in notes(ran)] == ["strict cannot be used"]
    assert STANDS_IN not in ran.told()


async def test_a_list_that_answers_401_is_not_replaced_in_silence(home: Home) -> None:
    async with RawServer(refuse) as refusing:
        configure(home, row("strict", refusing.base_url))
        ran = await home.run("ask", "--no-save", QUESTION)
    assert len(told_of(ran, "strict")) == 1
    assert f"{STANDS_IN}strict." in ran.told()


async def test_a_server_that_is_out_of_reach_or_lists_nothing_is_reported(home: Home) -> None:
    async with RawServer(list_nothing) as empty:
        configure(home, row("away", "http://127.0.0.1:9/v1"), row("hollow", empty.base_url))
        ran = await home.run("ask", "--no-save", QUESTION)
    assert len(told_of(ran, "away")) == 1
    assert told_of(ran, "hollow") == ["chat-tui: hollow cannot be used: It lists no models."]
    assert f"{STANDS_IN}away, hollow." in ran.told()


async def test_a_server_that_lists_no_model_for_chat_is_not_replaced_in_silence(home: Home) -> None:
    async with ModelServer(models=["text-embedding-3-small", "whisper-1"]) as deaf:
        configure(home, row("deaf", deaf.base_url))
        ran = await home.run("ask", "--no-save", QUESTION)
    assert told_of(ran, "deaf") == ["chat-tui: deaf cannot be used: It lists no model for chat."]
    assert f"{STANDS_IN}deaf." in ran.told()


async def test_a_preview_tells_of_it_too(home: Home) -> None:
    configure(home, row("groq"))
    ran = await home.run("route", "--json", QUESTION)
    assert f"{STANDS_IN}groq." in ran.told()
    told = json.loads(ran.text)["route"]["notes"]
    assert [note.startswith(start) for note, start in zip(told, (NO_KEY[10:], STANDS_IN), strict=True)] == [True] * 2


async def test_configured_models_do_not_hide_that_the_key_is_missing(home: Home) -> None:
    configure(home, row("groq", more='models = ["llama-3.3-70b-versatile"]'))
    ran = await home.run("ask", "--no-save", QUESTION)
    assert ran.told().startswith(NO_KEY)
    assert f"{STANDS_IN}groq." in ran.told()


async def list_and_refuse(asked: Asked, writer: asyncio.StreamWriter) -> None:
    if asked.line.startswith("GET"):
        writer.write(whole(b'{"object": "list", "data": [{"id": "gpt-5.2"}]}'))
    else:
        await refuse(asked, writer)


async def test_a_question_that_is_refused_is_in_the_route_of_what_answers_instead(home: Home) -> None:
    async with RawServer(list_and_refuse) as refusing, ModelServer(models=["tiny"]) as good:
        configure(home, row("strict", refusing.base_url), row("box", good.base_url))
        asked = ("ask", "--no-save", "--json", "--strategy", "quality-first", QUESTION)
        ran = await home.run(*asked)
        assert ran.code == 0
        assert ran.chunks[-1]["model"] == "box/tiny"
        assert [note.partition(":")[0] for note in notes(ran)] == ["strict cannot be used"]
        configure(home, row("strict", refusing.base_url))
        ran = await home.run(*asked)
    assert notes(ran)[-1] == f"{STANDS_IN}strict."
    assert f"{STANDS_IN}strict." in ran.told()


@pytest.mark.weights
@pytest.mark.parametrize("lists", [False, True])
async def test_the_built_in_model_really_answers_and_says_for_whom(home: Home, weights_file: Path, lists: bool) -> None:
    answer = list_and_refuse if lists else refuse
    async with RawServer(answer) as refusing:
        configure(home, row("strict", refusing.base_url), f'[local]\nweights = "{weights_file}"\nthreads = 1\n')
        ran = await home.run("ask", "--no-save", "--json", "--max-tokens", "8", QUESTION)
    assert ran.code == 0, ran.told()
    end = ran.chunks[-1]
    assert (end["model"], end["state"]) == ("local/smollm2-135m", "length")
    assert "".join(chunk["token"] for chunk in ran.chunks if chunk["type"] == "token").strip()
    assert f"{STANDS_IN}strict." in ran.told()
    assert notes(ran)[0].startswith("strict cannot be used")
    assert notes(ran)[-1] == f"{STANDS_IN}strict."
    # It is the model that was asked last: the provider's own failed first, if it lists any.
    assert [entry["outcome"] for entry in end["route"]["tries"]][-1] == "answered"


async def test_nothing_is_said_where_the_question_names_its_model_or_all_is_well(home: Home) -> None:
    async with ModelServer(models=["tiny"]) as good:
        configure(home, row("groq"), row("box", good.base_url))
        ran = await home.run("ask", "--no-save", "--json", "--model", "box/tiny", QUESTION)
        assert (ran.code, ran.told(), notes(ran)) == (0, "", [])
        configure(home, row("box", good.base_url))
        ran = await home.run("ask", "--no-save", "--json", QUESTION)
        assert (ran.code, ran.told(), notes(ran)) == (0, "", [])


async def test_a_batch_reports_it_once(home: Home) -> None:
    prompts = home.folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": str(number), "prompt": "hello"}) + "\n" for number in range(3)))
    async with ModelServer(models=["tiny"]) as good:
        configure(home, row("groq"), row("box", good.base_url))
        ran = await home.run("batch", str(prompts), "--out", str(home.folder / "answers.jsonl"))
    assert ran.code == 0, ran.told()
    assert len(told_of(ran, "groq")) == 1


async def test_serve_logs_it_once(home: Home) -> None:
    async with ModelServer(models=["tiny"]) as good:
        configure(home, row("groq"), row("box", good.base_url))
        async with serving(home) as served:
            for _ in range(2):
                assert [chunk async for chunk in served.follow(QUESTION)]
            served.process.terminate()
            _, _, told = await served.ended()
    assert told.count("groq cannot be used") == 1
