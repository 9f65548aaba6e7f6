"""What is painted can be read in every theme: secondary text, footers, selections, search hits, comments in code."""

from __future__ import annotations

from collections.abc import Iterator

from rich.color_triplet import ColorTriplet

from chat_tui.core.errors import ChatTuiError
from chat_tui.tui.theme.palette import contrast
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.tui.theme.test_themes import READABLE

LOOKED_AT = ("dusk", "paper")
"""A dark and a light one: Textual mixes colours otherwise in each. The palettes of all are tested by themselves."""

ANSWER = """# Title

Words, **strong**, `code`, [a link](https://example.org) and

> a quote

```python
# a comment
def brew(cups: int) -> str:
    return "coffee" * cups
```

| head | value |
|---|---|
| one | two |
"""


def weak(chat: ScriptedChat) -> Iterator[tuple[str, float]]:
    """Words on the screen, or in the frame over it, that are hard to read."""
    frames = chat.app.screen.query(".frame")
    region = frames.first().region if frames else chat.app.screen.region
    strips = chat.app.screen._compositor.render_strips()[region.y : region.bottom]
    for strip in strips:
        for segment in strip.crop(region.x, region.right):
            style = segment.style
            if style is None or not any(character.isalnum() for character in segment.text):
                continue
            assert style.color is not None
            assert style.bgcolor is not None
            pair = [_hex(colour.get_truecolor()) for colour in (style.color, style.bgcolor)]
            if (ratio := contrast(*pair)) < READABLE:
                yield segment.text, ratio


def _hex(colour: ColorTriplet) -> str:
    return colour.hex


async def looked_at(chat: ScriptedChat, state: str) -> dict[tuple[str, str], list[tuple[str, float]]]:
    found = {}
    for theme in LOOKED_AT:
        chat.app.use_theme(theme)
        await chat.pilot.pause(0.05)
        if hard := list(weak(chat)):
            found[state, theme] = hard
    return found


async def test_all_words_that_are_painted_can_be_read_in_dark_and_light() -> None:
    async with scripted_chat([ANSWER], size=(120, 40)) as chat:
        found = await looked_at(chat, "empty")
        await chat.ask("What about coffee?")
        await chat.answered()
        chat.app.tell(ChatTuiError("The server is overloaded.", "Try again."))
        chat.chat.transcript.focus()
        await chat.pilot.press("up")
        found |= await looked_at(chat, "a chosen turn")
        await chat.pilot.press("v", "up", "v", "up", "up")
        found |= await looked_at(chat, "a selection")
        await chat.pilot.press("escape", "ctrl+f", *"coffee")
        found |= await looked_at(chat, "search hits")
        await chat.pilot.press("escape", "/")
        found |= await looked_at(chat, "completions")
        chat.chat.prompt.clear_draft()
        await chat.pilot.press("ctrl+o")
        found |= await looked_at(chat, "models")
        await chat.pilot.press("escape")
        for key in ("ctrl+p", "ctrl+r", "f1", "f9"):
            await chat.pilot.press(key)
            await chat.until(lambda: chat.app.screen is not chat.screen)
            await chat.pilot.press("down")
            found |= await looked_at(chat, key)
            await chat.pilot.press("escape")
            await chat.until(lambda: chat.app.screen is chat.screen)
        assert found == {}
