"""`ask` at a terminal: Markdown that is drawn as it comes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pyte
import pytest

from chat_tui.cli.output.answer_writer import AnswerWriter, format_figures
from chat_tui.cli.output.markdown_output import MarkdownOutput
from chat_tui.core.chunks import End, Metadata, Timings, Token, Usage
from tests.support.pty_terminal import PtyTerminal
from tests.wire.home import Home

TEXT = """\
# Whales

They are **large** and
*old*, and live in `water`.

- blue
- grey, which is a longer line that has to be broken at the end of a row

```python
def swim(depth: int) -> str:
    return "down"
```

| name | length |
|---|---|
| blue | 30 m |

The end.
"""
SHOWN = """\
Whales

They are large and
old, and live in water.

• blue
• grey, which is a longer line that has
  to be broken at the end of a row

python
 def swim(depth: int) -> str:
     return "down"

name │ length
─────┼───────
blue │ 30 m

The end.
"""


class Terminal:
    """A terminal of this size that shows what was written to standard output."""

    def __init__(self, capture: pytest.CaptureFixture[bytes], columns: int = 40, rows: int = 30) -> None:
        self._capture, self.size = capture, (columns, rows)
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.screen.set_mode(pyte.modes.LNM)

    def take(self) -> bytes:
        written = self._capture.readouterr().out
        self._stream.feed(written)
        return written

    def text(self) -> str:
        columns = self.screen.columns
        gone = ["".join(row[x].data for x in range(columns)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*gone, *self.screen.display]).rstrip() + "\n"


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 17, 1000])
def test_what_is_shown_at_the_end_does_not_depend_on_how_it_came(
    size: int, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    terminal = Terminal(capsysbinary)
    output = MarkdownOutput({}, lambda: terminal.size)
    for piece in pieces(TEXT, size):
        output.write(piece)
        terminal.take()
    output.finish()
    terminal.take()
    assert terminal.text() == SHOWN


def test_text_is_seen_before_its_block_has_ended(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    terminal = Terminal(capsysbinary)
    output = MarkdownOutput({}, lambda: terminal.size)
    output.write("They are **large** and o")
    terminal.take()
    assert terminal.text() == "They are large and o\n"


def test_a_finished_block_is_not_drawn_again(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    terminal = Terminal(capsysbinary)
    output = MarkdownOutput({}, lambda: terminal.size)
    output.write("One.\n\nTwo")
    terminal.take()
    output.write(" and three.")
    assert b"One" not in terminal.take()


def test_a_block_that_is_higher_than_the_terminal_scrolls(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    terminal = Terminal(capsysbinary, 30, 5)
    output = MarkdownOutput({}, lambda: terminal.size)
    text = "".join(f"- item {number}\n" for number in range(12))
    for piece in pieces(text, 5):
        output.write(piece)
        terminal.take()
    output.finish()
    terminal.take()
    assert terminal.text() == "".join(f"• item {number}\n" for number in range(12))


def test_colours_are_the_terminals_own_and_none_where_nobody_wants_them(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    for environment, expected in (({}, b"\x1b[35mdef\x1b[0m"), ({"NO_COLOR": "1"}, b" def ")):
        output = MarkdownOutput(environment, lambda: (40, 30))
        output.write("**b**\n\n```python\ndef f(): pass\n```\n")
        output.finish()
        written = capsysbinary.readouterr().out
        assert expected in written
        assert b"\x1b[1mb\x1b[0m" in written


def test_no_control_sequence_of_a_model_reaches_the_terminal(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    output = MarkdownOutput({"NO_COLOR": "1"}, lambda: (40, 30))
    output.write("a\x1b]0;title\x07b\x1b[2Jc\r\n\n`\x1b[31m`\n\n```\n\x9b31mred\n```\n")
    output.finish()
    written = capsysbinary.readouterr().out.decode()
    for own in ("\x1b[1F\x1b[J", "\n"):
        written = written.replace(own, "")
    assert "\x1b" not in written
    assert "\x9b" not in written
    assert "\x07" not in written


def test_a_notice_stands_between_two_parts_of_the_text(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    writer = AnswerWriter(as_json=False, output=MarkdownOutput({"NO_COLOR": "1"}, lambda: (40, 30)))
    for chunk in (Token("Half of"), Metadata("retry", reason="Lost.", attempt=1, of=3), Token(" it.")):
        writer.take(chunk)
        writer.flush()
    writer.take(End(model="box/a", usage=Usage(5, 7, 12), timings=Timings(0.5, 1.0, 14.0), cost=0.002))
    writer.flush()
    captured = capsysbinary.readouterr()
    retry, figures = captured.err.decode().splitlines()
    assert retry == "[Lost. Retrying 1/3 in 0.0 s.]"
    assert figures == "[box/a · 0.50 s to the first token · 7 tokens · 14 tokens/s · $0.002]"
    assert captured.out.decode().endswith("\x1b[1F\x1b[JHalf of it.\n")


def test_figures_that_are_not_known_are_left_out() -> None:
    assert format_figures(End(model="box/a")) == "box/a"


def test_ask_draws_at_a_terminal_and_writes_the_text_as_it_is_with_raw(home: Home) -> None:
    ask = (sys.executable, "-m", "chat_tui", "ask", "-n", "-m", "scripted/demo")
    with PtyTerminal((*ask, "hello"), env=home.environment) as terminal:
        assert terminal.wait_exit(30) == 0
        terminal.wait_for("[scripted/demo · ")
        assert "• Esc cancels and keeps the part," in terminal.text()
    with PtyTerminal((*ask, "--raw", "hello"), env=home.environment) as terminal:
        assert terminal.wait_exit(30) == 0
        terminal.wait_for("Choose another model")
        assert b"* `Esc` cancels and keeps the part," in terminal.raw()
        assert b"\x1b" not in terminal.raw()
