"""The code blocks of an answer: their numbers, and what a copy of them gives."""

from __future__ import annotations

import pytest

from chat_tui.markdown.code_blocks import codes
from chat_tui.markdown.splitter import BlockSplitter, split
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.render.renderer import Renderer

ANSWER = """
Install it:

1. Get it:

   ```sh
   pip install it

     --indented
   ```
2. Then:
   - in Python
     ```python
     import it
     ```
   - done

> quoted
> ~~~
> a > b
> ~~~

```python title="x.py"
x = 1
```

    indented code has no number

```

unnamed
"""


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    made = Renderer(plain_ink())
    made.load()
    return made


def labels(renderer: Renderer, text: str) -> list[list[str]]:
    """The words in the line over each code block."""
    ink = renderer.code_base + renderer.ink.code_label
    lines = [line for block in split(text) for line in renderer.lines(block, 60)]
    return [
        [word for run in line.runs if run[1] == ink for word in run[0].split()]
        for line in lines
        if any(run[1] == ink for run in line.runs)
    ]


def test_code_in_lists_and_quotes_has_its_number_too(renderer: Renderer) -> None:
    assert labels(renderer, ANSWER) == [["sh", "1"], ["python", "2"], ["3"], ["python", "4"], ["5"]]


def test_a_number_gives_the_code_that_stands_under_it() -> None:
    found = codes(split(ANSWER))
    assert [code.language for code in found] == ["sh", "python", "", "python", ""]
    assert [code.text for code in found[:4]] == ["pip install it\n\n  --indented", "import it", "a > b", "x = 1"]
    assert found[4].first_line == "unnamed"


def test_numbers_go_on_while_the_answer_streams(renderer: Renderer) -> None:
    splitter = BlockSplitter()
    for character in ANSWER:
        splitter.feed(character)
        known = [*splitter.closed, *splitter.open()]
        starts = [block.codes_before for block in known]
        assert starts == sorted(starts)
        assert known[-1].codes_before <= len(codes(known)) if known else True


def test_a_long_code_block_in_a_list_is_one_with_one_number(renderer: Renderer) -> None:
    code = "\n".join(f"line {number}" for number in range(200))
    text = (
        "- item\n  ```py\n" + "\n".join(f"  {line}" for line in code.split("\n")) + "\n  ```\n- ```\n  after\n  ```\n"
    )
    found = codes(split(text))
    assert [code.text for code in found] == [code, "after"]
    assert labels(renderer, text) == [["py", "1"], ["2"]]


def test_a_copy_of_code_keeps_its_tabs() -> None:
    text = "```make\nall:\n\tcc -o a\tb\n```\n\n- in a list\n\n  ```go\n  func f() {\n  \treturn\n  }\n  ```\n"
    assert [code.text for code in codes(split(text))] == ["all:\n\tcc -o a\tb", "func f() {\n\treturn\n}"]


def test_tabs_in_code_are_drawn_to_their_columns_and_copied_as_tabs(renderer: Renderer) -> None:
    [block] = split("```\n\tx\ty\n```\n")
    line = renderer.lines(block, 40)[1]
    assert line.text.strip() == "x   y"
    assert line.text.index("x") == 5
    assert line.copy_text() == "\tx\ty"
