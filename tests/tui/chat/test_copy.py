"""Copies of answers, code blocks and conversations; code blocks saved; the way from block to block."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from chat_tui.core.errors import CommandError
from chat_tui.markdown.code_blocks import CodeBlock
from chat_tui.tui.actions import code_file
from tests.doubles.scripted_chat import scripted_chat
from tests.support.transcript_app import answer, pane, question, settled, shown

CODE = "```python\nx = 1\n```\n\nor\n\n- in a list\n  ```[red]sh\n  echo [bold]\n  ```\n"
TEXT = "line\n\n" * 30


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "code-2.py"),
        ("Rust", "code-2.rs"),
        ("", "code-2.txt"),
        ("../../etc/passwd", "code-2.txt"),
        ("dockerfile", "Dockerfile"),
    ],
)
def test_a_name_is_suggested_by_the_language_and_holds_nothing_of_it(language: str, name: str) -> None:
    assert code_file.suggested_name(CodeBlock(language, "x"), 2) == name


def test_save_takes_a_number_and_a_file_each_of_which_may_be_left_out(tmp_path: Path) -> None:
    assert code_file.parse_argument("2 my file.py", 3) == (2, "my file.py")
    assert code_file.parse_argument("", 1) == (1, "")
    assert code_file.parse_argument("x.py", 1) == (1, "x.py")
    for argument, count in (("", 2), ("3", 2), ("0", 2), ("9999999999999", 2), ("1", 0)):
        with pytest.raises(CommandError):
            code_file.parse_argument(argument, count)
    assert code_file.path_of("", "code-1.py") == Path("code-1.py")
    assert code_file.path_of(str(tmp_path), "code-1.py") == tmp_path / "code-1.py"
    assert code_file.path_of("~/x.py", "code-1.py") == Path.home() / "x.py"


async def test_brackets_go_from_block_to_block_and_mark_it() -> None:
    async with pane(height=10) as (transcript, pilot):
        transcript.show([question("one"), answer(CODE + TEXT, id="1"), question("two"), answer(TEXT + CODE, id="2")])
        await settled(pilot)
        seen = []
        while transcript.viewport.go_to_code(-1):
            await settled(pilot)
            assert transcript.viewport.cursor is not None
            seen.append((transcript.viewport.cursor, transcript.viewport.marked_code))
        assert seen == [(3, 2), (3, 1), (1, 2), (1, 1)]
        assert transcript.viewport.go_to_code(1)
        await settled(pilot)
        assert (transcript.viewport.cursor, transcript.viewport.marked_code) == (1, 2)
        assert any("echo" in row for row in shown(transcript))
        transcript.action_next_turn()
        assert transcript.viewport.marked_code is None


async def test_turns_without_code_are_not_split_on_the_way() -> None:
    async with pane(height=10) as (transcript, pilot):
        transcript.show([answer(CODE, id="first"), *(answer(TEXT, id=str(n)) for n in range(500))])
        await settled(pilot)
        assert transcript.viewport.go_to_code(-1)
        assert sum(view.built for view in transcript.model.views.made.values()) < 10


async def test_a_code_block_is_chosen_from_a_list_in_which_nothing_is_markup() -> None:
    async with scripted_chat([CODE]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "Y")
        await chat.shows("1 · python · 1 line", "x = 1", "echo [bold]")
        await chat.pilot.press("down", "enter")
        await chat.until(lambda: chat.app.clipboard == "echo [bold]")


async def test_the_marked_block_is_copied_at_once_and_saved_after_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code-1.py").write_text("mine")
    async with scripted_chat([CODE]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "]", "Y")
        await chat.until(lambda: chat.app.clipboard == "x = 1")
        await chat.pilot.press("s")
        await chat.shows("Save the code as code-1.py", "Enter yes · Esc no")
        await chat.pilot.press("enter")
        await chat.until(lambda: "code-1-2.py" in chat.notices())
    assert (tmp_path / "code-1.py").read_text() == "mine"
    assert (tmp_path / "code-1-2.py").read_text() == "x = 1\n"


async def test_an_image_in_an_answer_is_one_line_and_is_saved(tmp_path: Path) -> None:
    image = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + bytes(5_000)).decode()
    async with scripted_chat([f"Here: ![a cat]({image}) it is."]) as chat:
        await chat.ask("draw")
        await chat.answered()
        await chat.shows("[image 1: a cat · PNG, 5 kB]")
        assert "base64" not in chat.shown(chat.chat.transcript)
        await chat.ask(f"/save 1 {tmp_path}/")
        await chat.until(lambda: (tmp_path / "image-1.png").exists())
    assert (tmp_path / "image-1.png").read_bytes() == b"\x89PNG" + bytes(5_000)


async def test_save_and_copy_by_command(tmp_path: Path) -> None:
    async with scripted_chat([CODE]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.ask(f"/save 2 {tmp_path}/run.sh")
        await chat.until(lambda: (tmp_path / "run.sh").exists() and "run.sh" in chat.notices())
        assert (tmp_path / "run.sh").read_text() == "echo [bold]\n"
        await chat.ask("/save 1 /nowhere/at/all.py")
        await chat.until(lambda: "No such file" in chat.notices())
        chat.chat.prompt.clear_draft()
        await chat.ask("/copy 2")
        await chat.until(lambda: chat.app.clipboard == "echo [bold]")
        await chat.ask("/copy all")
        model = chat.chat.conversation.turns[1].model
        await chat.until(lambda: chat.app.clipboard == f"## You\n\ngo\n\n## {model}\n\n{CODE}\n")
        await chat.ask("/copy 7")
        await chat.until(lambda: "Code block 7 does not exist" in chat.notices())
