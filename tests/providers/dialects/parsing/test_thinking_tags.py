"""Thinking between marks is told from the answer, wherever the text is cut; a text about marks loses nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Token
from chat_tui.providers.dialects.parsing import thinking_marks
from chat_tui.providers.dialects.parsing.thinking_tags import ThinkingTags

HEADER = "<|start|>assistant<|channel|>"


def read(pieces: Sequence[str], *, begins_thinking: bool = False, natural: bool = True) -> tuple[str, str]:
    """Text and thinking, after all that was taken back."""
    tags = ThinkingTags(begins_thinking=begins_thinking)
    chunks = [chunk for piece in pieces for chunk in tags.feed(piece)]
    text = thinking = ""
    for chunk in [*chunks, *tags.rest(natural=natural)]:
        if isinstance(chunk, Token):
            text, thinking = (text + chunk.token, thinking) if chunk.kind == "text" else (text, thinking + chunk.token)
        else:
            text, thinking = reclassify(text, thinking, chunk)
    return text, thinking


def shown_before(text: str, mark: str) -> str:
    """What a reader has seen as text before this mark came."""
    tags = ThinkingTags()
    chunks = [*tags.feed(text[: text.index(mark)])]
    return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token) and chunk.kind == "text")


THINKING = [
    ("<think>a</think>b", "b", "a"),
    (" \n<think>\na\n</think>\n\nb", "b", "a\n"),
    ("<thinking>a</thinking>b", "b", "a"),
    ("<THINK>a</Think>b", "b", "a"),
    ('<think effort="low">a</think>b', "b", "a"),
    ("<think >a</think >b", "b", "a"),
    ("[THINK]a[/THINK]b", "b", "a"),
    ("<thought>a</thought>b", "b", "a"),
    ("<reasoning>a</reasoning>b", "b", "a"),
    ("<seed:think>a</seed:think>b", "b", "a"),
    ("◁think▷a◁/think▷b", "b", "a"),
    ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b", "a"),
    (f"<|channel|>analysis<|message|>a<|end|>{HEADER}final<|message|>b", "b", "a"),
    (f"<|channel|>analysis<|message|>a<|end|>{HEADER}final<|message|>b<|return|>", "b", "a"),
    (f"{HEADER}analysis<|message|>a<|end|>{HEADER}commentary to=f <|constrain|>json<|message|>c<|call|>"
     f"{HEADER}final<|message|>b", "b", "ac"),
    # Without the mark that opens it.
    ("a\n</think>\n\nb", "b", "a\n"),
    ("I greet.</think>Hello", "Hello", "I greet."),
    ("I greet them</think>Hello", "Hello", "I greet them"),
    ("I greet. </think> Hello", " Hello", "I greet. "),
    ("思考。</think>你好", "你好", "思考。"),
    ("a[/THINK]b", "b", "a"),
    ("a◁/think▷b", "b", "a"),
    (f"a<|end|>{HEADER}final<|message|>b", "b", "a"),
    ("</think>b", "b", ""),
    ("<think></think>b", "b", ""),
    # A second block, blocks within blocks, closing marks without an opening one behind a block.
    ("<think>a</think>one <think>b</think>two", "one two", "ab"),
    ("<think>a</think>one\n<think>\nb\n</think>\ntwo", "one\ntwo", "ab\n"),
    ("one\n<think>\nb\n</think>\ntwo", "one\ntwo", "b\n"),
    ("<think>a<think>b</think>c</think>d", "d", "abc"),
    ("<think>a</think>b</think>c", "c", "ab"),
    ("<think>it says `</think>` here</think>b", "b", "it says `</think>` here"),
    ("<think>never closed", "", "never closed"),
    ("<|channel>thought\na<channel|>b", "b", "a"),
    ("a<channel|>b", "b", "a"),
    # Closed by another name than it was opened with: that was the end where no better one comes.
    ("<think>a</thinking>b", "b", "a</thinking>"),
    ("<thinking>a\n</think>\n\nb", "\n\nb", "a\n</think>"),
    ("<think>a</thinking>b</think>c", "c", "a</thinking>b"),
    ("<think>the `</thinking>` tag, and the </thinking> tag", "", "the `</thinking>` tag, and the </thinking> tag"),
    ("a</think>", "", "a"),
]  # fmt: skip

ABOUT_MARKS = [
    "The `<think>` tag opens and `</think>` closes it.",
    "Use <think> to open and </think> to close.",
    "The </think> tag closes the block.",
    "It ends with </think>, not before.",
    "It ends with </think>.",
    'Write "</think>" or (</think>) at the end.',
    "```\n<think>\na\n</think>\n```\nThat is it.",
    "~~~xml\n<reasoning>\na\n</reasoning>\n~~~\nThat is it.",
    "1. Like this:\n   ```\n   a</think>\n   ```\nThat is it.",
    "Like this:\n\n    a</think>\n\nThat is it.",
    "1 < 2, a[T] and <b>bold</b> and <thinker> too",
    "`<|channel|>final<|message|>` begins the answer.",
    "◁ is a triangle, [THIN] a word, and <thi",
    "plain",
    "",
]


@pytest.mark.parametrize(("text", "answer", "thinking"), THINKING)
def test_thinking_never_stays_in_the_answer(text: str, answer: str, thinking: str) -> None:
    assert read([text]) == (answer, thinking)
    assert read(list(text)) == (answer, thinking)
    for at in range(1, len(text)):
        assert read([text[:at], text[at:]]) == (answer, thinking)
    assert read([text], begins_thinking=True) == (answer, thinking)
    assert read(list(text), begins_thinking=True) == (answer, thinking)


@pytest.mark.parametrize("text", ABOUT_MARKS)
def test_a_text_about_marks_loses_nothing(text: str) -> None:
    for at in range(len(text) + 1):
        assert read([text[:at], text[at:]]) == (text, "")
    assert read(list(text)) == (text, "")
    # It is thinking until its end is known, and then the answer.
    assert read(list(text), begins_thinking=True) == (text, "")


def test_a_model_that_leaves_the_opening_mark_out_shows_no_thinking_the_next_time() -> None:
    tags = ThinkingTags(begins_thinking=True)
    first = tags.feed("I should greet them.")
    assert [(chunk.token, chunk.kind) for chunk in first if isinstance(chunk, Token)] == [
        ("I should greet them.", "thinking")
    ]
    assert read(["I should greet.\n", "</think>", "Hello"], begins_thinking=True) == ("Hello", "I should greet.\n")
    # Cut before that is known, it stays what it most likely is.
    assert read(["I should"], begins_thinking=True, natural=False) == ("", "I should")
    # Where the server tells thinking in a field of its own, the text is the answer.
    tags = ThinkingTags(begins_thinking=True)
    tags.come_apart()
    (token,) = tags.feed("Hello")
    assert isinstance(token, Token)
    assert token.kind == "text"


def test_nothing_is_held_back_that_cannot_become_a_mark() -> None:
    for text in ("a < b", "[x] done", "x <b>"):
        tags = ThinkingTags()
        given = tags.feed("Look: " + text + " y")
        assert "".join(chunk.token for chunk in given if isinstance(chunk, Token)) == f"Look: {text} y"


def test_an_answer_cut_anywhere_means_the_same() -> None:
    fragments = ["<think>", "</think>", "[THINK]", "[/THINK]", "hello", "Hello.", " ", "\n", "`", "```\n", "</", "<"]
    fragments += [
        "<|channel|>final<|message|>",
        "<|channel|>analysis<|message|>",
        "◁think▷",
        "◁/think▷",
        '"',
        "<think/>",
    ]
    chance = random.Random(7)
    for _ in range(2000):
        text = "".join(chance.choice(fragments) for _ in range(chance.randint(1, 8)))
        cuts = sorted(chance.randint(0, len(text)) for _ in range(4))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        begins = chance.random() < 0.3
        assert read(pieces, begins_thinking=begins) == read([text], begins_thinking=begins), pieces


@pytest.mark.parametrize(
    "text",
    ["<" * 50_000, "[" * 50_000, "`" * 50_000, "`<think>` " * 5_000, "a </think> b " * 4_000, "<think>a" * 6_000,
     "x\n" * 25_000 + "</think>", "<|start|>" * 5_000, "<think " * 7_000, "<thought " + "a" * 50_000],
)  # fmt: skip
def test_no_text_costs_more_than_its_length(text: str) -> None:
    for size in (len(text), 500):
        began = time.process_time()
        read([text[at : at + size] for at in range(0, len(text), size)])
        assert time.process_time() - began < 1.0


def test_what_may_be_taken_back_is_a_token_of_its_own() -> None:
    tags = ThinkingTags()
    tokens = [chunk.token for chunk in tags.feed("<think>a</thinking>Hello") if isinstance(chunk, Token)]
    assert tokens == ["a</thinking>", "Hello"]


PIECES = (
    *(
        "<think>",
        "</THINK>",
        "< reasoning >",
        "<seed:think>",
        "[THINK]",
        "[/THINKING]",
        "◁think▷",
        "<|channel>thought\n",
    ),
    *("<|begin_of_thought|>", "<|END_THINKING|>", "<channel|>", "<|channel|>analysis<|message|>", "<thinking/>"),
    *("<|start|>assistant<|channel|>final<|message|>", "<b>", "</b>", "[x]", "<", "[", "◁", "|>", "a ", "thought", "İ"),
)


@given(some.lists(some.sampled_from(PIECES), max_size=8), some.integers(0, 20))
def test_a_quick_look_for_words_misses_no_mark(pieces: list[str], start: int) -> None:
    text = "".join(pieces)
    mark, found = thinking_marks.next_mark(text, start), thinking_marks._TAG.search(text, start)
    assert (mark and (mark.start, mark.stop)) == (found and found.span())
