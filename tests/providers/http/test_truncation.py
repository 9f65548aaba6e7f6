"""An Ollama that has read only a part of the request is told; one that counts what it had not cached is not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from chat_tui.core.conversation import Turn
from chat_tui.providers.http.truncation import is_truncated, sent_tokens
from tests.wire.dialects import row, said
from tests.wire.home import Home
from tests.wire.raw_server import Answer, Asked, RawServer, chunked, whole


@pytest.mark.parametrize(
    ("sent", "fresh", "counted", "window", "truncated"),
    [
        (68_000, 68_000, 2051, None, True),
        (68_000, 68_000, 2051, 4096, True),
        (68_000, 900, 2051, None, True),
        (5000, 5000, 4096, 4096, True),
        (4600, 4600, 2100, 4096, True),
        # Servers that count only what they had not cached, or nothing.
        (68_000, 68_000, 26, None, False),
        (30_000, 1500, 1400, None, False),
        (30_000, 200, 180, None, False),
        (68_000, 68_000, 0, None, False),
        (3000, 3000, 1300, 8192, False),
        (3000, 3000, 1, 4096, False),
        # An estimate that was too high.
        (4000, 4000, 3000, 4096, False),
        (5000, 5000, 3600, 4096, False),
        (1500, 1500, 950, None, False),
        (68_000, 68_000, 60_000, 131_072, False),
    ],
)
def test_only_what_was_left_out_is_told(
    sent: int, fresh: int, counted: int, window: int | None, truncated: bool
) -> None:
    assert is_truncated(sent, fresh, counted, window) is truncated


def test_the_turns_since_the_last_answer_are_new_to_a_server_that_caches() -> None:
    turns = [Turn("system", "a" * 420), Turn("user", "b" * 4200), Turn("assistant", "c" * 840), Turn("user", "d" * 420)]
    sent, fresh = sent_tokens(turns)
    assert 1300 < sent < 1500
    assert 290 < fresh < 330
    alone = sent_tokens(turns[:2])
    assert alone[0] == alone[1]


def ollama(counted: int, loaded: list[dict[str, Any]] | None) -> Answer:
    """Lists its models, and reads so many tokens of each question; `loaded` is told once it was asked, None never."""
    asked_once = asyncio.Event()

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        path = asked.line.split()[1]
        if path == "/api/chat":
            asked_once.set()
            ending = said("", done=True, done_reason="stop", prompt_eval_count=counted, eval_count=2)
            writer.write(chunked(said("Hello"), ending))
        elif path == "/api/ps":
            writer.write(whole(json.dumps({"models": (loaded or []) if asked_once.is_set() else []}).encode()))
        elif path == "/api/show":
            writer.write(whole(row(model_info={"general.architecture": "llama", "llama.context_length": 131_072})))
        else:
            writer.write(whole(b"{}", "404 No"))

    return answer


@pytest.mark.parametrize(
    ("loaded", "counted", "told"),
    [
        (None, 2051, True),
        ([{"model": "tiny", "context_length": 4096}], 2051, True),
        ([{"model": "tiny", "context_length": 131_072}], 30_000, False),
        (None, 12, False),
    ],
)
async def test_what_ollama_has_left_out_is_told_also_where_the_model_was_not_loaded(
    tmp_path: Path, loaded: Any, counted: int, told: bool
) -> None:
    home = Home(tmp_path)
    async with RawServer(ollama(counted, loaded)) as server:
        home.config.write_text(
            'model = "box/tiny"\n[[providers]]\nname = "box"\ndialect = "ollama"\nmodels = ["tiny"]\n'
            f'base_url = "http://127.0.0.1:{server.port}"\n'
        )
        ran = await home.run("ask", "--json", stdin=b"word another " * 25_000)
    assert ran.code == 0, ran.told()
    notes = [note for note in ran.chunks[-1]["route"].get("notes", []) if "read only" in note]
    assert bool(notes) is told
    assert (f"read only {counted:,}" in ran.told()) is told
