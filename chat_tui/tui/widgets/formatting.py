"""Figures in words: how seconds, tokens, rates, money and times are written on the screen. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage import figure_words
from chat_tui.core.usage.figure_words import is_known
from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import Phase, StreamStats

UNKNOWN, ABOUT = figure_words.UNKNOWN, figure_words.ABOUT
seconds, tokens = figure_words.seconds, figure_words.tokens
cost, about_cost = figure_words.cost, figure_words.about_cost

_BARS = "▁▂▃▄▅▆▇█"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MEGABYTE = 1_000_000

_WORDS: dict[Phase, str] = {
    "idle": "ready",
    "queued": "queued",
    "fetching": "downloading the model",
    "loading": "loading the model",
    "streaming": "answering",
    "complete": "done",
    "length": "token limit reached",
    "cancelled": "stopped",
    "broken": "connection lost",
    "empty": "no text",
    "calling": "running a tool",
    "asking": "asks about a tool",
}
_TIMED = frozenset(
    {"queued", "fetching", "loading", "connecting", "waiting", "thinking", "answering", "streaming", "paused"}
)


def model_state(state: str) -> str:
    """A model's state as its status has it, in words for a list of models."""
    return {"not fetched": "not downloaded", "fetching": "downloading"}.get(state, state)


def ttft(value: float | None) -> str:
    """The time to the first token, finer where it is short: `0.34 s`, `1.2 s`, `<0.01 s`."""
    if value is not None and 0 < value < 0.005:
        return "<0.01 s"
    return f"{value:.2f} s" if value is not None and 0 <= value < 0.995 else seconds(value)


def gap(value: float | None) -> str:
    """A time between tokens: `24 ms`, `1.2 s`."""
    if value is None or not is_known(value):
        return UNKNOWN
    return f"{round(1000 * value)} ms" if value < 0.9995 else seconds(value)


def gaps(figures: StreamStats) -> str:
    """The median time between tokens and the 95th percentile, each in a field of its own: ` 24 ms    61 ms`."""
    if figures.gap_p50_seconds is None:
        return UNKNOWN
    return f"{gap(figures.gap_p50_seconds):>6} {gap(figures.gap_p95_seconds):>7}"


def speed(value: float | None, estimated: bool = False) -> str:
    """Tokens per second as a bare number: `41`, `4.2`, `≈41`."""
    if value is None or not is_known(value):
        return UNKNOWN
    mark = ABOUT if estimated else ""
    return f"{mark}{value:.1f}" if value < 9.95 else f"{mark}{value:,.0f}"


def rate(value: float | None, estimated: bool = False) -> str:
    """Tokens per second with their unit: `41 tok/s`, `≈41 tok/s`."""
    shown = speed(value, estimated)
    return shown if shown == UNKNOWN else f"{shown} tok/s"


def cost_of(figures: StreamStats) -> str:
    """An answer's cost, marked `≈` where it is an estimate."""
    if figures.cost is None:
        return about_cost(figures.price)
    return about_cost(figures.cost) if figures.cost_estimated else cost(figures.cost)


def full_cost(figures: StreamStats, width: int) -> str:
    """Return the cost of an answer, with what the cache saved and whether the server reported it, if there is room."""
    dollars = cost_of(figures)
    told = "billed" if figures.cost_billed and figures.cost else ""
    saved = f"saved {cost(figures.saved)}" if figures.saved is not None and figures.saved > 0 else ""
    longest = " · ".join(filter(None, (dollars, told, saved)))
    shorter = " · ".join(filter(None, (dollars, saved or told)))
    return next((text for text in (longest, shorter) if len(text) <= width), dollars)


def prompt_tokens(figures: StreamStats, width: int) -> str:
    """The tokens of the prompt, with the share that the server had cached where there is room: `12.3k · 98% cached`."""
    counted = tokens(figures.prompt_tokens, figures.prompt_estimated)
    if not figures.cached_tokens:
        return counted
    cached = f"{counted} · {percentage(figures.cached_tokens, figures.prompt_tokens)} cached"
    return cached if len(cached) <= width else counted


