"""The commands of line mode, in a session within the test's own process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from chat_tui.cli.line.command_registry import list_commands
from chat_tui.cli.line.line_chat import LineChat, run_chat
from chat_tui.cli.line.line_commands import LineCommands
from chat_tui.cli.line.message_input import read_message
from chat_tui.config.commands.command_table import COMMANDS
from chat_tui.core.chunks import Token, ToolCallDelta
from chat_tui.core.errors import KeyRefused, Unreachable
from chat_tui.core.models import Model
from chat_tui.core.tools import ToolOutput
from chat_tui.providers.scripted_provider import Fault, Script
from chat_tui.tui.actions.slash_commands import commands
from chat_tui.tui.chat.commands import actions
from tests.doubles.fake_tools import FakeTools, offered
from tests.support.scripted_engine import stage
from tests.support.scripted_router import A

SCREEN_ONLY = {
    "allow": "each tool call is asked about when it comes",
    "branch": "no message can be chosen; /undo, /edit and /version reach the last ones",
    "pause": "the terminal stops its output with Ctrl-S",
    "provider": "a key is never typed where it stays visible: `chat-tui auth add`",
    "refuse": "each tool call is asked about when it comes",
    "theme": "nothing has colours",
}
"""Commands of the screen that line mode does not have, and why."""


MODELS = (A, Model("one/b", quality=0.6))


class TypedLines:
    """Gives lines in turn, as a person types them."""

    def __init__(self, *lines: str, was_typed: bool = False) -> None:
        self._lines = list(lines)
        self.was_typed = was_typed
        self.asked: list[str] = []
        """What was shown before each line that is no message."""

    async def read(self) -> str | None:
        return await read_message(self._next)

    async def edit(self, text: str) -> str | None:
        return await self.ask(text) or None

    async def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return await self._next("")

    def interrupt(self) -> None:
        pass

    async def _next(self, _: str) -> str | None:
        return self._lines.pop(0) if self._lines else None


class Session:
    """What a session has written, and its chat as it was at the end."""

    def __init__(self, chat: LineChat, output: str, told: str, questions: Sequence[str]) -> None:
        self.chat, self.output, self.told, self.questions = chat, output, told, questions


async def session(
    capsys: pytest.CaptureFixture[str],
    *lines: str,
    scripts: Sequence[Script] = (),
    tools: FakeTools | None = None,
    was_typed: bool = False,
) -> Session:
    """Run these lines against scripted models."""
    async with stage(*scripts, tools=tools, models=MODELS) as set_up:
        chat = LineChat(set_up.engine, TypedLines(*lines, was_typed=was_typed), model="one/a", strategy="balanced")
        await run_chat(chat, LineCommands(chat).run)
        path = (await chat.conversation()).path if chat.conversation_id is not None else ()
        questions = [turn.text for turn in path if turn.role == "user"]
    out, err = capsys.readouterr()
    return Session(chat, out, err, questions)


def test_each_command_of_the_screen_is_in_line_mode_or_there_is_a_reason_why_not() -> None:
    assert actions
    screen = {command.name for command in commands()}
    assert list_commands().keys() == COMMANDS.keys()
    assert screen - list_commands().keys() == SCREEN_ONLY.keys(), (
        "Add the command to config/commands/command_table.py and its handler to cli/line/commands/, or say here why "
        "line mode cannot have it."
    )
    assert list_commands().keys() <= screen


async def test_mistyped_commands_and_models_name_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "/exprt", "/model ona/a", "/strategy best")
    assert "Did you mean /export" in found.told
    assert "Did you mean one/a? /model lists all." in found.told
    assert "Unknown strategy: best.\n          There are: quality-first" in found.told


async def test_an_edited_question_is_a_version_and_can_be_undone(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "one", "/edit", "two", "/version", "/diff", "/undo", "/undo")
    assert "[version 1 of 2]\nYou: one\n" in found.told
    assert "[-two-]{+one+}" in found.told
    assert found.told.endswith("[back to the previous version]\n[back to the previous question]\n")
    assert found.questions == ["one"]


async def test_a_question_is_left_as_it_is_if_nothing_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "one", "/edit", "")
    assert "[the question was left as it is]" in found.told
    again = await session(capsys, "one", "/retry", "/diff", scripts=[["Same."], ["Same."]])
    assert again.told.endswith("[versions 1 and 2 are identical]\n")
    assert found.questions == ["one"]


async def test_undo_reverses_what_was_done_last(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ("one", "/rename Tea", "/pin", "/good", "/delete", "/undo", "/undo", "/undo", "/undo", "/undo", "/undo")
    found = await session(capsys, *lines)
    told = [line for line in found.told.partition("/undo restores it")[2].splitlines() if line.startswith("[")]
    assert told[0].startswith("[continues “Tea”")
    assert told[1:] == [
        "[restored: Tea]",
        "[the rating is taken back]",
        "[no longer pinned]",
        "[title: one]",
        "[taken back: one]",
    ]
    assert "There is no question." in found.told
    assert found.questions == []


async def test_answers_are_compared_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "/compare one/a one/b", "hello", "2", "and now?", scripts=[["From a."], ["again"]])
    first, second = found.told.index("[answer 1 of 2, one/a"), found.told.index("[answer 2 of 2, one/b")
    assert first < second < found.told.index("[kept: answer 2; /version shows the others]")
    assert found.output.startswith("From a.\nfrom b\n")
    assert found.questions == ["hello", "and now?"]
    assert found.chat.compared == ()


async def test_a_blind_comparison_names_its_models_after_the_choice(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "/compare one/a,one/b --blind", "hello", "")
    before, after = found.told.split("[the first whole answer stays")
    assert "one/a" not in before
    assert "answer 1 was one/a, answer 2 was one/b" in after


CODE = ["Here:\n\n```python\nprint(1)\n```\n\n```sh\nls\n```\n"]


async def test_a_code_block_is_saved_by_its_number(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = await session(capsys, "code", "/save 2 " + str(tmp_path / "list.sh"), "/save", "/save 3", scripts=[CODE])
    assert (tmp_path / "list.sh").read_text("utf-8") == "ls\n"
    assert "Which code block?" in found.told
    assert "Code block 3 does not exist." in found.told


async def test_files_that_a_typed_message_names_are_attached(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("Tea.", "utf-8")
    found = await session(capsys, f"What is in @{tmp_path}/notes.txt and @nobody?", was_typed=True)
    assert "[attached: notes.txt, ≈" in found.told
    pasted = await session(capsys, f"What is in @{tmp_path}/notes.txt?")
    assert "attached" not in pasted.told


async def test_detach_removes_a_file_and_the_others_go_along(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Tea.", "utf-8")
    found = await session(
        capsys, f"/attach {tmp_path}/a.txt", f"/attach '{tmp_path}/b.txt'", "/detach a.txt", "/detach c.txt"
    )
    assert [file.name for file in found.chat.attachments] == ["b.txt"]
    assert "[no longer attached: a.txt]" in found.told
    assert "No such attachment." in found.told


async def test_words_are_found_in_the_conversation_and_in_the_history(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "green tea", "/find TEA", "/find coffee", "/search tea", "/history", "/context")
    assert "message 1, You: green tea\n[1 line found]" in found.told
    assert "[nothing found in this conversation]" in found.told
    assert f"{found.chat.conversation_id}: green tea, you: green tea" in found.told
    assert f"{found.chat.conversation_id}: green tea, 2" in found.told
    assert "1. sent, ≈" in found.told


async def test_an_exchange_is_excluded_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ("tea", "coffee", "/context 1 exclude", "/context", "/context 3 exclude", "/context x", "/context 1 auto")
    found = await session(capsys, *lines)
    assert "[exchange 1 is not sent]\n1. left out, excluded by you, ≈" in found.told
    assert "There is no exchange 3.\n          This conversation has 2 exchanges." in found.told
    assert "For example: /context 2 exclude" in found.told
    assert found.told.endswith("[exchange 1 is sent if it fits]\n")


async def test_only_the_new_part_of_an_answer_that_goes_on_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Fault(Unreachable("The connection was lost.", provider="one", model="one/a"))
    found = await session(capsys, "tell", "/continue", "/why", scripts=[["One, ", "two, ", broken], ["three."]])
    assert found.output.replace("\n", "") == "One, two, three."
    assert "[/continue goes on with it, /retry asks again]" in found.told
    assert "[one/a continues the answer.]" in found.told


async def test_a_failed_answer_says_what_was_kept_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(
        capsys,
        "tell",
        scripts=[[Fault(KeyRefused("The key is not accepted.", "Set another.", provider="one", model="one/a"))]],
    )
    assert found.told.endswith(
        "chat-tui: The key is not accepted.\n          Set another.\n"
        "[the question is kept; /retry asks again, /model chooses another model]\n"
    )


async def test_ctrl_c_stops_a_command_and_the_chat_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    async with stage(models=MODELS) as set_up:
        chat = LineChat(set_up.engine, TypedLines("hello"), model="one/a", strategy="balanced")
        await run_chat(chat, run, "/model")
    out, err = capsys.readouterr()
    assert err.startswith("[stopped]\n[one/a answers")
    assert out == "Hello.\n"


async def test_thinking_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    thought: Script = [Token("hm", kind="thinking"), Token("so", kind="thinking"), "Hi."]
    found = await session(capsys, "hello", scripts=[thought])
    assert found.told.count("[thinking]\n") == 1
    assert found.output == "Hi.\n"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/exp", ["/export"]),
        ("/model ", ["/model one/a"]),
        ("/strategy q", ["/strategy quality-first"]),
        ("/thinking l", ["/thinking low"]),
        ("/set thin", ["/set thinking"]),
        ("/set thinking h", ["/set thinking high"]),
        ("/open GREEN", ["/open Green tea"]),
        ("/preset tra", ["/preset translate"]),
        ("/attach no", ["/attach notes.txt"]),
        ("/export html no", ["/export html notes.txt"]),
        ("see @no", ["see @notes.txt"]),
        ("see @sub", ["see @sub/"]),
        ("see no", []),
        ("//exp", []),
    ],
)
async def test_tab_completes(typed: str, completed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    async with stage(models=MODELS) as set_up:
        chat = LineChat(set_up.engine, TypedLines(), model="one/a", strategy="balanced")
        chat.titles = ["Green tea", "Coffee"]
        found = LineCommands(chat).complete(typed)
    assert [typed[: len(typed) - each.replaces] + each.text for each in found] == completed


async def test_figures_and_insights_follow_answers_as_long_as_they_are_on(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "one", "/info", "/insights", "two", scripts=[["Fine."], ["Fine."]])
    first, _, second = found.told.partition("[no figures after answers]")
    assert "[one/a · " in first
    assert "[one/a · " not in second
    assert second.count("Length: ") == 2


async def test_settings_are_told_with_where_they_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    lines = (
        "/temp 0.5",
        "/set max=200",
        "/set",
        "/set temp default",
        "/set nothing 1",
        "/thinking high",
        "/set default",
    )
    found = await session(capsys, *lines)
    assert "temperature: 0.5, of this conversation\nmax_tokens: 200, of this conversation\n" in found.told
    assert "temperature: the model's default\n" in found.told
    assert "nothing cannot be set for a conversation." in found.told
    assert found.chat.own_settings.labels() == []


async def test_a_system_prompt_is_shown_with_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "/system Be short.", "/system", "/system default")
    assert found.told.count("[system prompt of this conversation]\nBe short.\n") == 2
    assert "[system prompt of the config]\n" in found.told


async def test_the_name_of_a_preset_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    found = await session(capsys, "/translate to=French Good morning", "/preset none")
    assert "[preset Translate · French" in found.told
    assert found.questions == ["Good morning"]
    assert found.told.endswith("[no preset is in use]\n")


CALL = [
    ToolCallDelta(0, "start", "call", "look"),
    ToolCallDelta(0, "arguments", "call", arguments='{"at": 1}'),
    ToolCallDelta(0, "end", "call", "look", '{"at": 1}'),
]


async def test_a_tool_call_is_shown_in_full_edited_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    tools = FakeTools([offered("look", description="Looks at a place.")], look=ToolOutput("A lake."))
    lines = ("/tools fake", "go", "d", "e", '{"at": 2}', "/tools")
    found = await session(capsys, *lines, scripts=[CALL, ["It is a lake."]], tools=tools)
    assert tools.calls == [("look", {"at": 2})]
    assert '[fake wants to run look with {"at": 1}]' in found.told
    assert "Looks at a place." in found.told
    assert "[look: A lake.]" in found.told
    assert found.output == "It is a lake.\n"
    assert "fake: on, tools: look" in found.told


async def test_a_tool_call_with_wrong_arguments_is_asked_about_again(capsys: pytest.CaptureFixture[str]) -> None:
    tools = FakeTools([offered("look")], look=ToolOutput("A lake."))
    found = await session(capsys, "/tools fake", "go", "e", "{", "n", scripts=[CALL, ["Well."]], tools=tools)
    assert tools.calls == []
    assert "[these arguments are no JSON" in found.told


SAID: Sequence[Script] = (["First."], ["Second."], ["They said two things."], ["Third."])


async def test_a_summary_is_offered_with_its_price_changed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ("one", "two", "/compact 2", "y", "e", "They said *two* things.", "y", "/context", "three")
    found = await session(capsys, *lines, scripts=SAID)
    assert "[one/a would summarise 2 earlier messages: ≈" in found.told
    assert "tokens, price not known; nothing is deleted]\n" in found.told
    assert "Summary:\nThey said two things.\n" in found.told
    assert "[summary kept: it is sent in place of 2 earlier messages; /undo takes it back]" in found.told
    assert "Summary sent, ≈" in found.told
    assert "tokens: They said *two* things.\n1. sent, ≈" in found.told
    assert found.questions == ["one", "two", "three"]


async def test_a_summary_that_is_not_wanted_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = (
        "one",
        "/compact",
        "/compact x",
        "/compact 0",
        "n",
        "/compact 0",
        "y",
        "n",
        "/compact 0",
        "y",
        "y",
        "/undo",
    )
    found = await session(capsys, *lines, scripts=[["First."], ["A summary."]])
    assert "All messages still fit the context window." in found.told
    assert "x is not a number of messages." in found.told
    assert "[nothing was sent or changed]" in found.told
    assert "[the summary was discarded; nothing was changed]" in found.told
    assert found.told.endswith("[summary taken back: all messages are sent again]\n")
    assert found.questions == ["one"]
