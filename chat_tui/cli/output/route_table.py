"""A route as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.route import Alternative, Candidate, Route
from chat_tui.core.text.prompt_features import level_of, without_level
from chat_tui.core.usage.token_estimate import memory_tokens


def route_lines(model: str, route: Route) -> Sequence[str]:
    """Return the route as a table for people."""
    needs = without_level(route.needs)
    asked = f" ({needs})" if needs else ""
    able = [candidate for candidate in route.candidates if not candidate.out]
    excluded = [candidate for candidate in route.candidates if candidate.out]
    width = max((len(candidate.model) for candidate in route.candidates), default=10)
    lines = [f"{model}, chosen by {route.strategy}", f"prompt: {level_of(route.difficulty or 0.0)}{asked}", ""]
    lines.append(f"{'model':<{width}}  {'good':>5}  {'price':>9}  {'time':>7}")
    lines += [f"{one.model:<{width}}{_figures(one)}".rstrip() for one in able]
    lines += [f"{one.model:<{width}}  excluded: {one.out}" for one in excluded]
    if route.left_out:
        lines.append(f"and {route.left_out:,} more")
    lines += [f"memory that was sent: {each.name}, ≈{memory_tokens(each):,} tokens" for each in route.memory]
    width = max((len(other.strategy) for other in route.others), default=10)
    return [*lines, "", "other strategies", *[f"{_other(other, width)}" for other in route.others]]


def _other(other: Alternative, width: int) -> str:
    price = _dollars(other.price) if other.model else " " * 9
    return f"{other.strategy:<{width}}  {price}  {other.model or 'nothing'}"


def _figures(candidate: Candidate) -> str:
    """Return the figures expected of a model; empty if its strategy, a plug-in, estimates nothing."""
    if candidate.success is None:
        return ""
    seconds = "" if candidate.seconds is None else f"{candidate.seconds:>6.1f}s"
    # None is certain.
    return f"  {min(candidate.success, 0.99):>5.0%}  {_dollars(candidate.price)}  {seconds}"


def _dollars(price: float | None) -> str:
    return f"{'unknown' if price is None else 'free' if price == 0 else f'${price:.5f}':>9}"
