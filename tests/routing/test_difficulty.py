"""How hard a prompt is judged to be."""

from __future__ import annotations

from importlib.resources import files

from chat_tui.core.request import Request
from chat_tui.routing.ranking.difficulty import difficulty_of
from chat_tui.routing.ranking.prompt_features import features_of


def test_the_table_is_small() -> None:
    assert len(files("chat_tui.routing.ranking").joinpath("difficulty.bin").read_bytes()) <= 64 * 1024


def test_the_features_of_a_prompt_tell_its_difficulty() -> None:
    easy, hard = "What is the capital of France?", "Find the inverse Laplace transform of log((s + 1) / (s - 1))"
    assert features_of(Request(prompt=easy)).difficulty < features_of(Request(prompt=hard)).difficulty
    assert abs(features_of(Request(prompt=hard)).difficulty - difficulty_of(hard)) < 0.001


def test_any_text_has_a_difficulty() -> None:
    assert all(-6 < difficulty_of(text) < 6 for text in ("", " ", "\ud800", "😀", "\x00", "a" * 100_000))
