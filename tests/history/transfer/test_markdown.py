"""Markdown for people, which programs can take apart."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import ErrorInfo, Usage
from chat_tui.core.conversation import Conversation, QuickAnswer, Tree, Turn
from chat_tui.core.route import Route, Try
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.transfer.markdown import markdown

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MARK = re.compile(r"<!-- turn (.*) -->")
QUESTION = Turn("user", "Why?", id="q", created=WHEN, attachments=(Attachment("a.txt", "text/plain", b"abc"),))
ANSWER = Turn(
    "assistant",
    "# Because\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    id="a",
    parent="q",
    created=WHEN,
    thinking="Hm. </details> <b>",
    model="local/x",
    usage=Usage(30, 12, 42),
    cost=0.000125,
)
ROUTE = Route("fastest", tries=(Try("local/y", 1, "Overloaded"), Try("local/x", 1, "answered")))


def exported(*turns: Turn, title: str = "The sky", routes: dict[str, Route] | None = None) -> str:
    conversation = Conversation("abc", title, 'Be brief: "now".', WHEN, WHEN, turns)
    return markdown(Tree(conversation, turns, turns[-1].id if turns else "", routes or {}))


def front_matter(text: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_the_front_matter_tells_title_times_models_tokens_cost_and_route() -> None:
    assert front_matter(exported(QUESTION, ANSWER, routes={"a": ROUTE})) == {
        "title": "The sky",
        "id": "abc",
        "created": WHEN,
        "updated": WHEN,
        "turns": 2,
        "model": "local/x",
        "models": ["local/x"],
        "tokens": 42,
        "tokens_in": 30,
        "tokens_out": 12,
        "cost": 0.000125,
        "route": "fastest: local/y Overloaded, local/x answered",
        "system_prompt": 'Be brief: "now".',
    }


@given(st.text())
def test_any_title_is_a_yaml_string_and_a_heading_of_one_line(title: str) -> None:
    text = exported(title=title)
    assert isinstance(front_matter(text)["title"], str)
    assert sum(line.startswith("# ") for line in text.split("\n")) == 1


def test_each_answer_tells_its_model_state_tokens_cost_and_route_in_one_line() -> None:
    marks = MARK.findall(exported(QUESTION, ANSWER, routes={"a": ROUTE}))
    assert marks[0] == 'id="q" role="user" created="2026-01-02T03:04:05Z"'
    assert marks[1] == (
        'id="a" role="assistant" created="2026-01-02T03:04:05Z" model="local/x" state="complete" tokens="30+12"'
        ' cost="0.000125" route="fastest: local/y Overloaded, local/x answered"'
    )


def test_an_answer_stands_there_as_it_was_written() -> None:
    text = exported(QUESTION, ANSWER)
    assert f"\n{ANSWER.text}\n" in text
    assert "\n## You\n\nWhy?\n\n*Attached: a.txt (text/plain, 3 bytes)*\n" in text
    assert "<details><summary>Thinking</summary>\n\nHm. &lt;/details> <b>\n\n</details>" in text


def test_a_quick_answer_stands_folded_behind_the_detailed_one() -> None:
    both = Turn("assistant", "At length.", id="a", parent="q", quick=QuickAnswer("In </details> `short`.", "two/b"))
    text = exported(QUESTION, both)
    folded = "<details><summary>Quick answer by two/b</summary>\n\nIn &lt;/details> `short`.\n\n</details>"
    assert f"At length.\n\n{folded}\n" in text


@pytest.mark.parametrize("cut", ["```python\nx = (", "~~~~\n~~~\n```", "- a\n\n```\nb", "text\n````md\n```\nx\n```"])
def test_an_open_fence_does_not_swallow_the_next_turn(cut: str) -> None:
    broken = Turn("assistant", cut, id="a", parent="q", model="local/x", state="broken")
    text = exported(QUESTION, broken, Turn("user", "And?", id="q2", parent="a"))
    headings = [token.content for token in MarkdownIt().parse(text.split("---\n", 2)[2]) if token.type == "inline"]
    assert {"You", "local/x"} <= set(headings)
    assert headings.count("You") == 2


@pytest.mark.parametrize(
    ("state", "told"),
    [("cancelled", "*It was cancelled here.*"), ("broken", "*The answer broke off here. The socket closed.*")],
)
def test_how_an_answer_ended_is_told(state: str, told: str) -> None:
    error = ErrorInfo("Unreachable", "The socket closed.") if state == "broken" else None
    turn = Turn("assistant", "Par", id="a", model="local/x", state=state, error=error)  # type: ignore[arg-type]
    assert exported(turn).endswith(f"Par\n\n{told}\n")


@given(st.text(st.sampled_from('a\n\x1b[]2J\x07\u202e\x9b-<>!"#`'), max_size=60))
def test_nothing_is_written_that_a_terminal_obeys_and_no_fact_ends_its_comment(text: str) -> None:
    turn = Turn("assistant", text, id=f"x{text}", model=text, strategy=text, thinking=text)
    out = exported(turn, title=text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out)
    assert sum(line.startswith('<!-- turn id="x') and line.endswith(" -->") for line in out.split("\n")) == 1


def test_only_the_current_path_is_written() -> None:
    other = Turn("assistant", "Another one.", id="b", parent="q")
    tree = Tree(
        Conversation("abc", "T", created=WHEN, updated=WHEN, path=(QUESTION, ANSWER)), (QUESTION, other, ANSWER)
    )
    assert "Another one." not in markdown(tree)


def test_a_tool_call_is_a_block_with_its_arguments_and_its_result_is_folded() -> None:
    asked = Turn(
        "assistant", "Let me look.", id="a", parent="q", model="one/a", calls=(ToolCall("c", "read", '{"n":1}'),)
    )
    result = ToolResult("c", "read", "files", arguments='{"n":2}', structured='{"ok":true}')
    found = Turn("tool", "text of ```it```", id="r", parent="a", result=result)
    text = exported(QUESTION, asked, found, ANSWER)
    assert 'Let me look.\n\nCalled read:\n\n```json\n{"n":1}\n```\n' in text
    assert MARK.findall(text)[2] == (
        'id="r" role="tool" created="null" call="c" tool="read" server="files" state="complete"'
    )
    assert (
        '## Tool: read\n\nThe user changed the arguments:\n\n```json\n{"n":2}\n```\n\n'
        "<details><summary>Result</summary>\n\n````\ntext of ```it```\n````\n\n"
        '```json\n{"ok":true}\n```\n\n</details>\n'
    ) in text


@given(st.text(st.sampled_from("a\n`~<>/#! "), max_size=60))
def test_whatever_a_tool_says_stays_in_its_block(said: str) -> None:
    asked = Turn("assistant", "", id="a", parent="q", model="one/a", calls=(ToolCall("c", "read", said),))
    found = Turn("tool", said, id="r", parent="a", result=ToolResult("c", "read", arguments=said, structured=said))
    text = exported(QUESTION, asked, found, Turn("user", "And?", id="q2", parent="r"))
    tokens = MarkdownIt().parse(text.split("---\n", 2)[2])
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    assert headings == ["The sky", "You", "one/a", "Tool: read", "You"]


def test_memory_that_was_sent_is_told_where_it_changes() -> None:
    with_memory = Route("fastest", memory=(MemoryText("memory.md", "- I live in Bern\n</details>"),))
    turns = [Turn(role, "x", id=f"{role}{n}") for n in range(4) for role in ("user", "assistant")]
    routes = {f"assistant{n}": with_memory if n in (1, 2) else ROUTE for n in range(4)}
    text = exported(*turns, routes=routes)
    assert text.count("- I live in Bern\n&lt;/details>") == 1
    assert text.count('memory="memory.md"') == 2
    parts = text.split("<!-- turn ")
    assert "Memory that was sent: memory.md" in parts[4]
    assert "From here on no memory was sent." in parts[8]
    assert text.count("memory was sent") == 1
