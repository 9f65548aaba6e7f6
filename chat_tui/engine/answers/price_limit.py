"""What an answer may cost, and the error if the daily budget is why no model may answer."""

from __future__ import annotations

import re

import msgspec

from chat_tui.config import paths
from chat_tui.core.chunks import Chunk, Error
from chat_tui.core.errors import NoModel
from chat_tui.routing.policy import Plan

_DEAR = ("would cost", "its price")
"""How the router's reasons begin for models that a price limit excludes."""
_LIMIT = re.compile(r", (?:more than|and) your limit (?:of|is) \$[\d.e+-]*\d")
"""What they say about the limit: here it is what is left of the budget, which the title tells."""


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
        return msgspec.structs.replace(plan, error=NoModel(over_budget(self.budget, self.spent), _advice(f"{told}.")))

    def explain_chunk(self, chunk: Chunk) -> Chunk:
        """The chunk; if it is the error that the daily budget leaves no model for a part of an answer, it says so.

        Adaptive answers, and those that work through a document, make plans for their parts themselves.
        """
        if self.budget is None or not isinstance(chunk, Error) or chunk.error.kind != NoModel.__name__:
            return chunk
        error = chunk.error
        title = over_budget(self.budget, self.spent)
        told = next((text for text in (error.title, error.hint) if any(words in text for words in _DEAR)), "")
        if error.title == title or not told:
            return chunk
        return Error(msgspec.structs.replace(error, title=title, hint=_advice(told.partition(" Raise ")[0])))


def _advice(told: str) -> str:
    """The hint of the error, which ends with what the models would cost."""
    return f"Raise `daily_budget` in {paths.config_file()}, or choose a free model. {_LIMIT.sub('', told)}"


def over_budget(budget: float, spent: float) -> str:
    """A sentence that says how much of the daily budget was spent."""
    left = max(0.0, budget - spent)
    state = f"has {_amount(left)} left" if left else "is used up"
    return f"The daily budget of {_amount(budget)} {state}: {_amount(spent)} was spent today."


def _amount(dollars: float) -> str:
    """US dollars with all that counts, and no single decimal: `$1`, `$0.30`, `$0.999`."""
    told = f"${dollars:.4g}"
    return told + "0" if re.fullmatch(r"\$\d+\.\d", told) else told
