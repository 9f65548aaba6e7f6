"""`chat-tui ask --preset`, as a process."""

from __future__ import annotations

import pytest

from chat_tui.core.settings.preset import decode_preset
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from tests.doubles.model_server import ModelServer
from tests.wire.home import QUICK, Home, kept

LINES = "".join(f"Line {number} says that the number is {number * 7}.\n" for number in range(200))
SMALL = QUICK + '[[models]]\nname = "box/t5"\ncontext_window = 1500\n'


async def test_a_preset_speaks_for_the_question_and_is_kept(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    ran = await home.run("ask", "--preset", "translate", "--set", "language=old Norse", "--temperature", "0.9", "Hi")
    assert (ran.code, ran.told()) == (0, "")
    body = server.exchanges[0].body
    assert "into old Norse" in body["messages"][0]["content"]
    assert (
        body["messages"][1]["content"] == "Translate this text into old Norse. Answer with the translation only.\n\nHi"
    )
    assert body["temperature"] == 0.9
    assert [turn.text for turn in await kept(home)][:1] == ["Hi"]
    store = await Store.open(home.store)
    conversation = await store.read(reads.conversation, (await store.read(reads.summaries))[0].id)
    await store.close()
    preset = decode_preset(conversation.preset)
    assert preset is not None
    assert (preset.name, preset.values) == ("translate", {"language": "old Norse"})


async def test_a_short_option_and_a_short_name_of_a_variable(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5")
    ran = await home.run("ask", "-p", "translate", "--set", "to=fr", "Hi")
    assert (ran.code, ran.told()) == (0, "")
    assert "Translate this text into fr." in server.exchanges[0].body["messages"][1]["content"]


async def test_ones_own_preset_names_its_model(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5", "t6")
    folder = home.folder / "config" / "chat-tui" / "presets"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('model = "box/t6"\nmax_tokens = 77\n')
    ran = await home.run("ask", "--json", "--preset", "mine", "Hi")
    assert ran.chunks[-1]["model"] == "box/t6"
    assert server.exchanges[-1].body["max_tokens"] == 77
    ran = await home.run("ask", "--json", "--preset", "mine", "--model", "box/t5", "Hi")
    assert ran.chunks[-1]["model"] == "box/t5"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "translat"], "There are: analyse, code, story, translate."),
        (["--preset", "translate", "--set", "tongue=x"], "It has: language."),
        (["--preset", "translate", "--set", "language"], "--set name=value"),
        (["--set", "language=x"], "--set needs --preset"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_sent(
    home: Home, server: ModelServer, options: list[str], said: str
) -> None:
    home.serve(server.base_url, "t5")
    ran = await home.run("ask", *options, "Hi")
    assert (ran.code, ran.text) == (2, "")
    assert said in ran.told()
    assert server.requests == []


async def test_a_long_document_is_worked_through_in_parts(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5", more=SMALL)
    (home.folder / "long.txt").write_text(LINES)
    ran = await home.run("ask", "--preset", "analyse", "--file", str(home.folder / "long.txt"))
    assert ran.code == 0
    of = ran.text.count("## Part ")
    assert of > 2
    assert f"## Part {of} of {of} (lines " in ran.text
    assert "## Summary" in ran.text
    assert [line for line in ran.told().splitlines() if "part" in line or "summing" in line] == [
        *(f"[part {number} of {of}]" for number in range(1, of + 1)),
        "[summing up]",
    ]
    question, answer = await kept(home)
    assert question.text == "Analyse: long.txt"
    assert [file.name for file in question.attachments] == ["long.txt"]
    assert answer.text.strip() == ran.text.strip()


async def test_standard_input_is_a_document_too(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t5", more=SMALL)
    ran = await home.run("ask", "--preset", "analyse", "Which numbers?", stdin=LINES.encode())
    assert ran.code == 0
    assert "## Part 2 of " in ran.text
    question, _ = await kept(home)
    assert question.text == "Which numbers?"
    assert question.attachments[0].name == "standard input"
    ran = await home.run("ask", "--preset", "analyse", stdin=b"\0\1\2")
    assert ran.code == 2
    assert "standard input is neither an image, a PDF nor UTF-8 text" in ran.told()
