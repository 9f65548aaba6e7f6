"""What an answer may cost, and the error if the daily budget is why no model may answer."""

from __future__ import annotations

import msgspec

from chat_tui.config import paths
from chat_tui.core.errors import NoModel
from chat_tui.routing.policy import Plan

_DEAR = ("would cost", "its price")
"""How the router's reasons begin for models that a price limit excludes."""


class PriceLimit(msgspec.Struct, frozen=True):
    """What one answer may cost, in US dollars."""

    dollars: float | None = None
    """None: no limit."""
    budget: float | None = None
    """The daily budget, if that is what limits the answer; otherwise None."""
    spent: float = 0.0
    """What was spent today."""

    def explain(self, plan: Plan) -> Plan:
        """The plan; if the daily budget leaves no model, its error says so."""
        if plan.error is None or self.budget is None:
            return plan
        dear = [each for each in plan.candidates if each.out and each.out.startswith(_DEAR)]
        if not dear:
            return plan
        told = "; ".join(f"{each.model} {each.out}" for each in dear[:4])
        hint = f"Raise `daily_budget` in {paths.config_file()}, or choose a free model. {told}."
        return msgspec.structs.replace(plan, error=NoModel(over_budget(self.budget, self.spent), hint))


def over_budget(budget: float, spent: float) -> str:
    """A sentence that says how much of the daily budget was spent."""
    left = max(0.0, budget - spent)
    state = f"has ${left:.4g} left" if left else "is used up"
    return f"The daily budget of ${budget:.4g} {state}: ${spent:.4g} was spent today."
