"""Prices and windows come from a snapshot that a child makes; quality from a table, or as a guess that says so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from chat_tui.config.schema import Config, ModelRow, ProviderRow
from chat_tui.core.models import Model, Provider
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.providers.catalogue import prices_worker
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.model_name import bare_id
from chat_tui.providers.catalogue.prices import FRESH_SECONDS, Catalogue, CatalogueEntry
from chat_tui.providers.catalogue.quality import prior_of, usual_for_size
from tests.prices import snapshot_text
from tests.support.isolated_engine import backend_of, engine_with, standing

SNAPSHOT = {
    "acme": {
        "anvil-2": CatalogueEntry(100_000, 1.0, 2.0),
        "anvil-embed": CatalogueEntry(8000, 0.1, 0.1),
        "anvil-2-image": CatalogueEntry(None, 1.0, 2.0),
        "rope": CatalogueEntry(None, None, None),
    },
    "azure": {"own": CatalogueEntry(1000, 1.0, 2.0)},
    "openai": {
        "gpt-x": CatalogueEntry(2000, 3.0, 4.0),
        "ft:gpt-x": CatalogueEntry(2000, 6.0, 8.0),
        "own": CatalogueEntry(2000, 9.0, 9.0),
    },
}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    file = tmp_path / "catalogue.json"
    file.write_bytes(msgspec.json.encode(SNAPSHOT))
    made = Catalogue(file)
    assert made.load()
    return made


async def test_the_child_makes_the_snapshot_once_and_again_when_it_is_old(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "catalogue.json"
    catalogue = Catalogue(file)
    assert not catalogue.load()
    assert await catalogue.refresh()
    entry = catalogue.of("openai", "gpt-4o-2024-08-06")
    assert entry is not None
    assert entry.context_window
    assert entry.price_in
    assert entry.price_out
    assert catalogue.of("gemini", "gemini-2.5-flash") is not None
    assert "gpt-4o" in catalogue.chat_models("openai")
    assert not any("embed" in name for name in catalogue.chat_models("openai"))
    assert not await catalogue.refresh()
    old = time.time() - FRESH_SECONDS - 10
    os.utime(file, (old, old))
    assert await Catalogue(file).refresh()


async def test_a_child_that_fails_leaves_what_there_was(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    assert not await Catalogue(file, child=ChildCommand((sys.executable, "-c", "exit(1)"), {})).refresh()
    assert not await Catalogue(file, child=ChildCommand(("/no/such/program",), {})).refresh()
    file.write_text("garbage")
    broken = Catalogue(file)
    assert not broken.load()
    assert broken.of("acme", "anvil-2") is None


def test_a_model_is_known_with_its_date_too(catalogue: Catalogue) -> None:
    for name in ("anvil-2", "anvil-2-2025-01-02", "anvil-2-latest", "anvil-2@20250102"):
        assert catalogue.of("acme", name) == CatalogueEntry(100_000, 1.0, 2.0)
    assert catalogue.of("acme", "anvil-2-mini") is None
    assert catalogue.of("acme", "anvil-2-5") is None
    assert catalogue.of("other", "anvil-2") is None
    assert catalogue.chat_models("acme") == ["anvil-2"]


def test_who_sells_at_the_makers_prices_has_them_and_its_own_first(catalogue: Catalogue) -> None:
    assert catalogue.of("azure", "gpt-x-2026-01-01") == CatalogueEntry(2000, 3.0, 4.0)
    assert catalogue.of("azure", "own") == CatalogueEntry(1000, 1.0, 2.0)
    assert catalogue.chat_models("azure") == ["own"]
    assert catalogue.of("acme", "gpt-x") is None


def test_the_config_goes_before_the_server_the_server_before_the_catalogue(catalogue: Catalogue) -> None:
    rows = (ModelRow("acme/anvil-2", price_in=9.0, quality=0.9),)
    plain, own = ModelInfoResolver(Config(), catalogue), ModelInfoResolver(Config(models=rows), catalogue)
    model = plain.of(Model("acme/anvil-2", context_window=5))
    assert (model.context_window, model.price_in, model.price_out) == (5, 1.0, 2.0)
    assert model.guessed
    model = own.of(Model("acme/anvil-2"), Provider("acme", price_in=7.0, price_out=8.0))
    assert (model.price_in, model.price_out, model.quality, model.guessed) == (9.0, 8.0, 0.9, False)
    assert plain.of(Model("acme/anvil-2", local=True)).price_in == 0.0


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("llama3.1:8b", "llama-3.1-8b"),
        ("accounts/fireworks/models/deepseek-v3", "deepseek-v3"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("Qwen/Qwen3-32B", "qwen3-32b"),
    ],
)
def test_a_family_is_known_by_the_beginning_of_an_id(model_id: str, family: str) -> None:
    assert bare_id(model_id).startswith(family)
    found, rated = prior_of(model_id), prior_of(family)
    assert found is not None
    assert found == rated
    assert not found.guessed


def test_an_unknown_model_is_guessed_by_size_then_by_price() -> None:
    small, large = prior_of("nobody-1b-chat"), prior_of("nobody-70b-chat")
    assert small is not None
    assert large is not None
    assert small.guessed
    assert large.guessed
    assert small.quality < large.quality
    experts = prior_of("nobody-30b-a3b")
    assert experts is not None
    assert experts.quality == prior_of("nobody-30b").quality  # type: ignore[union-attr]
    dear, cheap = prior_of("nobody", 15.0), prior_of("nobody", 0.1)
    assert dear is not None
    assert cheap is not None
    assert dear.quality > cheap.quality
    assert prior_of("nobody") is None
    assert prior_of("gpt-41") is None or prior_of("gpt-41").guessed  # type: ignore[union-attr]


async def test_an_offered_provider_shows_its_models_from_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chat_tui.config.known_providers import KnownProvider

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "chat-tui"
    folder.mkdir()
    (folder / "prices.json").write_bytes(msgspec.json.encode(SNAPSHOT))
    known = {"acme": KnownProvider("acme", "Acme", "http://127.0.0.1:9/v1", keys=("ACME_KEY",))}
    async with engine_with(known=known, environ={"ACME_KEY": "k"}) as engine:
        found = standing(engine, "acme/anvil-2")
        assert found is not None
        assert (found.model.price_in, found.model.context_window) == (1.0, 100_000)


def test_without_the_library_the_prices_are_those_of_our_own_list(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    prices_worker.main(file, find=lambda name: None)
    catalogue = Catalogue(file)
    assert catalogue.load()
    entry = catalogue.of("openai", "gpt-4o-2024-08-06")
    assert entry is not None
    assert (entry.context_window, entry.price_in, entry.price_out) == (128_000, 2.5, 10.0)
    for provider in prices_worker.PROVIDERS:
        assert catalogue.chat_models(provider), provider
    assert prices_worker.SNAPSHOT.read_text("utf-8") == snapshot_text(msgspec.json.decode(file.read_bytes()))


async def test_prices_that_are_looked_up_reach_the_models_that_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    row = ProviderRow("openai", "http://192.0.2.1:9/v1", models=("gpt-4o",))
    async with engine_with(Config(providers=(row,))) as engine:
        before = standing(engine, "openai/gpt-4o")
        assert before is not None
        assert before.model.price_in is None
        await engine.models.discover()
        pricing = backend_of(engine)._pricing
        assert pricing is not None
        await pricing
        after = standing(engine, "openai/gpt-4o")
        assert after is not None
        assert after.model.price_in


def test_the_catalogues_library_is_not_loaded_here() -> None:
    names = "{'genai_prices', 'keyring', 'httpx', 'truststore'}"
    script = f"import sys, chat_tui.bootstrap.open_engine; print(sorted({names} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_conversation_that_outgrows_its_window_is_cut_in_steps_so_that_what_is_cached_stays() -> None:
    facts = ModelInfoResolver(Config(), Catalogue(Path("none")))
    assert facts.of(Model("box/a", context_window=8000)).trim_step_tokens == 1000
    assert facts.of(Model("box/a", context_window=8000, trim_step_tokens=512)).trim_step_tokens == 512
    assert facts.of(Model("box/a")).trim_step_tokens == 0


def test_the_price_of_cached_tokens_comes_from_where_the_price_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_bytes(msgspec.json.encode({"acme": {"a": [8000, 2.0, 8.0, 0.2, 2.5, [[4000, 4.0, 16.0, 0.4, None]]]}}))
    catalogue = Catalogue(file)
    assert catalogue.load()
    known = ModelInfoResolver(Config(), catalogue).of(Model("acme/a"))
    assert (known.price_cached, known.price_cache_write) == (0.2, 2.5)
    assert known.price_steps[0].price_out == 16.0
    own = Config(models=(ModelRow("acme/a", price_in=1.0, price_out=1.0),))
    priced = ModelInfoResolver(own, catalogue).of(Model("acme/a"))
    assert (priced.price_in, priced.price_cached, priced.price_steps) == (1.0, None, ())
    listed = ModelInfoResolver(Config(), catalogue).of(Model("acme/a", price_in=3.0, price_out=3.0, price_cached=0.5))
    assert (listed.price_in, listed.price_cached, listed.price_steps) == (3.0, 0.5, ())


def test_a_guess_stays_one_and_is_made_again_once_the_price_is_known(catalogue: Catalogue) -> None:
    before = ModelInfoResolver(Config(), Catalogue(Path("none"))).of(Model("acme/anvil-2-mini", price_out=0.1))
    assert before.guessed
    after = ModelInfoResolver(Config(), catalogue).of(msgspec.structs.replace(before, price_in=4.0, price_out=4.0))
    assert after.guessed
    assert before.quality is not None
    assert after.quality is not None
    assert after.quality > before.quality
    rated = ModelInfoResolver(Config(), catalogue).of(Model("acme/gpt-4o"))
    assert ModelInfoResolver(Config(), catalogue).of(rated) == rated


@pytest.mark.parametrize(
    ("name", "sized"),
    [
        ("ollama/deepseek-r1:latest", "deepseek-r1:8b"),
        ("ollama/deepseek-r1", "deepseek-r1:8b"),
        ("ollama/llama3", "llama3:8b"),
        ("ollama/llama3.2:latest", "llama3.2:3b"),
        ("ollama/mistral:latest", "mistral:7b"),
        ("ollama/qwen2.5-coder", "qwen2.5-coder:7b"),
        ("ollama/qwen3-coder:latest", "qwen3-coder:30b"),
        ("ollama/tinyllama", "tinyllama:1.1b"),
        ("ollama/gpt-oss:latest", "gpt-oss:20b"),
        ("ollama/mixtral", "mixtral:8x7b"),
    ],
)
def test_a_local_name_without_a_size_is_the_size_that_the_library_means(name: str, sized: str) -> None:
    resolver = ModelInfoResolver(Config(), Catalogue(Path("none")))
    found, known = resolver.of(Model(name, local=True)), resolver.of(Model(f"ollama/{sized}", local=True))
    assert found.quality == known.quality is not None
    assert found.usual_tokens_per_second == known.usual_tokens_per_second


def test_the_size_that_a_server_tells_counts_where_the_name_has_none() -> None:
    resolver = ModelInfoResolver(Config(), Catalogue(Path("none")))
    small = resolver.of(Model("ollama/deepseek-r1:latest", local=True, billions=1.8))
    assert small.quality is not None
    assert small.quality < 0.5
    assert resolver.of(Model("ollama/my-own", local=True, billions=8.0)).quality == usual_for_size(8.0)
    told_by_its_name = resolver.of(Model("ollama/llama3.1:70b", local=True, billions=8.0))
    assert told_by_its_name.quality == resolver.of(Model("ollama/llama3.1:70b", local=True)).quality


@pytest.mark.parametrize(
    ("model_id", "billions", "like"),
    [("phi3:latest", 3.8, "phi3:mini"), ("phi3:latest", 14.0, "phi3:medium"), ("phi3.5:latest", 3.8, "phi3.5-mini")],
)
def test_a_size_that_is_told_stands_for_the_tier_of_that_size(model_id: str, billions: float, like: str) -> None:
    resolver = ModelInfoResolver(Config(), Catalogue(Path("none")))
    known = prior_of(like)
    assert known is not None
    assert resolver.of(Model(f"ollama/{model_id}", local=True, billions=billions)).quality == known.quality


def test_an_older_version_does_not_limit_a_size_of_a_newer_one() -> None:
    # Of Phi 3 with this size nothing is rated, and Phi 2 was a model of 2.7 billion weights.
    older, newer = prior_of("phi-2"), prior_of("phi-3:7b")
    assert older is not None
    assert newer is not None
    assert newer.quality > older.quality


@pytest.mark.parametrize(("model_id", "billions"), [("phi4:latest", 14.7), ("phi4-mini", 3.8), ("phi3:mini", 3.8)])
def test_a_size_does_not_count_against_a_model_that_is_rated_without_one(model_id: str, billions: float) -> None:
    resolver = ModelInfoResolver(Config(), Catalogue(Path("none")))
    rated = prior_of(model_id)
    assert rated is not None
    assert resolver.of(Model(f"ollama/{model_id}", local=True)).quality == rated.quality
    assert resolver.of(Model(f"ollama/{model_id}", local=True, billions=billions)).quality == rated.quality


def test_a_fine_tune_has_the_price_of_fine_tunes_of_its_base(catalogue: Catalogue) -> None:
    assert catalogue.of("openai", "ft:gpt-x-2026-01-01:acme:label:id1") == CatalogueEntry(2000, 6.0, 8.0)


def test_a_model_that_does_not_chat_has_no_quality(catalogue: Catalogue) -> None:
    embedding = ModelInfoResolver(Config(), catalogue).of(Model("acme/anvil-embed", price_out=5.0))
    assert (embedding.quality, embedding.selectable) == (None, False)
