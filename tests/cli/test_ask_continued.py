"""`ask -c` and `ask --in`: what goes on, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chat_tui.cli.question import STDIN_LIMIT
from tests.doubles.model_server import ModelServer
from tests.wire.home import Home, kept


async def test_a_question_goes_on_with_the_last_conversation_and_its_model(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3", "t5")
    await home.run("ask", "-m", "box/t5", "first question")
    ran = await home.run("ask", "-c", "and now?")
    assert (ran.code, ran.told()) == (0, "[continues “first question” · model box/t5]\n")
    turns = await kept(home)
    assert [turn.text for turn in turns if turn.role == "user"] == ["first question", "and now?"]
    assert [turn.model for turn in turns if turn.role == "assistant"] == ["box/t5", "box/t5"]


async def test_the_strategy_goes_on_where_no_model_was_named(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, more='[[models]]\nname = "box/t3"\nquality = 1.0\n')
    await home.run("ask", "-t", "quality-first", "hello")
    ran = await home.run("ask", "--json", "-c", "and now?")
    assert "· strategy quality-first]" in ran.told()
    assert ran.chunks[0]["strategy"] == "quality-first"


async def test_a_conversation_is_found_by_its_title_and_another_model_answers(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3", "t5")
    first = await home.run("ask", "-v", "Monads in Haskell")
    await home.run("ask", "Tail calls")
    ran = await home.run("ask", "--in", "monads haskell", "-m", "box/t5", "-v", "Why?")
    assert ran.told().splitlines() == ["[continues “Monads in Haskell”]", first.told().strip()]
    assert first.told().startswith("[conversation ")


async def test_a_summary_that_was_kept_in_line_mode_is_sent_in_place_of_the_messages(
    home: Home, server: ModelServer
) -> None:
    home.serve(server.base_url, "t3")
    talked = await home.run("chat", "-m", "box/t3", stdin=b"first question\n/compact 0\ny\ny\n")
    assert "[box/t3 would summarise 2 earlier messages: \u2248" in talked.told()
    assert "[summary kept: it is sent in place of 2 earlier messages; /undo takes it back]" in talked.told()
    summary = (await kept(home))[-1]
    ran = await home.run("ask", "-c", "and now?")
    assert ran.code == 0
    [asked] = [message for message in server.exchanges[-1].body["messages"] if message["role"] != "system"]
    assert (summary.role, asked["role"]) == ("summary", "user")
    assert summary.text in asked["content"]
    assert asked["content"].endswith("\n\nand now?")


async def test_quiet_says_nothing(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    await home.run("ask", "hello")
    ran = await home.run("ask", "-q", "-c", "and now?")
    assert (ran.code, ran.told()) == (0, "")


async def test_preset_and_settings_go_on_and_the_system_prompt_can_be_changed(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    await home.run("ask", "-p", "translate", "--set", "language=French", "hello")
    ran = await home.run("ask", "-c", "-s", "Answer in one word.", "and now?")
    assert "· preset translate" in ran.told()
    assert server.exchanges[-1].body["messages"][0] == {"role": "system", "content": "Answer in one word."}


async def test_what_cannot_go_together_is_refused_before_anything_is_asked(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    for line in (["-c", "-n", "x"], ["-c", "-p", "translate", "x"], ["-c", "--in", "a", "x"]):
        ran = await home.run("ask", *line)
        assert ran.code == 2
    ran = await home.run("ask", "-c", "x")
    assert (ran.code, ran.told().splitlines()[0]) == (1, "chat-tui: There are no conversations yet.")
    ran = await home.run("ask", "--in", "nothing like it", "x")
    assert ran.code == 1
    assert "No conversation has the id or the title `nothing like it`." in ran.told()
    assert server.requests == []


async def test_standard_input_can_be_attached_as_a_file(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    await home.run("ask", "-a", "-", "What is this?", stdin=b"def f(): pass\n")
    question = (await kept(home))[0]
    assert question.text == "What is this?"
    assert [file.name for file in question.attachments] == ["standard input"]
    # In the order in which they are named, and more than the limit for a file.
    (home.folder / "notes.txt").write_text("Tea.")
    long = "été\n".encode() * 500_000
    ran = await home.run("ask", "-c", "-m", "scripted/demo", "-a", "-", "-a", "~/notes.txt", "-a", "-", "x", stdin=long)
    assert ran.code == 0, ran.told()
    files = (await kept(home))[2].attachments
    assert [(file.name, file.size_bytes) for file in files] == [("standard input", 3_000_000), ("notes.txt", 4)]


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (("ask", "-a", "-", "x"), b"", "Standard input is empty."),
        (("ask", "-a", "-", "x"), b"\0\1", "standard input is neither an image, a PDF nor UTF-8 text."),
        (("ask", "x"), b"ELF\0\1", "standard input is neither an image, a PDF nor UTF-8 text."),
        (("chat", "-a", "-"), b"x", "cat FILE | chat-tui ask -a - QUESTION"),
    ],
)
async def test_standard_input_that_cannot_be_attached_is_told(
    home: Home, server: ModelServer, arguments: Sequence[str], stdin: bytes, told: str
) -> None:
    home.serve(server.base_url, "t3")
    ran = await home.run(*arguments, stdin=stdin)
    assert told in ran.told()
    assert ran.code in (1, 2)
    assert server.exchanges == []


async def test_standard_input_is_cut_between_characters(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    ran = await home.run("route", "-a", "-", "x", stdin=b"a" + "é".encode() * (STDIN_LIMIT // 2 + 1))
    assert "only the first 16 MB" in ran.told()
    assert ran.code == 0, ran.told()


async def test_a_question_without_a_command_is_answered_in_a_pipe(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "t3")
    asked = await home.run("what is it?")
    piped = await home.run("-q", stdin=b"what is it?")
    assert (asked.code, asked.out) == (0, piped.out)
