"""Choices that nobody would call silly: prompts of every kind, two lists of twelve models with shipped figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.core.request import Request
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.strategies import names, strategies

DEAR = {
    *("openai/gpt-5.2-chat-latest", "anthropic/claude-opus-4-5", "google/gemini-3-pro-preview", "openai/gpt-5"),
    *("openai/gpt-6-astra", "openai/gpt-6.1-sol", "anthropic/claude-fable-5-2", "anthropic/claude-opus-5-5"),
    "google/gemini-4-argon",
}
DEAREST = {"anthropic/claude-opus-4-5", "openai/gpt-6-astra", "anthropic/claude-fable-5-2"}
CAPABLE = {
    *("openai/gpt-5-mini", "anthropic/claude-haiku-4-5"),
    *("openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "deepseek/deepseek-v4-flash"),
}
"""Cheaper ones that are very likely good at proofs and designs that are not the hardest. Claude Haiku 4.5 is: it codes
about as well as Claude Sonnet 4, and costs as much as GPT-5 mini with its thinking."""
WEAK = {"ollama/llama3.2:3b", "ollama/qwen3:0.6b"}
LISTS = {
    "2025": {
        "openai/gpt-5.2-chat-latest": (1.75, 14.0),
        "openai/gpt-5": (1.25, 10.0),
        "openai/gpt-5-mini": (0.25, 2.0),
        "openai/gpt-5-nano": (0.05, 0.4),
        "anthropic/claude-opus-4-5": (5.0, 25.0),
        "anthropic/claude-haiku-4-5": (1.0, 5.0),
        "google/gemini-3-pro-preview": (2.0, 12.0),
        "google/gemini-2.5-flash-lite": (0.1, 0.4),
        "groq/llama-3.3-70b-versatile": (0.59, 0.79),
        "ollama/llama3.2:3b": (0.0, 0.0),
        "ollama/qwen3:0.6b": (0.0, 0.0),
        LOCAL_MODEL: (0.0, 0.0),
    },
    "2026": {
        "openai/gpt-6-astra": (10.0, 50.0),
        "openai/gpt-6.1-sol": (2.0, 10.0),
        "openai/gpt-6-luna": (0.1, 0.5),
        "openai/gpt-5.4-nano": (0.2, 1.25),
        "anthropic/claude-fable-5-2": (8.0, 40.0),
        "anthropic/claude-opus-5-5": (4.0, 20.0),
        "anthropic/claude-haiku-5-5": (0.1, 0.5),
        "google/gemini-4-argon": (2.0, 10.0),
        "google/gemini-3.5-flash-lite": (0.3, 2.5),
        "deepseek/deepseek-v4-flash": (0.15, 0.6),
        "ollama/llama3.2:3b": (0.0, 0.0),
        LOCAL_MODEL: (0.0, 0.0),
    },
}
"""US dollars per million tokens of prompt and of answer."""
SMALL_TALK = (
    *("hello", "Hi there!", "thanks!", "Thank you so much", "good night", "ok cool", "who are you?"),
    *("how are you today?", "hola", "merci", "你好", "👍"),
)
EVERYDAY = (
    *("What is the capital of France?", "Translate 'good morning' into Spanish", "Give me a recipe for pancakes"),
    *("Write a haiku about rain", "Summarise the causes of the first world war in five points"),
    *("Write a Python function that reverses a list", "What is 17 * 23?", "Explain photosynthesis to a child"),
    *(
        "What does git rebase do?",
        "How many days are in a leap year?",
        "Plan a three-day trip to Rome with two children",
    ),
    *(
        "Fix the typos: I has went to the libary",
        "Extract the dates as JSON: the meeting is on 3 May, the end on 5 June.",
    ),
    "Rewrite this mail so that it is more polite: I want my money back now.",
)
HARD = (
    "Prove that there are infinitely many primes congruent to 3 mod 4.",
    "Prove that every finite group of order p^2 is abelian.",
    "Find all integer solutions of x^4 - 2y^2 = 1, and prove that there are no others.",
    "Design a double-entry payment ledger that stays consistent across regions with at-least-once messages.",
    "Why does my asyncio program deadlock when two tasks take the same locks in different order? Design a fix.",
    "Refactor this 2,000-line service into modules, with a migration plan and tests.",
    "Design a distributed rate limiter that survives the loss of a data centre, and analyse its failure modes.",
    "Derive the Euler-Lagrange equations, and apply them to a double pendulum.",
    "Implement a lock-free multi-producer queue in Rust, and argue why it is linearizable.",
    "Draft an enforceable non-compete clause under Californian law, and analyse its weaknesses.",
    "Analyse the liability of both parties under English law where both breached the contract, citing authorities.",
)

PROOFS = (
    *("Докажи, что простых чисел бесконечно много", "소수가 무한히 많음을 증명하시오."),
    *("Udowodnij, że liczb pierwszych jest nieskończenie wiele.", "证明素数有无穷多个。"),
)


HARDEST = tuple(prompt for prompt in HARD if prompt.startswith("Design"))


@pytest.fixture(scope="module", params=LISTS)
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    resolver = ModelInfoResolver(Config(), Catalogue(Path(tmp_path_factory.mktemp("none")) / "prices.json"))
    return [
        resolver.of(
            Model(
                name,
                128_000,
                *prices,
                quality=0.02 if name == LOCAL_MODEL else None,
                local=name.startswith(("ollama/", "local/")),
            )
        )
        for name, prices in LISTS[request.param].items()
    ]


def chosen(strategy: str, prompt: str, models: list[Model]) -> str:
    return strategies()[strategy](Request(prompt=prompt), models, Health(lambda: 0.0))[0].model


@pytest.mark.parametrize("strategy", names())
def test_the_model_for_trying_out_answers_nothing(strategy: str, models: list[Model]) -> None:
    assert LOCAL_MODEL not in {chosen(strategy, prompt, models) for prompt in (*SMALL_TALK, *EVERYDAY, *HARD)}


@pytest.mark.parametrize("strategy", [name for name in names() if name != "round-robin"])
def test_small_talk_goes_to_no_dear_model(strategy: str, models: list[Model]) -> None:
    assert {prompt for prompt in SMALL_TALK if chosen(strategy, prompt, models) in DEAR} == set()


@pytest.mark.parametrize("strategy", names())
def test_nothing_hard_goes_to_a_small_model(strategy: str, models: list[Model]) -> None:
    assert {prompt for prompt in (*HARD, *PROOFS) if chosen(strategy, prompt, models) in WEAK} == set()


def test_hard_prompts_go_to_strong_models(models: list[Model]) -> None:
    for strategy, strong in (("quality-first", DEAR), ("capability-match", DEAR | CAPABLE)):
        assert {prompt for prompt in HARD if chosen(strategy, prompt, models) not in strong} == set()
        # Designs are the hardest: there even the strategy that saves takes one of the best.
        assert {prompt for prompt in HARDEST if chosen(strategy, prompt, models) not in DEAR} == set()


@pytest.mark.parametrize("strategy", ["balanced", "learned", "cost-optimized", "capability-match", "speed-priority"])
def test_everyday_requests_go_to_no_dear_model(strategy: str, models: list[Model]) -> None:
    assert {prompt for prompt in EVERYDAY if chosen(strategy, prompt, models) in DEAR} == set()


def test_no_everyday_request_is_worth_the_dearest_model(models: list[Model]) -> None:
    assert {prompt for prompt in EVERYDAY if chosen("quality-first", prompt, models) in DEAREST} == set()


def test_a_greeting_and_a_ledger_go_to_different_models(models: list[Model]) -> None:
    for strategy in ("balanced", "quality-first", "capability-match", "cost-optimized"):
        assert chosen(strategy, "hello", models) != chosen(strategy, HARD[3], models)
