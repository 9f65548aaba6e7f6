"""Writes what the router decides to the debug log: numbers, names and the classes of errors, never texts."""

from __future__ import annotations

import logging

from chat_tui.core.chunks import End
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate, Try
from chat_tui.core.text.log_filter import name_of_reason
from chat_tui.routing.execution.retry import NextStep, Retry
from chat_tui.routing.policy import Plan

log = logging.getLogger(__name__)


def log_plan(request: Request, plan: Plan) -> None:
    """Which models are tried, in which order, with their scores; and why the others are not."""
    if not log.isEnabledFor(logging.INFO):
        return
    scores = {candidate.model: candidate.score for candidate in plan.candidates}
    ranked = [f"{model.name}:{_shown_score(scores.get(model.name))}" for model in plan.models]
    best = next(
        (candidate for candidate in plan.candidates if plan.models and candidate.model == plan.models[0].name), None
    )
    parts = _figures(best) if best else []
    out = [f"{each.model}:{name_of_reason(each.out)}" for each in plan.candidates if each.out]
    log.info(
        "route: request=%s strategy=%s chosen=%s figures=%s ranked=%s excluded=%s needs=%s error=%s",
        request.id,
        plan.strategy,
        plan.models[0].name if plan.models else "-",
        parts,
        ranked,
        out,
        name_of_reason(plan.needs),
        plan.error or "-",
    )


def _figures(candidate: Candidate) -> list[str]:
    known = {"success": candidate.success, "dollars": candidate.price, "seconds": candidate.seconds, **candidate.scores}
    return [f"{name}:{value:.4g}" for name, value in known.items() if value is not None]


def _shown_score(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"


def log_try(request: Request, entry: Try) -> None:
    """One attempt, after it has ended."""
    log.info(
        "try: request=%s model=%s attempt=%d outcome=%s waited=%.3f seconds=%.3f address=%s strategy=%s",
        request.id,
        entry.model,
        entry.attempt,
        entry.outcome,
        entry.waited_seconds,
        entry.duration_seconds,
        entry.address or "-",
        entry.strategy or "-",
    )


def log_step(request: Request, model: Model, step: NextStep) -> None:
    """What is done after an attempt that has failed."""
    delay = step.delay if isinstance(step, Retry) else 0.0
    log.info("next: request=%s model=%s step=%s delay=%.3f", request.id, model.name, type(step).__name__, delay)


def log_end(end: End) -> None:
    """How the stream ended."""
    if not log.isEnabledFor(logging.INFO):
        return
    usage, timings = end.usage, end.timings
    log.info(
        "end: request=%s model=%s state=%s finish=%s prompt_tokens=%s completion_tokens=%s first_token=%s seconds=%s",
        end.request_id,
        end.model or "-",
        end.state,
        end.finish_reason or "-",
        usage.prompt_tokens if usage else "-",
        usage.completion_tokens if usage else "-",
        timings.ttft_seconds if timings else "-",
        timings.duration_seconds if timings else "-",
    )
