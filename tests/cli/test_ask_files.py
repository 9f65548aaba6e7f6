"""`chat-tui ask` with files and with a wish to think, as a process."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from chat_tui.core.models import DIALECTS
from tests.doubles.model_server import ModelServer
from tests.wire.dialects import base_of, data, good
from tests.wire.home import QUICK, Home, as_promised, kept
from tests.wire.raw_server import DONE, RawServer, chunked, event, saying, whole

PNG = b"\x89PNG\r\n\x1a\n\0\xff"


async def test_an_image_and_a_text_go_along_with_the_question(home: Home) -> None:
    (home.folder / "cat.png").write_bytes(PNG)
    (home.folder / "notes.txt").write_text("hello\n")
    async with ModelServer() as server:
        home.serve(server.base_url, "gpt-4o")
        files = ["--attach", str(home.folder / "cat.png"), "--attach", str(home.folder / "notes.txt")]
        ran = await home.run("ask", "--json", "what", "is", "it?", *files)
    as_promised(ran)
    assert (ran.code, ran.chunks[-1]["state"]) == (0, "complete")
    text, image = server.exchanges[0].body["messages"][-1]["content"]
    assert text["text"] == "what is it?\n\nnotes.txt:\n```\nhello\n```"
    assert image["image_url"]["url"] == "data:image/png;base64," + b64encode(PNG).decode()
    question, _ = await kept(home)
    assert question.text == "what is it?"
    assert [(a.name, a.media_type) for a in question.attachments] == [
        ("cat.png", "image/png"),
        ("notes.txt", "text/plain"),
    ]


async def test_files_that_the_question_names_go_along_and_other_words_with_an_at_sign_are_text(home: Home) -> None:
    (home.folder / "notes.txt").write_text("one\ntwo\nthree\n")
    (home.folder / "main.py").write_text("pass\n")
    text = f"Is @{home.folder}/notes.txt#2-3 or @~/main.py? Ask a@b.example, @all and @src/mian.py, or @types/*.d.ts."
    async with ModelServer() as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "-v", text, stdin=b"@~/main.py is text here")
        assert ran.code == 0
        question, _ = await kept(home)
        assert question.text == f"{text}\n\n@~/main.py is text here"
        assert [file.name for file in question.attachments] == ["notes.txt (lines 2-3)", "main.py"]
        assert "[attached: notes.txt (lines 2-3), main.py, ≈" in ran.told()
        assert "[@src/mian.py, @types/*.d.ts name no files here: they are sent as text]" in ran.told()

        (home.folder / ".netrc").write_text("password")
        for named, told in (("@~/.netrc", "usually holds keys"), ("@~/nowhere.txt,", "File not found: ~/nowhere.txt.")):
            ran = await home.run("ask", f"what is {named} for")
            assert (ran.code, ran.text) == (2, "")
            assert told in ran.told()
        assert len(server.exchanges) == 1


async def test_files_without_a_question_are_not_sent(home: Home) -> None:
    (home.folder / "notes.txt").write_text("hello\n")
    async with ModelServer() as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "--attach", str(home.folder / "notes.txt"))
        assert (ran.code, ran.text) == (2, "")
        assert "add a question about the files" in ran.told()
        assert server.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_image_and_a_wish_to_think_reach_every_dialect(home: Home, dialect: str) -> None:
    (home.folder / "cat.png").write_bytes(PNG)
    async with RawServer(saying(good(dialect))) as server:
        home.serve(base_of(server, dialect), "tiny")
        home.config.write_text(home.config.read_text() + f'dialect = "{dialect}"\n')
        image = str(home.folder / "cat.png")
        ran = await home.run("ask", "--json", "--no-save", "what?", "--attach", image, "--thinking", "low")
    as_promised(ran)
    assert (ran.code, ran.chunks[-1]["state"]) == (0, "complete")
    sent = server.asked[0].body.decode()
    assert b64encode(PNG).decode() in sent
    assert any(
        field in sent
        for field in (
            '"reasoning_effort": "low"',
            '"effort": "low"',
            "budget_tokens",
            "thinkingBudget",
            '"think": "low"',
        )
    )


@pytest.mark.parametrize(
    ("name", "why"), [("gone", "File not found: gone."), ("zip", "zip is neither an image, a PDF nor")]
)
async def test_a_file_that_cannot_be_sent_ends_it_before_anything_is_sent(home: Home, name: str, why: str) -> None:
    (home.folder / "zip").write_bytes(b"PK\x03\x04\0")
    async with ModelServer() as server:
        home.serve(server.base_url, "gpt-4o")
        ran = await home.run("ask", "hello", "--attach", str(home.folder / name))
    assert (ran.code, ran.text) == (2, "")
    assert why in ran.told()
    assert server.requests == []
    assert not home.store.exists()


async def test_a_server_that_takes_no_image_says_so_and_names_the_picker(home: Home) -> None:
    (home.folder / "cat.png").write_bytes(PNG)
    no = whole(b'{"error":{"message":"tiny is not a multimodal model"}}', "400 No")
    async with RawServer(saying(no)) as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "--json", "hello", "--attach", str(home.folder / "cat.png"))
    as_promised(ran)
    assert ran.code == 1
    assert ran.chunks[-2]["error"]["kind"] == "Rejected"
    assert "Ctrl+O" in ran.told()


async def test_thinking_is_asked_for_by_the_option_before_the_config(home: Home) -> None:
    async with ModelServer() as server:
        home.serve(server.base_url, "t3-think5", more=f'{QUICK}[request]\nthinking = "low"\n')
        by_config = await home.run("ask", "--json", "--no-save", "hello")
        by_option = await home.run("ask", "--json", "--no-save", "--thinking", "high", "hello")
    assert [exchange.body.get("reasoning_effort") for exchange in server.exchanges] == ["low", "high"]
    for ran in (by_config, by_option):
        as_promised(ran)
        thoughts = [chunk for chunk in ran.chunks if chunk.get("kind") == "thinking"]
        assert len(thoughts) == 5


@pytest.mark.parametrize("level", ["much", ""])
async def test_a_level_that_there_is_not_is_wrong_usage(home: Home, level: str) -> None:
    ran = await home.run("ask", "hello", "--thinking", level)
    assert (ran.code, ran.text) == (2, "")
    assert "high" in ran.told()


async def test_anthropics_thoughts_are_asked_for_and_told_apart(home: Home) -> None:
    thought = data({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}})
    said = data({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "yes"}})
    end = data({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}) + data({"type": "message_stop"})
    async with RawServer(saying(chunked(thought, said, end))) as server:
        home.serve(server.base_url, "claude-sonnet-4-5")
        home.config.write_text(home.config.read_text() + 'dialect = "anthropic"\n')
        ran = await home.run("ask", "--json", "--no-save", "--thinking", "medium", "hello")
    as_promised(ran)
    assert [(c["kind"], c["token"]) for c in ran.chunks if c["type"] == "token"] == [
        ("thinking", "hm"),
        ("text", "yes"),
    ]
    assert server.asked[0].json["thinking"] == {"type": "enabled", "budget_tokens": 8192}


async def test_a_field_that_is_refused_is_left_out_in_the_same_answer(home: Home) -> None:
    no = whole(json.dumps({"error": {"message": "Unknown parameter: reasoning_effort"}}).encode(), "400 No")
    async with RawServer(saying(no, chunked(event("ok", "stop"), DONE))) as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "--json", "--no-save", "--thinking", "high", "hello")
    as_promised(ran)
    assert (ran.code, len(server.asked)) == (0, 2)
    assert "reasoning_effort" not in server.asked[1].json
