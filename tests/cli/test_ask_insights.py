"""`chat-tui ask --insights`: what can be said of the answer, in its chunks or below it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.model_server import ModelServer
from tests.doubles.sample_markdown import tokens
from tests.wire.home import Home


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with ModelServer() as server:
        home = Home(tmp_path)
        home.serve(server.base_url, "t25-think3")
        yield home


async def test_the_breakdown_comes_to_stderr_and_the_answer_stays_alone_on_stdout(home: Home) -> None:
    ran = await home.run("ask", "--no-save", "--insights", "hello")
    answer = "".join(tokens(25))
    assert ran.text.rstrip("\n") == answer.rstrip("\n")
    said = ran.told()
    assert f"Length: {len(answer):,} characters" in said
    for label in ("Reading time: about ", "Sentiment: ", "Top keywords: "):
        assert label in said


async def test_json_has_them_after_every_ten_tokens_and_in_the_end(home: Home) -> None:
    ran = await home.run("ask", "--no-save", "--insights", "--json", "hello")
    chunks = ran.chunks
    told = [chunk["insights"] for chunk in chunks if chunk.get("event") == "insights"]
    assert len(told) == 2
    assert told[0]["characters"] < told[1]["characters"] < chunks[-1]["insights"]["characters"]
    assert chunks[-1]["insights"]["characters"] == len("".join(tokens(25)))
    assert not ran.told()


async def test_nothing_is_said_unless_it_is_asked_for(home: Home) -> None:
    ran = await home.run("ask", "--no-save", "--json", "hello")
    assert ran.chunks[-1]["insights"] is None
    assert not any(chunk.get("event") == "insights" for chunk in ran.chunks)


async def test_the_config_asks_for_them_and_an_option_goes_before_it(home: Home) -> None:
    home.config.write_text(home.config.read_text() + "\n[display]\ninsights = true\n")
    assert "Top keywords" in (await home.run("ask", "--no-save", "hello")).told()
    assert "Top keywords" not in (await home.run("ask", "--no-save", "--no-insights", "hello")).told()


async def test_a_package_brings_a_processor_and_a_broken_one_is_told(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    about = folder / "loud-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[chat_tui.processors]\nloud = loud:Loud\nbroken = loud:Missing\n")
    (folder / "loud.py").write_text(
        "class Loud:\n"
        "    size = 0\n"
        "    def feed(self, text):\n"
        "        self.size += len(text)\n"
        "    def record(self):\n"
        "        return {'letters': self.size}\n"
    )
    home.environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    ran = await home.run("ask", "--no-save", "--insights", "--json", "hello")
    end = ran.chunks[-1]["insights"]
    assert end["extras"] == {"loud": {"letters": end["characters"]}}
    assert "The processor `broken` failed: AttributeError" in ran.told()
