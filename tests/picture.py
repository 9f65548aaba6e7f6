"""Draws the README's pictures: python -m tests.picture"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tests.doubles.fake_engine import pictured_app
from tests.tui.test_pictures import asked

FOLDER = Path(__file__).parent.parent / "docs"
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


async def palette_opened(pilot: Pilot[int]) -> None:
    """The command palette over an answer that streams."""
    await asked(pilot)
    await pilot.press("ctrl+p")
    await pilot.pause(0.3)


PICTURES: tuple[tuple[str, tuple[int, int], str, Callable[[Pilot[int]], Awaitable[None]]], ...] = (
    ("chat", (115, 32), "dusk", asked),
    ("small", (60, 20), "paper", asked),
    ("palette", (90, 28), "fjord", palette_opened),
)
"""File, columns and rows, theme, and what is done first."""


async def drawn(
    size: tuple[int, int], theme: str, first: Callable[[Pilot[int]], Awaitable[None]], name: str = "chat"
) -> str:
    """The screen as an SVG that asks no server for a font."""
    app = pictured_app(theme=theme)
    async with app.run_test(size=size) as pilot:
        await first(pilot)
        svg = app.export_screenshot(title="chat-tui")
    svg = re.sub(r"\s*@font-face \{.*?\}\n|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: Fira Code(, monospace)?", f"font-family: {FONTS}", svg)
    svg = re.sub(r"terminal-\d+", f"chat-tui-{name}", svg)
    return "\n".join(line.rstrip() for line in svg.split("\n") if line.strip()) + "\n"


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    FOLDER.mkdir(exist_ok=True)
    for name, size, theme, first in PICTURES:
        (FOLDER / f"{name}.svg").write_text(asyncio.run(drawn(size, theme, first, name)))
