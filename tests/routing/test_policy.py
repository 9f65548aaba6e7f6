"""The config's tables about routing, and the limits that a provider has for itself."""

from __future__ import annotations

import pytest

from chat_tui.config.load import parse
from chat_tui.config.schema import ErrorHandling, Timeouts
from chat_tui.core.chunks import Error
from chat_tui.core.errors import ConfigError
from chat_tui.core.models import Model
from chat_tui.providers.scripted_provider import Pause
from chat_tui.routing.policy import ProviderLimits, RoutingPolicy, policy_of
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.strategies import strategies
from tests.support.scripted_router import BUSY, QUICK, A, B, Rig, all_of, ask, end_of, tries


def wrong(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        parse(text.encode(), "my.toml")
    return raised.value


@pytest.mark.parametrize("name", ["strict", "seed"])
def test_the_strict_profile_and_its_former_name_set_limits_that_are_unset(name: str) -> None:
    timeouts = parse(f'[timeouts]\nprofile = "{name}"\ntoken_seconds = 7'.encode(), "x").timeouts
    assert timeouts.profile == "strict"
    assert (timeouts.connection_seconds, timeouts.token_seconds, timeouts.stream_seconds) == (10.0, 7.0, 30.0)
    assert wrong('[timeouts]\nprofile = "quick"').key == "timeouts.profile"


def test_a_weight_is_named_as_its_strategy_is_and_not_negative() -> None:
    config = parse(b"[strategies.quality-first]\ncost = 0.2", "x")
    assert config.strategies.quality_first.cost == 0.2
    title = wrong("[strategies.quality-first]\ncost = -1").title
    assert title.startswith("my.toml, line 2: `strategies.quality-first.cost`")
    title = wrong("[strategies.balanced]\nmin_success = 2").title
    assert title.endswith("`strategies.balanced.min_success` must be at most 1.")
    assert "`quality-first`" in wrong("[strategies.quality-frist]\ncost = 1").hint


def test_weights_of_the_config_change_what_a_strategy_likes() -> None:
    models = [Model("x/good", quality=0.9, price_in=10, price_out=10), Model("x/free", quality=0.2, local=True)]
    config = parse(b"[strategies.quality-first]\ncost = 50", "x")
    health = Health(lambda: 0.0)
    assert strategies()["quality-first"](ask(), models, health)[0].model == "x/good"
    assert strategies(config.strategies)["quality-first"](ask(), models, health)[0].model == "x/free"


async def test_a_provider_may_have_limits_and_retries_of_its_own() -> None:
    own = {
        "one": ProviderLimits(Timeouts(first_token_seconds=0.05), ErrorHandling(retry_attempts=1)),
        "two": ProviderLimits(error_handling=ErrorHandling(retry_attempts=2, retry_delay_seconds=0)),
    }
    rig = Rig(a=[Pause(30)], b=[BUSY])
    router = rig.router(A, B)
    router._settings = RoutingPolicy(error_handling=QUICK, by_provider=own)
    chunks = await all_of(router.process_stream(ask()))
    assert tries(chunks) == [("one/a", "TooSlow"), ("two/b", "Overloaded"), ("two/b", "Overloaded")]
    assert "one/a sent no token within 0.05 s" in next(c.error.hint for c in chunks if isinstance(c, Error))
    assert end_of(chunks).state == "failed"


def test_each_provider_may_override_each_limit() -> None:
    text = """
    [timeouts]
    token_seconds = 9
    [error_handling]
    retry_attempts = 5
    [[providers]]
    name = "openai"
    first_token_seconds = 2
    retry_attempts = 1
    exponential_backoff = false
    max_concurrent_streams = 7
    """
    settings = policy_of(parse(text.encode(), "x"), local_streams=2)
    own, other = Model("openai/gpt"), Model("groq/llama")
    assert settings.timeouts_of(own) == Timeouts(first_token_seconds=2, token_seconds=9)
    assert settings.handling_of(own) == ErrorHandling(retry_attempts=1, exponential_backoff=False)
    assert settings.handling_of(other) == ErrorHandling(retry_attempts=5)
    assert settings.streams == {"local": 2, "openai": 7}
    assert wrong('[[providers]]\nname = "openai"\nmax_concurrent_streams = 0').key.endswith("max_concurrent_streams")
