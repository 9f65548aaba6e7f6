"""`chat-tui route`: which model would answer, and why, without asking any."""

from __future__ import annotations

import json
from pathlib import Path

from tests.doubles.model_server import ModelServer
from tests.wire.home import Home

PRICED = """
[[models]]
name = "box/strong"
quality = 0.95
price_in = 5.0
price_out = 25.0

[[models]]
name = "box/weak"
quality = 0.75
price_in = 0.05
price_out = 0.1
"""
PROOF = "Find all integer solutions of x^4 - 2y^2 = 1, and prove that there are no others."


async def test_the_choice_is_told_with_the_reasons_and_nobody_is_asked(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "strong", "weak", more=PRICED)
    asked = len(server.exchanges)
    easy = await home.run("route", "What is the capital of France?", "--strategy", "capability-match", "--json")
    hard = await home.run("route", PROOF, "--strategy", "capability-match", "--json")
    assert (easy.code, hard.code) == (0, 0)
    told = [json.loads(ran.text) for ran in (easy, hard)]
    assert [each["model"] for each in told] == ["box/weak", "box/strong"]
    assert told[0]["route"]["difficulty"] < told[1]["route"]["difficulty"]
    best = told[1]["route"]["candidates"][0]
    assert best["model"] == "box/strong"
    assert 0 < best["success"] < 1
    assert best["price"] > 0
    assert best["seconds"] > 0
    assert {other["strategy"] for other in told[1]["route"]["others"]} >= {"balanced", "quality-first"}
    assert len(server.exchanges) == asked


async def test_the_table_names_models_figures_and_other_strategies(home: Home, server: ModelServer) -> None:
    home.serve(server.base_url, "strong", "weak", more=PRICED)
    ran = await home.run("route", PROOF, "--strategy", "quality-first")
    assert ran.code == 0
    assert ran.text.startswith("box/strong, chosen by quality-first\nprompt: ")
    # How hard it is, is told once.
    assert ran.text.splitlines()[1].count("hard") == 1
    for part in ("model", "good", "price", "time", "box/weak", "%", "other strategies", "capability-match"):
        assert part in ran.text


async def test_models_may_be_named_that_cannot_be_asked_from_here(home: Home) -> None:
    ran = await home.run("route", "hello", "--models", "openai/gpt-5, openai/gpt-5-nano,ollama/llama3.2:3b", "--json")
    assert ran.code == 0
    candidates = {each["model"] for each in json.loads(ran.text)["route"]["candidates"]}
    assert candidates == {"openai/gpt-5", "openai/gpt-5-nano", "ollama/llama3.2:3b"}


async def test_a_prompt_is_needed_and_names_must_be_whole(home: Home) -> None:
    assert (await home.run("route")).code == 2
    wrong = await home.run("route", "hello", "--models", "gpt-5")
    assert wrong.code == 2
    assert "gpt-5 is no model's name" in wrong.told()
    for none in (",", "", " , "):
        wrong = await home.run("route", "hello", "--models", none)
        assert (wrong.code, wrong.text) == (2, "")
        assert "--models names no model." in wrong.told()
        assert "Write PROVIDER/MODEL, separated by commas." in wrong.told()
    unknown = await home.run("route", "hello", "--strategy", "best")
    assert unknown.code == 2
    assert "unknown strategy" in unknown.told()


async def test_a_price_that_is_not_known_is_told_in_words(home: Home) -> None:
    ran = await home.run("route", "hello", "--models", "box/new-7b,box/newer-8b")
    assert ran.code == 0
    assert "–" not in ran.text
    rows = [line.split() for line in ran.text.splitlines() if line.startswith("box/")][1:]
    assert [row[2] for row in rows] == ["unknown", "unknown"]
    assert any(line.split()[:2] == ["learned", "unknown"] for line in ran.text.splitlines())


async def test_a_model_of_a_server_on_this_machine_is_free(home: Home) -> None:
    ran = await home.run("route", "hello", "--models", "openai/gpt-5,vllm/llama3.2:3b,jan/llama3.2:3b", "--json")
    prices = {each["model"]: each["price"] for each in json.loads(ran.text)["route"]["candidates"]}
    assert prices["openai/gpt-5"] > 0
    assert prices["vllm/llama3.2:3b"] == prices["jan/llama3.2:3b"] == 0


async def test_no_prompt_is_refused_with_the_usage(home: Home, tmp_path: Path) -> None:
    ran = await home.run("route")
    assert ran.code == 2
    assert ran.told() == "usage: chat-tui route PROMPT\nchat-tui: no prompt was given, and standard input is empty.\n"
    file = tmp_path / "a.txt"
    file.write_text("words")
    assert "usage: chat-tui route --attach FILE PROMPT" in (await home.run("route", "--attach", str(file))).told()
