"""The figures of the benchmark of routing, by hand, and that the shipped strategies beat choosing blindly."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks import routing_quality
from tests.benchmarks.routing_quality import at_budget, blind_mix, curve, known_model, read, switch_order


def test_the_curve_of_a_perfect_a_blind_and_a_wrong_order() -> None:
    weak, strong = [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]
    perfect = curve([0, 1, 2, 3], weak, strong)
    assert perfect == (0.75, 0.25, 0.5)
    assert curve([2, 3, 0, 1], weak, strong).apgr == 0.25
    chance = random.Random(1)
    areas = [curve(chance.sample(range(4), 4), weak, strong).apgr for _ in range(2000)]
    assert sum(areas) / len(areas) == pytest.approx(0.5, abs=0.02)


def test_a_blind_mix_is_the_best_line_between_two_models() -> None:
    models = [(1.0, 0.5), (3.0, 0.9), (2.0, 0.4)]
    assert blind_mix(models, 1.0) == 0.5
    assert blind_mix(models, 2.0) == pytest.approx(0.7)
    assert blind_mix(models, 5.0) == 0.9


def test_what_a_budget_buys_lies_between_the_settings_next_to_it() -> None:
    assert at_budget([(3.0, 0.9), (1.0, 0.5)], 2.0) == pytest.approx(0.7)
    assert at_budget([(3.0, 0.9), (1.0, 0.5)], 9.0) == 0.9


def test_the_shipped_strategies_tell_where_the_stronger_model_is_needed() -> None:
    names = ("gpt-4o-mini-2024-07-18", "o1-mini-2024-09-12")
    chance = random.Random(5)
    outcomes = [each for each in read(routing_quality.OUTCOMES) if chance.random() < 0.25]
    low, high = ([each.scores[name] for each in outcomes] for name in names)
    pair = [known_model(names[0], (0.15, 0.6)), known_model(names[1], (3.0, 12.0))]
    for strategy, settings in routing_quality.SWEEPS.items():
        order = switch_order(pair, outcomes, strategy, settings[::4])
        assert curve(order, low, high).apgr > 0.6, strategy
