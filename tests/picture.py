"""Draws the README's picture: python -m tests.picture"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

from tests.stand_in_engine import pictured_app
from tests.test_tui_pictures import asked

FILE = Path(__file__).parent.parent / "docs" / "chat.svg"
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


async def drawn() -> str:
    """The screen while an answer streams, as an SVG that asks no server for a font."""
    app = pictured_app()
    async with app.run_test(size=(114, 32)) as pilot:
        await asked(pilot)
        svg = app.export_screenshot(title="chat-tui")
    svg = re.sub(r"\s*@font-face \{.*?\}\n|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: Fira Code(, monospace)?", f"font-family: {FONTS}", svg)
    svg = re.sub(r"terminal-\d+", "chat-tui", svg)
    return "\n".join(line.rstrip() for line in svg.split("\n") if line.strip()) + "\n"


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(asyncio.run(drawn()))
