"""Where an answer was cut and went on."""

from __future__ import annotations

from chat_tui.core.route import Seam
from tests.support.transcript_app import answer, pane, question, settled, shown

WORDS = " ".join(f"word{number}" for number in range(40))
CODE = "```py\n" + "\n".join(f"line{number}" for number in range(6)) + "\n```"


def text_with(part: str) -> tuple[str, int]:
    text = f"# Title\n\n{WORDS}\n\n{CODE}\n\n- one\n- two"
    return text, text.index(part)


async def marked(part: str, reason: str = "it broke") -> list[str]:
    """The lines around the mark of a seam that stands before this part."""
    text, at = text_with(part)
    async with pane(width=60, height=40) as (transcript, pilot):
        transcript.show([question(), answer(text, seams=(Seam(at, "shelf/deep", reason),))])
        await settled(pilot)
        page = shown(transcript)
        place = next(index for index, line in enumerate(page) if "continued here by shelf/deep" in line)
        assert transcript.viewport.copy_text() == text
        return page[place - 1 : place + 2]


async def test_a_thin_line_stands_where_the_answer_went_on() -> None:
    before, mark, after = await marked("word20")
    assert "after: it broke ──" in mark
    numbers = [int(word[4:]) for word in f"{before} {after}".split()]
    assert numbers[0] < 20 <= numbers[-1]
    before, _, after = await marked("line3")
    assert "line" in before + after


async def test_a_long_reason_is_told_whole() -> None:
    text, at = text_with("word20")
    async with pane(width=40, height=40) as (transcript, pilot):
        transcript.show([answer(text, seams=(Seam(at, "shelf/deep", "the server is overloaded and asks to wait"),))])
        await settled(pilot)
        page = shown(transcript)
        place = next(index for index, line in enumerate(page) if "continued" in line)
        assert page[place + 2].startswith("asks to wait ──")


async def test_between_two_blocks_it_stands_between_them_and_a_wish_has_no_reason() -> None:
    _, mark, after = await marked("- one", reason="")
    assert "after:" not in mark
    assert "one" in after


async def test_it_is_there_as_soon_as_the_answer_has_ended() -> None:
    async with pane(width=60) as (transcript, pilot):
        transcript.add(question())
        transcript.add(answer(state="streaming"))
        transcript.live.append("first second")
        await settled(pilot)
        transcript.live.finish(answer("first second", seams=(Seam(6, "shelf/deep", "busy"),)))
        await settled(pilot)
        assert any("continued here by shelf/deep after: busy" in line for line in shown(transcript))


async def test_what_is_copied_is_the_text_alone() -> None:
    text, at = text_with("word20")
    async with pane(width=60, height=40) as (transcript, pilot):
        transcript.show([answer(text, seams=(Seam(at, "m", "x"),))])
        await settled(pilot)
        transcript.viewport.cursor = 0
        transcript.text_select_all()
        copied = transcript.screen.get_selected_text() or ""
        assert WORDS in copied
        assert "continued" not in copied