def today(spending: Spending) -> str:
    """Today's spending, against the budget if there is one: `$0.12 of $1.00`."""
    spent = cost(spending.today)
    return spent if spending.budget is None else f"{spent} of {cost(spending.budget)}"


def price(price_in: float | None, price_out: float | None) -> str:
    """US dollars per million tokens in and out: `$0.15/$0.60`, `$3/$15`; `$0` when both are free."""
    if price_in is None or price_out is None or not (is_known(price_in) and is_known(price_out)):
        return UNKNOWN
    if price_in == price_out == 0:
        return "$0"
    return f"{_dollars(price_in)}/{_dollars(price_out)}"


def _dollars(value: float) -> str:
    if value == round(value):
        return f"${value:.0f}"
    exact = f"{value:.4f}".rstrip("0")
    return f"${exact}" if len(exact.partition(".")[2]) > 2 else f"${value:.2f}"


def percentage(part: float | None, whole: float | None) -> str:
    """A share: `12%`; `<1%` rather than a nought that is not one."""
    if part is None or whole is None or not is_known(part) or not whole > 0:
        return UNKNOWN
    share = 100 * part / whole
    return "<1%" if 0 < share < 1 else f"{math.floor(share + 0.5)}%"


def size(count: float) -> str:
    """Bytes in megabytes: `93.8 MB`."""
    return f"{max(0.0, count) / _MEGABYTE:.1f} MB"


def progress(done: float, total: float | None) -> str:
    """Bytes done: `12.3 of 93.8 MB`, or `12.3 MB` where the whole is not known."""
    if not total or total <= 0:
        return size(done)
    return f"{max(0.0, done) / _MEGABYTE:.1f} of {size(total)}"


def context(window: int | None) -> str:
    """A context window in tokens: `2k`, `128k`, `1M`; in units of 1,024 where it is not round in thousands."""
    if window is None or window <= 0:
        return UNKNOWN
    thousand = 1024 if window % 1024 == 0 and window % 1000 else 1000
    if window < 1000:
        return str(window)
    if window < 0.9995 * thousand * thousand:
        return f"{_short(window / thousand)}k"
    return f"{_short(window / thousand / thousand)}M"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 or abs(value - round(value)) < 0.05 else f"{value:.1f}"


def sparkline(values: Sequence[float], width: int) -> str:
    """The newest `width` values as bars scaled to the largest of them; shorter when there are fewer values."""
    newest = [value if is_known(value) else 0.0 for value in values[-width:]] if width > 0 else []
    largest = max(newest, default=0.0)
    if largest <= 0:
        return _BARS[0] * len(newest)
    return "".join(_BARS[min(7, math.ceil(8 * value / largest) - 1)] if value else _BARS[0] for value in newest)


def gauge(part: float | None, whole: float | None, width: int) -> tuple[str, str]:
    """A bar of `width` cells in two pieces: what is filled, to half a cell, and what is not."""
    if part is None or whole is None or not is_known(part) or not whole > 0:
        return "", "─" * max(0, width)
    halves = max(0, min(2 * width, math.ceil(2 * width * part / whole)))
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    return filled, "─" * max(0, width - len(filled))


def moment(when: datetime, now: datetime) -> str:
    """When something was, as seen from `now` in its time zone: `14:05`, `yesterday`, `12 Nov`, `12 Nov 2023`."""
    try:
        local = when.astimezone(now.tzinfo)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN
    days = (now.date() - local.date()).days
    if days == 0:
        return f"{local.hour:02d}:{local.minute:02d}"
    if days == 1:
        return "yesterday"
    day = f"{local.day} {_MONTHS[local.month - 1]}"
    return day if local.year == now.year else f"{day} {local.year}"


