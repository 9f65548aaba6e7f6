"""Dialects of other packages, as installed packages bring them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.load import parse
from chat_tui.core.errors import ConfigError, Garbled, Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.dialects.dialect import Dialect
from chat_tui.providers.dialects.model_list import ModelList
from chat_tui.providers.dialects.model_probe import ModelProbe
from chat_tui.providers.dialects.plugins import guard
from tests.wire.home import QUICK, Home, as_promised
from tests.wire.raw_server import RawServer, chunked, saying

DOCS = Path(__file__).parents[3] / "docs" / "dialects.md"
EXAMPLE = DOCS.read_text().split("```python\n")[1].split("```")[0]


def install(home: Home, source: str, name: str = "acme") -> None:
    """Put a package with the documented entry point where Python finds it."""
    site = home.folder / "site"
    info = site / f"{name}_dialect-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}_dialect.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dialect\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[chat_tui.dialects]\n{name} = {name}_dialect:dialect\n")
    home.environment["PYTHONPATH"] = os.pathsep.join([str(site), os.getcwd()])


def speak(home: Home, server: RawServer, dialect: str = "acme") -> None:
    home.serve(f"http://127.0.0.1:{server.port}", "tiny")
    home.config.write_text(home.config.read_text() + f'dialect = "{dialect}"\n')


def events(*values: object) -> bytes:
    return chunked(*(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values))


async def test_the_documented_dialect_is_found_and_spoken(home: Home) -> None:
    install(home, EXAMPLE)
    async with RawServer(saying(events({"say": "Hel"}, {"say": "lo"}, {"end": True}))) as server:
        speak(home, server)
        ran = await home.run("ask", "--json", "--no-save", "hello")
    as_promised(ran)
    assert (ran.code, ran.told()) == (0, "")
    assert "".join(chunk["token"] for chunk in ran.chunks if chunk["type"] == "token") == "Hello"
    assert server.asked[0].line == "POST /say HTTP/1.1"
    assert server.asked[0].json["ask"][-1] == "hello"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_package_here", "cannot be loaded: ModuleNotFoundError"),
        ("def dialect():\n    return 5", "returns no `Dialect`"),
        ("raise ValueError('\\x1b[2J')", "cannot be loaded: ValueError"),
    ],
)
async def test_a_broken_one_is_told_and_its_provider_left_out(home: Home, source: str, why: str) -> None:
    install(home, source)
    async with RawServer(saying(b"")) as server:
        speak(home, server)
        home.config.write_text(home.config.read_text().replace('model = "box/tiny"', 'model = "scripted/demo"'))
        ran = await home.run("ask", "--no-save", "hello")
    assert ran.code == 0
    assert why in ran.told()
    assert "`box` is skipped" in ran.told()
    assert "\x1b" not in ran.told()
    assert server.asked == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ('{"model": model.id', '{"model": model.nothing', "Rejected"),
        ('value["say"]', 'value["nothing"]', "Garbled"),
    ],
)
async def test_one_that_fails_while_it_speaks_has_its_ending_too(home: Home, old: str, new: str, kind: str) -> None:
    assert old in EXAMPLE
    install(home, EXAMPLE.replace(old, new))
    async with RawServer(saying(events({"say": "Hel"}))) as server:
        speak(home, server)
        ran = await home.run("ask", "--json", "--no-save", "hello")
    as_promised(ran)
    assert (ran.code, ran.chunks[-2]["error"]["kind"]) == (1, kind)
    assert "acme" in ran.told()


def fails(*_: Any) -> Any:
    raise ZeroDivisionError


def test_no_function_of_one_brings_the_house_down() -> None:
    own = Dialect(
        "bad",
        fails,
        fails,
        fails,
        fails,
        model_list=ModelList(read=fails, more=fails),
        look_up=ModelProbe(fails, fails),
    )
    held = guard(own)
    model = Model("box/tiny")
    with pytest.raises(Rejected, match=r"bad.*ZeroDivisionError"):
        held.encode(Request("hello"), model, frozenset())
    with pytest.raises(Garbled, match=r"bad.*ZeroDivisionError"):
        held.reading()
    assert (held.headers("k"), held.quirk(400, "x")) == ({}, None)
    assert (held.model_list.read({}), held.model_list.more({})) == (None, "")
    assert (held.look_up.questions(model), held.look_up.learned(model, ())) == ((), model)


def test_a_name_that_nobody_brings_is_told_with_its_line() -> None:
    text = f'{QUICK}[[providers]]\nname = "box"\nbase_url = "http://x"\ndialect = "klingon"\n'
    with pytest.raises(
        ConfigError, match=r"line 6: .*must be one of openai, openai-responses, anthropic, gemini, ollama"
    ):
        parse(text.encode(), "my.toml")