def phase(figures: StreamStats, *, timed: bool = True) -> str:
    """The state of an answer: `connecting 0.4 s`, `thinking 3.1 s`, `retrying 2/3 in 4 s`, `stopped`.

    Not `timed`: without its own clock, where another one is on the screen.
    """
    if figures.phase == "retrying":
        tries = f"retrying {figures.attempt}/{figures.of}" if figures.of else "retrying"
        if figures.delay_seconds:
            # Whole seconds, rounded up: it never says 0 while it still waits.
            return f"{tries} in {math.ceil(figures.delay_seconds)} s"
        return f"{tries} now"
    words = _WORDS.get(figures.phase, figures.phase)
    return f"{words} {seconds(figures.phase_seconds)}" if timed and figures.phase in _TIMED else words


def state(figures: StreamStats) -> str:
    """The state of an answer with how long it has taken, once no other line tells it: `done 6.0 s`, `connecting`."""
    if figures.phase == "retrying":
        return f"retrying {figures.attempt}/{figures.of}" if figures.of else "retrying"
    words = _WORDS.get(figures.phase, figures.phase)
    if figures.duration_seconds < 0.05 or figures.phase in _TIMED - {"thinking", "answering", "streaming"}:
        return words
    return f"{words} {seconds(figures.duration_seconds)}"


def status(figures: StreamStats) -> str:
    """Return the status of an answer that has no text yet, and why it is retried; empty if something else shows it."""
    if figures.quick_ttft_seconds is not None:
        return f"detailed answer: {phase(figures)}" if figures.phase != "answering" else ""
    if figures.phase in {"answering", "thinking"}:
        return ""
    # Of another model it tells why the one before was left.
    after = "" if figures.phase == "retrying" else "after: "
    reason = shorten(figures.reason, 300)
    return f"{phase(figures)} · {after}{reason}" if reason else phase(figures)


def step(figures: StreamStats) -> str:
    """The progress through a document: `part 2 of 5`, `summing up`; empty where there are no parts."""
    if figures.steps <= 0:
        return ""
    return "summing up" if figures.step >= figures.steps else f"part {figures.step} of {figures.steps - 1}"


def tries(figures: StreamStats, width: int) -> str:
    """How many models were considered, how many tries it took: `12 models · 2 tries`; the models are left out first."""
    models = f"{figures.candidates} models" if figures.candidates > 1 else ""
    taken = f"{figures.tries} tries" if figures.tries > 1 else ""
    both = " · ".join(filter(None, (models, taken)))
    return both if len(both) <= width else taken


def in_short(figures: StreamStats, width: int) -> str:
    """The most important figures on one line of at most `width` cells; fields keep their width."""
    if figures.ttft_seconds is None:
        return ""
    parts = ["paused"] if figures.phase == "paused" else []
    parts.append(f"TTFT {ttft(figures.ttft_seconds)}")
    if figures.rate is not None:
        parts.append(f"{speed(figures.rate, figures.rate_estimated):>3} tok/s")
    if figures.cost is not None or figures.price is not None:
        parts.append(cost_of(figures))
    if figures.context_window:
        parts.append(f"context {percentage(figures.context_tokens, figures.context_window):>3}")
    while parts and len(" · ".join(parts)) > width:
        parts.pop()
    return " · ".join(parts)


def left_out(count: int) -> str:
    """The note that earlier exchanges were not sent; empty when all were."""
    if count <= 0:
        return ""
    return "1 earlier exchange not sent" if count == 1 else f"{count:,} earlier exchanges not sent"


def seams(count: int) -> str:
    """The note that an answer was cut and went on."""
    return "interrupted, then continued" if count == 1 else f"interrupted {count} times, then continued"


def byte_size(count: int) -> str:
    """A size in bytes, such as `12.3 kB`."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.1f} kB" if count < 999_950 else f"{count / 1_000_000:.1f} MB"
